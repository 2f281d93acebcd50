import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Result, unwrap } from '../../src/base/result.ts';
import { type DesignVariable, type Drawn, drawDesign, extendDesign, type Generator } from '../../src/design/draw.ts';
import { isWithin, latin, MIXED, unitReals } from './helpers.ts';

const table = (rows: Record<string, number | string>[]): Generator => ({ kind: 'table', rows });
const factorial = (levels: Record<string, number>): Generator => ({ kind: 'full_factorial', levels });

function messageOf(result: Result<Drawn>): string {
  if (result.ok) throw new Error('expected an error');
  expect(result.error.code).toBe('PLAN_INVALID');
  return result.error.message;
}

const row = { width: 7.5, stiffness: 1, ribs: 0, gauge: 0.8, alloy: 'steel' };

test('a table is taken as it is', () => {
  const drawn = unwrap(drawDesign(table([row, { ...row, ribs: 4, stiffness: 1e4 }]), MIXED));
  expect(drawn.points).toEqual([row, { ...row, ribs: 4, stiffness: 1e4 }]);
  expect(drawn.rejected).toBe(0);
  expect(drawn.unit[0]![0]).toBeCloseTo(1 / 6, 14);
  expect(drawn.unit[0]!.slice(2)).toEqual([2.5 / 7, 1.5 / 4, 2.5 / 3]);
  expect(drawn.unit[1]![1]).toBe(1);
});

test('a problem of a table names row and column', () => {
  const second = (change: Record<string, number | string>) =>
    messageOf(drawDesign(table([row, { ...row, ...change }]), MIXED));
  const prefix = 'The design table has a problem in row 2, column';
  expect(second({ width: 25 })).toBe(`${prefix} width: 25 is above the max 20.`);
  expect(second({ width: 4.99 })).toBe(`${prefix} width: 4.99 is below the min 5.`);
  expect(second({ width: '7' })).toBe(`${prefix} width: "7" is not a number.`);
  expect(second({ width: Number.NaN })).toBe(`${prefix} width: null is not a number.`);
  expect(second({ ribs: 1.5 })).toBe(`${prefix} ribs: 1.5 is not an integer.`);
  expect(second({ gauge: 1 })).toBe(`${prefix} gauge: 1 is none of [0.5,0.8,1.2,2].`);
  expect(second({ alloy: 6061 })).toBe(`${prefix} alloy: 6061 is none of ["6061","7075","steel"].`);
  expect(second({ height: 3 })).toBe(`${prefix} height: no variable has this name.`);
  const { alloy: _, ...without } = row;
  expect(messageOf(drawDesign(table([without]), MIXED))).toContain('row 1, column alloy: there is no value');
  expect(messageOf(drawDesign(table([]), MIXED))).toBe('The design table has no rows.');
});

test('a row that breaks a constraint is an error that names it', () => {
  const accept = (point: Record<string, number | string>) => Number(point['ribs']) < 3;
  expect(messageOf(drawDesign(table([row, { ...row, ribs: 3 }]), MIXED, { accept }))).toMatch(
    /^Row 2 of the design table breaks a constraint: /,
  );
});

test('a full factorial takes every combination once, the last variable changing fastest', () => {
  const variables: DesignVariable[] = [
    { name: 'a', kind: 'real', min: 0, max: 1 },
    { name: 'b', kind: 'choice', values: ['u', 'v'] },
    { name: 'c', kind: 'integer', min: 1, max: 10 },
  ];
  const { points, unit } = unwrap(drawDesign(factorial({ a: 2, c: 3 }), variables));
  expect(points.map(({ a, b, c }) => `${a}${b}${c}`).join(' ')).toBe(
    '0u1 0u6 0u10 0v1 0v6 0v10 1u1 1u6 1u10 1v1 1v6 1v10',
  );
  expect(unit[1]).toEqual([0, 0.25, 0.55]);
});

