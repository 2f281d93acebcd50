import { appendFileSync, chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ToolDeclaration } from '../../../src/ir/tools.ts';
import { locked, stable, ToolProject } from '../tools-project.ts';

/* What is pinned of a program, and what happens when it moves: nothing is started any more. */

let project: ToolProject;

const DECLARATION = {
  process: { command: ['node', 'program.mjs'] },
  version: { call: 'version' },
  files: ['material.dat'],
  calls: {
    say: { effect: 'pure', argv: ['say'], description: 'Says what it is told.' },
    version: { effect: 'pure', argv: ['version'] },
  },
};

beforeEach(() => {
  project = new ToolProject('program.mjs');
  writeFileSync(project.path('material.dat'), 'steel\n');
});
afterEach(async () => {
  await project.end();
  expect(project.left()).toEqual([]);
  project.remove();
});

describe('pinning', () => {
  test('program files, the contract as declared, and what the probe answers', async () => {
    const { pinned } = await project.pin(DECLARATION);
    expect(pinned).toMatchObject({
      transport: { kind: 'process', command: ['node', 'program.mjs'], env: {} },
      program: [{ file: 'material.dat' }, { file: 'program.mjs' }],
      server: null,
      probe: { call: 'version', answer: { version: '2.21', solver: 'none' } },
      calls: { say: { effect: 'pure', key: null, description: 'Says what it is told.', argv: ['say'] } },
    });
    expect((await project.pin(DECLARATION)).pin).toBe((await project.pin(DECLARATION)).pin);
  });

  test('every part of a call changes its digest', async () => {
    const digestOf = async (change: object): Promise<string> => {
      const calls = { ...DECLARATION.calls, say: { ...DECLARATION.calls.say, ...change } };
      return (await project.pin({ ...DECLARATION, calls })).pinned.calls['say']!.contract_sha256;
    };
    const changes = [
      {},
      { description: 'Another.' },
      { argv: ['say', 'more'] },
      { input: { type: 'object', required: ['a'] } },
      { answer: { type: 'number' } },
      { output: { stdout: 'text' } },
      { output: { exit: [0, 1] } },
      { output: { deny: ['*ERROR'] } },
      { output: { files: [{ name: 'a' }] } },
    ];
    expect(new Set(await Promise.all(changes.map(digestOf))).size).toBe(changes.length);
  });

  test.each<[string, object, RegExp]>([
    [
      'no such program',
      { process: { command: ['no-such-program'] } },
      /"no-such-program" of tool fixture was not found/,
    ],
    ['no such path', { process: { command: ['./no-such'] } }, /"\.\/no-such" of tool fixture was not found/],
    ['a program that may not be executed', { process: { command: ['./program.mjs'] } }, /was not found/],
    ['a file that is not there', { files: ['gone.dat'] }, /"gone\.dat" of tool fixture cannot be read: ENOENT/],
    ['a folder as a file', { files: ['work'] }, /"work" of tool fixture cannot be read: not a regular file/],
    ['a probe that is no call', { version: { call: 'gone' } }, /probe "gone" is not among its calls/],
    ['no calls', { calls: {}, version: undefined }, /must declare its calls/],
    [
      'a key that is not said',
      { calls: { say: { effect: 'by_key' } } },
      /by_key and does not say how it takes the key/,
    ],
    [
      'a schema that leads out',
      { calls: { say: { answer: { $ref: 'https://example.org/s' } } }, version: undefined },
      /answer schema cannot be used/,
    ],
    ['two transports', { mcp: { command: ['node'] } }, /must name one transport, and names mcp and process/],
    ['a transport to come', { process: undefined, http: {} }, /uses http, which expctl does not know yet/],
  ])('refused: %s', async (_, change, message) => {
    await expect(project.pin({ ...DECLARATION, ...change })).rejects.toThrow(message);
  });

  test('a probe that fails is told with its last words', async () => {
    const version = { effect: 'pure' as const, argv: ['nothing'] };
    const declaration = ToolDeclaration.parse({ ...DECLARATION, calls: { version } });
    const result = await project.tools.discover('fixture', declaration);
    expect(result).toMatchObject({ ok: false, error: { code: 'TOOL_UNAVAILABLE' } });
    expect(result).toMatchObject({
      error: { message: expect.stringContaining('TypeError: ACTS[act] is not a function') },
    });
  });
});

