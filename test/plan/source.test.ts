import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import type { Problem } from '../../src/ir/problem.ts';
import { readSource, type Source } from '../../src/plan/source.ts';

function read(text: string | Uint8Array, file = 'beam.plan.yaml'): ReturnType<typeof readSource> {
  return readSource(file, typeof text === 'string' ? new TextEncoder().encode(text) : text);
}

function accept(text: string, file?: string): Source {
  const source = read(text, file);
  if (!source.ok) throw new Error(JSON.stringify(source.error));
  return source.value;
}

function refuse(text: string | Uint8Array, file?: string): readonly Problem[] {
  const source = read(text, file);
  if (source.ok) throw new Error(`accepted: ${JSON.stringify(source.value.value)}`);
  expect(source.error.length).toBeGreaterThan(0);
  for (const problem of source.error) {
    expect(problem).toMatchObject({
      code: expect.stringMatching(/^[A-Z0-9_]+$/),
      severity: 'error',
      file: file ?? 'beam.plan.yaml',
    });
    expect(problem.fix).not.toBe('');
    expect(problem.message).toMatch(/\.$/);
  }
  return source.error;
}

const codes = (problems: readonly Problem[]): string[] => problems.map((problem) => problem.code);

describe('values of the core schema', () => {
  test.each<[string, Json]>([
    ['1', 1],
    ['+1', 1],
    ['.5', 0.5],
    ['1.', 1],
    ['-.5e1', -5],
    ['1e3', 1000],
    ['0x10', 16],
    ['0o7', 7],
    ['0', 0],
    ['0.50', 0.5],
    ['1e20', 1e20],
    ['9007199254740991', 9007199254740991],
    ['true', true],
    ['FALSE', false],
    ['null', null],
    ['~', null],
    ['1_000', '1_000'],
    ['0b11', '0b11'],
    ['1:30', '1:30'],
    ['100 N', '100 N'],
    ['7850 kg/m^3', '7850 kg/m^3'],
    ['2026-11-23', '2026-11-23'],
    ['yes', 'yes'],
    ['off', 'off'],
    ['y', 'y'],
    ['"1"', '1'],
    ["'.nan'", '.nan'],
    ['=width', '=width'],
    ['"[[["', '[[['],
    ['""', ''],
    ["''", ''],
    ["''''", "'"],
    ["'b'''", "b'"],
    ['"\\\\"', '\\'],
    ['"b\\""', 'b"'],
  ])('%s', (text, value) => expect(accept(`a: ${text}`).value).toEqual({ a: value }));

  test('the plan of the design page reads as one would think', () => {
    const text =
      'expctl: 1 # format\nretry: { attempts: 3, on: [transient, node_lost] }\nempty:\nlist:\n  - a: 1\n    b: "x: y"\n  - |\n    two\n    lines\n';
    expect(accept(text).value).toEqual({
      expctl: 1,
      retry: { attempts: 3, on: ['transient', 'node_lost'] },
      empty: null,
      list: [{ a: 1, b: 'x: y' }, 'two\nlines\n'],
    });
  });

  test('a document may have its marks', () => expect(accept('---\na: 1\n...\n').value).toEqual({ a: 1 }));
  test('lines may end as on Windows', () => expect(accept('a: 1\r\nb:\r\n  - 2\r\n').value).toEqual({ a: 1, b: [2] }));
  test('objects have no prototype', () => expect(Object.getPrototypeOf(accept('a: 1').value)).toBeNull());
});

