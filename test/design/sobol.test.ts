import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256Hex, utf8 } from '../../src/base/sha256.ts';
import { unwrap } from '../../src/base/result.ts';
import { drawDesign, extendDesign, type Generator, type PointValues } from '../../src/design/draw.ts';
import { column, isWithin, MIXED, strataOf, unitReals } from './helpers.ts';

const sobol = (points: number, options: { seed?: number; scramble?: boolean; skip?: number } = {}): Generator => ({
  kind: 'sobol',
  points,
  seed: 0,
  scramble: false,
  skip: 0,
  ...options,
});

test('the first points in three dimensions are those of the literature', () => {
  expect(unwrap(drawDesign(sobol(8), unitReals(3))).unit).toEqual([
    [0, 0, 0],
    [0.5, 0.5, 0.5],
    [0.75, 0.25, 0.25],
    [0.25, 0.75, 0.75],
    [0.375, 0.375, 0.625],
    [0.875, 0.875, 0.125],
    [0.625, 0.125, 0.875],
    [0.125, 0.625, 0.375],
  ]);
});

test('all 64 dimensions are those of scipy.stats.qmc.Sobol(64, scramble=False), which gave equal 4,096 points', () => {
  const { unit } = unwrap(drawDesign(sobol(4096), unitReals(64)));
  expect([20, 40, 63].map((dimension) => unit[1000]![dimension])).toEqual([0.5224609375, 0.9130859375, 0.4462890625]);
  expect(unit[4095]!.slice(0, 4)).toEqual([0.000244140625, 0.941162109375, 0.334228515625, 0.901611328125]);
  expect(sha256Hex(utf8(JSON.stringify(unit)))).toMatchInlineSnapshot(
    `"c5993d90529b7740dc7538b7b2715b8981ffb48aa29e8736372cfbd27d28f44c"`,
  );
});

test('skip starts later in the sequence', () => {
  const whole = unwrap(drawDesign(sobol(40), unitReals(5))).unit;
  expect(unwrap(drawDesign(sobol(8, { skip: 32 }), unitReals(5))).unit).toEqual(whole.slice(32));
});

test('a power of two of points has one in every stratum, scrambled or not', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9 }), fc.integer(), fc.boolean(), (power, seed, scramble) => {
      const n = 2 ** power;
      const drawn = unwrap(drawDesign(sobol(n, { seed, scramble }), MIXED));
      for (const dimension of MIXED.keys()) expect(strataOf(column(drawn, dimension), n)).toEqual([...Array(n).keys()]);
      expect(drawn.quality.latin).toBe(true);
      expect(drawn.points.every((point) => isWithin(MIXED, point))).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test('the seed scrambles, and nothing but the scramble uses it', () => {
  const draw = (seed: number, scramble: boolean) =>
    unwrap(drawDesign(sobol(16, { seed, scramble }), unitReals(4))).unit;
  expect(draw(1, true)).not.toEqual(draw(2, true));
  expect(draw(1, true)).not.toEqual(draw(1, false));
  expect(draw(1, false)).toEqual(draw(2, false));
  expect(draw(7, true).slice(0, 3)).toMatchInlineSnapshot(`
    [
      [
        0.8389051896519959,
        0.07576259272173047,
        0.10779674327932298,
        0.852260093903169,
      ],
      [
        0.09710718505084515,
        0.5742969787679613,
        0.5380004111211747,
        0.2689673909917474,
      ],
      [
        0.2663777316920459,
        0.37364567909389734,
        0.48034758982248604,
        0.5549719983246177,
      ],
    ]
  `);
});

test('scrambling keeps the two-dimensional net: 16 points, one in each of 16 boxes of every shape', () => {
  for (let seed = 0; seed < 10; seed += 1) {
    const { unit } = unwrap(drawDesign(sobol(16, { seed, scramble: true }), unitReals(2)));
    for (let power = 0; power <= 4; power += 1) {
      const boxes = unit.map(([x, y]) => `${Math.floor(x! * 2 ** power)} ${Math.floor(y! * 2 ** (4 - power))}`);
      expect(new Set(boxes).size).toBe(16);
    }
  }
});

test('an extension continues the sequence, with constraints too', () => {
  const accept = (point: PointValues) => Number(point['x0']) + Number(point['x1']) <= 1;
  for (const options of [{}, { accept }]) {
    const generator = sobol(20, { seed: 3, scramble: true, skip: 5 });
    const whole = unwrap(drawDesign({ ...generator, points: 50 } as Generator, unitReals(3), options));
    const first = unwrap(drawDesign(generator, unitReals(3), options));
    const second = unwrap(extendDesign(generator, first.points, 12, 1, unitReals(3), options));
    const third = unwrap(extendDesign(generator, [...first.points, ...second.points], 18, 2, unitReals(3), options));
    expect([...first.points, ...second.points, ...third.points]).toEqual(whole.points);
    expect(third.quality).toEqual(whole.quality);
    expect(first.rejected + second.rejected + third.rejected).toBe(whole.rejected);
    if (options.accept) expect(whole.points.every(accept)).toBe(true);
  }
});

test('too small a feasible share, and too many variables, are errors', () => {
  const infeasible = drawDesign(sobol(10), unitReals(2), { accept: (point) => point['x0'] === 0.5 });
  expect(!infeasible.ok && infeasible.error.message).toBe(
    "Of 11000 points of the Sobol' sequence, 1 keep the constraints; 10 are needed.",
  );
  expect(drawDesign(sobol(10), unitReals(65))).toMatchObject({ ok: false, error: { code: 'PLAN_INVALID' } });
});

test('10,000 points come without the figures that compare pairs', () => {
  const drawn = unwrap(drawDesign(sobol(10_000), unitReals(5)));
  expect(drawn.points).toHaveLength(10_000);
  expect(drawn.quality).toMatchObject({ min_distance: null, centered_discrepancy: null });
  expect(drawn.quality.max_abs_correlation).toBeLessThan(0.01);
});
