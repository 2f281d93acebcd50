import type { ApprovedLock } from '../../src/approval/authorise.ts';
import type { VerifiedDecision } from '../../src/approval/gate.ts';
import { ExpctlError } from '../../src/base/error.ts';
import type { JsonObject } from '../../src/base/json.ts';
import { err, ok, type Result } from '../../src/base/result.ts';
import {
  type EngineDeps,
  type Performance,
  type PerformOptions,
  resumeRun,
  type RunEnd,
  startRun,
} from '../../src/engines/embedded/engine.ts';
import type { VerifiedResolution } from '../../src/engines/embedded/types.ts';
import type { ToolCall, ToolHost } from '../../src/engines/ports.ts';
import { approvedForSimulation } from '../../src/engines/simulated/approved.ts';
import { MemoryStore } from '../../src/engines/simulated/memory-store.ts';
import { VirtualTime } from '../../src/engines/simulated/virtual-time.ts';
import type { JournalRow } from '../../src/ir/events.ts';
import type { Lock } from '../../src/ir/lock.ts';
import { type Made, ZERO } from '../kernel/support.ts';
import { Dice } from './dice.ts';
import { type Disturbances, generateDisturbances } from './disturbances.ts';
import { foldJournal } from './fold.ts';
import { Incarnation } from './incarnation.ts';
import type { Mutation } from './mutation.ts';
import { Operator } from './operator.ts';
import { generatePlan } from './plans.ts';
import { JournalView, shown } from './view.ts';
import { Violation } from './violation.ts';
import { World } from './world.ts';

export const RUN = 'run-1';
const START_MS = Date.UTC(2026, 5, 1, 12);
const YEAR_S = 366 * 24 * 3600;
/** More than any run has needed; one that is not over by then never will be. */
const MOST_EVENTS = 20_000;
const MOST_PROCESSES = 300;

export interface SimulationOptions {
  readonly mutation?: Mutation;
  readonly trace?: (line: string) => void;
}

/** One process and what it performs. */
export interface Engine {
  readonly incarnation: Incarnation;
  performance: Performance | null;
  ended: boolean;
}

/** One run, from its seed to its end: plan, disturbances, tools, people and processes. */
export class Simulation {
  readonly seed: number;
  readonly made: Made;
  readonly disturbances: Disturbances;
  readonly time: VirtualTime;
  readonly store: MemoryStore;
  readonly view: JournalView;
  readonly world: World;
  readonly operator: Operator;
  readonly dice: Dice;
  readonly engines: Engine[] = [];
  readonly counts = { crashes: 0, take_overs: 0, expired: 0, clock_jumps: 0, folds: 0, waited: false };
  readonly trace: (line: string) => void;
  readonly #mutation: Mutation;
  readonly #bugs: Dice;
  readonly #acknowledged = new Map<number, string>();
  #folds: number[];
  #violation: Violation | null = null;
  #approved!: ApprovedLock<Lock>;

  constructor(seed: number, { mutation = {}, trace }: SimulationOptions = {}) {
    this.seed = seed;
    this.dice = new Dice(seed, 'processes');
    this.made = generatePlan(seed);
    this.disturbances = generateDisturbances(seed);
    this.#mutation = mutation;
    this.#bugs = new Dice(seed, 'bugs');
    this.#folds = [...this.disturbances.folds];
    const ties = new Dice(seed, 'ties');
    this.time = new VirtualTime(START_MS, () => ties.uniform());
    this.trace = (line) => trace?.(`${(this.time.monotonic_ms() / 1000).toFixed(3)} s: ${line}`);
    this.view = new JournalView(this.made.lock, this.tell, (...args) => this.world.hasSaid(...args));
    this.store = new MemoryStore({
      now_ms: () => this.time.now_ms(),
      stateOf: (process) => this.#stateOf(process),
      notice: (tell) => this.time.after(this.dice.between(0, 0.4), tell),
      onCommit: (rows) => this.#committed(rows),
      onRemoved: (message) => this.operator.removed(message),
    });
    this.world = new World({
      seed,
      semantics: this.made.lock.semantics,
      forgetful: mutation.forgetful ?? false,
      time: this.time,
      faults: this.disturbances.faults,
      intentOf: (key) => this.view.intents.get(key),
      asksFor: (intent) => this.view.asksFor(intent),
      trouble: this.tell,
      trace: this.trace,
    });
    this.operator = new Operator(this);
  }

