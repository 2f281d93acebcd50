import { createHash } from 'node:crypto';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/base/json.ts';
import type { CallEnd, ToolSession } from '../../../src/engines/ports.ts';
import { canonicalJson } from '../../../src/ir/canonical.ts';
import { stable, ToolProject } from '../tools-project.ts';

/* What makes a program's end an answer: exit status, no denied line, its files, and what standard output holds. */

let project: ToolProject;
let session: ToolSession;

const say = { effect: 'pure', argv: ['say'] };
const value = {
  type: 'object',
  properties: { value: { type: 'number' } },
  required: ['value'],
  additionalProperties: false,
};
const DECLARATION = {
  process: { command: ['node', 'program.mjs'] },
  calls: {
    plain: say,
    text: { ...say, output: { stdout: 'text' } },
    strict: { ...say, answer: value },
    deny: { ...say, output: { stdout: 'text', deny: ['*ERROR', 'FATAL:'] } },
    statuses: { ...say, output: { stdout: 'text', exit: [0, 3, 143] } },
    files: { ...say, output: { files: [{ name: 'out/beam.frd' }, { name: 'notes.txt', required: false }] } },
    kept: { ...say, effect: 'once', output: { files: [{ name: 'mine.txt' }] } },
    link: { ...say, output: { files: [{ name: 'link.txt' }] } },
    hang: { effect: 'pure', argv: ['hang'] },
  },
};

beforeAll(async () => {
  project = new ToolProject('program.mjs');
  session = await project.open(await project.pin(DECLARATION));
});
afterAll(async () => {
  await project.end();
  expect(project.left()).toEqual([]);
  project.remove();
});

async function act(call: string, args: JsonObject): Promise<CallEnd> {
  return session.call(project.call(call, args));
}

describe('exit status', () => {
  test.each<[string, JsonObject, string, string]>([
    ['plain', { exit: 1 }, 'tool_failed', 'The program ended (exit status 1). It wrote nothing.'],
    [
      'plain',
      { exit: 2, stdout: '1', stderr: 'no licence\n' },
      'tool_failed',
      'The program ended (exit status 2). It wrote: no licence',
    ],
    [
      'plain',
      { exit: 2, stderr: 'area of 10\n\n  too wide\n' },
      'tool_failed',
      'The program ended (exit status 2). It wrote: area of 10 / too wide',
    ],
    ['plain', { exit: 2, stdout: 'no mesh' }, 'tool_failed', 'The program ended (exit status 2). It wrote: no mesh'],
    ['statuses', { exit: 4 }, 'tool_failed', 'The program ended (exit status 4). It wrote nothing.'],
    ['plain', { signal: 'SIGSEGV' }, 'tool_failed', 'The program ended (killed by SIGSEGV). It wrote nothing.'],
    ['plain', { signal: 'SIGABRT' }, 'tool_failed', 'The program ended (killed by SIGABRT). It wrote nothing.'],
  ])('%s: %o', async (call, args, kind, message) => {
    expect(stable(await act(call, args))).toEqual({ kind: 'failure', class: kind, message });
  });

  test.each([0, 3, 143])('%i, where it is declared to mean success', async (exit) => {
    expect(await act('statuses', { exit, stdout: 'well' })).toMatchObject({ kind: 'answer', answer: 'well' });
  });

  test.each<[JsonObject, string]>([
    [{ signal: 'SIGKILL' }, 'It was killed by SIGKILL.'],
    [{ signal: 'SIGTERM' }, 'It was killed by SIGTERM.'],
    [{ exit: 137 }, 'It ended with exit status 137, as when a child of it is killed.'],
  ])('%o: killed from outside, so nobody knows what was done', async (args, message) => {
    expect(stable(await act('plain', args))).toEqual({ kind: 'lost', reason: 'died', message });
    expect(await act('plain', { stdout: '1' })).toMatchObject({ kind: 'answer' }); // not the fifth time in a row
  });

  test('five kills in a row: the next call is not sent, the one after it is', async () => {
    const other = await project.open(await project.pin(DECLARATION));
    const kill = () => other.call(project.call('plain', { signal: 'SIGKILL' }));
    for (let count = 0; count < 5; count += 1) expect(await kill()).toMatchObject({ kind: 'lost' });
    const started = project.pids().length;
    const message = 'The program was killed 5 times in a row; it was not started.';
    expect(stable(await kill())).toEqual({ kind: 'failure', class: 'tool_broken', message });
    expect(project.pids()).toHaveLength(started);
    expect(await kill()).toMatchObject({ kind: 'lost' });
  });
});

