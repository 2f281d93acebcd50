import type { JsonObject } from '../../../src/base/json.ts';
import { describe, expect, test } from 'vitest';
import { referencedPaths } from '../../../src/ir/expression/paths.ts';
import { closest } from '../../../src/ir/expression/suggest.ts';
import { typeOfJsonSchema } from '../../../src/ir/expression/type.ts';
import { renderValue, toJson } from '../../../src/ir/expression/value.ts';
import { exp, log, pow } from '../../../src/base/portable-math.ts';
import { evaluated, notesOf, parsed, problemsOf, quantity } from './scope.ts';

describe('referencedPaths', () => {
  test.each([
    ['cad.cad_rev_id', [['cad', 'cad_rev_id']]],
    ["abs(q(reaction, 'N') - load) < 1e-3 * load", [['reaction'], ['load']]],
    ["a['k'].b + a.k.b", [['a', 'k', 'b']]],
    ['a[i].b', [['a'], ['i']]],
    ['has(a.b.c)', [['a', 'b', 'c']]],
    ['xs.filter(x, x.ok && y).size()', [['xs'], ['y']]],
    ['x + xs.map(x, x)[0]', [['x'], ['xs']]],
    ['c ? a : b.z', [['c'], ['a'], ['b', 'z']]],
    ["['u', v]", [['v']]],
    ['1 + 2', []],
  ])('%s', (text, paths) => expect(referencedPaths(parsed(text))).toEqual(paths));
});

describe('values', () => {
  test('a quantity is its number in its unit', () => {
    expect(toJson(quantity('200 mm'))).toBe(200);
    expect(toJson([quantity('0.2 m'), { a: quantity('5 %') }, 'x', null, true, -0])).toEqual([
      0.2,
      { a: 5 },
      'x',
      null,
      true,
      0,
    ]);
  });

  test('are shown shortened', () => {
    expect(renderValue(quantity('0.5 mm'))).toBe('0.5 mm');
    expect(renderValue({ a: [1, 'x', null], b: false })).toBe('{a: [1, "x", null], b: false}');
    expect(renderValue(Array.from({ length: 30 }, (_, i) => i))).toMatch(/19, \.\.\.\]$/);
    expect(renderValue([[[[[1]]]], { a: { b: { c: { d: 1 } } } }])).toBe('[[[[[...]]]], {a: {b: {c: {...}}}}]');
    expect(renderValue('x'.repeat(300))).toHaveLength(205);
  });
});

describe('typeOfJsonSchema', () => {
  test.each([
    [{ type: 'string' }, 'string'],
    [{ type: 'integer' }, 'number'],
    [{ enum: ['a', 'b'] }, 'string'],
    [{ enum: [1, 'b'] }, 'any'],
    [{ const: true }, 'boolean'],
    [{ type: 'null' }, 'null'],
    [{ type: ['number', 'null'] }, 'any'],
    [{ anyOf: [{ type: 'number' }] }, 'any'],
    [{ $ref: '#/x' }, 'any'],
    [{}, 'any'],
  ])('%j', (schema, kind) => expect(typeOfJsonSchema(schema).kind).toBe(kind));

  test('fields are known, unless there may be others', () => {
    const properties = { a: { type: 'array', items: { type: 'number' } } };
    const closed = typeOfJsonSchema({ type: 'object', properties });
    expect(closed).toMatchObject({ kind: 'map', fields: { a: { kind: 'list', item: { kind: 'number' } } } });
    const open: JsonObject[] = [
      { additionalProperties: true },
      { additionalProperties: {} },
      { patternProperties: {} },
    ];
    for (const more of open) {
      expect(typeOfJsonSchema({ type: 'object', properties, ...more })).toEqual({ kind: 'map', fields: null });
    }
    expect(typeOfJsonSchema({ type: 'object' })).toEqual({ kind: 'map', fields: null });
  });

  test('a schema that is nested deeply ends in any', () => {
    let schema = {};
    for (let i = 0; i < 10_000; i++) schema = { type: 'array', items: schema };
    expect(typeOfJsonSchema(schema).kind).toBe('list');
  });
});

test('all problems of an expression are reported, and none twice', () => {
  expect(problemsOf('lenght + 1 < widht && load > height && foo(bar)')).toHaveLength(5);
  expect(problemsOf('(lenght * 2 + load) / height > 3')).toHaveLength(1);
});

test('the notes say which unit a literal takes', () => {
  expect(notesOf('deflection <= 0.5')).toEqual(['`deflection <= 0.5` reads 0.5 as 0.5 mm']);
  expect(notesOf('2 * deflection <= -1e-3 * 2')).toEqual([
    '`2 * deflection <= -1e-3 * 2` reads -1e-3 * 2 as -0.002 mm',
  ]);
  expect(notesOf('post.mass <= 2 && count == 3 && ratio * 2 < 1')).toEqual([]);
});

test('exp, log and pow are the portable ones', () => {
  expect(evaluated('exp(0.3)')).toBe(exp(0.3));
  expect(evaluated('log(0.3)')).toBe(log(0.3));
  expect(evaluated('pow(1.1, 2.3)')).toBe(pow(1.1, 2.3));
  expect(evaluated('pow(length, 2)')).toEqual(quantity('40000 mm^2'));
});

test('a reference alone keeps number and unit', () => {
  expect(evaluated('height')).toEqual(quantity('0.02 m'));
  expect(evaluated('(height)')).toEqual(quantity('0.02 m'));
});

test.each([
  ['lenght', 'length'],
  ['MASS', 'mass'],
  ['xyzzy', undefined],
  ['', undefined],
  ['hieght', 'height'],
])('%s is near %s', (word, near) => expect(closest(word, ['length', 'height', 'mass', 'x'])).toBe(near));