describe('opening', () => {
  async function openError(): Promise<unknown> {
    const opened = await project.tools.open(await pinnedBefore);
    return opened.ok ? 'opened' : opened;
  }
  let pinnedBefore: ReturnType<ToolProject['pin']>;
  beforeEach(async () => {
    pinnedBefore = project.pin(DECLARATION);
    await pinnedBefore;
  });

  test('what has not moved opens', async () => {
    expect(await openError()).toBe('opened');
  });

  test.each<[string, () => void, string]>([
    ['the program', () => appendFileSync(project.path('program.mjs'), '\n'), 'program file "program.mjs": was sha256'],
    [
      'a further file',
      () => writeFileSync(project.path('material.dat'), 'brass\n'),
      'program file "material.dat": was',
    ],
    ['a file that is gone', () => rmSync(project.path('material.dat')), 'cannot be read now (ENOENT)'],
    [
      'the answer of the probe',
      () => project.order({ version: { version: '2.22' } }),
      'probe version at "/version": was "2.21", is "2.22"',
    ],
  ])('moved: %s', async (_, move, what) => {
    const started = project.pids().length;
    move();
    expect(await openError()).toMatchObject({
      error: { code: 'TOOL_DRIFT', message: expect.stringContaining(what), hint: expect.stringContaining('tools pin') },
    });
    if (!what.startsWith('probe')) expect(project.pids()).toHaveLength(started);
  });

  test('a lock whose contract was changed by hand', async () => {
    const { pinned } = await pinnedBefore;
    const say = { ...pinned.calls['say']!, argv: ['say', '--force'] };
    const forged = locked('fixture', { ...pinned, calls: { ...pinned.calls, say } });
    expect(await project.tools.open(forged)).toMatchObject({
      error: {
        code: 'TOOL_DRIFT',
        message: expect.stringContaining('call say: its contract is not the one of its digest'),
      },
    });
  });

  test('a program of the project that is put in front of PATH is found out', async () => {
    const bin = join(project.folder, 'bin');
    mkdirSync(bin);
    const path = `${bin}:${process.env['PATH']}`;
    const declaration = { ...DECLARATION, process: { ...DECLARATION.process, env: { PATH: path } } };
    const tool = await project.pin(declaration);
    copyFileSync('/bin/true', join(bin, 'node'));
    chmodSync(join(bin, 'node'), 0o755);
    expect(await project.tools.open(tool)).toMatchObject({
      error: { message: expect.stringContaining('program file "bin/node": was not part of the command, is now') },
    });
  });
});

describe('while a session lives', () => {
  test('a program that was changed is never started again, not even when it is put back', async () => {
    const session = await project.open(await project.pin(DECLARATION));
    const say = async () => stable(await session.call(project.call('say', { stdout: '1' })));
    expect(await say()).toMatchObject({ kind: 'answer', answer: 1 });
    const before = readFileSync(project.path('program.mjs'));
    appendFileSync(project.path('program.mjs'), '\n');
    const started = project.pids().length;
    const drift = {
      kind: 'failure',
      class: 'tool_broken',
      message: expect.stringMatching(/^TOOL_DRIFT: The tool fixture/),
    };
    expect(await say()).toMatchObject(drift);
    writeFileSync(project.path('program.mjs'), before);
    expect(await say()).toMatchObject(drift);
    expect(project.pids()).toHaveLength(started);
  });

  test('every call is recorded with what the probe told', async () => {
    project.order({
      version: { solver_version: '2.21', git_commit: 'abc', licence_profile: 'free', note: 'left out' },
    });
    const session = await project.open(await project.pin(DECLARATION));
    const { observed } = await session.call(project.call('say', { stdout: '1' }));
    expect(observed).toEqual({
      tool: 'fixture',
      tool_version: '2.21',
      solver: 'none',
      solver_version: '2.21',
      git_commit: 'abc',
      licence_profile: 'free',
      host: expect.any(String),
      duration_ms: expect.any(Number),
      exit_status: 0,
      stdout_sha256: expect.any(String),
    });
  });

  test('a program that is gone when it is called', async () => {
    copyFileSync(project.path('program.mjs'), project.path('other.mjs'));
    const bin = project.path('tool');
    writeFileSync(bin, `#!/bin/sh\nexec node "$(dirname "$0")/program.mjs" "$@"\n`, { mode: 0o755 });
    const declaration = { ...DECLARATION, process: { command: ['./tool'] } };
    const session = await project.open(await project.pin(declaration));
    rmSync(bin);
    const end = await session.call(project.call('say', { stdout: '1' }));
    expect(end).toMatchObject({ class: 'tool_broken', message: expect.stringContaining('"tool"') });
  });
});
