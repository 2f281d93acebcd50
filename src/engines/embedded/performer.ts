import { ExpctlError, messageOf } from '../../base/error.ts';
import type { JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { unreachable } from '../../base/unreachable.ts';
import type { PointFact, RunStarted, StudyFact } from '../../ir/events.ts';
import { deadlineTimer, type PollCommand } from '../../kernel/point.ts';
import type { RunCommand, RunMachine } from '../../kernel/run.ts';
import type { Lease, NewEvent } from '../ports.ts';
import { pooledSteps } from '../token-exchange.ts';
import { Effects } from './effects.ts';
import { Inbox } from './inbox.ts';
import { Orders } from './orders.ts';
import type { Pending } from './pending.ts';
import { Recorder } from './recorder.ts';
import type { Recovered } from './recover.ts';
import { RunTimers } from './run-timers.ts';
import { SnapshotKeeper } from './snapshot-keeper.ts';
import { standstill } from './standstill.ts';
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
  readonly #deps: EngineDeps;
  readonly #options: PerformOptions;
  readonly #machine: RunMachine;
  readonly #pending: Pending;
  readonly #trail: Trail;
  readonly #effects: Effects;
  readonly #timers: RunTimers;
  readonly #tokens: Tokens;
  readonly #recorder: Recorder;
  readonly #inbox: Inbox;
  readonly #end: Promise<Result<RunEnd>>;
  #resolveEnd!: (end: Result<RunEnd>) => void;
  #lease: Lease | null = null;
  #ended = false;
  /** All messages from before were obeyed. */
  #listening = false;
  #finished: RunEnd | null;
  #draining = false;
  /** The latest time that was seen. The clock may be set back: an approval that has expired stays expired. */
  #latest_ms = 0;
  /** Why nothing may be sent any more. */
  #denied: ExpctlError | null = null;

  constructor(deps: EngineDeps, options: PerformOptions, recovered: Recovered) {
    this.#deps = deps;
    this.#options = options;
    this.#machine = recovered.machine;
    this.#pending = recovered.pending;
    this.#trail = recovered.trail;
    this.#finished = recovered.trail.finished;
    this.#end = new Promise((resolve) => {
      this.#resolveEnd = resolve;
    });
    this.#effects = this.#newEffects();
    this.#timers = this.#newTimers(recovered.active_ms);
    this.#tokens = this.#newTokens();
    this.#recorder = this.#newRecorder(recovered.rows_read);
    const orders = this.#newOrders();
    const lease = () => this.#lease!;
    this.#inbox = new Inbox(deps.journal, options.run, lease, (message) => orders.obey(message));
  }

  // --- the parts ---

  #newEffects(): Effects {
    const { run } = this.#options;
    return new Effects({
      run,
      tools: this.#deps.tools,
      clock: this.#deps.clock,
      workFolder: (point, step, attempt) => this.#deps.workFolder(run, point, step, attempt),
      mayDispatch: () => this.#mayDispatch(),
      holds: () => this.#deps.journal.holds(this.#lease!),
      denied: (error) => void this.#guard(() => this.#deny(error)),
      resent: async (point, { step, part, attempt }) => {
        if (this.#ended) return;
        await this.#recorder.record(point, { type: 'effect.resent', step, part, attempt }, {});
      },
      answered: (point, command, outcome, observed) => {
        const { step, part, attempt } = command;
        this.#take(point, { type: 'effect.answered', step, part, attempt, outcome }, observed);
      },
      pollEnded: (point, step, answer) => this.#machine.pollEnded(point, step, answer),
      fatal: (error) => this.#fail(error),
    });
  }

  #newTimers(used_ms: number): RunTimers {
    return new RunTimers({
      clock: this.#deps.clock,
      pending: this.#pending,
      used_ms,
      whenAsked: (point, step, callback) => this.#effects.whenAsked(point, step, callback),
      fired: (point, timer) =>
        this.#take(point, { type: point === null ? 'study.timer_fired' : 'point.timer_fired', timer }, {}),
    });
  }

  #newTokens(): Tokens {
    const { run, program } = this.#options;
    return new Tokens({
      run,
      arbiter: this.#deps.journal,
      uses_pools: pooledSteps(program),
      granted: ({ point, step }) => this.#take(point, { type: 'step.granted', step }, {}),
      fatal: (error) => this.#fail(error),
    });
  }

  #newRecorder(events_behind: number): Recorder {
    const { journal, clock, onRow } = this.#deps;
    const { run, approved } = this.#options;
    const [machine, pending, trail] = [this.#machine, this.#pending, this.#trail];
    const of = { run, lock_sha256: approved.lock_sha256 };
    const active_ms = () => this.#timers.used_ms;
    return new Recorder({
      ...{ run, machine, pending, trail, journal, clock, onRow },
      tokens: this.#tokens,
      snapshots: new SnapshotKeeper({ of, machine, pending, trail, journal, active_ms, events_behind }),
      onSettled: (commands) => this.#takeBack(commands),
      onDurable: (commands) => this.#perform(commands),
    });
  }

  #newOrders(): Orders {
    const { journal, host, verifyGate, verifyResolution, onNotice } = this.#deps;
    return new Orders({
      run: this.#options.run,
      machine: this.#machine,
      ...{ journal, host, verifyGate, verifyResolution, onNotice },
      gate: () => this.#trail.gate,
      ended: () => this.#ended,
      draining: () => this.#draining,
      durable: () => this.#recorder.durable,
      append: (point, fact, observed) => this.#recorder.record(point, fact, observed),
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

  // --- the beginning ---

  openTools(): Promise<Result<void>> {
    return this.#effects.open(this.#options.approved.lock.tools);
  }

  closeTools(): Promise<void> {
    return this.#effects.close();
  }

  /** Begins a run. @param create writes its first events */
  async begin(
    started: RunStarted,
    observed: JsonObject,
    create: (events: readonly NewEvent[]) => Promise<Result<Lease>>,
  ): Promise<Result<Performance>> {
    const settled = this.#recorder.settle(null, started);
    const lease = await create(this.#recorder.observed(settled, observed));
    return lease.ok ? ok(this.#performance(lease.value, () => this.#begin(settled.commands))) : lease;
  }

  /** Goes on with a recovered run: asks again for what was not answered. @param earlier id of the last message from before */
  goOn(lease: Lease, earlier: number): Performance {
    return this.#performance(lease, () => this.#goOn(earlier));
  }

  #performance(lease: Lease, work: () => Promise<void>): Performance {
    this.#lease = lease;
    this.#recorder.begin(lease);
    this.#timers.begin();
    void this.#guard(work);
    return {
      end: this.#end,
      drain: (reason) => {
        this.#drain(reason);
        this.#settleEnd();
      },
      stop: () => void this.#finish(ok(this.#finished ?? { kind: 'interrupted' })),
    };
  }

  async #begin(commands: readonly RunCommand[]): Promise<void> {
    for await (const row of this.#deps.journal.read(this.#options.run)) this.#recorder.took(row);
    await this.#tokens.begin(this.#lease!, this.#machine);
    this.#perform(commands);
    await this.#listen();
  }

  async #goOn(earlier: number): Promise<void> {
    // What comes from here on, by a retry or with tokens that are granted, is sent for the first time, once it is durable.
    const open = [...this.#pending.effects.values()];
    if (this.#finished !== null) {
      await this.#inbox.read(earlier); // failed points may be tried again
      if (this.#machine.study?.status === 'finished') return this.#settleEnd();
    }
    this.#timers.follow(this.#machine.study);
    await this.#tokens.begin(this.#lease!, this.#machine);
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
    const { study } = this.#machine;
    if (study?.paused === true && study.status !== 'finished' && !this.#draining) {
      await this.#recorder.record(null, { type: 'run.resumed', by: this.#options.by }, this.#deps.host);
      if (this.#ended) return;
    }
    this.#timers.setAll();
    await this.#listen();
  }

  // --- facts in, commands out ---

  #take(point: number | null, fact: StudyFact | PointFact, observed: JsonObject): void {
    if (this.#ended) return;
    void this.#guard(() => this.#recorder.record(point, fact, observed));
  }

  #takeBack(commands: readonly RunCommand[]): void {
    for (const { point, command } of commands) {
      if (command.do === 'stop_poll') this.#effects.stopPoll(point!, command.step);
      if (command.do === 'cancel_timer') this.#timers.cancel(point, command.timer);
    }
    this.#timers.follow(this.#machine.study);
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
      case 'timer':
        return this.#timers.set(point, command.timer);
      case 'finish':
        if (this.#machine.study?.status !== 'finished') return; // tried again meanwhile
        this.#finished = { kind: 'finished', status: command.status, reason: command.reason };
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

  /** A deadline that passed before counts once the job was asked after. */
  #poll(point: number, command: PollCommand): void {
    this.#effects.poll(point, command);
    this.#timers.set(point, deadlineTimer(command.step, command.attempt));
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

  #mayDispatch(): Result<void> {
    const right = this.#deps.checkClock?.() ?? ok(undefined);
    if (!right.ok) return right;
    this.#latest_ms = Math.max(this.#latest_ms, this.#trail.last_wall_ms, this.#deps.clock.now_ms());
    return this.#options.approved.checkTime(this.#latest_ms);
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

  #drain(reason: string, observed: JsonObject = {}): void {
    const { study } = this.#machine;
    this.#draining = true;
    if (study === null || study.paused || study.status === 'finished') return;
    this.#take(null, { type: 'run.paused', by: this.#options.by, reason }, observed);
  }

  /** Ends the performance when nothing is left that this process could do. */
  #settleEnd(): void {
    if (this.#ended || !this.#recorder.isIdle || this.#inbox.reading) return;
    if (this.#finished !== null) return void this.#finish(ok(this.#finished));
    const { study } = this.#machine;
    if (study === null || this.#effects.size > 0 || !this.#listening) return;
    if (study.paused) return void this.#finish(this.#denied === null ? ok({ kind: 'paused' }) : err(this.#denied));
    if (this.#options.wait) return;
    const [machine, pending, { gate }] = [this.#machine, this.#pending, this.#trail];
    const end = standstill({ machine, pending, gate, want_tokens: this.#tokens.waiting });
    if (end !== null) void this.#finish(ok(end));
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
    if (end.ok) this.#recorder.end();
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