describe('denied lines', () => {
  test.each<[string, JsonObject, string]>([
    [
      'CalculiX without its input',
      { stdout: 'CalculiX Version 2.20\n\n *ERROR in readinput: cannot open file beam.inp\n' },
      ' *ERROR in readinput: cannot open file beam.inp',
    ],
    ['at the very beginning', { stdout: '*ERROR' }, '*ERROR'],
    ['on standard error', { stdout: 'fine\n', stderr: 'note\n\tFATAL: no supports\n' }, 'FATAL: no supports'],
    ['after a progress bar', { stdout: '10%\r20%\r*ERROR: diverged\r' }, '*ERROR: diverged'],
    ['after Windows line ends', { stdout: 'one\r\n*ERROR two\r\n' }, '*ERROR two'],
    ['in a log of another encoding', { stdout_hex: Buffer.from('gr\u00fcn\n*ERROR \n', 'latin1').toString('hex') }, ''],
    ['among thousands of lines', { stdout: `${'a line\n'.repeat(100_000)}*ERROR\n${'x\n'.repeat(1000)}` }, '*ERROR'],
  ])('%s', async (_, args, line) => {
    const end = await act('deny', { ...args, exit: 0 });
    expect(end).toMatchObject({ kind: 'failure', class: 'tool_failed' });
    expect(end).toMatchObject({ message: expect.stringContaining(line.trim()) });
    expect(end).toMatchObject({ message: expect.stringMatching(/^The program wrote a line that means failure: "/) });
  });

  test.each(['no *ERROR here', 'warning: FATAL: was mentioned', '*error', '* ERROR', 'x*ERROR'])(
    'not denied: %s',
    async (stdout) => {
      expect(await act('deny', { stdout })).toMatchObject({ kind: 'answer', answer: stdout });
    },
  );

  test('what a denied line says cannot act on a terminal', async () => {
    const end = await act('deny', { stdout: '*ERROR \u001b[2J\u202e' });
    expect(end).toMatchObject({ message: expect.stringContaining('"*ERROR \\u{1b}[2J\\u{202e}"') });
  });
});

describe('standard output', () => {
  test.each<[string, string, unknown]>([
    ['plain', '{"value":1.5}', { value: 1.5 }],
    ['plain', ' [1, "a", null, true] \n', [1, 'a', null, true]],
    ['plain', '-0', 0],
    ['plain', '"NaN"', 'NaN'],
    ['plain', '"a JSON text in text stays text: {\\"a\\":1}"', 'a JSON text in text stays text: {"a":1}'],
    ['text', '{"value":1}', '{"value":1}'],
    ['text', '', ''],
    ['strict', '{"value":2}', { value: 2 }],
  ])('%s takes %s', async (call, stdout, answer) => {
    expect(await act(call, { stdout })).toMatchObject({ kind: 'answer', answer });
  });

  test.each<[string, JsonObject, string, string]>([
    ['plain', { stdout: '' }, 'tool_broken', 'Standard output is not one JSON value: ""'],
    ['plain', { stdout: '{} {}' }, 'tool_broken', 'Standard output is not one JSON value: "{} {}"'],
    ['plain', { stdout: 'log\n{}' }, 'tool_broken', 'Standard output is not one JSON value: "log\\n{}"'],
    ['plain', { stdout: '{"a":1' }, 'tool_broken', 'Standard output is not one JSON value: "{"a":1"'],
    ['plain', { stdout_hex: 'ff7b7d' }, 'tool_broken', 'Standard output is not UTF-8: "\ufffd{}"'],
    ['text', { stdout_hex: 'ff' }, 'tool_broken', 'Standard output is not UTF-8: "\ufffd"'],
    ['plain', { stdout: '{"a":NaN}' }, 'bad_metric', 'The answer holds NaN, which is no number of JSON.'],
    ['plain', { stdout: '{"a":"NaN","b":[-Infinity]}' }, 'bad_metric', 'The answer holds -Infinity, which is no'],
    ['plain', { stdout: '{"a":NaN' }, 'tool_broken', 'Standard output is not one JSON value: "{"a":NaN"'],
    ['plain', { stdout: '{"a":1e400}' }, 'bad_metric', 'The number at "/a" of the answer is not finite.'],
    ['plain', { stdout: '9007199254740993' }, 'bad_metric', 'The number at "/" of the answer, 9007199254740992, is'],
    ['plain', { stdout: '{"__proto__":1}' }, 'tool_broken', 'The answer has a key "__proto__" at "/".'],
    ['plain', { stdout: '"\\ud800"' }, 'tool_broken', 'The text at "/" of the answer has half of a surrogate pair.'],
    ['plain', { stdout: '['.repeat(65) + ']'.repeat(65) }, 'tool_broken', 'The answer is nested more than 64 levels'],
    ['strict', { stdout: '{"value":"1"}' }, 'tool_broken', 'The answer does not fit the pinned schema: /value must be'],
    ['strict', { stdout: '{}' }, 'tool_broken', 'The answer does not fit the pinned schema: / must have required prop'],
    [
      'strict',
      { stdout: '{"value":1,"success":false}' },
      'tool_broken',
      'The answer does not fit the pinned schema: /',
    ],
  ])('%s refuses %o', async (call, args, kind, message) => {
    const end = await act(call, args);
    expect(end).toMatchObject({ kind: 'failure', class: kind, message: expect.stringContaining(message) });
  });

  test('a text that has 200,000 quotes and no end is looked at once', async () => {
    const began = performance.now();
    const end = await act('plain', { stdout: `"${'\\"'.repeat(200_000)}` });
    expect(end).toMatchObject({ class: 'tool_broken', message: expect.stringContaining('not one JSON value') });
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test.each<[string, string]>([
    ['2 MB are too many for an answer', `"${'x'.repeat(2_000_000)}"`],
    ['12 MB are not even read', `"${'x'.repeat(12_000_000)}"`],
  ])('%s', async (_, stdout) => {
    const end = await act('plain', { stdout });
    expect(end).toMatchObject({ kind: 'failure', class: 'tool_broken', message: expect.stringContaining('bytes') });
    expect(project.artifacts.text(end.observed['stdout_sha256'])).toBe(stdout); // and kept all the same
  });
});

describe('files', () => {
  test('a required file that is missing makes the end a failure, whatever the exit status', async () => {
    const message = 'The program ended well but did not write the file "out/beam.frd".';
    expect(stable(await act('files', { stdout: '{}' }))).toEqual({ kind: 'failure', class: 'tool_failed', message });
  });

  test('the files are kept with their digests, and those of an earlier call are not taken for them', async () => {
    const { mkdirSync } = await import('node:fs');
    mkdirSync(`${project.work_folder}/out`);
    const files = { 'out/beam.frd': 'results', 'notes.txt': '' };
    const end = await act('files', { stdout: '{}', files });
    expect(end.kind === 'answer' && end.artifacts.map(({ name, bytes }) => [name, bytes])).toEqual([
      ['out/beam.frd', 7],
      ['notes.txt', 0],
      ['stdout.txt', 2],
    ]);
    const kept = end.kind === 'answer' ? end.artifacts : [];
    expect(project.artifacts.text(kept[0]!.sha256)).toBe('results');
    expect(await act('files', { stdout: '{}' })).toMatchObject({ kind: 'failure', class: 'tool_failed' });
  });

  test('what an effect wrote at an earlier sending is its own, and stays', async () => {
    await act('kept', { stdout: '{}', files: { 'mine.txt': 'first' } });
    expect(await act('kept', { stdout: '{}' })).toMatchObject({ kind: 'answer', artifacts: [{ bytes: 5 }, {}] });
  });

  test('a link that leads out of the work folder is not followed', async () => {
    const call = project.call('link', { stdout: '{}', files: {} });
    const once = { ...DECLARATION, calls: { link: { ...DECLARATION.calls.link, effect: 'once' as const } } };
    symlinkSync('/etc/hostname', `${project.work_folder}/link.txt`);
    const end = await (await project.open(await project.pin(once))).call(call);
    expect(end).toMatchObject({ kind: 'failure', message: expect.stringMatching(/outside the project folder/) });
  });

  test.each(['../outside', '/etc/passwd', 'a//b', '.hidden', 'a b', 'nul'])('no file can be named %s', async (name) => {
    const calls = { say: { ...say, effect: 'pure' as const, output: { files: [{ name }] } } };
    await expect(project.pin({ ...DECLARATION, calls })).rejects.toThrow(/file name .* cannot be used/);
  });
});

describe('what is recorded of every call', () => {
  test('both streams are artifacts of an answer, as they were written', async () => {
    const end = await act('plain', { stdout: '{}\n', stderr: 'grün \u001b[1m\n' });
    const streams = end.kind === 'answer' ? end.artifacts : [];
    expect(streams.map(({ name, sha256 }) => [name, project.artifacts.text(sha256)])).toEqual([
      ['stdout.txt', '{}\n'],
      ['stderr.txt', 'grün \u001b[1m\n'],
    ]);
    expect(end.observed).toMatchObject({ stdout_sha256: streams[0]!.sha256, stderr_sha256: streams[1]!.sha256 });
    expect(project.lines).toContain('fixture: grün \u001b[1m');
  });

  test.each<[string, JsonObject, JsonObject]>([
    ['a failure', { stdout: 'out', stderr: 'err', exit: 9 }, { exit_status: 9 }],
    ['a call that is lost', { stdout: 'out', stderr: 'err', signal: 'SIGKILL' }, { exit_signal: 'SIGKILL' }],
  ])('%s has its streams, end and length as well', async (_, args, how) => {
    const { observed } = await act('plain', args);
    expect(observed).toMatchObject({ tool: 'fixture', host: expect.any(String), ...how });
    expect(observed['duration_ms']).toBeGreaterThan(0);
    expect(project.artifacts.text(observed['stdout_sha256'])).toBe('out');
    expect(project.artifacts.text(observed['stderr_sha256'])).toBe('err');
  });
});

test('a file name that leads out of the work folder, as only a lock of other makers can hold it, starts and removes nothing', async () => {
  const victim = project.path('victim.txt');
  writeFileSync(victim, 'mine');
  const tool = await project.pin({
    ...DECLARATION,
    calls: { plain: { ...say, output: { files: [{ name: 'x.txt' }] } } },
  });
  const plain = tool.pinned.calls['plain']!;
  const astray = { ...plain, output: { ...plain.output!, files: [{ name: '../victim.txt', required: false }] } };
  const { description, input, answer, argv, output } = astray;
  const contract = canonicalJson({ name: 'plain', description, input, answer, argv, output } as JsonObject);
  const contract_sha256 = createHash('sha256').update(contract).digest('hex');
  const pinned = { ...tool.pinned, calls: { plain: { ...astray, contract_sha256 } } };
  const other = await project.open({ ...tool, pinned });
  const end = await other.call(project.call('plain', { stdout: '1' }));
  expect(end).toMatchObject({
    kind: 'failure',
    class: 'tool_broken',
    message: expect.stringContaining('"../victim.txt"'),
  });
  expect(readFileSync(victim, 'utf8')).toBe('mine');
});
