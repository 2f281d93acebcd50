import { ExpctlError } from '../../base/error.ts';
import type { JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { unreachable } from '../../base/unreachable.ts';
import type { ApprovedLock } from '../../approval/authorise.ts';
import type { VerifiedDecision } from '../../approval/gate.ts';
import {
  type GateOpened,
  type JournalRow,
  type PointFact,
  pointStream,
  type RunFinished,
  SEMANTICS,
} from '../../ir/events.ts';
import type { RunStarted, StudyFact } from '../../ir/events.ts';
import type { Lock } from '../../ir/lock.ts';
import type { Program } from '../../kernel/program.ts';
import { type RunCommand, RunMachine, type Settled } from '../../kernel/run.ts';
import { WALL_TIME } from '../../kernel/study.ts';
import { effectKey } from '../effect-key.ts';
import type { Clock, InboxMessage, JournalStore, Lease, NewEvent, ToolHost } from '../ports.ts';
import { Effects } from './effects.ts';
import { type Recovered, recover } from './recover.ts';
import { Timers } from './timers.ts';

/** How the performance of a run ended. The run itself goes on with `resume` unless it finished. */
export type RunEnd =
  | { readonly kind: 'finished'; readonly status: RunFinished['status']; readonly reason: string }
  | { readonly kind: 'gate'; readonly gate: GateOpened }
  | { readonly kind: 'paused' }
  | { readonly kind: 'interrupted' };

export interface EngineDeps {
  readonly journal: JournalStore;
  readonly tools: ToolHost;
  readonly clock: Clock;
  readonly workFolder: (run: string, point: number, step: string, attempt: number) => Promise<string>;
  /** Facts about this process (host, version, git commit), kept beside what it observes. */
  readonly host: JsonObject;
  /** Verifies a signed decision for the gate that is open, with the head of the study's stream at which it was opened. */
  readonly verifyGate: (
    message: JsonObject,
    gate: GateOpened,
    head: { readonly stream: string; readonly seq: number; readonly hash: string },
  ) => Promise<Result<VerifiedDecision>>;
  /** Told of every row once it is durable. */
  readonly onRow: (row: JournalRow) => void;
  /** Told of what is worth a line and is no event: a refused decision, a tool's restart. */
  readonly onNotice: (text: string) => void;
}

export interface PerformOptions {
  readonly run: string;
  readonly approved: ApprovedLock<Lock>;
  readonly program: Program;
  /** Block at a gate instead of returning. */
  readonly wait: boolean;
  /** Who asked for it, for the journal. */
  readonly by: string;
  readonly take_over?: boolean;
}

/** A run that this process performs. One Ctrl-C is `drain`, two are `stop`. */
export interface Performance {
  readonly end: Promise<Result<RunEnd>>;
  /** Sends nothing new and ends once what is out has answered; jobs go on outside. */
  drain(reason: string): void;
  /** Ends now; what is out is found again by `resume`. */
  stop(): void;
}

/** Starts a run of an approved lock. Tools are opened and compared with their pins first; then the use of the approval is counted. */
export async function startRun(deps: EngineDeps, options: PerformOptions): Promise<Result<Performance>> {
  const { approved, run } = options;
  const performer = new Performer(deps, options, new RunMachine(options.program));
  const opened = await performer.openTools();
  if (!opened.ok) return opened;
  const { verdict, lock, lock_sha256 } = approved;
  const approvals = verdict.approvals.map((approval) => approval.envelope_sha256).sort();
  const { request_sha256 } = verdict;
  const started: RunStarted = { type: 'run.started', semantics: SEMANTICS, lock_sha256, request_sha256, approvals };
  const settled = performer.machine.settle(null, started);
  const events = performer.observed(settled, {
    ...deps.host,
    by: options.by,
    verdict: verdict as unknown as JsonObject,
  });
  const row = { run, name: lock.name, lock_sha256, request_sha256, created_ms: deps.clock.now_ms() };
  const lease = await deps.journal.createRun(row, approved.request.max_runs, events);
  if (!lease.ok) {
    await performer.closeTools();
    return lease;
  }
  return ok(performer.begin(lease.value, settled.commands));
}

/** Goes on with a run where its journal stands. */
export async function resumeRun(deps: EngineDeps, options: PerformOptions): Promise<Result<Performance>> {
  const lease = await deps.journal.acquire(
    options.run,
    options.take_over === undefined ? {} : { take_over: options.take_over },
  );
  if (!lease.ok) return lease;
  const recovered = await recover(options.program, deps.journal.read(options.run));
  if (recovered.ok) {
    const performer = new Performer(deps, options, recovered.value.machine);
    const finished = recovered.value.machine.study?.status === 'finished';
    const opened = finished ? ok(undefined) : await performer.openTools();
    if (opened.ok) return ok(performer.goOn(lease.value, recovered.value));
    await deps.journal.release(lease.value);
    return opened;
  }
  await deps.journal.release(lease.value);
  return recovered;
}

class Performer {
  readonly machine: RunMachine;
  readonly #deps: EngineDeps;
  readonly #options: PerformOptions;
  readonly #effects: Effects;
  readonly #timers: Timers;
  readonly #end: Promise<Result<RunEnd>>;
  #resolveEnd!: (end: Result<RunEnd>) => void;
  #lease: Lease | null = null;
  #ended = false;
  /** Transactions on their way to the disk. */
  #appending = 0;
  #stopInbox: () => void = () => undefined;
  #readingInbox = false;
  #listening = false;
  #gate: { opened: GateOpened; head: { stream: string; seq: number; hash: string } } | null = null;
  #finished: RunEnd | null = null;
  #fatal: ExpctlError | null = null;
  /** Active time: what was used up before, and since when it is running. */
  #active_ms = 0;
  #active_since_ms: number | null = null;

  constructor(deps: EngineDeps, options: PerformOptions, machine: RunMachine) {
    this.#deps = deps;
    this.#options = options;
    this.machine = machine;
    this.#timers = new Timers(deps.clock);
    this.#end = new Promise((resolve) => {
      this.#resolveEnd = resolve;
    });
    this.#effects = new Effects({
      run: options.run,
      tools: deps.tools,
      clock: deps.clock,
      workFolder: (point, step, attempt) => deps.workFolder(options.run, point, step, attempt),
      mayDispatch: () => options.approved.checkTime(deps.clock.now_ms()),
      resent: async (point, { step, part, attempt }) => {
        await this.#append(this.machine.settle(point, { type: 'effect.resent', step, part, attempt }), {});
      },
      answered: (point, { step, part, attempt }, outcome, observed) =>
        this.#take(point, { type: 'effect.answered', step, part, attempt, outcome }, observed),
      pollEnded: (point, step, answer) => this.machine.pollEnded(point, step, answer),
      fatal: (error) => this.#fail(error),
    });
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
    this.#active_since_ms = this.#deps.clock.now_ms();
    void this.#guard(async () => {
      for await (const row of this.#deps.journal.read(this.#options.run)) this.#deps.onRow(row);
      await this.#perform(commands);
      await this.#listen();
    });
    return this.#performance();
  }

  /** Goes on with a recovered run: asks again for what was not answered. */
  goOn(lease: Lease, recovered: Recovered): Performance {
    this.#lease = lease;
    this.#active_ms = recovered.active_ms;
    this.#active_since_ms = this.#deps.clock.now_ms();
    void this.#guard(() => this.#goOn(recovered));
    return this.#performance();
  }

  async #goOn(recovered: Recovered): Promise<void> {
    const { study } = this.machine;
    if (study?.status === 'finished') {
      this.#finished = await this.#recordedEnd();
      return this.#settleEnd();
    }
    for (const { point, timer, due_ms, after_s } of recovered.timers.values())
      this.#setTimer(point, timer, due_ms, after_s);
    if (study?.status === 'at_gate') await this.#findGate();
    for (const { point, command } of recovered.sends.values()) this.#effects.send(point, command, { again: true });
    for (const { point, command } of recovered.polls.values()) this.#effects.poll(point, command);
    if (study?.paused === true) this.#take(null, { type: 'run.resumed', by: this.#options.by }, this.#deps.host);
    this.#listen();
    await this.#readInbox();
  }

  /** Events with what only this engine knows of them: `observed` belongs to the first, keys to the intents. */
  observed({ events }: Settled, observed: JsonObject): NewEvent[] {
    return events.map(({ stream, event }, index) => {
      if (event.type !== 'effect.intended') return { stream, event, observed: index === 0 ? observed : {} };
      const key = effectKey(this.#options.run, Number(stream.slice('point/'.length)), event);
      return { stream, event, observed: { key } };
    });
  }

  #performance(): Performance {
    return {
      end: this.#end,
      drain: (reason) => {
        const { study } = this.machine;
        if (study === null || study.paused || study.status === 'finished') return;
        this.#take(null, { type: 'run.paused', by: this.#options.by, reason }, {});
      },
      stop: () => {
        this.#finished = { kind: 'interrupted' };
        void this.#finish(ok(this.#finished));
      },
    };
  }

  // --- facts in, commands out ---

  #take(point: number | null, fact: StudyFact | PointFact, observed: JsonObject): void {
    if (this.#ended) return;
    void this.#guard(() => this.#append(this.machine.settle(point, fact), observed));
  }

  async #append(settled: Settled, observed: JsonObject): Promise<void> {
    this.#appending += 1;
    const rows = await this.#deps.journal.append(this.#lease!, this.observed(settled, observed));
    this.#appending -= 1;
    for (const row of rows) {
      this.#deps.onRow(row);
      if (row.type === 'gate.opened') this.#noteGate(row);
    }
    await this.#perform(settled.commands);
  }

  async #perform(commands: readonly RunCommand[]): Promise<void> {
    if (this.#ended) return;
    for (const { point, command } of commands) this.#performOne(point, command);
    this.#settleEnd();
  }

  #performOne(point: RunCommand['point'], command: RunCommand['command']): void {
    switch (command.do) {
      case 'send':
        return this.#effects.send(point!, command, { again: false });
      case 'poll':
        return this.#effects.poll(point!, command);
      case 'stop_poll':
        return this.#effects.stopPoll(point!, command.step);
      case 'timer':
        return this.#setTimer(
          point,
          command.timer,
          this.#deps.clock.now_ms() + command.after_s * 1000,
          command.after_s,
        );
      case 'cancel_timer':
        return this.#timers.cancel(timerName(point, command.timer));
      case 'open_gate':
        return this.#stopActiveTime();
      case 'finish':
        this.#finished = { kind: 'finished', status: command.status, reason: command.reason };
        return;
      default:
        return unreachable(command);
    }
  }

  #setTimer(point: number | null, timer: string, due_ms: number, after_s: number): void {
    const due = timer === WALL_TIME && point === null ? this.#wallTimeDue(after_s) : due_ms;
    this.#timers.set(timerName(point, timer), due, () => {
      this.#take(point, { type: point === null ? 'study.timer_fired' : 'point.timer_fired', timer }, {});
    });
  }

  // --- active time ---

  #wallTimeDue(after_s: number): number {
    return this.#deps.clock.now_ms() + after_s * 1000 - this.#activeMs();
  }

  #activeMs(): number {
    const running = this.#active_since_ms === null ? 0 : this.#deps.clock.now_ms() - this.#active_since_ms;
    return this.#active_ms + running;
  }

  /** A person is waited for: that is not wall time. */
  #stopActiveTime(): void {
    this.#active_ms = this.#activeMs();
    this.#active_since_ms = null;
    this.#timers.cancel(timerName(null, WALL_TIME));
  }

  #startActiveTime(): void {
    this.#active_since_ms ??= this.#deps.clock.now_ms();
    const { wall_time_s } = this.#options.approved.lock.budget;
    if (wall_time_s !== null) this.#setTimer(null, WALL_TIME, 0, wall_time_s);
  }

  // --- gates and messages ---

  #noteGate(row: JournalRow): void {
    const opened = { type: row.type, ...JSON.parse(row.body) } as GateOpened;
    this.#gate = { opened, head: { stream: row.stream, seq: row.seq, hash: row.hash } };
  }

  async #findGate(): Promise<void> {
    for await (const row of this.#deps.journal.read(this.#options.run, { stream: 'study' })) {
      if (row.type === 'gate.opened') this.#noteGate(row);
    }
    this.#stopActiveTime();
  }

  async #recordedEnd(): Promise<RunEnd> {
    let end: RunEnd = { kind: 'interrupted' };
    for await (const row of this.#deps.journal.read(this.#options.run, { stream: 'study' })) {
      if (row.type !== 'run.finished') continue;
      const { status, reason } = JSON.parse(row.body) as RunFinished;
      end = { kind: 'finished', status, reason };
    }
    return end;
  }

  /** Messages that came while nobody performed the run are read before it can end at a gate or as paused. */
  async #listen(): Promise<void> {
    this.#stopInbox = this.#deps.journal.onInbox(this.#options.run, () => void this.#guard(() => this.#readInbox()));
    await this.#readInbox();
    this.#listening = true;
    this.#settleEnd();
  }

  async #readInbox(): Promise<void> {
    if (this.#readingInbox || this.#ended) return;
    this.#readingInbox = true;
    try {
      for (const message of await this.#deps.journal.inbox(this.#options.run)) {
        if (this.#ended) return;
        await this.#obey(message);
        await this.#deps.journal.acknowledge(message.id);
      }
    } finally {
      this.#readingInbox = false;
    }
    this.#settleEnd();
  }

  async #obey({ kind, body }: InboxMessage): Promise<void> {
    const { study } = this.machine;
    if (study === null || study.status === 'finished') return;
    const by = String(body['by'] ?? 'unknown');
    const reason = String(body['reason'] ?? '');
    if (kind === 'gate') return this.#decideGate(body);
    if (kind === 'pause' && !study.paused) {
      await this.#append(this.machine.settle(null, { type: 'run.paused', by, reason }), {});
    } else if (kind === 'resume' && study.paused) {
      await this.#append(this.machine.settle(null, { type: 'run.resumed', by }), {});
    } else if (kind === 'cancel') {
      await this.#append(this.machine.settle(null, { type: 'run.cancelled', by, reason }), {});
    }
  }

  async #decideGate(body: JsonObject): Promise<void> {
    const gate = this.#gate;
    if (gate === null) return this.#deps.onNotice('A decision came for a gate that is not open; it changes nothing.');
    const decision = await this.#deps.verifyGate(body, gate.opened, gate.head);
    if (!decision.ok) return this.#deps.onNotice(`A decision was refused: ${decision.error.message}`);
    if (this.machine.study?.status !== 'at_gate') return;
    const { outcome, principal, statement_sha256, envelope_sha256 } = decision.value.details;
    const { gate: name, occurrence } = gate.opened;
    this.#gate = null;
    this.#startActiveTime();
    const decided = { gate: name, occurrence, outcome, statement_sha256, by: principal };
    const settled = this.machine.settle(null, { type: 'gate.decided', ...decided });
    await this.#append(settled, { envelope_sha256 });
  }

  // --- the end ---

  /** Ends the performance when nothing is left that this process could do. */
  #settleEnd(): void {
    if (this.#ended || this.#appending > 0 || this.#readingInbox) return;
    const { study } = this.machine;
    if (this.#finished !== null) return void this.#finish(ok(this.#finished));
    if (study === null || this.#effects.size > 0 || !this.#listening) return;
    if (study.paused) return void this.#finish(ok({ kind: 'paused' }));
    if (study.status === 'at_gate' && this.#gate !== null && !this.#options.wait) {
      void this.#finish(ok({ kind: 'gate', gate: this.#gate.opened }));
    }
  }

  #fail(error: ExpctlError): void {
    this.#fatal ??= error;
    void this.#finish(err(this.#fatal));
  }

  async #finish(end: Result<RunEnd>): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopInbox();
    this.#timers.cancelAll();
    await this.#effects.close();
    if (this.#lease !== null) await this.#deps.journal.release(this.#lease).catch(() => undefined);
    this.#resolveEnd(end);
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const hint = '`expctl resume` goes on where the run stands; run it with --debug to see more.';
      const message = error instanceof Error ? error.message : String(error);
      this.#fail(
        error instanceof ExpctlError
          ? error
          : new ExpctlError('INTERNAL', `The engine failed: ${message}`, { hint, cause: error }),
      );
    }
  }
}

function timerName(point: number | null, timer: string): string {
  return `${point === null ? 'study' : pointStream(point)}/${timer}`;
}
