import { randomStream } from '../../base/random.ts';
import { type Result, unwrap } from '../../base/result.ts';
import { eventOf, type JournalRow } from '../../ir/events.ts';
import type { Lock } from '../../ir/lock.ts';
import type { DurationSpec } from '../../ir/simulation.ts';
import { compileProgram, type Program } from '../../kernel/program.ts';
import { type EngineDeps, type RunEnd, startRun } from '../embedded/engine.ts';
import { approvedForSimulation } from './approved.ts';
import { type CriticalPath, criticalPath } from './critical-path.ts';
import { drawDuration } from './duration.ts';
import { type LowerBound, lowerBound } from './bounds.ts';
import { MemoryJournal } from './memory-journal.ts';
import { MemoryStore } from './memory-store.ts';
import type { Skeleton } from './skeleton.ts';
import { SimulatedTool } from './tools.ts';
import { PoolUsage } from './usage.ts';
import { quiet, VirtualTime } from './virtual-time.ts';

const RUN = 'simulation';
const TEN_YEARS_S = 3650 * 24 * 3600;

export interface Circumstances {
  /** By part: `solve`, `solve.submit`, `solve.poll`, `solve.fetch`. */
  readonly durations: ReadonlyMap<string, DurationSpec>;
  /** Step to the probability that an attempt of it fails. */
  readonly failures: Readonly<Record<string, number>>;
  readonly seed: number;
  /** Which of several repetitions. */
  readonly repetition: number;
}

/** What came out of one run. Times in milliseconds from its beginning. */
export interface SimulatedRun {
  readonly ended: string;
  readonly makespan_ms: number;
  readonly points: number;
  readonly failed_points: number;
  readonly gates: number;
  readonly calls: number;
  readonly jobs: number;
  readonly usage: PoolUsage;
  readonly bound: LowerBound;
  readonly path: CriticalPath;
  readonly phases: readonly PhaseTimes[];
}

export interface PhaseTimes {
  readonly phase: string;
  points: number;
  readonly begins_ms: number;
  ends_ms: number;
}

/** Performs a skeleton once, by the embedded engine, in memory and in virtual time. */
export async function simulateOnce(skeleton: Skeleton, circumstances: Circumstances): Promise<SimulatedRun> {
  const world = new SimulatedWorld(skeleton, circumstances);
  return world.run();
}

class SimulatedWorld {
  readonly #lock: Lock;
  readonly #program: Program;
  readonly #gates: ReadonlySet<string>;
  readonly #time = new VirtualTime(Date.UTC(2026, 0, 1));
  readonly #tool: SimulatedTool;
  readonly #store: MemoryStore;
  readonly #usage: PoolUsage;
  readonly #phases: PhaseTimes[] = [];
  #points = 0;
  #failed_points = 0;
  #gates_met = 0;
  #ended_ms: number | null = null;

