import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/ir/canonical.ts';

const VECTORS = new URL('../../../shared/vectors/jcs/', import.meta.url);

test('writes numbers as RFC 8785, appendix B, does', () => {
  const samples: readonly (readonly [number, string])[] = [
    [0, '0'],
    [-0, '0'],
    [5e-324, '5e-324'],
    [-5e-324, '-5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [9007199254740992, '9007199254740992'],
    [295147905179352830000, '295147905179352830000'],
    [9.999999999999997e22, '9.999999999999997e+22'],
    [1e23, '1e+23'],
    [999999999999999700000, '999999999999999700000'],
    [1e21, '1e+21'],
    [9.999999999999997e-7, '9.999999999999997e-7'],
    [0.000001, '0.000001'],
    [333333333.3333333, '333333333.3333333'],
    [1424953923781206.2, '1424953923781206.2'],
  ];
  for (const [value, text] of samples) expect(canonicalJson(value)).toBe(text);
});

test('sorts keys by UTF-16 code units, not by code points', () => {
  expect(canonicalJson({ '\ufb33': 1, '\u{1f600}': 2, '\u20ac': 3, '\r': 4, '1': 5, '10': 6, '2': 7 })).toBe(
    '{"\\r":4,"1":5,"10":6,"2":7,"\u20ac":3,"\u{1f600}":2,"\ufb33":1}',
  );
});

test('sorts few keys and many alike, and writes each text as JSON does', () => {
  const text = fc.string({ unit: 'binary', maxLength: 6 }).filter((value) => !/\p{Surrogate}/u.test(value));
  fc.assert(
    fc.property(fc.dictionary(text, text, { maxKeys: 60 }), (object) => {
      const members = Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));
      const expected = members.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
      expect(canonicalJson(object)).toBe(`{${expected.join()}}`);
    }),
  );
});

test('escapes only what it must', () => {
  expect(canonicalJson('\u20ac$\u000f\nA\'B"\\\b\t\u007f\u2028')).toBe(
    `"\u20ac$\\u000f\\nA'B\\"\\\\\\b\\t\u007f\u2028"`,
  );
});

test('writes own enumerable string keys only', () => {
  const object: object = Object.defineProperty({ a: 1, [Symbol('s')]: 2 }, 'hidden', { value: 3, enumerable: false });
  expect(canonicalJson(object)).toBe('{"a":1}');
  expect(canonicalJson(Object.assign(Object.create(null) as object, { b: [true, null] }))).toBe('{"b":[true,null]}');
});

describe('refuses what JSON cannot say', () => {
  const cycle: unknown[] = [];
  cycle.push({ cycle });
  const samples: readonly (readonly [string, unknown])[] = [
    ['undefined', undefined],
    ['a member that is undefined', { a: undefined }],
    ['NaN', NaN],
    ['an infinity', [-Infinity]],
    ['a bigint', 1n],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a lone high surrogate', 'x\ud800'],
    ['a lone low surrogate as key', { '\udc00': 1 }],
    ['a hole', new Array(1)],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['bytes', new Uint8Array(2)],
    ['a cycle', cycle],
  ];
  test.each(samples)('%s', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });
  test('and says where', () => {
    expect(() => canonicalJson({ a: [0, { b: NaN }] })).toThrow('JSON cannot say NaN at "a/1/b"');
  });
});

test('can be parsed back, and does not depend on the order of keys', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4, stringUnit: 'grapheme' }), (value) => {
      const text = canonicalJson(value);
      const plain: unknown = JSON.parse(JSON.stringify(value)); // without -0
      expect(JSON.parse(text)).toStrictEqual(plain);
      expect(canonicalJson(reversed(plain))).toBe(text);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
  );
});

function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, member]) => [key, reversed(member)]));
}

describe('published vectors', () => {
  if (!existsSync(VECTORS) && process.env['CI'] === undefined) {
    test.skip('skipped: ../shared/vectors/jcs is not there', () => {});
    return;
  }
  test('the folder is there', () => expect(existsSync(VECTORS)).toBe(true));
  const names = existsSync(VECTORS) ? readdirSync(new URL('input/', VECTORS)) : [];
  test.each(names)('%s', (name) => {
    const input: unknown = JSON.parse(readFileSync(new URL(`input/${name}`, VECTORS), 'utf8'));
    const text = canonicalJson(input);
    expect(text).toBe(readFileSync(new URL(`output/${name}`, VECTORS), 'utf8').trimEnd());
    const hex = readFileSync(new URL(`outhex/${name.replace('.json', '.txt')}`, VECTORS), 'utf8');
    expect(Buffer.from(text).toString('hex')).toBe(hex.replaceAll(/\s/g, ''));
  });
});
