import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { openJournal } from '../../src/adapters/sqlite/journal.ts';
import { type ApprovedLock, authorise } from '../../src/approval/authorise.ts';
import type { VerifiedDecision } from '../../src/approval/gate.ts';
import { ExpctlError } from '../../src/base/error.ts';
import type { Json, JsonObject } from '../../src/base/json.ts';
import { err, ok, type Result, unwrap } from '../../src/base/result.ts';
import { resumeRun, type RunEnd, startRun } from '../../src/engines/embedded/engine.ts';
import type { EngineDeps, Performance, PerformOptions, VerifiedResolution } from '../../src/engines/embedded/engine.ts';
import type {
  CallEnd,
  Clock,
  InboxMessage,
  JournalStore,
  NewEvent,
  ToolCall,
  ToolHost,
} from '../../src/engines/ports.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import type { JournalRow, Outcome, PointResult } from '../../src/ir/events.ts';
import type { Lock } from '../../src/ir/lock.ts';
import { RunMachine } from '../../src/kernel/run.ts';
import { chainOf, processFacts, rowsOf } from '../adapters/sqlite/support.ts';
import { approvalBy, DAY_MS, facts, inputOf, NOON_MS, people } from '../approval/fixtures.ts';
import { journalWith } from '../journal-with.ts';
import { type Made, ZERO } from '../kernel/support.ts';

/** One turn of the event loop: everything that the journal had queued is durable, and everybody was told. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A clock that moves only when told to. */
export class ManualClock implements Clock {
  #now_ms = NOON_MS + DAY_MS;
  #timers: { due_ms: number; fire: () => void; polls: boolean }[] = [];

  monotonic_ms(): number {
    return this.now_ms();
  }

  now_ms(): number {
    return this.#now_ms;
  }

