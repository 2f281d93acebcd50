import { ExpctlError, messageOf } from '../../base/error.ts';
import type { JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { unreachable } from '../../base/unreachable.ts';
import { type JournalRow, type PointFact, pointOf, pointStream, type StudyFact } from '../../ir/events.ts';
import { deadlineStep, deadlineTimer, type PollCommand } from '../../kernel/point.ts';
import type { RunCommand, RunMachine, Settled } from '../../kernel/run.ts';
import { fits } from '../../kernel/pools.ts';
import { WALL_TIME } from '../../kernel/study.ts';
import { effectKey } from '../effect-key.ts';
import type { Lease, NewEvent } from '../ports.ts';
import { ActiveTime } from './active-time.ts';
import { Effects } from './effects.ts';
import { Inbox } from './inbox.ts';
import { Orders } from './orders.ts';
import { type Pending, type PendingTimer, timerName } from './pending.ts';
import type { Recovered } from './recover.ts';
import { Timers } from './timers.ts';
import type { Gate } from './records.ts';
import { SnapshotKeeper } from './snapshot-keeper.ts';
import { Tokens } from './tokens.ts';
import type { Trail } from './trail.ts';
import type { EngineDeps, Performance, PerformOptions, RunEnd } from './types.ts';

/**
 * Performs one run: takes facts in, has them made durable, does what follows from them.
 *
 *   E1. Events are appended in the order in which their facts were taken in.
 *   E2. What a fact asks for (to send, to poll, to set a timer) is done only once the fact and its records are durable; what it
 *       takes back is taken back at once.
 *   E3. Only what the machines still ask for is taken in: an answer or a timer that was taken back meanwhile is no fact.
 *   E4. After the end nothing is sent and nothing is appended.
 */
export class Performer {
  readonly machine: RunMachine;
  readonly #deps: EngineDeps;
  readonly #options: PerformOptions;
  readonly #pending: Pending;
  readonly #effects: Effects;
  readonly #timers: Timers;
  readonly #time: ActiveTime;
  readonly #inbox: Inbox;
  readonly #orders: Orders;
  readonly #tokens: Tokens;
  readonly #trail: Trail;
  readonly #snapshots: SnapshotKeeper;
  readonly #end: Promise<Result<RunEnd>>;
  #resolveEnd!: (end: Result<RunEnd>) => void;
  #lease: Lease | null = null;
  #ended = false;
  /** Transactions on their way to the disk, and the last of them. */
  #appending = 0;
  #lastAppend: Promise<unknown> = Promise.resolve();
  /** All messages from before were obeyed. */
  #listening = false;
  #gate: Gate | null;
  #finished: RunEnd | null;
  #draining = false;
  /** The latest time that was seen. The clock may be set back: an approval that has expired stays expired. */
  #latest_ms: number;
  /** Why nothing may be sent any more. */
  #denied: ExpctlError | null = null;

  constructor(deps: EngineDeps, options: PerformOptions, recovered: Recovered) {
    this.#deps = deps;
    this.#options = options;
    this.machine = recovered.machine;
    this.#pending = recovered.pending;
    this.#gate = recovered.trail.gate;
    this.#finished = recovered.trail.finished;
    this.#latest_ms = recovered.trail.last_wall_ms;
    this.#trail = recovered.trail;
    this.#timers = new Timers(deps.clock);
    this.#time = new ActiveTime(deps.clock, recovered.active_ms);
    this.#snapshots = this.#newSnapshots(recovered.rows_read);
    this.#orders = this.#newOrders();
    const lease = () => this.#lease!;
    this.#inbox = new Inbox(deps.journal, options.run, lease, (message) => this.#orders.obey(message));
    this.#end = new Promise((resolve) => {
      this.#resolveEnd = resolve;
    });
    this.#effects = this.#newEffects();
    this.#tokens = this.#newTokens();
  }

  #newOrders(): Orders {
    const { journal, host, verifyGate, verifyResolution, onNotice } = this.#deps;
    return new Orders({
      run: this.#options.run,
      machine: this.machine,
      journal,
      host,
      verifyGate,
      verifyResolution,
      onNotice,
      gate: () => this.#gate,
      ended: () => this.#ended,
      draining: () => this.#draining,
      durable: () => this.#lastAppend,
      append: (point, fact, observed) => this.#append(this.settle(point, fact), observed),
      reopened: () => {
        this.#finished = null;
      },
      // Once the message that asks for it is out of the way. What is out is left as it is, for `resume` to find again. One that was
      // sent before a resumption has not the last word.
      pauseNow: () => {
        if (!this.#listening) return;
        setImmediate(() => void this.#finish(ok(this.#finished ?? { kind: 'paused' })));
      },
    });
  }

  #newSnapshots(events_behind: number): SnapshotKeeper {
    const { run, approved } = this.#options;
    return new SnapshotKeeper({
      of: { run, lock_sha256: approved.lock_sha256 },
      machine: this.machine,
      pending: this.#pending,
      trail: this.#trail,
      journal: this.#deps.journal,
      active_ms: () => this.#time.used_ms,
      events_behind,
    });
  }

  #newTokens(): Tokens {
    const { run, program } = this.#options;
    const steps = program.lock.semantics < 2 ? [] : program.steps.filter(({ uses }) => Object.keys(uses).length > 0);
    return new Tokens({
      run,
      arbiter: this.#deps.journal,
      uses_pools: new Set(steps.map(({ name }) => name)),
      granted: ({ point, step }) => this.#take(point, { type: 'step.granted', step }, {}),
      fatal: (error) => this.#fail(error),
    });
  }

  #newEffects(): Effects {
    const { run, approved } = this.#options;
    return new Effects({
      run,
      tools: this.#deps.tools,
      clock: this.#deps.clock,
      workFolder: (point, step, attempt) => this.#deps.workFolder(run, point, step, attempt),
      mayDispatch: () => {
        const right = this.#deps.checkClock?.() ?? ok(undefined);
        return right.ok ? approved.checkTime(this.#effectiveNow_ms()) : right;
      },
      holds: () => this.#deps.journal.holds(this.#lease!),
      denied: (error) => void this.#guard(() => this.#deny(error)),
      resent: async (point, { step, part, attempt }) => {
        if (this.#ended) return;
        await this.#append(this.settle(point, { type: 'effect.resent', step, part, attempt }), {});
      },
      answered: (point, command, outcome, observed) => {
        const { step, part, attempt } = command;
        this.#take(point, { type: 'effect.answered', step, part, attempt, outcome }, observed);
      },
      pollEnded: (point, step, answer) => this.machine.pollEnded(point, step, answer),
      fatal: (error) => this.#fail(error),
    });
  }

  /** Nothing more is sent; what is out is waited for, and the performance ends with the error. */
  async #deny(error: ExpctlError): Promise<void> {
    const first = this.#denied === null;
    this.#denied ??= error;
    const clock = error.code === 'CLOCK_JUMPED' ? (error.details as JsonObject) : null;
    this.#drain(error.message, clock === null ? {} : { clock });
    if (clock !== null && first) await this.#deps.journal.post(this.#options.run, 'clock', clock);
    this.#settleEnd();
  }

  #effectiveNow_ms(): number {
    this.#latest_ms = Math.max(this.#latest_ms, this.#deps.clock.now_ms());
    return this.#latest_ms;
  }

  openTools(): Promise<Result<void>> {
    return this.#effects.open(this.#options.approved.lock.tools);
  }

  closeTools(): Promise<void> {
    return this.#effects.close();
  }

  /** Performs a run whose first events were just written. */
  begin(lease: Lease, commands: readonly RunCommand[]): Performance {
    this.#lease = lease;
    void this.#guard(async () => {
      for await (const row of this.#deps.journal.read(this.#options.run)) this.#durable(row);
      await this.#tokens.begin(lease, this.machine);
      this.#perform(commands);
      await this.#listen();
    });
    return this.#performance();
  }

  /** Goes on with a recovered run: asks again for what was not answered. @param earlier id of the last message from before */
  goOn(lease: Lease, earlier: number): Performance {
    this.#lease = lease;
    void this.#guard(() => this.#goOn(earlier));
    return this.#performance();
  }

  async #goOn(earlier: number): Promise<void> {
    // What comes from here on, by a retry or with tokens that are granted, is sent for the first time, once it is durable.
    const open = [...this.#pending.effects.values()];
    if (this.#finished !== null) {
      await this.#inbox.read(earlier); // failed points may be tried again
      if (this.#isOver()) return this.#settleEnd();
    }
    this.#keepTime();
    await this.#tokens.begin(this.#lease!, this.machine);
    if (this.#ended) return;
    for (const { point, command } of open) {
      if (!this.#pending.asks(point, command)) continue; // taken back meanwhile, by a pause
      if (command.do === 'send') this.#effects.send(point, command, { again: true });
      else this.#poll(point, command);
    }
    // Before timers that are overdue: a decision that was made in time, and was not read, still counts.
    await this.#inbox.read(earlier);
    this.#settleEnd();
    if (this.#ended) return;
    if (this.#isPaused() && !this.#draining) {
      await this.#append(this.settle(null, { type: 'run.resumed', by: this.#options.by }), this.#deps.host);
      if (this.#ended) return;
    }
    for (const timer of [...this.#pending.timers.values()]) this.#setTimer(timer);
    await this.#listen();
  }

  #isOver(): boolean {
    return this.machine.study?.status === 'finished';
  }

  #isPaused(): boolean {
    const { study } = this.machine;
    return study?.paused === true && study.status !== 'finished';
  }

  #performance(): Performance {
    return {
      end: this.#end,
      drain: (reason) => {
        this.#drain(reason);
        this.#settleEnd();
      },
      stop: () => void this.#finish(ok(this.#finished ?? { kind: 'interrupted' })),
    };
  }

  #drain(reason: string, observed: JsonObject = {}): void {
    const { study } = this.machine;
    this.#draining = true;
    if (study === null || study.paused || study.status === 'finished') return;
    this.#take(null, { type: 'run.paused', by: this.#options.by, reason }, observed);
  }

  // --- facts in, commands out ---

  /** Takes in a fact: what it takes back is taken back at once, what it asks for is for `#perform`. */
  settle(point: number | null, fact: StudyFact | PointFact): Settled {
    const settled = this.machine.settle(point, fact);
    const stream = point === null ? 'study' : pointStream(point);
    this.#pending.follow(stream, fact, settled.commands, this.#deps.clock.now_ms());
    for (const { point: of, command } of settled.commands) {
      if (command.do === 'stop_poll') this.#effects.stopPoll(of!, command.step);
      if (command.do === 'cancel_timer') this.#timers.cancel(timerName(of, command.timer));
    }
    this.#keepTime();
    return settled;
  }

  /** Events with what only this engine knows of them: `observed` belongs to the first, keys to the intents. */
  observed({ events }: Settled, observed: JsonObject): NewEvent[] {
    return events.map(({ stream, event }, index) => {
      if (event.type !== 'effect.intended') return { stream, event, observed: index === 0 ? observed : {} };
      const key = effectKey(this.#options.run, pointOf(stream)!, event);
      return { stream, event, observed: { key } };
    });
  }

  #take(point: number | null, fact: StudyFact | PointFact, observed: JsonObject): void {
    if (this.#ended) return;
    void this.#guard(() => this.#append(this.settle(point, fact), observed));
  }

  async #append(settled: Settled, observed: JsonObject): Promise<void> {
    this.#appending += 1;
    const appended = this.#deps.journal.append(this.#lease!, this.observed(settled, observed));
    this.#lastAppend = appended;
    const exchanged = this.#tokens.exchange(settled.events, settled.commands);
    exchanged?.catch(() => undefined); // where the append fails too, that is what is told
    const keepSnapshot = this.#snapshots.appending(settled.events.length);
    const rows = await appended;
    for (const row of rows) this.#durable(row);
    keepSnapshot?.(this.#lease!);
    await exchanged;
    this.#appending -= 1;
    this.#perform(settled.commands);
  }

  #durable(row: JournalRow): void {
    this.#latest_ms = Math.max(this.#latest_ms, row.wall_ms);
    this.#trail.take(row);
    this.#gate = this.#trail.gate;
    this.#deps.onRow(row);
  }

  #perform(commands: readonly RunCommand[]): void {
    if (this.#ended) return;
    for (const { point, command } of commands) this.#performOne(point, command);
    this.#settleEnd();
  }

  #performOne(point: RunCommand['point'], command: RunCommand['command']): void {
    switch (command.do) {
      case 'send':
        return this.#effects.send(point!, command, { again: false });
      case 'poll':
        if (this.#pending.asks(point!, command)) this.#poll(point!, command);
        return;
      case 'timer': {
        const timer = this.#pending.timers.get(timerName(point, command.timer));
        if (timer !== undefined) this.#setTimer(timer);
        return;
      }
      case 'finish':
        if (this.#isOver()) this.#finished = { kind: 'finished', status: command.status, reason: command.reason };
        return;
      case 'open_gate':
      case 'stop_poll':
      case 'cancel_timer':
      case 'want':
      case 'release':
        return;
      default:
        return unreachable(command);
    }
  }

  // --- time ---

  #setTimer(pending: PendingTimer): void {
    const { point, timer, due_ms, after_s } = pending;
    const name = timerName(point, timer);
    const counts_active = name === timerName(null, WALL_TIME);
    if (counts_active && !this.#time.running) return;
    const left_ms = after_s * 1000 - this.#time.used_ms;
    const fire = () => {
      if (this.#pending.timers.get(name) !== pending) return;
      this.#take(point, { type: point === null ? 'study.timer_fired' : 'point.timer_fired', timer }, {});
    };
    this.#timers.set(name, counts_active ? this.#deps.clock.now_ms() + left_ms : due_ms, () => {
      const step = deadlineStep(timer);
      if (point === null || step === null) fire();
      else this.#effects.whenAsked(point, step, fire);
    });
  }

  /** A deadline that passed while nobody asked after the job counts once it was asked after: it may have ended in time. */
  #poll(point: number, command: PollCommand): void {
    this.#effects.poll(point, command);
    const deadline = this.#pending.timers.get(timerName(point, deadlineTimer(command.step, command.attempt)));
    if (deadline !== undefined) this.#setTimer(deadline);
  }

  /** The wall time stands still while a person is waited for. */
  #keepTime(): void {
    if (!this.#time.follow(this.machine.study)) return;
    const timer = this.#pending.timers.get(timerName(null, WALL_TIME));
    if (!this.#time.running) this.#timers.cancel(timerName(null, WALL_TIME));
    else if (timer !== undefined && this.#lease !== null) this.#setTimer(timer);
  }

  // --- messages ---

  /** Messages that came while nobody performed the run are read before it can end at a gate or as paused. */
  async #listen(): Promise<void> {
    if (this.#ended) return;
    this.#inbox.listen(() => void this.#guard(() => this.#readInbox()));
    await this.#inbox.read();
    this.#listening = true;
    this.#settleEnd();
  }

  async #readInbox(): Promise<void> {
    if (this.#ended) return;
    await this.#inbox.read();
    this.#settleEnd();
  }

  // --- the end ---

  /** Ends the performance when nothing is left that this process could do. */
  #settleEnd(): void {
    if (this.#ended || this.#appending > 0 || this.#inbox.reading) return;
    const { study } = this.machine;
    if (this.#finished !== null) return void this.#finish(ok(this.#finished));
    if (study === null || this.#effects.size > 0 || !this.#listening) return;
    if (study.paused) return void this.#finish(this.#denied === null ? ok({ kind: 'paused' }) : err(this.#denied));
    if (this.#options.wait) return;
    if (study.status === 'at_gate' && this.#gate !== null) {
      return void this.#finish(ok({ kind: 'gate', gate: this.#gate.opened }));
    }
    const effects = this.#nothingElse() ? this.machine.unresolved() : [];
    if (effects.length > 0) void this.#finish(ok({ kind: 'unresolved', effects }));
  }

  /** Nothing is out, wants tokens or backs off: whatever is not at its end waits for a person. */
  #nothingElse(): boolean {
    const { study, pools } = this.machine;
    if (study?.in_flight.length === 0) return false;
    // A want that only tokens of this run's own unresolved steps stand against waits for the same person.
    if (this.#tokens.waiting > 0 && pools.waiting.some((want) => fits(pools, want))) return false;
    for (const { point } of this.#pending.timers.values()) if (point !== null) return false;
    return true;
  }

  #fail(cause: unknown): void {
    if (cause instanceof ExpctlError) return void this.#finish(err(cause));
    const hint = '`expctl resume` goes on where the run stands; run it with --debug to see more, and report it.';
    const message = `The engine failed: ${messageOf(cause)}`;
    void this.#finish(err(new ExpctlError('INTERNAL', message, { hint, cause })));
  }

  async #finish(end: Result<RunEnd>): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#inbox.stop();
    this.#tokens.end();
    this.#timers.cancelAll();
    // Whatever closing meets does not change how the run ended, and nobody may wait for ever.
    await this.#effects.close().catch(() => undefined);
    if (this.#lease !== null && this.#appending === 0 && end.ok) this.#snapshots.end(this.#lease);
    if (this.#lease !== null) await this.#deps.journal.release(this.#lease).catch(() => undefined);
    this.#resolveEnd(end);
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fail(error);
    }
  }
}
