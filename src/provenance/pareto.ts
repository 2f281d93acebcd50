import type { Lock } from '../ir/lock.ts';
import type { PointRow } from './points.ts';

/** One axis of a figure: a metric, which way is better, and the limit that the plan sets for it. */
export interface Axis {
  readonly metric: string;
  readonly unit: string;
  readonly better: 'less' | 'more' | null;
  /** An outcome constraint of the form `metric <= number`, in the metric's unit. */
  readonly limit: { readonly value: number; readonly text: string } | null;
}

const COMPARISON = /^\s*([A-Za-z][A-Za-z0-9_]*)\s*(<=|<|>=|>)\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*$/;

/**
 * The two metrics that say most of a run: the first objective, and what it is weighed against (a constrained metric, a second
 * objective, another metric); null where there are not two.
 */
export function axesOf(lock: Lock): readonly [Axis, Axis] | null {
  const names = lock.metrics.map(({ name }) => name);
  const first = lock.objectives[0]?.metric ?? names[0];
  const constrained = lock.outcome_constraints.flatMap((text) => COMPARISON.exec(text)?.[1] ?? []);
  const candidates = [...constrained, ...lock.objectives.map(({ metric }) => metric), ...names];
  const second = candidates.find((name) => name !== first && names.includes(name));
  return first === undefined || second === undefined ? null : [axisOf(lock, first), axisOf(lock, second)];
}

function axisOf(lock: Lock, metric: string): Axis {
  const unit = lock.metrics.find(({ name }) => name === metric)?.unit ?? '';
  const matches = lock.outcome_constraints.map((text) => COMPARISON.exec(text));
  const match = matches.find((found) => found?.[1] === metric) ?? null;
  const sense = lock.objectives.find((objective) => objective.metric === metric)?.sense;
  const limit = match === null ? null : { value: Number(match[3]), text: match[0].trim() };
  const constrained = match === null ? null : match[2]!.startsWith('<') ? 'less' : 'more';
  const better = sense === undefined ? constrained : sense === 'minimize' ? 'less' : 'more';
  return { metric, unit, better, limit };
}

/** Numbers of the points to which no other is better in one of both metrics and as good in the other. */
export function paretoPoints(points: readonly PointRow[], axes: readonly [Axis, Axis]): ReadonlySet<number> {
  const [x, y] = axes;
  if (x.better === null || y.better === null) return new Set();
  const cost = (point: PointRow, axis: Axis) => point.metrics[axis.metric]! * (axis.better === 'less' ? 1 : -1);
  const known = points.filter(({ metrics }) => metrics[x.metric] !== undefined && metrics[y.metric] !== undefined);
  const sorted = [...known].sort((a, b) => cost(a, x) - cost(b, x) || cost(a, y) - cost(b, y));
  const front = new Set<number>();
  let best = Number.POSITIVE_INFINITY;
  let last: PointRow | null = null;
  for (const point of sorted) {
    const same = last !== null && cost(point, x) === cost(last, x) && cost(point, y) === cost(last, y);
    if (cost(point, y) < best || same) {
      front.add(point.point);
      best = cost(point, y);
      last = point;
    }
  }
  return front;
}

/** Feasible points, best first by the first objective; by their numbers where there is none. */
export function bestPoints(points: readonly PointRow[], lock: Lock, most: number): PointRow[] {
  const objective = lock.objectives[0];
  const sign = objective?.sense === 'maximize' ? -1 : 1;
  const rank = ({ metrics }: PointRow) => (objective === undefined ? 0 : sign * metrics[objective.metric]!);
  const feasible = points.filter((point) => point.feasible === true);
  return feasible.sort((a, b) => rank(a) - rank(b) || a.point - b.point).slice(0, most);
}