  /** Performs the run to its end. @throws Violation */
  async run(): Promise<this> {
    this.#approved = await this.#approve(this.disturbances.validity_s ?? YEAR_S);
    this.boot();
    for (let events = 0; this.#violation === null; events += 1) {
      if (events > MOST_EVENTS) this.tell(new Violation('ends', `It was not over after ${events} events.`));
      if (!(await this.time.step())) break;
      this.operator.look();
      if (this.store.rows.length >= Math.min(...this.#folds)) this.#fold();
    }
    if (this.#violation === null) this.#checkEnd();
    if (this.#violation !== null) throw this.#violation;
    return this;
  }

  /** The first trouble counts. */
  readonly tell = (violation: Violation): void => {
    this.#violation ??= violation;
    this.trace(`VIOLATION ${violation.message}`);
  };

  /** Processes that live and go on. */
  get living(): Engine[] {
    return this.engines.filter(({ incarnation, ended }) => incarnation.alive && !incarnation.stopped && !ended);
  }

  /** A new process starts the run, or goes on with it. */
  boot(take_over = false): void {
    const name = `process ${this.engines.length + 1}`;
    if (this.engines.length > MOST_PROCESSES) this.tell(new Violation('ends', `${name} would be one too many.`));
    const incarnation = this.#incarnate(name);
    const engine: Engine = { incarnation, performance: null, ended: false };
    this.engines.push(engine);
    const options: PerformOptions = {
      run: RUN,
      approved: this.#approved,
      program: this.#mutation.program?.(this.made.program) ?? this.made.program,
      wait: this.disturbances.wait,
      by: name,
      take_over,
    };
    const how = this.store.runs.length === 0 ? startRun : resumeRun;
    this.trace(`${name} ${how === startRun ? 'starts' : 'resumes'}${take_over ? ', taking over' : ''}`);
    how(this.#depsOf(engine), options).then(
      (begun) => {
        if (!begun.ok) return this.#ended(engine, begun);
        engine.performance = begun.value;
        void begun.value.end.then((end) => this.#ended(engine, end));
      },
      (error: unknown) => (error instanceof ExpctlError ? this.#ended(engine, err(error)) : this.#failed(error)),
    );
  }

  /** Whether another process has the lease. */
  isStale({ name }: Incarnation): boolean {
    return this.store.leases.get(RUN)?.holder !== name;
  }

  async renewApproval(): Promise<void> {
    this.#approved = await this.#approve(YEAR_S);
  }

  #approve(validity_s: number): Promise<ApprovedLock<Lock>> {
    return approvedForSimulation(this.made.lock, { now_ms: this.time.now_ms(), validity_s });
  }

  // --- processes ---

  #incarnate(name: string): Incarnation {
    const { write_faults, echoes, slow_commits } = this.disturbances;
    const { journal, clock, onCrash } = this.#mutation;
    const incarnation: Incarnation = new Incarnation(name, {
      time: this.time,
      store: this.store,
      dice: new Dice(this.seed, name),
      fault: write_faults[this.engines.length] ?? null,
      echoes,
      slow_commits,
      onStop: () => this.operator.takeOver(incarnation),
      onCrash: () => {
        this.counts.crashes += 1;
        this.trace(`${name} crashes`);
        onCrash?.(this.store, this.#bugs);
        this.#checkAcknowledged();
        this.world.abandoned(incarnation);
        this.operator.crashed();
      },
      onAcknowledged: (rows) => {
        for (const { position, hash } of rows) this.#acknowledged.set(position, hash);
      },
      wrapJournal: (real) => journal?.(real, this.#bugs, this.time, this.store) ?? real,
      wrapClock: (real) => clock?.(real, this.#bugs) ?? real,
    });
    return incarnation;
  }

  #stateOf(name: string): 'live' | 'gone' | 'unknown' {
    const { incarnation, ended } = this.engines.find((engine) => engine.incarnation.name === name)!;
    if (!incarnation.alive || ended) return 'gone';
    // A process that is stopped is seen by others only, from another machine.
    return incarnation.stopped ? 'unknown' : 'live';
  }

  #depsOf(engine: Engine): EngineDeps {
    const { incarnation } = engine;
    const { clock, checkClock, journal } = incarnation;
    return {
      journal,
      checkClock,
      tools: this.#toolsOf(engine),
      clock,
      workFolder: async (_run, point, step, attempt) => `/work/${point}/${step}-${attempt}`,
      host: { host: incarnation.name },
      verifyGate: async (message, { gate, occurrence }) => {
        await new Promise<void>((resolve) => clock.after(this.dice.between(0, 0.2), resolve));
        return verified(message, gate, occurrence);
      },
      verifyResolution: async (message) => {
        await new Promise<void>((resolve) => clock.after(this.dice.between(0, 0.2), resolve));
        return resolution(message);
      },
      onRow: () => undefined,
      onNotice: (text) => this.trace(`${incarnation.name}: ${text}`),
    };
  }

  #toolsOf(engine: Engine): ToolHost {
    const { incarnation } = engine;
    const host: ToolHost = {
      open: async (tool) =>
        ok({
          call: async (call: ToolCall) => {
            await call.begin?.();
            if (engine.ended)
              this.tell(new Violation('outstanding', `${incarnation.name} sends ${call.call} after its end`));
            return this.world.send(incarnation, tool.name, call, this.isStale(incarnation));
          },
          close: async () => this.world.abandoned(incarnation),
        }),
    };
    return this.#mutation.tools?.(host, this.#bugs, this.time) ?? host;
  }

  #ended(engine: Engine, end: Result<RunEnd>): void {
    engine.ended = true;
    this.trace(`${engine.incarnation.name} ends: ${end.ok ? JSON.stringify(end.value) : end.error.message}`);
    if (!end.ok && end.error.code === 'INTERNAL') return this.#failed(end.error.cause ?? end.error);
    if (!end.ok && end.error.code === 'EVIDENCE_BROKEN') this.tell(new Violation('fold', end.error.message));
    if (!end.ok && end.error.code === 'APPROVAL_EXPIRED') this.counts.expired += 1;
    if (!end.ok && end.error.code === 'CLOCK_JUMPED') this.counts.clock_jumps += 1;
    this.operator.ended(end);
  }

  #failed(error: unknown): void {
    this.tell(new Violation('engine', error instanceof Error ? (error.stack ?? error.message) : String(error)));
  }

  // --- what is looked at ---

  #committed(rows: readonly JournalRow[]): void {
    for (const row of rows) {
      this.trace(`journal ${row.fence}: ${shown(row)}`);
      this.view.take(row);
      this.operator.read(row);
    }
  }

  #fold(): void {
    const size = this.store.rows.length;
    this.#folds = this.#folds.filter((rows) => rows > size);
    this.counts.folds += 1;
    try {
      this.counts.waited ||= foldJournal(this.made.program, this.store.rows).waited;
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.tell(error);
    }
    this.#checkAcknowledged();
  }

