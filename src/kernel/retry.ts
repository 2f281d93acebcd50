import type { Program } from './program.ts';
import type { StudyState } from './study-state.ts';

/** Calls that points in flight, or about to be, may still make. */
export function callsReserved({ lock }: Program, { in_flight, to_retry, calls_before }: StudyState): number {
  const before = Object.values(calls_before).reduce((sum, calls) => sum + calls, 0);
  return (in_flight.length + to_retry.length) * lock.forecast.calls_per_point + before;
}

/** Why these points cannot be tried again now, as a sentence; null where they can. */
export function retryRefusal(program: Program, state: StudyState, points: readonly number[]): string | null {
  if (program.lock.semantics < 2) return 'The run was signed under semantics 1, which knows no second try.';
  if (points.length === 0) return 'There is no failed point.';
  const unknown = points.find((point, index) => state.failed[point] === undefined || points[index - 1]! >= point);
  if (unknown !== undefined) return `Point ${unknown} has not failed at a step, or is in hand again.`;
  if (state.status !== 'finished' && state.ending !== null) return `The run is about to end: ${state.ending.reason}.`;
  if (state.ending?.status === 'cancelled') return 'The run was cancelled.';
  if (state.wall_time_over) return 'The wall time is used up (budget.wall_time).';
  const { budget, forecast } = program.lock;
  const left = budget.calls - state.tally.calls - callsReserved(program, state);
  if (left >= points.length * forecast.calls_per_point) return null;
  return `The budget of ${budget.calls} calls has ${Math.max(0, left)} left; ${points.length} points may need ${points.length * forecast.calls_per_point}.`;
}