describe('refuses', () => {
  test.each([
    ['ANCHOR', 'a: &x 1'],
    ['ALIAS', 'a: *x'],
    ['TAG', 'a: !!str 1'],
    ['TAG', 'a: !env HOME'],
    ['TAG', '!!omap [a: 1]'],
    ['TAG', '! a'],
    ['DIRECTIVE', '%YAML 1.1\n---\na: 1'],
    ['DIRECTIVE', '%TAG ! tag:x,2000:\n---\na: 1'],
    ['MULTIPLE_DOCUMENTS', 'a: 1\n---\nb: 2'],
    ['DUPLICATE_KEY', 'a: 1\nb: 2\n"a": 3'],
    ['DUPLICATE_KEY', '{a: 1, a: 1}'],
    ['KEY_NOT_STRING', '1: a'],
    ['KEY_NOT_STRING', 'true: a'],
    ['KEY_NOT_STRING', '~: a'],
    ['KEY_NOT_STRING', ': a'],
    ['KEY_NOT_STRING', '[a]: b'],
    ['KEY_NOT_STRING', '? {a: b}\n: c'],
    ['KEY_FORBIDDEN', '__proto__: {x: 1}'],
    ['KEY_FORBIDDEN', 'a: {"\\x5f_proto__": 1}'],
    ['KEY_FORBIDDEN', 'constructor: 1'],
    ['KEY_FORBIDDEN', 'a: [prototype: 1]'],
    ['NUMBER_NOT_FINITE', 'a: .nan'],
    ['NUMBER_NOT_FINITE', 'a: -.INF'],
    ['NUMBER_NOT_FINITE', 'a: 1e400'],
    ['NUMBER_NOT_FINITE', `a: ${'9'.repeat(400)}`],
    ['NUMBER_NOT_FINITE', `a: 0x${'f'.repeat(400)}`],
    ['NUMBER_TOO_SMALL', 'a: 1e-400'],
    ['NEGATIVE_ZERO', 'a: -0'],
    ['NEGATIVE_ZERO', 'a: -.0'],
    ['NUMBER_NOT_EXACT', 'a: 9007199254740993'],
    ['NUMBER_NOT_EXACT', 'a: -9007199254740992'],
    ['NUMBER_NOT_EXACT', 'a: 0x20000000000001'],
    ['NUMBER_NOT_EXACT', 'a: 0o777777777777777777777'],
    ['LEADING_ZERO', 'a: 010'],
    ['LEADING_ZERO', 'a: -00.5'],
    ['LONE_SURROGATE', 'a: "\\ud800"'],
    ['LONE_SURROGATE', '"\\ud800": a'],
    ['NUL_IN_STRING', 'a: "\\0"'],
    ['EMPTY_FILE', ''],
    ['EMPTY_FILE', '# nothing\n\n'],
    ['SYNTAX', 'a: b: c'],
    ['SYNTAX', 'a:\n\t- b'],
    ['SYNTAX', 'a: "b'],
    ['SYNTAX', 'a: "b\\"'],
    ['SYNTAX', 'a: "\\"'],
    ['SYNTAX', '"\\\\\\"'],
    ['SYNTAX', "a: 'b''"],
    ['SYNTAX', "a: '''"],
    ['SYNTAX', 'a: [1, 2'],
    ['SYNTAX', 'a: "\\q"'],
    ['SYNTAX', 'a: @b'],
    ['SYNTAX', 'a: 1\n  b: 2'],
    ['SYNTAX', 'a: |x\n  b'],
    ['SYNTAX', 'a: "\\U00110000"'],
  ])('%s: %s', (code, text) => expect(codes(refuse(text))).toContain(code));

  test('a merge key merges nothing', () => {
    expect(accept('<<: {a: 1}\nb: 2').value).toEqual({ '<<': { a: 1 }, b: 2 });
  });

  test.each([
    ['BYTE_ORDER_MARK', [0xef, 0xbb, 0xbf, 0x61]],
    ['BYTE_ORDER_MARK', [0xff, 0xfe, 0x61, 0]],
    ['BYTE_ORDER_MARK', [0xfe, 0xff, 0, 0x61]],
    ['CONTROL_CHARACTER', [0x61, 0, 0x3a, 0]],
    ['CONTROL_CHARACTER', [0x61, 0x1b]],
    ['CONTROL_CHARACTER', [0x61, 0x7f]],
    ['CONTROL_CHARACTER', [0x61, 0xc2, 0x85]],
    ['CONTROL_CHARACTER', [0x61, 0x0d, 0x62]],
    ['CONTROL_CHARACTER', [0x61, 0xef, 0xbb, 0xbf]],
    ['NOT_UTF8', [0x61, 0xff]],
    ['NOT_UTF8', [0xc0, 0x80]],
    ['NOT_UTF8', [0xed, 0xa0, 0x80]],
    ['NOT_UTF8', [0x61, 0xe2, 0x82]],
  ])('%s in bytes %j, in both syntaxes', (code, bytes) => {
    expect(codes(refuse(Uint8Array.from(bytes)))).toContain(code);
    expect(codes(refuse(Uint8Array.from(bytes), 'a.json'))).toContain(code);
  });

  test('more than 1 MiB', () => {
    accept('#'.repeat(1_048_573) + '\na');
    expect(codes(refuse('#'.repeat(1_048_575) + '\na'))).toEqual(['TOO_LARGE']);
  });

  test('more than 100,000 values', () => {
    accept(`[${'0,'.repeat(99_998)}0]`);
    expect(codes(refuse(`[${'0,'.repeat(99_999)}0]`))).toEqual(['TOO_MANY_NODES']);
    expect(codes(refuse(`[${'{a},'.repeat(50_000)}]`))).toEqual(['TOO_MANY_NODES']);
  });

  test('another extension', () => {
    expect(codes(refuse('a: 1', 'plan.txt'))).toEqual(['FILE_TYPE']);
    expect(codes(refuse('a: 1', 'folder.yaml/plan'))).toEqual(['FILE_TYPE']);
    expect(accept('a: 1', 'PLAN.YML').value).toEqual({ a: 1 });
  });

  test('what is wrong in JSON, with its place', () => {
    expect(refuse('{\n "a": 1,\n "a": 2}', 'a.json')).toMatchObject([{ code: 'DUPLICATE_KEY', line: 3, column: 2 }]);
    expect(codes(refuse('a: 1', 'a.json'))).toEqual(['SYNTAX']);
  });
});

