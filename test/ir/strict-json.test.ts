import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import { parseStrictJson, type JsonProblem, type StrictJsonOptions } from '../../src/ir/strict-json.ts';

function accept(text: string, options?: StrictJsonOptions): Json {
  const parsed = parseStrictJson(text, options);
  expect(parsed, text.slice(0, 60)).toMatchObject({ ok: true });
  if (!parsed.ok) throw new Error('refused');
  return parsed.value.value;
}

function refuse(text: string, options?: StrictJsonOptions): JsonProblem {
  const parsed = parseStrictJson(text, options);
  if (parsed.ok) throw new Error(`accepted: ${text.slice(0, 60)}`);
  expect(parsed.error.hint).not.toBe('');
  return parsed.error;
}

test.each([
  '0',
  '-1',
  '1e3',
  '1E+3',
  '-0.5e-2',
  '"\\u0041\\n\\/\\ud83d\\ude00"',
  ' [1, {"a": []}, null]\r\n\t',
  '{"": true}',
  '"\u007f\u2028"',
  '9007199254740991',
  '-9007199254740991',
  '5e-324',
])('reads %s as JSON.parse does', (text) => expect(accept(text)).toEqual(JSON.parse(text)));

describe('refuses', () => {
  test.each([
    ['nothing', ''],
    ['white space only', ' \n'],
    ['trailing bytes', '1 2'],
    ['a trailing NUL', '1\u0000'],
    ['a trailing comma in an array', '[1,]'],
    ['a trailing comma in an object', '{"a":1,}'],
    ['a missing comma', '[1 2]'],
    ['a missing colon', '{"a" 1}'],
    ['a bare key', '{a: 1}'],
    ['single quotes', "['a']"],
    ['a comment', '[1] // one'],
    ['an open array', '[1'],
    ['an open string', '"abc'],
    ['the wrong bracket', '[1}'],
    ['a raw line feed in a string', '"a\nb"'],
    ['a raw NUL in a string', '"a\u0000b"'],
    ['an unknown escape', '"\\x41"'],
    ['a short escape', '"\\u12"'],
    ['an escape cut off', '"\\'],
    ['a leading zero', '01'],
    ['a leading plus', '+1'],
    ['a bare fraction', '.5'],
    ['a fraction without digits', '1.'],
    ['an exponent without digits', '1e'],
    ['hexadecimal', '0x10'],
    ['NaN', 'NaN'],
    ['Infinity', '[-Infinity]'],
    ['undefined', 'undefined'],
    ['capitals', 'True'],
    ['words that run on', 'nullnull'],
    ['other white space', '[1,\u00a02]'],
    ['a full-width digit', '\uff11'],
  ])('%s', (_, text) => {
    expect(refuse(text).code).toBe('SYNTAX');
    expect(() => JSON.parse(text)).toThrow();
  });

  test.each([
    ['BYTE_ORDER_MARK', '\ufeff1'],
    ['DUPLICATE_KEY', '{"a":1,"\\u0061":2}'],
    ['KEY_FORBIDDEN', '{"__proto__":{}}'],
    ['KEY_FORBIDDEN', '{"\\u005f_proto__":{}}'],
    ['KEY_FORBIDDEN', '{"constructor":{}}'],
    ['KEY_FORBIDDEN', '{"prototype":{}}'],
    ['LONE_SURROGATE', '"\\ud800"'],
    ['LONE_SURROGATE', '"\\ude00\\ud83d"'],
    ['LONE_SURROGATE', '"\ud800"'],
    ['LONE_SURROGATE', '{"\\udfff":1}'],
    ['NUL_IN_STRING', '"a\\u0000"'],
    ['NEGATIVE_ZERO', '-0'],
    ['NEGATIVE_ZERO', '[-0.0e7]'],
    ['NUMBER_NOT_FINITE', '1e400'],
    ['NUMBER_NOT_FINITE', '-1e400'],
    ['NUMBER_TOO_SMALL', '1e-400'],
    ['NUMBER_TOO_SMALL', '-1e-400'],
    ['NUMBER_NOT_EXACT', '9007199254740992'],
    ['NUMBER_NOT_EXACT', '-9007199254740993'],
    ['NUMBER_NOT_EXACT', '9007199254740993.0'],
    ['NUMBER_NOT_EXACT', '90071992547409.93e2'],
    ['NUMBER_NOT_EXACT', '18446744073709551616'],
  ])('%s: %s', (code, text) => expect(refuse(text).code).toBe(code));
});

