import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../../src/base/json.ts';
import type { CallEnd, ToolSession } from '../../../src/engines/ports.ts';
import { readAnswer } from '../../../src/kernel/answer.ts';
import { stable, ToolProject } from '../tools-project.ts';

/* What an honest server's result becomes: answer, artifacts, and the record of the call. hostile.test.ts has the others. */

let project: ToolProject;
let session: ToolSession;

const DECLARATION = {
  mcp: { command: ['node', 'server.mjs'] },
  version: { call: 'version' },
  calls: {
    echo: { effect: 'by_key', key: { argument: 'idempotency_key' } },
    strict: { effect: 'pure' },
    loose: { effect: 'pure' },
    version: { effect: 'pure' },
  },
};

beforeAll(async () => {
  project = new ToolProject('server.mjs');
  session = await project.open(await project.pin(DECLARATION));
});
afterAll(async () => {
  await project.end();
  expect(project.left()).toEqual([]);
  project.remove();
});

async function act(call: string, name: string, args: JsonObject = {}): Promise<CallEnd> {
  return session.call(project.call(call, { act: name, ...args }));
}

async function content(...parts: Json[]): Promise<CallEnd> {
  return act('loose', 'content', { content: parts });
}

describe('the answer', () => {
  test('is the structured content, of whatever kind', async () => {
    for (const value of [{ a: 1 }, { a: { b: [1, 'x', null, true] } }, {}] as JsonObject[]) {
      expect(await act('loose', 'structured', { value })).toMatchObject({ kind: 'answer', answer: value });
    }
  });

  test('is held to the pinned output schema, not to what the server says of itself', async () => {
    expect(await act('strict', 'structured', { value: { value: 2.5 } })).toMatchObject({ answer: { value: 2.5 } });
    const end = await act('strict', 'structured', { value: { value: '2.5' } });
    const message = 'The answer does not fit the pinned output schema: /value must be number';
    expect(stable(end)).toEqual({ kind: 'failure', class: 'tool_broken', message });
  });

  test('is text where there is no structure, and JSON in it is read by the kernel alone, where the plan says so', async () => {
    const end = await content({ type: 'text', text: '{"mass":1.5,"zero":-0}' });
    expect(end).toMatchObject({ kind: 'answer', answer: '{"mass":1.5,"zero":-0}' });
    const answer = end.kind === 'answer' ? end.answer : null;
    expect(readAnswer(answer, false)).toEqual({ ok: true, value: '{"mass":1.5,"zero":-0}' });
    expect(readAnswer(answer, true)).toEqual({ ok: true, value: { mass: 1.5, zero: 0 } });
  });

  test('joins several texts by line ends, and is null without any', async () => {
    const texts = [
      { type: 'text', text: 'one' },
      { type: 'text', text: 'two' },
    ];
    expect(await content(...texts)).toMatchObject({ kind: 'answer', answer: 'one\ntwo' });
    expect(await content()).toMatchObject({ kind: 'answer', answer: null });
  });

  test('`isError` is a failure with its text, even beside structured content', async () => {
    expect(stable(await act('strict', 'is_error'))).toEqual({
      kind: 'failure',
      class: 'tool_failed',
      message: 'no \\u{1b}[31mlicence\\u{1b}[0m',
    });
  });
});

describe('the key', () => {
  test('reaches the tool in the argument that the tools file names', async () => {
    const end = await session.call(project.call('echo', { text: 'x' }, { key: 'f'.repeat(64) }));
    expect(end).toMatchObject({ answer: { given: { text: 'x', idempotency_key: 'f'.repeat(64) } } });
  });

  test('is not sent where the tools file names no argument for it', async () => {
    const other = await project.open(
      await project.pin({ ...DECLARATION, calls: { echo: { effect: 'pure' } }, version: undefined }),
    );
    const end = await other.call(project.call('echo', { text: 'x' }));
    expect(end.kind === 'answer' && end.answer).toMatchObject({ given: { text: 'x' } });
    expect(JSON.stringify(end)).not.toContain('c0ffee');
  });

  test('cannot be given by the plan', async () => {
    const end = await session.call(project.call('echo', { idempotency_key: 'mine' }));
    expect(stable(end)).toEqual({
      kind: 'failure',
      class: 'tool_failed',
      message: 'The plan fills the argument "idempotency_key", which carries the effect\'s key; nothing was sent.',
    });
  });
});