describe('nesting', () => {
  const levels: readonly [string, (n: number) => string][] = [
    ['brackets', (n) => '['.repeat(n) + ']'.repeat(n)],
    ['braces', (n) => '{a: '.repeat(n) + '1' + '}'.repeat(n)],
    ['dashes', (n) => '- '.repeat(n) + 'x'],
    ['indented dashes', (n) => Array.from({ length: n }, (_, i) => `${' '.repeat(i)}-`).join('\n') + ' x'],
    ['indented keys', (n) => Array.from({ length: n }, (_, i) => `${' '.repeat(i)}a:`).join('\n') + ' x'],
    ['pairs in brackets', (n) => '[a: '.repeat(n / 2) + '1' + ']'.repeat(n / 2)],
    ['keys and dashes', (n) => Array.from({ length: n / 2 }, (_, i) => `${'  '.repeat(i)}- a:`).join('\n') + ' x'],
  ];
  test.each(levels)('%s: 64 levels pass, 66 and more do not', (_, text) => {
    accept(text(64));
    for (const n of [66, 128, 130, 1000, 10_000]) {
      const problems = refuse(text(n).slice(0, 1_000_000));
      expect(codes(problems)).toEqual(['NESTING']);
    }
  });
  test('65 levels do not pass either', () => {
    expect(codes(refuse('['.repeat(65) + ']'.repeat(65)))).toEqual(['NESTING']);
    expect(codes(refuse('- '.repeat(65) + 'x'))).toEqual(['NESTING']);
  });
  test('question marks never nest keys', () => {
    expect(codes(refuse('? '.repeat(10) + 'x'))).toContain('KEY_NOT_STRING');
    expect(codes(refuse('? '.repeat(1000) + 'x'))).toEqual(['NESTING']);
  });
  test('brackets and dashes in strings and comments do not count', () => {
    const many = '['.repeat(500);
    const text = `# ${many}\na: "${many}"\nb: '${many}'\nc: x${many}\nd: |\n  ${many}\n  - - - -\n${' '.repeat(500)}x\ne: >-\n  ${'- '.repeat(200)}\nf: [1, 2] # ${many}\n`;
    expect(accept(text).value).toMatchObject({ a: many, b: many, c: `x${many}`, f: [1, 2] });
  });
});

test('reports all problems of a file, in its order, with place, pointer and fix', () => {
  const text = 'a: -0\nb:\n  - 1e400\n  - {x: 1, x: 2}\n3: c\nd/e:\n  "~": .inf\n';
  expect(refuse(text).map(({ code, line, column, pointer }) => [code, line, column, pointer])).toEqual([
    ['NEGATIVE_ZERO', 1, 4, '/a'],
    ['NUMBER_NOT_FINITE', 3, 5, '/b/0'],
    ['DUPLICATE_KEY', 4, 12, '/b/1'],
    ['KEY_NOT_STRING', 5, 1, ''],
    ['NUMBER_NOT_FINITE', 7, 8, '/d~1e/~0'],
  ]);
  expect(codes(refuse('a: &x 1\nb: *x\nc: -0'))).toEqual(['ANCHOR', 'ALIAS', 'NEGATIVE_ZERO']);
  expect(codes(refuse('a: "\\q"\nb: [1 2\nc: }'))).toEqual(expect.arrayContaining(['SYNTAX', 'SYNTAX']));
});

test('keeps a hundred problems and counts the others', () => {
  const problems = refuse('- -0\n'.repeat(50_000));
  expect(problems).toHaveLength(101);
  expect(problems.at(-1)).toMatchObject({ code: 'MORE_PROBLEMS', message: '... and 49900 more.' });
  expect(refuse(']'.repeat(500_000)).at(-1)?.message).toBe('... and at least 49900 more.');
});

