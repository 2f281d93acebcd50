import { ApplicationFailure, Context } from '@temporalio/activity';
import { ExpctlError } from '../../base/error.ts';
import type { Outcome } from '../../ir/events.ts';
import type { PollCommand, SendCommand } from '../../kernel/point.ts';
import { outcomeOf, Sending, type Sent } from '../sending.ts';
import type { Clock } from '../ports.ts';
import { leftPoint } from './left-point.ts';
import { ordersOf } from './orders.ts';
import { type AuthorisedRun, PerformedRun, type Written } from './performed-run.ts';
import type { SharedJournal } from './ports.ts';
import { type Answered, LIMITS, type RunActivities, type Tail } from './protocol.ts';
import type { Result } from '../../base/result.ts';

export interface WorkerDeps {
  readonly journal: SharedJournal;
  readonly clock: Clock;
  /** Finds out, by this worker's own policy and from the bytes in the store, whether a run is approved. */
  readonly authorise: (run: string) => Promise<Result<AuthorisedRun>>;
  /** How long a silent worker is waited for. */
  readonly heartbeat_s?: number;
  /** Aborted once the worker is to end: jobs are asked after by the next one. */
  readonly draining: AbortSignal;
  /** Told when the journal has new rows of a run: there may be news for others. */
  readonly wrote: () => void;
  readonly onNotice: (text: string) => void;
}

/** So often another worker is tried, whose policy may allow what this one's denies, before the run is paused. */
const DENIED_ATTEMPTS = 3;

interface Opened {
  readonly run: PerformedRun;
  /** With its tools started and compared with their pins, by the first effect. */
  readonly sending: () => Promise<Result<Sending>>;
  readonly close: () => Promise<void>;
}

/**
 * The activities of all runs of a store.
 *
 * Each is done at least once: a worker that dies gives its task back. What is written is written once (`SharedJournal`), and what was
 * answered is answered again from the ledger. An error that no other try could mend ends the workflow; nothing else does.
 */
