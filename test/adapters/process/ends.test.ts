import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { JsonObject } from '../../../src/base/json.ts';
import type { CallEnd, ToolCall, ToolSession } from '../../../src/engines/ports.ts';
import { stable, ToolProject } from '../tools-project.ts';

/* How calls end that are not left to themselves, and what a program gets to see. Whatever happens, nothing of it is left running. */

let project: ToolProject;
let session: ToolSession;

const pure = (act: string) => ({ effect: 'pure', argv: [act] });
const DECLARATION = {
  process: { command: ['node', 'program.mjs'], env: { DECLARED: 'yes' } },
  calls: {
    hang: pure('hang'),
    family: pure('family'),
    flood: { ...pure('flood'), output: { stdout: 'text' } },
    flood_once: { effect: 'once', argv: ['flood'], output: { stdout: 'text' } },
    facts: pure('facts'),
    keyed: { effect: 'by_key', key: { argument: 'idempotency_key' }, argv: ['facts', '{idempotency_key}'] },
  },
};

beforeEach(async () => {
  project = new ToolProject('program.mjs');
  session = await project.open(await project.pin(DECLARATION));
});
afterEach(async () => {
  await project.end();
  expect(project.left()).toEqual([]);
  project.remove();
});

async function act(call: string, args: JsonObject = {}, more: Partial<ToolCall> = {}): Promise<CallEnd> {
  return session.call(project.call(call, args, more));
}

/** Resolves when both of the children that ignore SIGTERM are there. */
async function born(): Promise<void> {
  const file = join(project.work_folder, 'born');
  await expect.poll(() => existsSync(file) && readFileSync(file, 'utf8').length, { timeout: 20_000 }).toBe(2);
}

describe('limits', () => {
  test('a call is lost at its limit', async () => {
    const end = await act('hang', {}, { timeout_s: 0.3 });
    expect(stable(end)).toEqual({ kind: 'lost', reason: 'timeout', message: 'No answer within 0.3 s.' });
    expect(end.observed).toMatchObject({ exit_signal: 'SIGTERM' });
  });

  test('the whole family of processes ends with it, those too that ignore SIGTERM', async () => {
    const controller = new AbortController();
    const call = act('family', {}, { signal: controller.signal });
    await born();
    expect(project.left()).toHaveLength(1); // the guard: there is something to be ended
    controller.abort();
    expect(stable(await call)).toEqual({
      kind: 'lost',
      reason: 'timeout',
      message: 'The call was given up before it answered.',
    });
    expect(project.left()).toEqual([]);
  });

  test('what a program that ended well leaves behind is ended too', async () => {
    expect(await act('family', { leave: true })).toMatchObject({ kind: 'answer', answer: 1 });
    expect(project.left()).toEqual([]);
  });

  test('closing the session ends what is out', async () => {
    const call = act('family');
    await born();
    await session.close();
    expect(await call).toMatchObject({ kind: 'lost' });
    expect(project.left()).toEqual([]);
  });

  test('a call that was given up before it was sent starts nothing', async () => {
    const end = await act('facts', {}, { signal: AbortSignal.abort() });
    const message = 'The call was given up before anything was sent.';
    expect(stable(end)).toEqual({ kind: 'failure', class: 'cancelled', message });
    expect(project.pids()).toEqual([]);
  });
});

describe('output', () => {
  test.each([
    [1, 'standard output'],
    [2, 'standard error'],
  ])('more than 64 MiB to stream %i end the program', async (stream, name) => {
    const end = await act('flood', { stream, megabytes: 70 });
    const message = `The program wrote more than 67108864 bytes to ${name}.`;
    expect(stable(end)).toEqual({ kind: 'failure', class: 'tool_broken', message });
    expect(end.observed).toMatchObject({ exit_signal: 'SIGKILL' });
  });

  test('what a call that is not pure had done when it was ended for it, nobody knows', async () => {
    const end = await act('flood_once', { stream: 2, megabytes: 70 });
    const message = 'The program wrote more than 67108864 bytes to standard error.';
    expect(stable(end)).toEqual({ kind: 'lost', reason: 'died', message });
  });

  test('where there is no room for it, the run ends, and no tool is blamed', async () => {
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = project.path('gone');
    onTestFinished(() => {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    });
    await expect(act('flood', { stream: 1, megabytes: 1 })).rejects.toMatchObject({
      code: 'MACHINE_FAULT',
      message: 'What a program writes to standard output cannot be kept: ENOENT',
    });
  });

  test('60 MB to standard error are kept, whole', async () => {
    const end = await act('flood', { stream: 2, megabytes: 60 });
    const kept = end.kind === 'answer' ? end.artifacts : [];
    expect(kept).toMatchObject([{ name: 'stderr.txt', bytes: 60_000_000 }]);
  });
});

describe('what a program gets', () => {
  async function facts(call = 'facts', args: JsonObject = {}, more: Partial<ToolCall> = {}): Promise<JsonObject> {
    const end = await act(call, args, more);
    if (end.kind !== 'answer') throw new Error(JSON.stringify(end));
    return end.answer as JsonObject;
  }

  test('it runs in the work folder of its effect', async () => {
    const work_folder = join(project.folder, 'another folder');
    mkdirSync(work_folder);
    expect(await facts('facts', {}, { work_folder })).toMatchObject({ cwd: realpathSync(work_folder) });
  });

  test('of the environment, it sees a list of harmless names and what its declaration adds', async () => {
    const secrets = { ANTHROPIC_API_KEY: 'secret', SSH_AUTH_SOCK: '/agent', NODE_OPTIONS: '', LD_LIBRARY_PATH: '/x' };
    Object.assign(process.env, secrets);
    try {
      const { env } = (await facts()) as { env: JsonObject };
      expect(env).toMatchObject({ PATH: process.env['PATH'], DECLARED: 'yes' });
      const known = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'TZ', 'USER', 'LOGNAME', 'SHELL', 'TERM', 'DECLARED'];
      expect(Object.keys(env).filter((name) => !known.includes(name))).toEqual([]);
    } finally {
      for (const name of Object.keys(secrets)) delete process.env[name];
    }
  });

  test('standard input holds all arguments as canonical JSON, the key among them', async () => {
    const { stdin } = await facts('keyed', { b: [1, 2.5], a: 'ü' });
    expect(stdin).toBe('{"a":"ü","b":[1,2.5],"idempotency_key":"c0ffee"}');
  });

  test('a plan cannot fill the argument that carries the key', async () => {
    expect(stable(await act('keyed', { idempotency_key: 'mine' }))).toEqual({
      kind: 'failure',
      class: 'tool_failed',
      message: 'The plan fills the argument "idempotency_key", which carries the effect\'s key; nothing was sent.',
    });
    expect(project.pids()).toEqual([]);
  });

  test('a call that is not pinned is not made', async () => {
    const message = 'The call toString is not among the pinned calls; nothing was started.';
    expect(stable(await act('toString'))).toEqual({ kind: 'failure', class: 'tool_broken', message });
  });
});
