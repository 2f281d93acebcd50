import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../../src/base/json.ts';
import type { ToolSession } from '../../../src/engines/ports.ts';
import { stable, ToolProject } from '../tools-project.ts';

/*
 * SEC-29 of the threat list: what a model or a tool has written becomes one element of the program's arguments, byte for byte, or is
 * refused before anything starts. No shell, no globbing, no splitting.
 */

let project: ToolProject;
let session: ToolSession;

const echo = { effect: 'pure', argv: ['argv', 'before', '{value}', 'after'] };
const DECLARATION = { process: { command: ['node', 'program.mjs'] }, calls: { echo } };

beforeAll(async () => {
  project = new ToolProject('program.mjs');
  session = await project.open(await project.pin(DECLARATION));
});
afterAll(async () => {
  await project.end();
  project.remove();
});

const ARRIVES = [
  '',
  ' ',
  '  two  blanks  ',
  '\t',
  '\n',
  'two\nlines',
  'carriage\rreturn',
  '\u000b\u000c',
  '\u0001\u0002\u0007\u0008',
  '\u001b[31mred\u001b[0m',
  '\u001b]0;title\u0007',
  '\u007f\u0080\u009b',
  '$HOME',
  '$\u007bHOME}',
  '$(touch pwned)',
  '`touch pwned`',
  '; touch pwned',
  '& touch pwned &',
  '| touch pwned',
  '|| touch pwned',
  '&& touch pwned',
  '> pwned',
  '>> pwned',
  '< /etc/passwd',
  '2>&1',
  '<(touch pwned)',
  '\ntouch pwned\n',
  '*',
  '?',
  '[a-z]*',
  '{a,b}',
  '{value}',
  '{idempotency_key}',
  '~',
  '~root',
  '!!',
  '!$',
  '#comment',
  "'",
  '"',
  `'; touch pwned; '`,
  `"; touch pwned; "`,
  `\\`,
  `\\"`,
  `trailing\\`,
  '%PATH%',
  '^&|<>',
  '%s%n%x',
  '../../etc/passwd',
  '/etc/passwd',
  'file:///etc/passwd',
  '@response-file',
  '=1+1',
  'a=b',
  'é à ü',
  'e\u0301',
  '漢字',
  '😀👩‍👩‍👧',
  '\u202egnp.exe',
  '\u200b\ufeff',
  '\u2028\u2029',
  '\uffff\u{10ffff}',
  '​',
  'null',
  'true',
  '1e400',
  '__proto__',
  'x'.repeat(100_000),
];

describe('one element, byte for byte', () => {
  test.each(ARRIVES.map((value) => [JSON.stringify(value).slice(0, 40), value]))('%s', async (_, value) => {
    const bytes = Buffer.from(value, 'utf8').toString('latin1');
    expect(stable(await session.call(project.call('echo', { value })))).toMatchObject({
      kind: 'answer',
      answer: ['before', bytes, 'after'],
    });
  });

  test.each<[Json, string]>([
    [0, '0'],
    [-5, '-5'],
    [0.1, '0.1'],
    [1e21, '1e+21'],
    [5e-324, '5e-324'],
    [true, 'true'],
    [false, 'false'],
  ])('%s', async (value, text) => {
    const end = await session.call(project.call('echo', { value }));
    expect(end).toMatchObject({ kind: 'answer', answer: ['before', text, 'after'] });
  });

  test('nothing that any of them names has come to be', () => {
    const files = [...readdirSync(project.folder), ...readdirSync(project.work_folder)];
    expect(files.sort()).toEqual(['pids', 'program.mjs', 'work']);
  });
});

describe('refused before anything starts', () => {
  test.each<[string, Record<string, Json>, string]>([
    ['a NUL', { value: 'a\0b' }, 'The argument "value" holds a NUL character.'],
    ['half of a character', { value: '\ud800' }, 'The argument "value" holds half of a surrogate pair.'],
    ['an option', { value: '-rf' }, 'The argument "value" begins with `-`, as an option does'],
    ['a long option', { value: '--output=/etc/passwd' }, 'The argument "value" begins with `-`'],
    ['a dash', { value: '-' }, 'The argument "value" begins with `-`'],
    ['null', { value: null }, 'The argument "value" is no single value'],
    ['a list', { value: ['a'] }, 'The argument "value" is no single value'],
    ['an object', { value: { a: 1 } }, 'The argument "value" is no single value'],
    ['nothing', {}, 'The argument "value" is not given.'],
  ])('%s', async (_, args, message) => {
    const before = project.pids().length;
    const end = await session.call(project.call('echo', args));
    expect(end).toMatchObject({ kind: 'failure', class: 'tool_failed', message: expect.stringContaining(message) });
    expect(end).toMatchObject({ message: expect.stringMatching(/Nothing was started\.$/) });
    expect(project.pids()).toHaveLength(before);
  });

  test('what no object has of its own is not given, whatever its prototype says', async () => {
    const calls = { echo: { effect: 'pure', argv: ['argv', '{toString}', '{constructor}'] } };
    const other = await project.open(await project.pin({ ...DECLARATION, calls }));
    const message = 'The argument "toString" is not given. Nothing was started.';
    expect(await other.call(project.call('echo'))).toMatchObject({ kind: 'failure', message });
  });

  test('an element that is longer than the operating system takes', async () => {
    const end = await session.call(project.call('echo', { value: 'x'.repeat(3_000_000) }));
    const message = 'The program does not start: spawn E2BIG';
    expect(end).toMatchObject({ kind: 'failure', class: 'tool_broken', message });
  });

  test.each(['--size={value}', '{a}{b}', 'a {value}'])(
    'a placeholder within an element cannot be declared: %s',
    async (element) => {
      const calls = { echo: { effect: 'pure' as const, argv: [element] } };
      const pinned = project.pin({ ...DECLARATION, calls });
      await expect(pinned).rejects.toThrow('a placeholder stands alone in its element');
    },
  );
});
