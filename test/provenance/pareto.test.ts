import { expect, test } from 'vitest';
import type { Lock } from '../../src/ir/lock.ts';
import { type Axis, axesOf, bestPoints, paretoPoints } from '../../src/provenance/pareto.ts';
import type { PointRow } from '../../src/provenance/points.ts';
import { scaleOf } from '../../src/ui/report/scale.ts';

function pointOf(point: number, mass: number, deflection: number, feasible = true): PointRow {
  const metrics = { mass, deflection };
  const times = { started_ms: 0, ended_ms: 0 };
  return { point, phase: 'p', status: 'succeeded', values: {}, metrics, feasible, failure: null, calls: 1, ...times };
}

function axis(metric: string, better: Axis['better']): Axis {
  return { metric, unit: '', better, limit: null };
}

/** The definition, without any cleverness. */
function front(points: readonly PointRow[], signs: readonly [number, number]): number[] {
  const costs = (point: PointRow) =>
    [point.metrics['mass']! * signs[0], point.metrics['deflection']! * signs[1]] as const;
  const beats = (a: PointRow, b: PointRow) => {
    const [one, two] = [costs(a), costs(b)];
    return one[0] <= two[0] && one[1] <= two[1] && (one[0] < two[0] || one[1] < two[1]);
  };
  return points.filter((point) => !points.some((other) => beats(other, point))).map(({ point }) => point);
}

test('the Pareto front is that of the definition, ties and directions included', () => {
  let state = 7;
  const next = (most: number) => {
    state = (state * 48271) % 2147483647;
    return state % most;
  };
  for (let round = 0; round < 200; round += 1) {
    const points = Array.from({ length: 1 + next(30) }, (_, index) => pointOf(index + 1, next(8), next(8)));
    for (const [x, y] of [
      ['less', 'less'],
      ['more', 'less'],
      ['less', 'more'],
      ['more', 'more'],
    ] as const) {
      const expected = front(points, [x === 'less' ? 1 : -1, y === 'less' ? 1 : -1]);
      const found = paretoPoints(points, [axis('mass', x), axis('deflection', y)]);
      expect([...found].sort((a, b) => a - b)).toEqual(expected);
    }
  }
});

test('where no direction is better there is no front', () => {
  expect(paretoPoints([pointOf(1, 1, 1)], [axis('mass', 'less'), axis('deflection', null)]).size).toBe(0);
});

const LOCK = {
  metrics: [
    { name: 'stress', unit: 'MPa' },
    { name: 'mass', unit: 'kg' },
    { name: 'deflection', unit: 'mm' },
  ],
  objectives: [{ metric: 'mass', sense: 'minimize' }],
  outcome_constraints: ['2 * stress + mass < 7', 'deflection <= 0.2'],
} as unknown as Lock;

test('the axes are the objective and what limits it', () => {
  expect(axesOf(LOCK)).toEqual([
    { metric: 'mass', unit: 'kg', better: 'less', limit: null },
    { metric: 'deflection', unit: 'mm', better: 'less', limit: { value: 0.2, text: 'deflection <= 0.2' } },
  ]);
  expect(axesOf({ ...LOCK, metrics: LOCK.metrics.slice(1, 2) })).toBeNull();
});

test('the best points are feasible, by the first objective, then by number', () => {
  const points = [pointOf(1, 3, 0), pointOf(2, 1, 0, false), pointOf(3, 2, 0), pointOf(4, 2, 0)];
  expect(bestPoints(points, LOCK, 2).map(({ point }) => point)).toEqual([3, 4]);
  const most = { ...LOCK, objectives: [{ metric: 'mass', sense: 'maximize' as const }] };
  expect(bestPoints(points, most, 9).map(({ point }) => point)).toEqual([1, 3, 4]);
});

test('scales hold all values, with round ticks inside', () => {
  for (const values of [[0.1, 0.7], [5, 5], [-3, 8], [0.001, 900], [0, 0], [], [1e-9, 2e-9], [-1e6, -1e5]]) {
    const scale = scaleOf(values);
    for (const value of values) {
      expect(scale.place(value)).toBeGreaterThanOrEqual(0);
      expect(scale.place(value)).toBeLessThanOrEqual(1);
    }
    expect(scale.ticks.length).toBeGreaterThanOrEqual(2);
    expect(scale.ticks.length).toBeLessThanOrEqual(20);
    for (const tick of scale.ticks) expect(Math.abs(scale.place(tick) - 0.5)).toBeLessThanOrEqual(0.5 + 1e-9);
  }
  expect(scaleOf([0.001, 900]).logarithmic).toBe(true);
});
