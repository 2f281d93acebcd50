import { expect, test } from 'vitest';
import { evaluate } from '../../../src/ir/expression/evaluate.ts';
import { checkExpression } from '../../../src/ir/expression/check.ts';
import { parseExpression } from '../../../src/ir/expression/parse.ts';
import { referencedPaths } from '../../../src/ir/expression/paths.ts';
import type { Value } from '../../../src/ir/expression/value.ts';
import { renderValue, toJson } from '../../../src/ir/expression/value.ts';
import { parsed, SCOPE } from './scope.ts';

function parseProblem(text: string): string {
  const result = parseExpression(text);
  return result.ok ? 'no problem' : result.error.message;
}

function failure(text: string, values: Record<string, Value> = {}): string {
  const map = new Map(Object.entries(values));
  const result = evaluate(parsed(text), (name) => map.get(name));
  return result.ok ? 'no failure' : result.error.message;
}

test('texts that are too long or too deep are refused', () => {
  expect(parseProblem('('.repeat(10_000))).toContain('at most 4096');
  expect(parseProblem('1'.padEnd(4097, ' '))).toContain('at most 4096');
  for (const opener of ['(', '[', '-', '!', 'abs(', '[1][', 'a ? b : ', 'x.map(y, ']) {
    expect(parseProblem(opener.repeat(Math.floor(4000 / opener.length))), opener).toContain('nested more than 64 deep');
  }
  expect(parseProblem(`1${' + 1'.repeat(1000)}`)).toContain('More than 256');
  expect(parseProblem(`a${'.b'.repeat(2000)}`)).toContain('More than 256');
  expect(parseProblem(`a${'[0]'.repeat(1000)}`)).toContain('More than 256');
  expect(parseProblem(`${'('.repeat(63)}1${')'.repeat(63)}`)).toBe('no problem');
});

test('the deepest trees that are allowed are checked, evaluated and walked', () => {
  for (const text of [`1${' + 1'.repeat(255)}`, `true${' && true'.repeat(255)}`]) {
    const expression = parsed(text);
    expect(checkExpression(expression, SCOPE).problems).toEqual([]);
    expect(evaluate(expression, () => undefined).ok).toBe(true);
    expect(referencedPaths(expression)).toEqual([]);
  }
});

test('a wide expression is quick to refuse or to evaluate', () => {
  const wide = `size([${Array.from({ length: 1300 }, () => '1').join(', ')}])`;
  expect(evaluate(parsed(wide), () => undefined)).toEqual({ ok: true, value: 1300 });
});

test('the cost of an evaluation is bounded, always at the same place', () => {
  const long = Array.from({ length: 1000 }, (_, i) => i);
  expect(failure('xs.map(a, xs.map(b, xs.map(c, a + b + c)))', { xs: long })).toContain('more than 100000 steps');
  expect(failure('xs.all(a, !xs.exists(b, a + b < 0))', { xs: long })).toContain('more than 100000 steps');
  const equal = Array.from({ length: 90_000 }, () => [[[[1, 2], 3], 4], 5]);
  expect(failure('xs == ys', { xs: equal, ys: structuredClone(equal) })).toContain('more than 100000 steps');
  const first = failure('xs.map(a, xs.filter(b, a < b))', { xs: long });
  expect(failure('xs.map(a, xs.filter(b, a < b))', { xs: long })).toBe(first);
});

test('lists past the limit are not read', () => {
  const huge = Array.from({ length: 100_001 }, () => 1);
  for (const text of ['2 in xs', 'max(xs)', 'xs == xs', 'xs.all(x, x == 1)']) {
    expect(failure(text, { xs: huge }), text).toMatch(/reads at most 100000|more than 100000 steps/);
  }
  const largest = huge.slice(1);
  expect(failure('2 in xs', { xs: largest })).toBe('no failure');
  expect(failure('max(xs) == 1', { xs: largest })).toBe('no failure');
});

test('texts do not grow without bound', () => {
  const text = 'x'.repeat(300_000);
  expect(failure('t + t + t + t', { t: text })).toContain('too long');
  expect(failure("xs.map(x, t.contains('y'))", { xs: Array.from({ length: 1000 }, () => 0), t: text })).toContain(
    'steps',
  );
});

test('nothing is found by inheritance', () => {
  const answer = JSON.parse('{"a": {}, "s": "text", "list": []}') as Value;
  for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'length']) {
    for (const path of [`v.${key}`, `v.a.${key}`, `v['${key}']`, `v.s.${key}`, `v.list.${key}`, key]) {
      expect(failure(path, { v: answer }), path).toMatch(/has no|no fields|no value/);
    }
    expect(evaluate(parsed(`has(v.${key}) || '${key}' in v`), () => answer)).toEqual({ ok: true, value: false });
    expect(failure(`${key}(1)`)).toContain('no function');
    expect(failure(`'x'.${key}()`)).toMatch(/There is no/);
  }
});

test('a key named __proto__ is a key like any other', () => {
  const answer = JSON.parse('{"__proto__": {"polluted": true}}') as Value;
  expect(evaluate(parsed('v.__proto__.polluted'), () => answer)).toEqual({ ok: true, value: true });
  const copy = toJson(answer);
  expect(JSON.stringify(copy)).toBe('{"__proto__":{"polluted":true}}');
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

test('an answer cannot pass for a quantity', () => {
  const forged = JSON.parse('{"value": 1, "unit": {"text": "N", "scale": 1, "dimension": [1,1,-2,0,0,0,0]}}') as Value;
  expect(failure("v < q(2, 'N')", { v: forged })).toContain('needs numbers, and here is a map');
});

test('answers that are nested deeply do not overflow', () => {
  let deep: Value = 1;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  expect(failure('v == w', { v: deep, w: [deep] })).toContain('nested too deeply');
  expect(renderValue(deep)).toBe('[[[[[...]]]]]');
  expect(Array.isArray(toJson(deep))).toBe(true);
});

test('numbers that are not numbers do not come in', () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(failure('v', { v: bad })).toContain('not a finite number');
    expect(failure('v[0]', { v: [bad] })).toContain('not a finite number');
    expect(failure('v.x == 1', { v: { x: bad } })).toContain('not a finite number');
    expect(failure('v.all(x, true)', { v: [bad] })).toContain('not a finite number');
  }
  const zero = evaluate(parsed('v'), () => -0);
  expect(zero.ok && Object.is(zero.value, 0)).toBe(true);
});