export class Activities {
  readonly #deps: WorkerDeps;
  readonly #runs = new Map<string, Promise<Result<Opened>>>();

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
  }

  /** As the server calls them. */
  get all(): RunActivities {
    return {
      effect: (run, point, command, tail) => this.#beating(() => this.#effect(run, point, command, tail)),
      poll: (run, point, command, tail) => this.#beating(() => this.#poll(run, point, command, tail)),
      append: (run, tails, obeyed) => this.#known(run, (opened) => this.#append(opened, tails, obeyed)),
      orders: (run, beyond) =>
        this.#known(run, ({ run: performed }) => ordersOf(performed, this.#deps.journal, beyond, this.#deps.onNotice)),
      leftPoint: (run, point) =>
        this.#known(run, ({ run: performed }) => leftPoint(performed, this.#deps.journal, point)),
    };
  }

  /** Ends all tools. */
  async close(): Promise<void> {
    const opened = await Promise.all(this.#runs.values());
    this.#runs.clear();
    await Promise.all(opened.map((one) => (one.ok ? one.value.close() : undefined)));
  }

  async #append({ run }: Opened, tails: readonly Tail[], obeyed: readonly number[]): Promise<void> {
    await run.write(tails, { obeyed });
    this.#deps.wrote();
    if (!tails.some(({ events }) => events.some(({ type }) => type === 'run.finished'))) return;
    await this.#forget(run.authorised.run);
  }

  async #effect(name: string, point: number, command: SendCommand, tail: Tail): Promise<Answered> {
    return this.#allowed(name, async (run, sending) => {
      const written = await run.write([tail], { effect: { point, command } });
      this.#deps.wrote();
      const entry = written.effect;
      if (entry === null) throw new Error('an effect was written without its intent');
      if (entry.answer !== null) return answered(entry.answer.outcome, written);
      const repeatable = command.effect === 'pure' || command.effect === 'by_key';
      const again = !repeatable && entry.sendings > written.sendings_allowed;
      return this.#ended(run, entry.key, written, (signal) => sending.send(point, command, signal, again));
    });
  }

  async #poll(name: string, point: number, command: PollCommand, tail: Tail): Promise<Answered> {
    return this.#allowed(name, async (run, sending) => {
      const written = await run.write([tail], { effect: { point, command } });
      const entry = written.effect;
      if (entry === null) throw new Error('a poll was written without its intent');
      if (entry.answer !== null) return answered(entry.answer.outcome, written, 0);
      const { draining } = this.#deps;
      const ended = await this.#ended(run, entry.key, written, (signal) =>
        sending.poll(point, command, AbortSignal.any([signal, draining]), () => undefined),
      );
      return ended.kind === 'answered' ? { ...ended, resent: 0 } : ended;
    });
  }

  /** Sends, and writes down how it ended. What nobody knows is not written: a person may find out. */
  async #ended(
    run: PerformedRun,
    key: string,
    written: Written,
    send: (signal: AbortSignal) => Promise<Sent>,
  ): Promise<Answered> {
    const { clock, journal } = this.#deps;
    const started_ms = clock.now_ms();
    const end = await send(Context.current().cancellationSignal);
    if (end === 'given up' && this.#deps.draining.aborted) throw ApplicationFailure.retryable('this worker ends');
    if (end === 'given up') return Context.current().cancelled; // throws that it was cancelled
    if (end instanceof ExpctlError) return { kind: 'denied', reason: end.message };
    const outcome = outcomeOf(end);
    if (!outcome.ok && outcome.class === 'unknown_outcome') return answered(outcome, written);
    const observed = { ...end.observed, ...run.authorised.host, started_ms, ended_ms: clock.now_ms() };
    const counts = await journal.answer(run.lease, key, { outcome, observed });
    const sendings = (await journal.effect(run.authorised.run, key))?.sendings ?? 1;
    return answered(counts.outcome, { ...written, effect: { ...written.effect!, sendings } });
  }

  /** Does something for a run that is approved; says why where it is not, once other workers had their chance. */
  async #allowed(name: string, work: (run: PerformedRun, sending: Sending) => Promise<Answered>): Promise<Answered> {
    const ready = await this.#ready(name);
    if (ready.ok) return this.#once(() => work(ready.value.run, ready.value.sending));
    const { error } = ready;
    this.#deps.onNotice(`Run ${name} is not performed here: ${error.message}`);
    await this.#forget(name); // what stands against it may be put right
    if (Context.current().info.attempt < DENIED_ATTEMPTS) throw ApplicationFailure.retryable(error.message, error.code);
    return { kind: 'denied', reason: error.message };
  }

  async #ready(name: string): Promise<Result<{ readonly run: PerformedRun; readonly sending: Sending }>> {
    const opened = await this.#open(name);
    if (!opened.ok) return opened;
    const { run } = opened.value;
    const allowed = run.mayDispatch();
    if (!allowed.ok) return allowed;
    const sending = await opened.value.sending();
    return sending.ok ? { ok: true, value: { run, sending: sending.value } } : sending;
  }

  async #known<T>(name: string, work: (opened: Opened) => Promise<T>): Promise<T> {
    const opened = await this.#open(name);
    if (opened.ok) return this.#once(() => work(opened.value));
    this.#runs.delete(name);
    this.#deps.onNotice(`Run ${name} is not performed here: ${opened.error.message}`);
    throw ApplicationFailure.retryable(opened.error.message, opened.error.code);
  }

  /** What does not hold is not tried again: the workflow ends with it. */
  async #once<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ExpctlError)) throw error;
      if (!FINAL.has(error.code)) throw ApplicationFailure.retryable(error.message, error.code);
      this.#deps.onNotice(error.message);
      throw ApplicationFailure.nonRetryable(error.message, error.code);
    }
  }

  #open(name: string): Promise<Result<Opened>> {
    let opened = this.#runs.get(name);
    if (opened === undefined) {
      opened = this.#newRun(name);
      this.#runs.set(name, opened);
      opened.catch(() => this.#runs.delete(name));
    }
    return opened;
  }

  async #newRun(name: string): Promise<Result<Opened>> {
    const { journal, clock, authorise } = this.#deps;
    const shared = await journal.sharedRun(name);
    if (!shared.ok) return shared;
    const authorised = await authorise(name);
    if (!authorised.ok) return authorised;
    const run = new PerformedRun(authorised.value, shared.value.lease, journal, clock);
    const sending = this.#newSending(run);
    let begun: Promise<Result<Sending>> | null = null;
    const begin = async (): Promise<Result<Sending>> => {
      const tools = await sending.open(authorised.value.approved.lock.tools);
      return tools.ok ? { ok: true, value: sending } : tools;
    };
    const value = { run, sending: () => (begun ??= begin()), close: () => sending.close() };
    return { ok: true, value };
  }

  #newSending(run: PerformedRun): Sending {
    const { run: name, tools, workFolder } = run.authorised;
    return new Sending({
      run: name,
      tools,
      clock: this.#deps.clock,
      workFolder: (point, step, attempt) => workFolder(name, point, step, attempt),
      mayDispatch: () => run.mayDispatch(),
      holds: () => run.holds(),
      resent: async (point, command) => void (await run.write([], { effect: { point, command } })),
      pollEnded: (point, step, answer) => run.mirror.machine.pollEnded(point, step, answer),
    });
  }

  async #forget(name: string): Promise<void> {
    const opened = await this.#runs.get(name);
    this.#runs.delete(name);
    if (opened?.ok === true) await opened.value.close();
  }

  /** The server hears from this worker while it works. */
  async #beating<T>(work: () => Promise<T>): Promise<T> {
    const context = Context.current();
    const every_ms = ((this.#deps.heartbeat_s ?? LIMITS.heartbeat_s) * 1000) / 4;
    const beat = setInterval(() => context.heartbeat(), every_ms);
    try {
      return await work();
    } finally {
      clearInterval(beat);
    }
  }
}

/** Errors that hold whoever tries again. */
const FINAL: ReadonlySet<string> = new Set([
  'EVIDENCE_BROKEN',
  'RUN_LOCKED',
  'WAITS_FOR_PERSON',
  'NOT_FOUND',
  'LOCK_CHANGED',
  'DATA_INVALID',
]);

function answered(outcome: Outcome, { effect, sendings_told }: Written, resent?: number): Answered {
  const untold = Math.max(0, (effect?.sendings ?? 1) - 1 - sendings_told);
  return { kind: 'answered', outcome, resent: resent ?? untold };
}
