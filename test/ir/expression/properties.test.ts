import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkExpression } from '../../../src/ir/expression/check.ts';
import { evaluate } from '../../../src/ir/expression/evaluate.ts';
import { parseExpression } from '../../../src/ir/expression/parse.ts';
import { referencedPaths } from '../../../src/ir/expression/paths.ts';
import { renderValue, toJson, QuantityValue } from '../../../src/ir/expression/value.ts';
import { lookup, parsed, quantity, SCOPE } from './scope.ts';

const WORDS = [
  'length',
  'load',
  'post',
  'count',
  'x',
  'has',
  'q',
  'min',
  'all',
  'in',
  'true',
  'null',
  '__proto__',
  'if',
  'not',
];
const SIGNS = [
  '+',
  '-',
  '*',
  '/',
  '%',
  '<',
  '==',
  '&&',
  '||',
  '!',
  '?',
  ':',
  '.',
  ',',
  '(',
  ')',
  '[',
  ']',
  "'",
  '"',
  '\\',
  ' ',
  '1',
  '2.5',
  "'mm'",
  '\n',
  '//',
  '{',
];

test('no text makes parser, checker or evaluator throw', () => {
  const soup = fc.array(fc.constantFrom(...WORDS, ...SIGNS), { maxLength: 60 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(soup, fc.string({ unit: 'binary', maxLength: 4200 })), (text) => {
      const expression = parseExpression(text);
      if (expression.ok) {
        checkExpression(expression.value, SCOPE);
        const value = evaluate(expression.value, lookup);
        if (value.ok) JSON.stringify([renderValue(value.value), toJson(value.value)]);
        referencedPaths(expression.value);
        return;
      }
      const { message, hint, offset, length } = expression.error;
      expect(message !== '' && hint !== '').toBe(true);
      expect(offset >= 0 && length >= 0 && offset + length <= text.length).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

/** An expression and what JavaScript makes of it; NaN once any part of it is not finite. */
interface Sum {
  text: string;
  value: number;
}
const OPERATIONS: Record<string, (a: number, b: number) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
};
const { sum } = fc.letrec<{ sum: Sum }>((tie) => ({
  sum: fc.oneof(
    { maxDepth: 6 },
    fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }).map((value) => ({ text: String(value), value })),
    fc.integer({ min: 0, max: 9 }).map((value) => ({ text: String(value), value })),
    tie('sum').map(({ text, value }) => ({ text: `-(${text})`, value: 0 - value })),
    fc.tuple(tie('sum'), fc.constantFrom(...Object.keys(OPERATIONS)), tie('sum')).map(([a, sign, b]) => {
      const value = OPERATIONS[sign]!(a.value, b.value);
      return {
        text: `(${a.text} ${sign} ${b.text})`,
        value: Number.isFinite(a.value) && Number.isFinite(b.value) ? value : Number.NaN,
      };
    }),
  ),
}));

test('arithmetic of plain numbers is that of JavaScript', () => {
  fc.assert(
    fc.property(sum, ({ text, value }) => {
      if (/[0-9]{16}(?![0-9.]*e)/.test(text) && !parseExpression(text).ok) return; // a whole number past 2^53 is refused
      const result = evaluate(parsed(text), lookup);
      if (Number.isFinite(value)) expect(result).toEqual({ ok: true, value: value + 0 });
      else expect(result.ok).toBe(false);
    }),
    { numRuns: 2000 },
  );
});

test('operators bind as in JavaScript', () => {
  const chain = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom('+', '-', '*', '/', '%')), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(chain, (parts) => {
      const text = `${parts.map(([number, sign]) => `${number} ${sign}`).join(' ')} 7`;
      const expected = new Function(`return ${text}`)() as number;
      expect(evaluate(parsed(text), lookup)).toEqual({ ok: true, value: expected + 0 });
    }),
  );
});