  #checkAcknowledged(): void {
    for (const [position, hash] of this.#acknowledged) {
      if (this.store.rows[position - 1]?.hash === hash) continue;
      return this.tell(new Violation('acknowledged', `Row ${position} is not there any more.`));
    }
  }

  #checkEnd(): void {
    if (!this.view.finished) return this.tell(new Violation('ends', 'Nothing happens any more, and it has not ended.'));
    // Who lost the lease while he had nothing to do does not know it, and waits.
    const open = this.living.find(({ incarnation }) => !this.isStale(incarnation));
    if (open !== undefined) this.tell(new Violation('ends', `${open.incarnation.name} has not ended.`));
    if (this.view.in_flight !== 0) this.tell(new Violation('ends', 'A point has not finished.'));
    this.#fold();
  }
}

function resolution({ as, outcome, statement }: JsonObject): Result<VerifiedResolution> {
  if (as === undefined) return err(new ExpctlError('APPROVAL_INVALID', 'It is a forgery.', { hint: 'Sign it.' }));
  const statement_sha256 = String(statement);
  return ok({ as, outcome, by: 'bob', statement_sha256, envelope_sha256: ZERO } as unknown as VerifiedResolution);
}

/** Stands for the verification of a signature: takes the message's word for it, unless it is for another gate. */
function verified(message: JsonObject, gate: string, occurrence: number): Result<VerifiedDecision> {
  if (message['gate'] !== gate || message['occurrence'] !== occurrence) {
    return err(new ExpctlError('APPROVAL_INVALID', 'It was made for another gate.', { hint: 'Decide again.' }));
  }
  const outcome = String(message['outcome']);
  const details = { outcome, principal: 'bob', statement_sha256: ZERO, envelope_sha256: ZERO };
  return ok({ outcome, details } as unknown as VerifiedDecision);
}
