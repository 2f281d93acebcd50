import type { PointResult } from '../ir/events.ts';
import type { PointValues } from './names.ts';
import type { Program } from './program.ts';

/** What the study keeps of its finished points: counts, and the best of the feasible ones. Plain JSON. */
export interface Tally {
  succeeded: number;
  failed: number;
  /** Of the failed: those that the tools called infeasible. */
  infeasible: number;
  cancelled: number;
  feasible: number;
  /** Calls made by finished points. */
  calls: number;
  /** Best first, by the first objective; at most `BEST_KEPT`. */
  readonly best: FeasiblePoint[];
  /** All feasible points, in the order of finishing; only where a rule looks into them. */
  readonly feasible_points: FeasiblePoint[];
}

export interface FeasiblePoint {
  readonly point: number;
  readonly values: PointValues;
  readonly metrics: Readonly<Record<string, number>>;
}

const BEST_KEPT = 10;

export function newTally(): Tally {
  return { succeeded: 0, failed: 0, infeasible: 0, cancelled: 0, feasible: 0, calls: 0, best: [], feasible_points: [] };
}

/** Counts a finished point in. The order in which points finish does not change `best`: ties go to the lower number. */
export function count(program: Program, tally: Tally, point: number, values: PointValues, result: PointResult): void {
  tally[result.status] += 1;
  tally.calls += result.calls;
  if (result.failure?.class === 'infeasible') tally.infeasible += 1;
  if (result.feasible !== true) return;
  tally.feasible += 1;
  const feasible: FeasiblePoint = { point, values, metrics: result.metrics };
  if (program.keeps_feasible) tally.feasible_points.push(feasible);
  const objective = program.lock.objectives[0];
  if (objective === undefined) return;
  const sign = objective.sense === 'minimize' ? 1 : -1;
  const rank = (candidate: FeasiblePoint) => sign * candidate.metrics[objective.metric]!;
  tally.best.push(feasible);
  tally.best.sort((a, b) => rank(a) - rank(b) || a.point - b.point);
  tally.best.length = Math.min(tally.best.length, BEST_KEPT);
}
