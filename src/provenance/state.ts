import { type JournalRow, pointOf, type RunEvent } from '../ir/events.ts';
import { Divergence } from '../kernel/divergence.ts';
import type { PointState } from '../kernel/point.ts';
import type { Program } from '../kernel/program.ts';
import { RunMachine } from '../kernel/run.ts';
import { valuesOf } from '../kernel/study.ts';
import type { Lock } from '../ir/lock.ts';
import type { ReplayDivergence } from './mismatch.ts';
import type { RunHolder } from './ports.ts';
import { eventOf } from './rows.ts';
import type { StudySummary } from '../ir/study-summary.ts';
import { StudyFold } from './study.ts';

/** How many of the latest durations of a step are kept: enough for a median, whatever the number of points. */
const KEPT_DURATIONS = 500;

/** Where a step of a point in flight stands. */
export interface StepInFlight {
  readonly step: string;
  readonly status: string;
  readonly attempt: number;
  /** When the attempt was sent; null where it was not. */
  readonly since_ms: number | null;
}

/** A run behind one of its rows, to fold what came after it. */
export interface FoldStart {
  readonly machine: RunMachine;
  readonly summary: StudySummary;
  readonly active_ms: number;
  readonly last_wall_ms: number;
  readonly fence: number;
  readonly position: number;
}

/**
 * A run as its journal tells it: its study, and the kernel's machines in the state to which the events bring them.
 *
 * Journals that do not hold are folded as well: `broken` says where the kernel disagreed, and the machines stand still from there.
 */
export class RunFold {
  readonly program: Program;
  readonly study: StudyFold;
  readonly machine: RunMachine;
  /** Whether all rows went through here, so that `study` knows every point. */
  readonly is_whole: boolean;
  broken: ReplayDivergence | null = null;
  position: number;
  /** Milliseconds in which the run was performed, was not paused, and no gate was open. */
  active_ms: number;
  /** Seconds of attempts that succeeded, by step; the latest ones. */
  readonly durations_s = new Map<string, number[]>();
  readonly #since = new Map<string, number>();
  #last: { readonly wall_ms: number; readonly fence: number };

  constructor(program: Program, start: FoldStart | null = null) {
    this.program = program;
    this.machine = start?.machine ?? new RunMachine(program);
    this.study = Object.assign(new StudyFold(), start?.summary);
    this.is_whole = start === null;
    this.position = start?.position ?? 0;
    this.active_ms = start?.active_ms ?? 0;
    this.#last = { wall_ms: start?.last_wall_ms ?? 0, fence: start?.fence ?? 0 };
  }

  /** Takes a row that was before the start: only how long its step took, or takes, is of interest. */
  takeTimes(row: JournalRow): void {
    const point = pointOf(row.stream);
    if (point !== null) this.#time(row, point, eventOf(row));
  }

  take(row: JournalRow): RunEvent {
    this.#countTime(row);
    const event = eventOf(row);
    const point = pointOf(row.stream);
    if (this.broken === null) this.#step(row, event);
    if (point === null) this.study.takeRow(row);
    else this.#time(row, point, event);
    this.position = row.position;
    return event;
  }

  /** Steps of a point that are neither waiting for others nor over. */
  inFlight(point: number): StepInFlight[] {
    const state: PointState | undefined = this.machine.points.get(point);
    if (state === undefined) return [];
    return Object.entries(state.steps)
      .filter(([, { status }]) => ['out', 'wanting', 'backing_off', 'held', 'unresolved'].includes(status))
      .map(([step, { status, attempt, part }]) => {
        const parts = this.program.steps.find(({ name }) => name === step)?.parts ?? [];
        const name = parts.length > 1 ? `${step}.${parts[part]?.part ?? ''}` : step;
        return { step: name, status, attempt, since_ms: this.#since.get(`${point}/${step}`) ?? null };
      });
  }

  #step(row: JournalRow, event: RunEvent): void {
    try {
      this.machine.take(row.stream, row.seq, event);
    } catch (error) {
      const { stream, seq } = row;
      const found = { expected: 'an event that can be taken', found: String(error) };
      this.broken = { found_by: 'kernel', stream, seq, ...(error instanceof Divergence ? error : found) };
    }
  }

  #time(row: JournalRow, point: number, event: RunEvent): void {
    if (event.type === 'point.ended') {
      for (const { name } of this.program.steps) this.#since.delete(`${point}/${name}`);
    }
    if (event.type !== 'effect.intended' && event.type !== 'effect.answered') return;
    const key = `${point}/${event.step}`;
    if (event.type === 'effect.intended') {
      if (event.part === 'call' || event.part === 'submit') this.#since.set(key, row.wall_ms);
      return;
    }
    const last = this.program.steps.find(({ name }) => name === event.step)?.parts.at(-1)?.part;
    const since_ms = this.#since.get(key);
    if (event.part !== last || since_ms === undefined || !event.outcome.ok) return;
    const kept = this.durations_s.get(event.step) ?? [];
    kept.push(Math.max(0, row.wall_ms - since_ms) / 1000);
    if (kept.length > KEPT_DURATIONS) kept.shift();
    this.durations_s.set(event.step, kept);
    this.#since.delete(key);
  }

  #countTime({ wall_ms, fence }: JournalRow): void {
    const { open_gate, paused, finished } = this.study;
    const waiting = open_gate !== null || paused || finished !== null || this.position === 0;
    if (fence === this.#last.fence && !waiting) this.active_ms += Math.max(0, wall_ms - this.#last.wall_ms);
    this.#last = { wall_ms: Math.max(wall_ms, this.#last.wall_ms), fence };
  }
}

/** Folds all rows of a run. */
export async function foldRun(program: Program, rows: AsyncIterable<JournalRow>): Promise<RunFold> {
  const fold = new RunFold(program);
  for await (const row of rows) fold.take(row);
  return fold;
}

/** What a run is doing, in a word. `interrupted`: it has not ended, waits for nobody, and no process performs it. */
export type RunState =
  | 'running'
  | 'waits'
  | 'paused'
  | 'interrupted'
  | 'completed'
  | 'stopped'
  | 'failed'
  | 'cancelled';

/** Whether a process performs the run, as far as can be told from here. */
export function mayBePerformed({ state }: RunHolder): boolean {
  return state === 'live' || state === 'unknown';
}

/** @param unresolved how many effects wait for a person to say what became of them; where that is not known, a run may only seem interrupted */
export function stateOf(study: StudySummary, holder: RunHolder, unresolved = 0): RunState {
  if (study.finished !== null) return study.finished.status;
  if (study.open_gate !== null) return 'waits';
  if (study.paused) return 'paused';
  if (mayBePerformed(holder)) return 'running';
  return unresolved > 0 ? 'waits' : 'interrupted';
}

/** Points that the study will have evaluated if no rule asks for more: those of design phases, and of extensions begun. */
export function plannedPoints(lock: Lock, study: StudySummary): number {
  const tables = new Set([...lock.study.flatMap(({ design }) => design?.tables ?? []), ...study.tables]);
  return lock.tables.reduce((sum, { id, rows }) => (tables.has(id) ? sum + rows : sum), 0);
}

/** The assignment of a point, in the variables' units; empty for a number that no table of the lock has. */
export function pointValues(program: Program, point: number): Readonly<Record<string, number | string>> {
  try {
    return valuesOf(program, point);
  } catch {
    return {};
  }
}
