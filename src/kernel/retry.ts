import type { PointResult } from '../ir/events.ts';
import type { Program } from './program.ts';
import type { StudyState } from './study-state.ts';

/*
 * Failed points that may be tried again: what is kept of them, and whether they may.
 */

/** Older ones are forgotten: what a run keeps does not follow the number of its points. */
const MOST_RETRYABLE = 10_000;

/** A metric that is not plausible is what it is: no step of such a point could be tried again. */
export function keepFailed(program: Program, state: StudyState, point: number, { failure, calls }: PointResult): void {
  if (program.lock.semantics < 2 || !program.steps.some(({ name }) => name === failure?.step)) return;
  state.failed[point] = { calls, infeasible: failure?.class === 'infeasible' };
  state.retryable += 1;
  if (state.retryable <= MOST_RETRYABLE) return;
  for (const oldest in state.failed) {
    delete state.failed[oldest];
    state.retryable -= 1;
    return;
  }
}

/** A failed point waits for its turn, and has not failed any more. */
export function toRetry(state: StudyState, point: number): void {
  const { calls, infeasible } = state.failed[point]!;
  delete state.failed[point];
  state.retryable -= 1;
  state.tally.failed -= 1;
  state.tally.infeasible -= infeasible ? 1 : 0;
  state.tally.calls -= calls;
  state.to_retry.push(point);
  state.calls_before[point] = calls;
}

/** Calls of the budget, but for those that points in flight, or about to be, may still make. */
export function callsLeft({ lock }: Program, { tally, in_flight, to_retry, calls_before }: StudyState): number {
  const before = Object.values(calls_before).reduce((sum, calls) => sum + calls, 0);
  const reserved = (in_flight.length + to_retry.length) * lock.forecast.calls_per_point + before;
  return lock.budget.calls - tally.calls - reserved;
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
  const left = callsLeft(program, state);
  if (left >= points.length * forecast.calls_per_point) return null;
  return `The budget of ${budget.calls} calls has ${Math.max(0, left)} left; ${points.length} points may need ${points.length * forecast.calls_per_point}.`;
}