  constructor({ lock, tables, gates }: Skeleton, { durations, failures, seed, repetition }: Circumstances) {
    this.#lock = lock;
    this.#program = unwrap(compileProgram(lock, tables));
    this.#gates = gates;
    const random = randomStream(seed, 'simulate', repetition);
    this.#tool = new SimulatedTool({
      clock: this.#time,
      drawDuration: (part) => {
        const spec = durations.get(part);
        return spec === undefined ? 0 : drawDuration(spec, () => random.uniform());
      },
      drawFailure: (step) => (random.uniform() < (failures[step] ?? 0) ? this.#classOf(step) : null),
      hasFetch: (step) => this.#stepOf(step).job?.fetch != null,
      pollTimeout_s: (step) => this.#stepOf(step).job!.poll.timeout_s,
      pollEvery_s: (step) => this.#stepOf(step).job!.poll.every_s,
    });
    this.#usage = new PoolUsage(Object.keys(lock.pools));
    this.#store = new MemoryStore({
      now_ms: () => this.#time.now_ms(),
      stateOf: () => 'live',
      notice: (tell) => this.#time.after(0, tell),
      onCommit: (rows) => this.#read(rows),
      keeps_rows: false,
    });
  }

  async run(): Promise<SimulatedRun> {
    const now_ms = this.#time.now_ms();
    const approved = await approvedForSimulation(this.#lock, { now_ms, validity_s: TEN_YEARS_S });
    const options = { run: RUN, approved, program: this.#program, wait: false, by: RUN };
    let end: Result<RunEnd> | null = null;
    void startRun(this.#deps(), options)
      .then((begun) => (begun.ok ? begun.value.end : begun))
      .then((ended) => {
        end = ended;
      });
    await quiet();
    while (end === null) {
      if (this.#time.next_ms !== this.#time.monotonic_ms()) this.#noteUse();
      if (!(await this.#time.step())) break;
    }
    return this.#report(end);
  }

  #deps(): EngineDeps {
    const zero = () => 0;
    const clock = this.#time;
    const refused = () => Promise.reject(new Error('nobody decides in a simulation'));
    return {
      journal: new MemoryJournal({ store: this.#store, clock, process: RUN, commit_s: zero, notice_s: zero }),
      tools: this.#tool,
      clock,
      workFolder: async () => '',
      host: {},
      verifyGate: refused,
      verifyResolution: refused,
      onRow: () => undefined,
      onNotice: () => undefined,
    };
  }

  /** An attempt that is to fail does so in a way that is tried again, where there is one. */
  #classOf(step: string): string {
    const { on } = this.#stepOf(step).retry;
    return on.find((one) => one !== 'timeout' && one !== 'unknown_outcome') ?? 'tool_failed';
  }

  #stepOf(step: string): Lock['pipeline'][number] {
    return this.#lock.pipeline.find(({ name }) => name === step)!;
  }

  #noteUse(): void {
    const held = this.#store.pools.book.claims.filter(({ held_ms }) => held_ms !== null);
    this.#usage.note(
      this.#time.monotonic_ms(),
      held.map(({ uses }) => uses),
    );
  }

  #read(rows: readonly JournalRow[]): void {
    const now_ms = this.#time.monotonic_ms();
    for (const row of rows) {
      if (row.type === 'phase.started') this.#phaseStarted((eventOf(row) as { phase: string } & object).phase, now_ms);
      else if (row.type === 'point.started') {
        this.#points += 1;
        this.#phases.at(-1)!.points += 1;
      } else if (row.type === 'point.finished') {
        this.#phases.at(-1)!.ends_ms = now_ms;
        if (statusIn(row.body) === 'failed') this.#failed_points += 1;
      } else if (row.type === 'run.finished') this.#ended_ms = now_ms;
    }
  }

  #phaseStarted(phase: string, now_ms: number): void {
    if (this.#gates.has(phase)) this.#gates_met += 1;
    this.#phases.push({ phase, points: 0, begins_ms: now_ms, ends_ms: now_ms });
  }

  #report(end: Result<RunEnd> | null): SimulatedRun {
    const { executions, calls, jobs } = this.#tool;
    this.#noteUse();
    return {
      ended: endText(end),
      makespan_ms: this.#ended_ms ?? this.#time.monotonic_ms(),
      points: this.#points,
      failed_points: this.#failed_points,
      gates: this.#gates_met,
      calls,
      jobs,
      usage: this.#usage,
      bound: executions.length === 0 ? { ms: 0, parts: new Map() } : lowerBound(this.#lock, executions),
      path: criticalPath(this.#lock, executions),
      phases: this.#phases.filter(({ points }) => points > 0),
    };
  }
}

function statusIn(body: string): string {
  return (JSON.parse(body) as { result: { status: string } }).result.status;
}

function endText(end: Result<RunEnd> | null): string {
  if (end === null) return 'it waits for ever';
  if (!end.ok) throw end.error;
  return end.value.kind === 'finished' ? `${end.value.status}: ${end.value.reason}` : `it waits: ${end.value.kind}`;
}