test('levels of reals are numbers a person would write', () => {
  const levels = (variable: Omit<DesignVariable, 'name' | 'kind'>, count: number) =>
    unwrap(drawDesign(factorial({ x: count }), [{ name: 'x', kind: 'real', ...variable }])).points.map(({ x }) => x);
  expect(levels({ min: 0, max: 1 }, 11)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  expect(levels({ min: 1, max: 1000, scale: 'log' }, 4)).toEqual([1, 10, 100, 1000]);
  expect(levels({ min: 1 / 3, max: 2 / 3 }, 2)).toEqual([1 / 3, 2 / 3]);
});

test('an integer with fewer values than levels takes them all', () => {
  const variables: DesignVariable[] = [
    { name: 'a', kind: 'integer', min: 3, max: 4 },
    { name: 'b', kind: 'integer', min: 9, max: 9 },
  ];
  expect(unwrap(drawDesign(factorial({ a: 5, b: 5 }), variables)).points).toEqual([
    { a: 3, b: 9 },
    { a: 4, b: 9 },
  ]);
});

test('a full factorial leaves infeasible points out, and says how many', () => {
  const accept = (point: Record<string, number | string>) => Number(point['x0']) + Number(point['x1']) <= 1;
  const drawn = unwrap(drawDesign(factorial({ x0: 5, x1: 5 }), unitReals(2), { accept }));
  expect(drawn.points).toHaveLength(15);
  expect(drawn.rejected).toBe(10);
  expect(messageOf(drawDesign(factorial({ x0: 2, x1: 2 }), unitReals(2), { accept: () => false }))).toBe(
    'None of the 4 points of the full factorial keeps the constraints.',
  );
});

test('levels that do not fit are refused', () => {
  expect(messageOf(drawDesign(factorial({ x0: 2 }), unitReals(2)))).toBe('`levels` has no number for x1.');
  expect(messageOf(drawDesign(factorial({ x0: 2, y: 2 }), unitReals(1)))).toBe(
    '`levels` names y, and no variable has this name.',
  );
  expect(messageOf(drawDesign(factorial({ x0: 1 }), unitReals(1)))).toBe(
    'Variable x0 needs an integer of at least 2 levels, not 1.',
  );
  expect(messageOf(drawDesign(factorial({ width: 2, stiffness: 2, ribs: 2, alloy: 2 }), MIXED))).toBe(
    '`levels` names alloy, which takes all its values anyway.',
  );
  expect(messageOf(drawDesign(factorial({ x0: 1000, x1: 1001 }), unitReals(2)))).toBe(
    'A full factorial of 1000 x 1001 levels has 1001000 points; at most 1000000 are allowed.',
  );
});

test('variables that cannot be spread are refused by name', () => {
  const draw = (variable: Partial<DesignVariable>) =>
    messageOf(drawDesign(latin(2, 1), [{ name: 'x', kind: 'real', min: 0, max: 1, ...variable }]));
  expect(draw({ min: 1 })).toBe('Variable x needs a min below its max.');
  expect(draw({ scale: 'log' })).toBe('Variable x has a log scale and a min that is not positive.');
  expect(draw({ max: Number.POSITIVE_INFINITY })).toBe('Variable x has bounds that are not finite.');
  expect(draw({ kind: 'integer', max: 1.5 })).toBe('Variable x has bounds that are not integers.');
  expect(draw({ kind: 'integer', min: 2 })).toBe('Variable x has a min above its max.');
  expect(draw({ kind: 'integer', min: -(2 ** 53) + 1, max: 2 ** 53 - 1 })).toBe('Variable x has bounds too far apart.');
  expect(draw({ kind: 'integer', min: 1, scale: 'log' })).toBe(
    'Variable x has a log scale, which only a real can have.',
  );
  expect(draw({ kind: 'choice', values: [] })).toBe('Variable x has no values.');
  expect(draw({ kind: 'ordered', values: [1, 2, 1] })).toBe('Variable x has a value twice.');
  expect(messageOf(drawDesign(latin(2, 1), [{ name: 'x', kind: 'real', min: 0 }]))).toBe(
    'Variable x needs min and max.',
  );
  expect(messageOf(drawDesign(latin(2, 1), []))).toBe('A design needs at least one variable.');
});

test('no value leaves its bounds, however far or close these are', () => {
  const bound = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(bound, bound, fc.integer(), fc.boolean(), (a, b, seed, isLog) => {
      const [min, max] = isLog
        ? [Math.min(Math.abs(a), Math.abs(b)), Math.max(Math.abs(a), Math.abs(b))]
        : [Math.min(a, b), Math.max(a, b)];
      fc.pre(min < max && (!isLog || min > 0));
      const variables: DesignVariable[] = [{ name: 'x', kind: 'real', min, max, scale: isLog ? 'log' : 'linear' }];
      const design = [
        latin(5, seed),
        { kind: 'sobol', points: 4, seed, scramble: false, skip: 0 } as const,
        factorial({ x: 4 }),
      ];
      for (const generator of design) {
        const drawn = unwrap(drawDesign(generator, variables));
        expect(drawn.points.every((point) => isWithin(variables, point))).toBe(true);
        expect(drawn.points.some(({ x }) => Object.is(x, -0))).toBe(false);
        expect(drawn.unit.flat().every((place) => place >= 0 && place <= 1)).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

test('a complete design is not extended, nor one whose points do not fit the variables', () => {
  expect(messageOf(extendDesign(table([row]), [row], 1, 1, MIXED))).toBe(
    'A design of kind table is complete and cannot be extended.',
  );
  expect(messageOf(extendDesign(factorial({ x0: 2 }), [], 1, 1, unitReals(1)))).toContain('full_factorial is complete');
  expect(messageOf(extendDesign(latin(1, 1), [{ x0: 2 }], 1, 1, unitReals(1)))).toBe(
    'Point 1 of the design that is extended has a problem in column x0: 2 is above the max 1.',
  );
  expect(messageOf(extendDesign(latin(1, 1), [{ x0: 1 }], 1_000_000, 1, unitReals(1)))).toContain(
    'at most 1000000 points',
  );
});

test('sizes that ir/ refuses are bugs here', () => {
  for (const points of [0, 1.5, 1_000_001])
    expect(() => drawDesign(latin(points, 1), unitReals(1))).toThrow(RangeError);
  expect(() => drawDesign(latin(1, 0.5), unitReals(1))).toThrow(RangeError);
  expect(() => extendDesign(latin(1, 1), [], 0, 1, unitReals(1))).toThrow(RangeError);
  expect(() => extendDesign(latin(1, 1), [], 1, 0, unitReals(1))).toThrow(RangeError);
  const sobol = { kind: 'sobol', points: 1, seed: 0, scramble: false } as const;
  expect(() => drawDesign({ ...sobol, skip: -1 }, unitReals(1))).toThrow(RangeError);
});
