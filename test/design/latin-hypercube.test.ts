import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unwrap } from '../../src/base/result.ts';
import { drawDesign, extendDesign, type PointValues } from '../../src/design/draw.ts';
import { assertGolden } from '../golden.ts';
import { column, isWithin, latin, MIXED, strataOf, unitReals } from './helpers.ts';

const range = (n: number) => Array.from({ length: n }, (_, index) => index);

test('designs are pinned: a change here changes designs that were approved', () => {
  const plain = unwrap(drawDesign(latin(6, 7), MIXED));
  const maximin = unwrap(drawDesign(latin(6, 7, 'maximin'), MIXED));
  const extended = unwrap(extendDesign(latin(6, 7, 'maximin'), maximin.points, 4, 1, MIXED));
  assertGolden('design-latin-hypercube.json', `${JSON.stringify({ plain, maximin, extended }, null, 1)}\n`);
});

test('exactly one point lies in every stratum of every variable, and values keep their bounds', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer(),
      fc.constantFrom('none', 'maximin'),
      (n, seed, optimize) => {
        const drawn = unwrap(drawDesign(latin(Math.min(n, optimize === 'maximin' ? 8 : 200), seed, optimize), MIXED));
        const points = drawn.points.length;
        for (const dimension of MIXED.keys()) expect(strataOf(column(drawn, dimension), points)).toEqual(range(points));
        expect(drawn.points.every((point) => isWithin(MIXED, point))).toBe(true);
        expect(drawn.quality.latin).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test('the values of a discrete variable come equally often, to within one', () => {
  const { points } = unwrap(drawDesign(latin(100, 3), MIXED));
  for (const { name, kind } of MIXED) {
    if (kind === 'real') continue;
    const counts = new Map<number | string, number>();
    for (const point of points) counts.set(point[name]!, (counts.get(point[name]!) ?? 0) + 1);
    expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(2);
  }
});

test('seeds matter, and variables behind do not change those before', () => {
  const two = unwrap(drawDesign(latin(20, 1), unitReals(2)));
  const three = unwrap(drawDesign(latin(20, 1), unitReals(3)));
  expect(column(three, 1)).toEqual(column(two, 1));
  expect(column(unwrap(drawDesign(latin(20, 2), unitReals(2))), 0)).not.toEqual(column(two, 0));
  expect(column(two, 0)).not.toEqual(column(two, 1));
});

test('maximin raises the least distance well over that of a plain design, for every seed', () => {
  for (const [n, k] of [
    [10, 2],
    [16, 3],
    [60, 5],
  ] as const) {
    for (let seed = 0; seed < 5; seed += 1) {
      const plain = unwrap(drawDesign(latin(n, seed), unitReals(k))).quality.min_distance!;
      const maximin = unwrap(drawDesign(latin(n, seed, 'maximin'), unitReals(k))).quality.min_distance!;
      expect(maximin).toBeGreaterThan(1.2 * plain);
    }
  }
});

test('maximin is refused above 1,000 points', () => {
  const refused = drawDesign(latin(1001, 1, 'maximin'), unitReals(2));
  expect(refused).toMatchObject({ ok: false, error: { code: 'PLAN_INVALID' } });
  expect(!refused.ok && refused.error.message).toBe('A maximin Latin hypercube has at most 1000 points, not 1001.');
});

test('maximin leaves a design alone in which no exchange changes a distance', () => {
  const one = unitReals(1);
  expect(drawDesign(latin(9, 4, 'maximin'), one)).toEqual(drawDesign(latin(9, 4), one));
  const choices = MIXED.filter(({ kind }) => kind === 'choice');
  expect(unwrap(drawDesign(latin(9, 4, 'maximin'), choices)).quality.min_distance).toBeNull();
});

test('maximin copes with points that a few integers force to be equal', () => {
  const coarse = ['a', 'b'].map((name) => ({ name, kind: 'integer', min: 0, max: 1 }) as const);
  const drawn = unwrap(drawDesign(latin(12, 4, 'maximin'), coarse));
  expect(drawn.quality).toMatchObject({ latin: true, min_distance: 0 });
});

test('an extension to a multiple is Latin; any other puts one point in each empty stratum it uses', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 60 }), fc.integer(), (m, n, seed) => {
      const reals = unitReals(3);
      const first = unwrap(drawDesign(latin(m, seed), reals));
      const added = unwrap(extendDesign(latin(m, seed), first.points, n, 1, reals));
      expect(added.points).toHaveLength(n);
      for (const dimension of reals.keys()) {
        const old = new Set(strataOf(column(first, dimension), m + n));
        const fresh = strataOf(column(added, dimension), m + n);
        expect(new Set(fresh).size).toBe(n);
        expect(fresh.some((stratum) => old.has(stratum))).toBe(false);
      }
      if (n % m === 0) expect(added.quality.latin).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('an extension keeps discrete variables balanced', () => {
  const first = unwrap(drawDesign(latin(12, 3), MIXED));
  const added = unwrap(extendDesign(latin(12, 3), first.points, 12, 1, MIXED));
  expect(added.quality.latin).toBe(true);
});

test('extensions differ by their occurrence, and maximin ones keep away from old points', () => {
  const first = unwrap(drawDesign(latin(16, 7, 'maximin'), unitReals(2)));
  const extend = (occurrence: number, optimize: 'none' | 'maximin') =>
    unwrap(extendDesign(latin(16, 7, optimize), first.points, 16, occurrence, unitReals(2)));
  expect(extend(1, 'none').points).not.toEqual(extend(2, 'none').points);
  expect(extend(1, 'none')).toEqual(extend(1, 'none'));
  for (const occurrence of [1, 2, 3]) {
    expect(extend(occurrence, 'maximin').quality.min_distance!).toBeGreaterThan(
      extend(occurrence, 'none').quality.min_distance!,
    );
  }
});

test('no point breaks a constraint, with and without maximin, in designs and extensions', () => {
  const accept = (point: PointValues) =>
    Number(point['width']) * 0.2 + Number(point['ribs']) <= 6 && point['alloy'] !== 'none';
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer(),
      fc.constantFrom('none', 'maximin'),
      (n, seed, optimize) => {
        const first = unwrap(drawDesign(latin(n, seed, optimize), MIXED, { accept }));
        const added = unwrap(extendDesign(latin(n, seed, optimize), first.points, n, 1, MIXED, { accept }));
        expect([...first.points, ...added.points].every(accept)).toBe(true);
        expect(added.points).toHaveLength(n);
      },
    ),
    { numRuns: 15 },
  );
});