describe('artifacts', () => {
  const link = (path: string, name?: string): Json => ({
    type: 'resource_link',
    uri: pathToFileURL(path).href,
    ...(name === undefined ? {} : { name }),
  });

  async function kept(end: CallEnd): Promise<string[][]> {
    if (end.kind !== 'answer') throw new Error(JSON.stringify(end));
    return end.artifacts.map(({ name, sha256 }) => [name, project.artifacts.text(sha256)]);
  }

  test('links to files of the project or the work folder, under the names that the tool gives', async () => {
    mkdirSync(`${project.work_folder}/out`);
    writeFileSync(`${project.work_folder}/out/beam.frd`, 'results');
    writeFileSync(project.path('beam.step'), 'solid');
    const end = await content(
      link(`${project.work_folder}/out/beam.frd`),
      link(project.path('beam.step'), 'cad/b.step'),
    );
    expect(await kept(end)).toEqual([
      ['beam.frd', 'results'],
      ['cad/b.step', 'solid'],
    ]);
  });

  test('embedded texts and bytes, images and sounds; names never meet', async () => {
    const base64 = Buffer.from('bytes').toString('base64');
    const end = await content(
      { type: 'resource', resource: { uri: 'mem:/a/log.txt', text: 'log' } },
      { type: 'resource', resource: { uri: 'mem:/b/LOG.txt', blob: base64 } },
      { type: 'image', data: base64, mimeType: 'image/svg+xml' },
      { type: 'audio', data: base64, mimeType: 'audio/wav' },
    );
    expect(await kept(end)).toEqual([
      ['log.txt', 'log'],
      ['LOG-2.txt', 'bytes'],
      ['image.svg', 'bytes'],
      ['audio.wav', 'bytes'],
    ]);
  });

  test.each<[string, () => Json, RegExp]>([
    ['a file elsewhere', () => link('/etc/hostname'), /outside the project folder/],
    ['a file that is not there', () => link(project.path('gone')), /cannot be read: ENOENT/],
    ['a folder', () => link(project.work_folder), /is no regular file/],
    ['a file of another machine', () => ({ type: 'resource_link', uri: 'file://host/x' }), /no file of this machine/],
    [
      'a link of the file system that leads out',
      () => {
        symlinkSync('/etc/hostname', project.path('innocent'));
        return link(project.path('innocent'));
      },
      /outside the project folder/,
    ],
  ])('%s is not kept, and the answer is a failure', async (_, part, message) => {
    const end = await content(part());
    expect(end).toMatchObject({ kind: 'failure', class: 'tool_broken', message: expect.stringMatching(message) });
  });

  test('links to other places are never followed', async () => {
    const end = await content({ type: 'resource_link', uri: 'https://example.org/secret', name: 'secret' });
    expect(end).toMatchObject({ kind: 'answer', artifacts: [] });
  });
});

describe('what is recorded of every call', () => {
  const facts = {
    tool: 'fixture',
    tool_version: '1.0',
    solver: 'none',
    solver_version: '2.21',
    host: hostname(),
    duration_ms: expect.any(Number),
  };

  test('who performed it, by its probe, and how long it took', async () => {
    const end = await act('loose', 'structured', { value: { a: 1 } });
    expect(end.observed).toEqual(facts);
  });

  test('of a server without a probe: what it calls itself', async () => {
    const { version: _, ...unprobed } = DECLARATION;
    const other = await project.open(await project.pin(unprobed));
    const end = await other.call(project.call('loose', { act: 'structured', value: { a: 1 } }));
    expect(end.observed).toMatchObject({ tool_version: 'fixture 1.0' });
  });

  test.each([
    ['exit_saying', 'lost'],
    ['say', 'answer'],
  ])('what it wrote to standard error meanwhile, and only that: %s', async (name, kind) => {
    await act('loose', 'say', { text: 'before\n' });
    const end = await act('loose', name, { text: 'meanwhile\n' });
    expect(end.kind).toBe(kind);
    expect(end.observed).toMatchObject(facts);
    expect(project.artifacts.text(end.observed['stderr_sha256'])).toBe('meanwhile\n');
  });

  test('of a flood on standard error, its end, and how much is missing', async () => {
    const end = await act('loose', 'say', { text: `${'x'.repeat(200_000)}end` });
    const text = project.artifacts.text(end.observed['stderr_sha256']);
    expect([text.length, text.slice(-4), end.observed['stderr_dropped_bytes']]).toEqual([65_536, 'xend', 134_467]);
  });
});