/** Expressions over names with and without units, most of them well-formed in meaning. */
const { number, truth } = fc.letrec<{ number: string; truth: string }>((tie) => {
  const n = tie('number');
  return {
    number: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(
        'length',
        'height',
        'width',
        'load',
        'E',
        'angle',
        'tolerance',
        'count',
        'ratio',
        'deflection',
        'post.mass',
      ),
      fc.constantFrom('2', '0.5', '1e-3', "q(2, 'kN')", "q(3, 'mm')", "q(1, 'in')", 'post.modes[0]', 'max(lengths)'),
      fc.tuple(n, fc.constantFrom('+', '-', '*', '/', '%', '*', '/'), n).map(([a, sign, b]) => `(${a} ${sign} ${b})`),
      fc.tuple(fc.constantFrom('abs', 'sqrt', 'exp', 'floor', '-'), n).map(([name, a]) => `${name}(${a})`),
      fc.tuple(fc.constantFrom('min', 'max'), n, n).map(([name, a, b]) => `${name}(${a}, ${b})`),
      fc.tuple(n, fc.constantFrom('2', '-1', '0.5', '1/2', '3', 'count')).map(([a, power]) => `pow(${a}, ${power})`),
      fc.tuple(tie('truth'), n, n).map(([test, a, b]) => `(${test} ? ${a} : ${b})`),
    ),
    truth: fc.oneof(
      { maxDepth: 2 },
      fc.tuple(n, fc.constantFrom('<', '<=', '==', '!='), n).map(([a, sign, b]) => `${a} ${sign} ${b}`),
      fc.tuple(n, n, n).map(([a, b, c]) => `${a} in [${b}, ${c}]`),
      fc.tuple(tie('truth'), tie('truth')).map(([a, b]) => `(${a} && !(${b}))`),
    ),
  };
});

test('what the checker passes evaluates to the type it found, or is not finite', () => {
  let passed = 0;
  fc.assert(
    fc.property(fc.oneof(number, truth), (text) => {
      const { type, problems } = checkExpression(parsed(text), SCOPE);
      if (problems.length > 0) return;
      passed++;
      const result = evaluate(parsed(text), lookup);
      if (!result.ok) expect(result.error.message).toMatch(/is not a finite number/);
      else if (type.kind === 'boolean') expect(typeof result.value).toBe('boolean');
      else {
        if (type.kind !== 'number') throw new Error(`${text}: ${type.kind}`);
        const unit = result.value instanceof QuantityValue ? result.value.unit.text : '1';
        expect(unit).toBe(type.unit?.text);
      }
    }),
    { numRuns: 2000 },
  );
  expect(passed).toBeGreaterThan(200);
});

test('what fails for its units is found by the checker', () => {
  fc.assert(
    fc.property(fc.oneof(number, truth), (text) => {
      const result = evaluate(parsed(text), lookup);
      if (result.ok || /is not a finite number/.test(result.error.message)) return;
      expect(checkExpression(parsed(text), SCOPE).problems).not.toEqual([]);
    }),
    { numRuns: 2000 },
  );
});

test('units do not change what is true', () => {
  const lengths = fc.tuple(fc.integer({ min: 1, max: 100_000 }), fc.constantFrom('mm', 'cm', 'm', 'km'));
  const millimetres = { mm: 1, cm: 10, m: 1000, km: 1_000_000 };
  fc.assert(
    fc.property(lengths, lengths, ([a, unitA], [b, unitB]) => {
      const values = new Map([
        ['a', quantity(`${a} ${unitA}`)],
        ['b', quantity(`${b} ${unitB}`)],
      ]);
      const [x, y] = [a * millimetres[unitA as 'mm'], b * millimetres[unitB as 'mm']];
      for (const [text, expected] of [
        ['a < b', x < y],
        ['a == b', x === y],
        ['a >= b', x >= y],
      ] as const) {
        expect(evaluate(parsed(text), (name) => values.get(name))).toEqual({ ok: true, value: expected });
      }
    }),
  );
});
