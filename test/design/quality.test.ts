import { expect, test } from 'vitest';
import type { DesignVariable } from '../../src/design/draw.ts';
import { qualityOf } from '../../src/design/quality.ts';
import { MIXED, unitReals } from './helpers.ts';

/** Six points on [0.5, 6.5]^2, scaled to the unit square: the example of the scipy documentation. */
const scaled = (points: readonly (readonly number[])[]) => points.map((point) => point.map((x) => (x - 0.5) / 6));
const SPACE_1 = scaled([
  [1, 3],
  [2, 6],
  [3, 2],
  [4, 5],
  [5, 1],
  [6, 4],
]);
const SPACE_2 = scaled([
  [1, 5],
  [2, 4],
  [3, 3],
  [4, 2],
  [5, 1],
  [6, 6],
]);

test('the centred discrepancy is that of scipy', () => {
  expect(qualityOf(unitReals(2), SPACE_1).centered_discrepancy).toBeCloseTo(0.008142039609053464, 14);
  expect(qualityOf(unitReals(2), SPACE_2).centered_discrepancy).toBeCloseTo(0.010456854423869011, 14);
});

test('distance and correlation of a design that can be done by hand', () => {
  const { min_distance, max_abs_correlation, latin } = qualityOf(unitReals(2), SPACE_2);
  expect(min_distance).toBeCloseTo(Math.SQRT2 / 6, 14);
  expect(max_abs_correlation).toBeCloseTo(1 / 7, 14);
  expect(latin).toBe(true);
  expect(qualityOf(unitReals(2), [...SPACE_2, ...SPACE_2])).toMatchObject({ min_distance: 0, latin: false });
});

test('discrete variables count at the middle of their share, choices not at all', () => {
  const variables: DesignVariable[] = [
    { name: 'n', kind: 'integer', min: 1, max: 2 },
    { name: 'c', kind: 'choice', values: ['a', 'b'] },
  ];
  const unit = [
    [0.01, 0.2],
    [0.9, 0.6],
  ];
  expect(qualityOf(variables, unit)).toMatchObject({ min_distance: 0.5, max_abs_correlation: null, latin: true });
  expect(qualityOf(variables, [...unit, [0.3, 0.1], [0.4, 0.1]])).toMatchObject({ min_distance: 0, latin: false });
  expect(qualityOf([variables[1]!], [[0.1], [0.7]])).toMatchObject({ min_distance: null, centered_discrepancy: null });
});

test('an integer with more values than doubles can count is judged as a real', () => {
  const wide: DesignVariable[] = [{ name: 'n', kind: 'integer', min: 0, max: 2 ** 52 }];
  expect(qualityOf(wide, [[0.1], [0.6]]).latin).toBe(true);
  expect(qualityOf(wide, [[0.1], [0.4]]).latin).toBe(false);
});

test('figures without meaning are null: one point, a column that does not vary', () => {
  expect(qualityOf(unitReals(2), [[0.5, 0.5]])).toMatchObject({
    min_distance: null,
    max_abs_correlation: null,
    latin: true,
  });
  expect(
    qualityOf(unitReals(2), [
      [0.1, 0.1],
      [0.1, 0.3],
      [0.1, 0.8],
    ]).max_abs_correlation,
  ).toBeNull();
});

test('pairs are compared up to 2,000 points', () => {
  const column = (n: number) => Array.from({ length: n }, (_, i) => [(i + 0.5) / n]);
  expect(qualityOf(unitReals(1), column(2000)).min_distance).not.toBeNull();
  const { min_distance, centered_discrepancy, latin } = qualityOf(unitReals(1), column(2001));
  expect({ min_distance, centered_discrepancy, latin }).toEqual({
    min_distance: null,
    centered_discrepancy: null,
    latin: true,
  });
});

test('extremes of the unit cube are within it', () => {
  const unit = [MIXED.map(() => 0), MIXED.map(() => 1)];
  expect(qualityOf(MIXED, unit).min_distance).toBeGreaterThan(1.4);
});