test('a constraint that cuts a corner off leaves the design Latin', () => {
  for (let seed = 0; seed < 5; seed += 1) {
    const accept = (point: PointValues) => Number(point['x0']) + Number(point['x1']) <= 1.5;
    const { quality, rejected, points } = unwrap(drawDesign(latin(50, seed, 'maximin'), unitReals(2), { accept }));
    expect(quality.latin).toBe(true);
    expect(rejected).toBeGreaterThan(0);
    expect(points.every(accept)).toBe(true);
  }
});

test('where strata are feasible for no point, a finer hypercube is thinned, and the quality says so', () => {
  const accept = (point: PointValues) => Number(point['x0']) < 0.1;
  const drawn = unwrap(drawDesign(latin(30, 1), unitReals(2), { accept }));
  expect(drawn.points).toHaveLength(30);
  expect(drawn.points.every(accept)).toBe(true);
  expect(drawn.quality.latin).toBe(false);
});

test('a feasible share that is too small is an error, in designs and extensions', () => {
  const accept = () => false;
  const refused = drawDesign(latin(10, 1), unitReals(2), { accept });
  expect(refused).toMatchObject({ ok: false, error: { code: 'PLAN_INVALID' } });
  expect(!refused.ok && refused.error.message).toBe('Of 11000 candidates, 0 keep the constraints; 10 are needed.');
  expect(!refused.ok && refused.error.hint).toContain('feasible share looks too small');
  expect(extendDesign(latin(10, 1), [], 1, 1, unitReals(2), { accept }).ok).toBe(false);
});