test('accepts beyond 2^53-1 what 15 digits say, in both spellings', () => {
  expect(accept('[1e20, 100000000000000000000, 1.7e308, 123456789012345e6]')).toEqual([
    1e20, 1e20, 1.7e308, 123456789012345e6,
  ]);
});

describe('limits', () => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  test('levels', () => {
    accept(nested(64));
    expect(refuse(nested(65))).toMatchObject({ code: 'NESTING', line: 1, column: 65 });
    expect(refuse('{"a":'.repeat(65)).code).toBe('NESTING');
    expect(refuse('['.repeat(1_000_000)).code).toBe('NESTING');
    expect(refuse('[[]]', { max_depth: 1 }).code).toBe('NESTING');
  });
  test('values', () => {
    accept(`[${'0,'.repeat(99_998)}0]`);
    expect(refuse(`[${'0,'.repeat(99_999)}0]`).code).toBe('TOO_MANY_NODES');
    expect(refuse('[[]]', { max_nodes: 1 }).code).toBe('TOO_MANY_NODES');
  });
  test('bytes, not characters', () => {
    accept(`"${'x'.repeat(1_048_574)}"`);
    expect(refuse(`"${'x'.repeat(1_048_575)}"`).code).toBe('TOO_LARGE');
    accept(`"${'x'.repeat(1_048_575)}"`, { max_bytes: 1_048_577 });
    expect(refuse('"\u00e9\u20ac\u{1f600}"', { max_bytes: 10 }).code).toBe('TOO_LARGE');
    accept('"\u00e9\u20ac\u{1f600}"', { max_bytes: 11 });
  });
  test('an option that is undefined is the default', () => {
    expect(refuse(nested(65), { max_depth: undefined }).code).toBe('NESTING');
  });
});

test('says where', () => {
  expect(refuse('{\n  "a": [1,\n    -0]}')).toMatchObject({ line: 3, column: 5, offset: 17, pointer: '/a/1' });
  expect(refuse('{"x/y~": {"k": 1, "k": 2}}')).toMatchObject({ column: 19, pointer: '/x~1y~0' });
});

test('locates values by pointer', () => {
  const parsed = parseStrictJson('{\n "a/b": [10, {"~": "xyz"}]}');
  if (!parsed.ok) throw new Error(parsed.error.message);
  expect(parsed.value.locate('')).toEqual({ line: 1, column: 1, offset: 0, length: 29 });
  expect(parsed.value.locate('/a~1b/0')).toEqual({ line: 2, column: 10, offset: 11, length: 2 });
  expect(parsed.value.locate('/a~1b/1/~0')).toEqual({ line: 2, column: 20, offset: 21, length: 5 });
  for (const absent of ['/a', '/a~1b/2', '/a~1b/01', '/a~1b/length', 'a', '/toString']) {
    expect(parsed.value.locate(absent), absent).toBeUndefined();
  }
});

test('its objects have no prototype', () => {
  const value = accept('{"toString": 1, "hasOwnProperty": {}}') as { hasOwnProperty: object };
  expect(Object.getPrototypeOf(value)).toBeNull();
  expect(Object.getPrototypeOf(value.hasOwnProperty)).toBeNull();
});

test('reads back all canonical JSON that holds no digits beyond a double', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = canonicalJson(value);
      const parsed = parseStrictJson(text);
      if (parsed.ok) expect(canonicalJson(parsed.value.value)).toBe(text);
      else expect(['NUMBER_NOT_EXACT', 'NUL_IN_STRING', 'KEY_FORBIDDEN']).toContain(parsed.error.code);
    }),
  );
});

test('accepts nothing that JSON.parse refuses, and gives the same value', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"',
    '1',
    '-',
    '.5',
    'e3',
    'null',
    ' ',
    '\n',
    '\\u0041',
    '0',
    'tru',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      const parsed = parseStrictJson(text);
      if (parsed.ok) expect(parsed.value.value).toEqual(JSON.parse(text));
      else if (parsed.error.code === 'SYNTAX') expect(() => JSON.parse(text)).toThrow();
    }),
    { numRuns: 2000 },
  );
});

test('what passes once passes again in canonical form', () => {
  const literal = fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 18n }), fc.integer({ min: -30, max: 30 }));
  fc.assert(
    fc.property(literal, ([digits, exponent]) => {
      const parsed = parseStrictJson(`${digits}e${exponent}`);
      if (parsed.ok) expect(accept(canonicalJson(parsed.value.value))).toBe(parsed.value.value);
    }),
    { numRuns: 2000 },
  );
});
