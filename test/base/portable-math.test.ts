import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exp, log, pow } from '../../src/base/portable-math.ts';

const SPECIAL = [
  0,
  -0,
  1,
  -1,
  2,
  -2,
  3,
  -3,
  0.5,
  -0.5,
  1.5,
  -1.5,
  Number.MIN_VALUE,
  -Number.MIN_VALUE,
  2 ** -1022,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  2 ** 53,
  2 ** 53 - 1,
  -(2 ** 53 - 1),
  1 + Number.EPSILON,
  1 - Number.EPSILON / 2,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
];

/** How many doubles lie between two: 0 for equal ones. */
function ulpsBetween(a: number, b: number): number {
  if (Object.is(a, b)) return 0;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.POSITIVE_INFINITY;
  return Math.abs(Number(position(a) - position(b)));
}

function position(x: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(x));
  return x < 0 ? -view.getBigUint64(0) : view.getBigUint64(0);
}

function expectClose(actual: number, expected: number, what: string): void {
  expect(ulpsBetween(actual, expected), `${what}: ${actual} beside ${expected}`).toBeLessThanOrEqual(2);
}

test('special cases are those of ECMAScript', () => {
  for (const x of SPECIAL) {
    expectClose(exp(x), Math.exp(x), `exp(${x})`);
    expectClose(log(x), Math.log(x), `log(${x})`);
    for (const y of SPECIAL) expectClose(pow(x, y), x ** y, `pow(${x}, ${y})`);
  }
  expect(Object.is(log(1), 0)).toBe(true);
  expect(Object.is(pow(-0, 3), -0)).toBe(true);
  expect(pow(1, Number.POSITIVE_INFINITY)).toBeNaN();
});

test('exp is within 2 ulp of Math.exp, from the least subnormal to overflow', () => {
  fc.assert(
    fc.property(fc.double({ min: -750, max: 712, noNaN: true }), (x) => expectClose(exp(x), Math.exp(x), `exp(${x})`)),
    { numRuns: 5000 },
  );
  for (const x of [709.782712893384, 709.7827128933841, -745.1332191019411, -745.1332191019412, -708.5, 1e-300]) {
    expectClose(exp(x), Math.exp(x), `exp(${x})`);
  }
});

test('log is within 2 ulp of Math.log, near 1 and for subnormal numbers too', () => {
  const positive = fc.double({ min: 0, noNaN: true });
  const nearOne = fc.double({ min: 0.999, max: 1.001, noNaN: true });
  const subnormal = fc.double({ min: Number.MIN_VALUE, max: 2 ** -1022, noNaN: true });
  fc.assert(
    fc.property(fc.oneof(positive, nearOne, subnormal), (x) => expectClose(log(x), Math.log(x), `log(${x})`)),
    { numRuns: 5000 },
  );
});

test('pow is within 2 ulp of Math.pow', () => {
  const anything = fc.tuple(fc.double(), fc.double());
  const moderate = fc.tuple(
    fc.double({ min: 0, max: 1000, noNaN: true }),
    fc.double({ min: -100, max: 100, noNaN: true }),
  );
  const nearOne = fc.tuple(
    fc.double({ min: 0.999, max: 1.001, noNaN: true }),
    fc.double({ min: -7e5, max: 7e5, noNaN: true }),
  );
  const whole = fc.tuple(fc.double({ min: -30, max: 30, noNaN: true }), fc.integer({ min: -200, max: 200 }));
  fc.assert(
    fc.property(fc.oneof(anything, moderate, nearOne, whole), ([x, y]) =>
      expectClose(pow(x, y), x ** y, `pow(${x}, ${y})`),
    ),
    { numRuns: 10_000 },
  );
});

test('pow is exact wherever the power is a double', () => {
  for (let base = 2; base <= 100; base += 1) {
    for (let exponent = 1; base ** exponent <= 2 ** 53; exponent += 1) {
      expect(pow(base, exponent)).toBe(Number(BigInt(base) ** BigInt(exponent)));
      expect(pow(-base, exponent)).toBe(Number(BigInt(-base) ** BigInt(exponent)));
    }
  }
  for (let k = -1074; k <= 1023; k += 1) expect(pow(2, k)).toBe(2 ** k);
  for (let root = 1; root < 2000; root += 1) expect(pow(root * root, 0.5)).toBe(root);
});

test('bits are pinned: a change here changes designs that were drawn', () => {
  const bits = [exp(1), exp(-2.4213637472525473), log(10), log(1.0001), pow(10, 0.3), pow(1.001, -5000)].map((x) =>
    position(x).toString(16),
  );
  expect(bits).toMatchInlineSnapshot(`
    [
      "4005bf0a8b145769",
      "3fb6bba00dbf7e54",
      "40026bb1bbb55516",
      "3f1a368d0657fcd4",
      "3fffec982d5bb8af",
      "3f7baaec45a31ce8",
    ]
  `);
});
