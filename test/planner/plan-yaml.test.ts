import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { utf8 } from '../../src/base/sha256.ts';
import type { Problem } from '../../src/ir/problem.ts';
import { readSource } from '../../src/plan/source.ts';
import { planYaml, withProblems } from '../../src/planner/plan-yaml.ts';

const word = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.constantFrom(
    '=',
    '==',
    '=x',
    'on',
    'No',
    'null',
    '~',
    '1e3',
    '0x1F',
    '0o7',
    '1_000',
    '.5',
    '-',
    '- a',
    'a: b',
    'a #b',
    '#',
    '',
    ' ',
    'a ',
    '1.5e3',
    '.inf',
    'NaN',
    '---',
    '2 e3',
    '12:30',
    '100 N',
    '<<',
    '!x',
    '&a',
    '*a',
    '%a',
    '@',
    '`',
    'a\nb',
    '\t',
    '\u2028',
    '\uFEFF',
    '\u0085',
    '\u202E',
    '\u{E0061}',
  ),
);
const key = word.filter((text) => text !== '__proto__' && text !== '');
const leaf = fc.oneof(
  word,
  fc.integer(),
  fc.double({ min: -1e15, max: 1e15, noNaN: true }),
  fc.boolean(),
  fc.constant(null),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
}));

const REFUSED = ['NUMBER_TOO_SMALL', 'NUL_IN_STRING', 'LONE_SURROGATE', 'KEY_FORBIDDEN'];

test('reading what was written gives the value, whatever the texts', () => {
  fc.assert(
    fc.property(fc.dictionary(key, value, { minKeys: 1, maxKeys: 5 }), (map) => {
      const plan = JSON.parse(JSON.stringify(map)) as JsonObject;
      const source = readSource('x.yaml', utf8(planYaml(plan)));
      // A few texts and numbers are refused in every authored file.
      const codes = source.ok ? [] : source.error.map(({ code }) => code);
      expect(codes.filter((code) => !REFUSED.includes(code))).toEqual([]);
      if (source.ok) expect(JSON.stringify(source.value.value)).toBe(JSON.stringify(plan));
    }),
    { numRuns: 2000 },
  );
});

test('a comment above any line changes nothing, whatever the message', () => {
  const plan: JsonObject = {
    a: { call: 'x/y', with: { b: ['c', { d: 'e\nf' }] } },
    list: ['one', { phase: 'p', k: { l: 1 } }],
  };
  const text = planYaml(plan);
  const problem = (line: number, message: string): Problem => {
    return { code: 'X', severity: 'error', file: 'x', line, column: 1, pointer: '', message, fix: 'Mend.' };
  };
  const problems = text.split('\n').map((_, at) => problem(at + 1, 'bad\ntools: evil\u2028\u202E'));
  const noted = withProblems(text, problems);
  expect(noted.match(/^ *# error: bad\\u000atools: evil\\u2028\\u202e Mend\.$/gm)).toHaveLength(problems.length);
  const source = readSource('x.yaml', utf8(noted));
  expect(source.ok && JSON.stringify(source.value.value)).toBe(JSON.stringify(plan));
});

test('warnings are not marked, and the same problem is marked once', () => {
  const base = { code: 'X', file: 'x', line: 2, column: 1, pointer: '', message: 'M.', fix: 'F.' };
  const problems: Problem[] = [
    { ...base, severity: 'warning' },
    { ...base, severity: 'error' },
    { ...base, severity: 'error' },
  ];
  expect(withProblems('a\nb\n', problems)).toBe('a\n# error: M. F.\nb\n');
});