  after(seconds: number, fire: () => void): () => void {
    const timer = { due_ms: this.#now_ms + seconds * 1000, fire, polls: seconds === 0.2 };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Seconds until the next timer is due; looks into the inbox count only when there is nothing else. */
  get next_s(): number | null {
    const real = this.#timers.filter((timer) => !timer.polls);
    const due = (real.length > 0 ? real : this.#timers).map((timer) => timer.due_ms);
    return due.length === 0 ? null : (Math.min(...due) - this.#now_ms) / 1000;
  }

  /** Jumps ahead and fires, in the order in which they are due, the timers that are. */
  advance(seconds: number): void {
    this.#now_ms += seconds * 1000;
    const due = this.#timers.filter((timer) => timer.due_ms <= this.#now_ms).sort((a, b) => a.due_ms - b.due_ms);
    for (const timer of due) {
      if (!this.#timers.includes(timer)) continue; // cancelled by one before it
      this.#timers = this.#timers.filter((other) => other !== timer);
      timer.fire();
    }
  }

  get waiting(): number {
    return this.#timers.length;
  }
}

/** What becomes of one sending. */
export type Fate =
  | 'answer'
  /** The effect happens, the answer is lost. */
  | 'lose'
  /** The tool dies before the effect. */
  | 'die'
  /** It happens and nobody answers until the engine gives up. */
  | 'hang'
  | { readonly fail: string }
  | { readonly says: Json }
  | { readonly after_s: number };

export interface Sending extends Pick<ToolCall, 'call' | 'arguments' | 'key'> {
  /** From 1, over all sendings of this key. */
  readonly nth: number;
}

/** The outside world: what tools have done in it outlives every process. */
export class World {
  readonly clock = new ManualClock();
  /** Key to the number of times that its effect happened. */
  readonly effects = new Map<string, number>();
  readonly sendings: Sending[] = [];
  readonly #arguments = new Map<string, string>();
  readonly #dedupes: boolean;
  fate: (sending: Sending) => Fate = () => 'answer';
  answer: (sending: Sending) => Json = ({ call, arguments: given }) => ANSWERS[call]?.(given) ?? { ok: true };

  constructor(options: { dedupes?: boolean } = {}) {
    this.#dedupes = options.dedupes ?? true;
  }

  sent({ call, arguments: given, key }: ToolCall): Sending {
    const nth = this.sendings.filter((sending) => sending.key === key).length + 1;
    const sending = { call, arguments: given, key, nth };
    this.sendings.push(sending);
    const known = this.#arguments.get(key) ?? canonicalJson([call, given]);
    expect(canonicalJson([call, given]), 'one key, one call').toBe(known);
    this.#arguments.set(key, known);
    return sending;
  }

  /** A tool that takes keys does the effect of one key once. */
  happen({ key }: Sending): void {
    const before = this.effects.get(key) ?? 0;
    this.effects.set(key, this.#dedupes ? 1 : before + 1);
  }

  calls(name: string): Sending[] {
    return this.sendings.filter((sending) => sending.call === name);
  }
}

const ANSWERS: Readonly<Record<string, (given: JsonObject) => Json>> = {
  solve: (given) => ({ mass: Number(given['x'] ?? 1) }),
  cad: (given) => ({ id: `cad-${String(given['x'])}` }),
  mesh: (given) => ({ id: `mesh of ${String(given['id'])}` }),
  submit: (given) => ({ id: `job-${String(given['x'])}` }),
  wait: () => ({ status: 'done' }),
  fetch: (given) => ({ mass: Number(String(given['id']).slice('job-'.length)) }),
};

export type CrashAt = { readonly append: number; readonly when: 'before' | 'after' };

export interface ProcessOptions extends Partial<Pick<PerformOptions, 'wait' | 'take_over' | 'by'>> {
  readonly crash?: CrashAt | undefined;
  /** The n-th append fails as on a full disk. */
  readonly full_at?: number;
  readonly deps?: Partial<EngineDeps>;
  /** Waited for between the commit of an append and the engine's learning of it. */
  readonly slow?: (events: readonly NewEvent[]) => Promise<void>;
}

/** One process: dead after its crash, when nothing of it is heard of any more. */
export class Process {
  readonly #bench: Bench;
  readonly journal: JournalStore;
  readonly rows: JournalRow[] = [];
  readonly notices: string[] = [];
  readonly deps: EngineDeps;
  readonly options: PerformOptions;
  alive = true;
  appends = 0;
  closed_sessions = 0;
  performance: Performance | null = null;
  end: Result<RunEnd> | null = null;

  constructor(bench: Bench, pid: number, options: ProcessOptions) {
    this.#bench = bench;
    const { world } = bench;
    const clock: Clock = {
      now_ms: () => world.clock.now_ms(),
      monotonic_ms: () => world.clock.now_ms(),
      after: (seconds, fire) => world.clock.after(seconds, () => (this.alive ? fire() : undefined)),
    };
    this.journal = openJournal(bench.folder, { clock, process: processFacts(pid, bench.alive) });
    this.deps = {
      journal: this.#crashing(options),
      tools: this.#tools(),
      clock,
      workFolder: async (_run, point, step, attempt) => `/work/${point}/${step}-${attempt}`,
      host: { host: 'bench' },
      verifyResolution: async (message) => bench.resolution(message),
      verifyGate: async (message, gate) => bench.verify(message, gate.gate, gate.occurrence),
      onRow: (row) => this.rows.push(row),
      onNotice: (text) => this.notices.push(text),
      ...options.deps,
    };
    const { approved, made, run } = bench;
    const { wait = false, by = 'alice', take_over } = options;
    const base = { run, approved, program: made.program, wait, by };
    this.options = take_over === undefined ? base : { ...base, take_over };
  }

  async begin(how: typeof startRun): Promise<this> {
    const never = new Promise<'crashed'>((resolve) => {
      this.#crashed = () => resolve('crashed');
    });
    const begun = await Promise.race([how(this.deps, this.options), never]);
    if (begun === 'crashed') return this;
    if (!begun.ok) {
      this.end = begun;
      return this;
    }
    this.performance = begun.value;
    void begun.value.end.then((end) => {
      this.end = end;
    });
    return this;
  }

  #crashed: () => void = () => undefined;

  crash(): void {
    this.alive = false;
    this.#bench.alive.length = 0;
    this.#crashed();
  }

  /** Turns of the event loop until nothing moves any more without the clock. */
  async settle(): Promise<this> {
    const state = () => `${this.#bench.world.sendings.length} ${this.rows.length} ${this.appends} ${this.end !== null}`;
    for (let quiet = 0, last = state(); quiet < 6; quiet += 1) {
      await turn();
      if (state() !== last) quiet = 0;
      last = state();
    }
    return this;
  }

  /** Lets time pass until the performance ends or the process crashes; never further than so many seconds. */
  async finish(most_s = 30 * 24 * 3600): Promise<this> {
    const { clock } = this.#bench.world;
    const until_ms = clock.now_ms() + most_s * 1000;
    for (await this.settle(); this.end === null && this.alive; await this.settle()) {
      const next_s = clock.next_s;
      if (next_s === null || clock.now_ms() + next_s * 1000 > until_ms) break;
      clock.advance(next_s);
    }
    return this;
  }

  get ended(): string {
    if (this.end === null) return this.alive ? 'going on' : 'crashed';
    if (!this.end.ok) return this.end.error.code;
    const { value } = this.end;
    return value.kind === 'finished' ? value.status : value.kind;
  }

  #crashing({ crash, full_at, slow }: ProcessOptions): JournalStore {
    const never = new Promise<never>(() => undefined);
    const guarded = async <T>(write: () => Promise<T>): Promise<T> => {
      if (!this.alive) return never;
      this.appends += 1;
      if (this.appends === full_at) {
        throw new ExpctlError('STORE_UNUSABLE', 'The journal cannot be used: no space left', {
          hint: 'Free disk space.',
        });
      }
      const mine = this.appends;
      if (crash?.append === mine && crash.when === 'before') {
        this.crash();
        return never;
      }
      const written = await write();
      if (crash?.append === mine) this.crash();
      return this.alive ? written : never;
    };
    const { journal } = this;
    return journalWith(journal, {
      createRun: (...args) => guarded(() => journal.createRun(...args)),
      append: (...args) =>
        guarded(async () => {
          const rows = await journal.append(...args);
          await slow?.(args[1]);
          return rows;
        }),
      release: async (lease) => (this.alive ? journal.release(lease) : never),
      keepSnapshot: async (...args) => (this.alive ? journal.keepSnapshot(...args) : never),
      exchangeTokens: async (...args) => (this.alive ? journal.exchangeTokens(...args) : never),
      reconcileTokens: async (...args) => (this.alive ? journal.reconcileTokens(...args) : never),
      acknowledge: async (...args) => (this.alive ? journal.acknowledge(...args) : never),
    });
  }

  #tools(): ToolHost {
    const { world } = this.#bench;
    const session = {
      call: (call: ToolCall): Promise<CallEnd> => {
        if (!this.alive) return new Promise(() => undefined);
        const sending = world.sent(call);
        const fate = world.fate(sending);
        return new Promise((resolve) => {
          const end = (value: CallEnd) => (this.alive ? resolve(value) : undefined);
          const answer = (says: Json = world.answer(sending)) => {
            world.happen(sending);
            end({ kind: 'answer', answer: says, artifacts: [], observed: { tool: 't' } });
          };
          const lost = (reason: 'died' | 'timeout') => end({ kind: 'lost', reason, message: reason, observed: {} });
          if (fate === 'answer') return answer();
          if (fate === 'die') return lost('died');
          if (fate === 'hang') return world.happen(sending);
          if (fate === 'lose') {
            world.happen(sending);
            return lost('timeout');
          }
          if ('fail' in fate) return end({ kind: 'failure', class: fate.fail, message: 'no', observed: {} });
          if ('says' in fate) return answer(fate.says);
          world.clock.after(fate.after_s, () => answer());
        });
      },
      close: async () => {
        this.closed_sessions += 1;
      },
    };
    return { open: async () => ok(session) };
  }
}

/** A store, a world and one run, which any number of processes perform one after another. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'expctl-engine-'));
  readonly world: World;
  readonly made: Made;
  readonly run = 'run-1';
  readonly approved: ApprovedLock<Lock>;
  readonly processes: Process[] = [];
  alive: number[] = [];
  #pid = 100;

  static async of({ lock, tables, program }: Made, world = new World()): Promise<Bench> {
    const tools = [{ name: 't', pin: ZERO, pinned: {} as Lock['tools'][number]['pinned'] }];
    const own = structuredClone({ ...lock, tools });
    const read_lock = () => ok({ lock: own, facts });
    const approved = unwrap(authorise<Lock>({ ...inputOf([await approvalBy(people.alice)]), read_lock }));
    return new Bench({ lock: own, tables, program }, approved, world);
  }

  private constructor(made: Made, approved: ApprovedLock<Lock>, world: World) {
    this.made = made;
    this.approved = approved;
    this.world = world;
    onTestFinished(async () => {
      for (const process of this.processes) await process.journal.close();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  start(options: ProcessOptions = {}): Promise<Process> {
    return this.process(options).begin(startRun);
  }

  resume(options: ProcessOptions = {}): Promise<Process> {
    return this.process(options).begin(resumeRun);
  }

  /** A new process; those before it count as gone unless they are named in `alive`. */
  process(options: ProcessOptions = {}): Process {
    this.#pid += 1;
    this.alive = [this.#pid];
    const process = new Process(this, this.#pid, options);
    this.processes.push(process);
    return process;
  }

  /** What another process does to the run. */
  async post(kind: InboxMessage['kind'], body: JsonObject = { by: 'bob', reason: 'so' }): Promise<void> {
    const journal = openJournal(this.folder, { clock: this.world.clock, process: processFacts(7, []) });
    await journal.post(this.run, kind, body);
    await journal.close();
  }

  decide(outcome: string, gate = 'pilot', occurrence = 1): Promise<void> {
    return this.post('gate', { outcome, gate, occurrence });
  }

  /** Stands for the verification of a signature: takes the message's word for it. */
  verify(message: JsonObject, gate: string, occurrence: number): Result<VerifiedDecision> {
    if (message['gate'] !== gate || message['occurrence'] !== occurrence || typeof message['outcome'] !== 'string') {
      return err(
        new ExpctlError('APPROVAL_INVALID', 'The decision was made for another gate.', { hint: 'Decide again.' }),
      );
    }
    const { outcome } = message;
    const details = { outcome, principal: 'bob', statement_sha256: ZERO, envelope_sha256: ZERO };
    return ok({ outcome, details } as unknown as VerifiedDecision);
  }

  /** Stands for the verification of a signature, as above. */
  resolution({ as, outcome }: JsonObject): Result<VerifiedResolution> {
    if (as !== 'done' && as !== 'failed' && as !== 'not_done') {
      return err(new ExpctlError('APPROVAL_INVALID', 'It says nothing.', { hint: 'Say it again.' }));
    }
    const digests = { statement_sha256: ZERO, envelope_sha256: ZERO };
    return ok({ as, outcome: (outcome ?? null) as Outcome | null, by: 'bob', ...digests });
  }

  async journalRows(): Promise<JournalRow[]> {
    const journal = openJournal(this.folder, { clock: this.world.clock, process: processFacts(8, []) });
    const rows = await rowsOf(journal, this.run);
    await journal.close();
    return rows;
  }

  async types(stream = 'study'): Promise<string[]> {
    return (await this.journalRows()).filter((row) => row.stream === stream).map((row) => row.type);
  }

  async inboxSize(): Promise<number> {
    const journal = openJournal(this.folder, { clock: this.world.clock, process: processFacts(8, []) });
    const messages = await journal.inbox(this.run);
    await journal.close();
    return messages.length;
  }

  /** The results of all points, after making sure that the journal's chains and the kernel agree with it. */
  async results(): Promise<Record<number, PointResult>> {
    const rows = await this.verified();
    const finished = rows.filter((row) => row.type === 'point.finished');
    return Object.fromEntries(
      finished.map(({ body }) => {
        const { point, result } = JSON.parse(body) as { point: number; result: PointResult };
        return [point, result];
      }),
    );
  }

  async verified(): Promise<JournalRow[]> {
    const journal = openJournal(this.folder, { clock: this.world.clock, process: processFacts(8, []) });
    const rows = await rowsOf(journal, this.run);
    expect(await chainOf(journal, this.run)).toMatchObject({ ok: true, rows: rows.length });
    await journal.close();
    const machine = new RunMachine(this.made.program);
    for (const row of rows) machine.take(row.stream, row.seq, { type: row.type, ...JSON.parse(row.body) });
    machine.close();
    return rows;
  }
}