describe('positions', () => {
  const yaml = 'a:\n  b: [10, "x y"]\n  c/d: {~: }\n'.replace('~', '"~"');
  const source = accept(yaml);
  test('of values, and of the nearest ancestor', () => {
    expect(source.locate('')).toEqual({ line: 1, column: 1 });
    expect(source.locate('/a/b')).toEqual({ line: 2, column: 6 });
    expect(source.locate('/a/b/1')).toEqual({ line: 2, column: 11 });
    expect(source.locate('/a/b/7/x')).toEqual({ line: 2, column: 6 });
    expect(source.locate('/a/c~1d')).toEqual({ line: 3, column: 8 });
    expect(source.locate('/zzz')).toEqual({ line: 1, column: 1 });
  });
  test('of keys', () => {
    expect(source.locateKey('/a/b')).toEqual({ line: 2, column: 3 });
    expect(source.locateKey('/a/c~1d/~0')).toEqual({ line: 3, column: 9 });
    expect(source.locateKey('/a/b/0')).toEqual({ line: 2, column: 7 });
    expect(source.locateKey('/a/b/0/x')).toEqual({ line: 2, column: 7 });
  });
  test('are the same for the same text as JSON', () => {
    const text = '{"a": {"b": [1, "x"]},\n "c": "\\u0041=y"}';
    const [one, other] = [accept(text, 'a.json'), accept(text, 'a.yaml')];
    for (const pointer of ['', '/a', '/a/b', '/a/b/1', '/c', '/a/b/9']) {
      expect(one.locate(pointer)).toEqual(other.locate(pointer));
      expect(one.locateKey(pointer)).toEqual(other.locateKey(pointer));
      expect(one.locateIn(pointer, 1)).toEqual(other.locateIn(pointer, 1));
    }
    expect(one.locateIn('/c', 1)).toEqual({ line: 2, column: 14 });
  });

  test.each([
    ['plain', 'a: =width * zz'],
    ['double quotes', 'a: "=width * zz"'],
    ['single quotes', "a: '=width * zz'"],
    ['escapes', 'a: "\\x3dw\\u0069dth\\x20* \\U0000007az"'],
    ['folded plain', 'a: =width\n   * zz'],
    ['folded double quotes', 'a: "=width\n\n    *\n   zz"'],
    ['an escaped line end', 'a: "=width \\\n    * zz"'],
    ['literal block', 'a: |\n  =width\n  * zz\n'],
    ['literal block with indentation of its own', 'a: |2\n    =width\n   * zz\n'],
    ['folded block', 'a: >-\n  =width\n  * zz\n'],
    ['folded block with empty lines', 'a: >-\n\n  =width\n\n  * zz\n'],
    ['quotes doubled', "a: '''=width'' * zz'"],
    ['Windows', 'a: |\r\n  =width\r\n  * zz\r\n'],
    ['a fraction of JSON', '{"a": "\\"=width\\t* \\uD83D\\uDE00 zz"}'],
  ])('inside a string: %s', (_, text) => {
    const string = accept(text);
    const { a } = string.value as { a: string };
    const lines = text.split('\n');
    for (const letter of ['w', 'z', '*', 'h']) {
      const { line, column } = string.locateIn('/a', a.indexOf(letter));
      const there = lines[line - 1]!.slice(column - 1);
      expect(there[0] === letter || (there.startsWith('\\') && letter === 'z'), `${letter} at ${line}:${column}`).toBe(
        true,
      );
    }
  });
  test('inside what is no string, or past its end', () => {
    expect(source.locateIn('/a/b', 3)).toEqual({ line: 2, column: 6 });
    expect(source.locateIn('/a/b/1', 99)).toEqual({ line: 2, column: 16 });
    expect(source.locateIn('/none', 1)).toEqual({ line: 1, column: 1 });
  });
});

const json = fc.jsonValue({ maxDepth: 4, stringUnit: 'grapheme' });

test('a JSON text says the same as YAML', () => {
  fc.assert(
    fc.property(json, fc.constantFrom(undefined, 1, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const [asJson, asYaml] = [read(text, 'x.json'), read(text, 'x.yaml')];
      if (asJson.ok && asYaml.ok) expect(asYaml.value.value).toEqual(asJson.value.value);
      else expect([asJson.ok, asYaml.ok]).toEqual([false, false]);
      if (!asJson.ok && !asYaml.ok) expect(codes(asYaml.error)).toContain(asJson.error[0]?.code);
    }),
    { numRuns: 500 },
  );
});

test('text that is not YAML is refused, never thrown', () => {
  const piece = fc.constantFrom(
    '- ',
    '? ',
    ': ',
    'a',
    'b: ',
    '[',
    ']',
    '{',
    '}',
    ', ',
    '"',
    "'",
    '|\n',
    '>-\n',
    '\n',
    '  ',
    '\t',
    '#c',
    ' #',
    '&x ',
    '*x',
    '!t ',
    '%Y',
    '---\n',
    '...\n',
    '1',
    '\\',
    '@',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const source = read(pieces.join(''));
      if (!source.ok) expect(source.error.length).toBeGreaterThan(0);
    }),
    { numRuns: 3000 },
  );
});
