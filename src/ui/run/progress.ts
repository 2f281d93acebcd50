import { type JournalRow, type PointResult, pointOf, type RunEvent } from '../../ir/events.ts';
import type { Lock } from '../../ir/lock.ts';
import type { StudySummary } from '../../ir/study-summary.ts';

/** What a view of a run keeps while events come: counters, what is in flight, the best point. Memory: O(points in flight). */
export interface Progress {
  readonly lock: Lock;
  phase: { name: string; kind: string; points: number; done: number } | null;
  started: number;
  readonly done: { succeeded: number; failed: number; cancelled: number; feasible: number };
  /** Step that each point in flight is at. */
  readonly in_flight: Map<number, string>;
  /** Points that had failed, and are tried again. */
  readonly retried: Set<number>;
  best: { point: number; metrics: PointResult['metrics'] } | null;
  /** When the first and the latest point ended, and when the first began, in ms since 1970; for the forecast. */
  first_began_ms: number | null;
  last_ended_ms: number | null;
  /** Waits, as a sentence; null while it works. */
  waits: string | null;
}

export function newProgress(lock: Lock): Progress {
  return {
    lock,
    phase: null,
    started: 0,
    done: { succeeded: 0, failed: 0, cancelled: 0, feasible: 0 },
    in_flight: new Map(),
    retried: new Set(),
    best: null,
    first_began_ms: null,
    last_ended_ms: null,
    waits: null,
  };
}

/** Where a run stood before it went on. */
export interface Past {
  readonly summary: StudySummary;
  readonly in_flight: ReadonlyMap<number, string>;
  readonly best: Progress['best'];
}

/** Takes in all that was before. */
export function takePast(progress: Progress, { summary, in_flight, best }: Past): void {
  const { phase, open_gate, counts } = summary;
  const rowsOf = (table: string) => progress.lock.tables.find(({ id }) => id === table)?.rows ?? 0;
  const points = summary.phase_tables.reduce((sum, table) => sum + rowsOf(table), 0);
  progress.phase = phase === null ? null : { name: phase.phase, kind: phase.kind, points, done: summary.done_in_phase };
  progress.started = summary.points_started;
  Object.assign(progress.done, counts);
  for (const [point, step] of in_flight) progress.in_flight.set(point, step);
  progress.best = best;
  progress.first_began_ms = summary.first_began_ms;
  progress.last_ended_ms = summary.last_ended_ms;
  progress.waits = summary.paused ? 'paused' : open_gate === null ? null : waitsAt(open_gate.gate, open_gate.role);
}

function waitsAt(gate: string, role: string): string {
  return `waits at gate ${gate} for a decision of the role ${role}`;
}

/** Takes in an event. A point that is in flight belongs to the phase that runs. */
export function takeProgress(progress: Progress, row: JournalRow, event: RunEvent): void {
  const point = pointOf(row.stream);
  switch (event.type) {
    case 'phase.started':
      progress.phase = { name: event.phase, kind: event.kind, points: 0, done: 0 };
      progress.waits = null;
      return;
    case 'point.started': {
      const rows = progress.lock.tables.find(({ id }) => id === event.table)?.rows ?? 0;
      if (progress.phase !== null && event.row === 0) progress.phase.points += rows;
      progress.started += 1;
      progress.in_flight.set(event.point, '');
      progress.first_began_ms ??= row.wall_ms;
      return;
    }
    case 'effect.intended':
      progress.in_flight.set(point!, event.step);
      return;
    case 'point.finished':
      return finishPoint(progress, row, event.point, event.result);
    case 'points.retried':
      progress.done.failed -= event.points.length;
      for (const point of event.points) progress.retried.add(point);
      return;
    case 'gate.opened':
      progress.waits = waitsAt(event.gate, event.role);
      return;
    case 'gate.decided':
    case 'run.resumed':
      progress.waits = null;
      return;
    case 'run.paused':
      progress.waits = 'paused';
      return;
    default:
  }
}

function finishPoint(progress: Progress, row: JournalRow, point: number, result: PointResult): void {
  progress.in_flight.delete(point);
  progress.done[result.status] += 1;
  progress.last_ended_ms = row.wall_ms;
  const counts = !progress.retried.delete(point); // it did when it failed, in this phase or an earlier one
  if (progress.phase !== null && counts) progress.phase.done += 1;
  if (result.feasible !== true) return;
  progress.done.feasible += 1;
  const objective = progress.lock.objectives[0];
  if (objective === undefined) return;
  const sign = objective.sense === 'minimize' ? 1 : -1;
  const value = sign * result.metrics[objective.metric]!;
  const best = progress.best === null ? Number.POSITIVE_INFINITY : sign * progress.best.metrics[objective.metric]!;
  if (value < best) progress.best = { point, metrics: result.metrics };
}

/** Seconds until the phase is done, by the rate at which its points have ended so far; null while that is not known. */
export function secondsLeft(progress: Progress): number | null {
  const { phase, first_began_ms, last_ended_ms, done } = progress;
  const ended = done.succeeded + done.failed + done.cancelled;
  if (phase === null || first_began_ms === null || last_ended_ms === null || ended < 2) return null;
  return ((phase.points - phase.done) * (last_ended_ms - first_began_ms)) / 1000 / ended;
}
