import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ERROR_CODES, type ErrorCode } from '../../src/base/error.ts';
import { BeamLike, RUN } from './beam-like.ts';
import { allCommands } from './help.ts';

const LOCK = 'plans/beam.lock.json';
const PLAN = 'plans/beam.plan.yaml';

const ANSWERS = ['goal=x', 'call.1=beam/solve', 'solve.b.min=5', 'solve.b.max=20', 'solve.h.min=8', 'solve.h.max=30'];

/** For every command with --json: a line that succeeds, with its status, and one that fails, with its error code. */
const CASES: Readonly<
  Record<string, { readonly good: readonly [string, number?]; readonly bad: readonly [string, ErrorCode] }>
> = {
  init: {
    good: [ANSWERS.map((answer) => `--set ${answer}`).join(' ')],
    bad: ['', 'USAGE'],
  },
  plan: { good: ['', 2], bad: ['goal', 'MODEL_UNAVAILABLE'] },
  check: { good: [PLAN], bad: ['nothing.plan.yaml', 'FILE_UNREADABLE'] },
  lock: { good: [PLAN], bad: ['nothing.plan.yaml', 'FILE_UNREADABLE'] },
  simulate: { good: [`${PLAN} --from-runs --duration others=1s`], bad: [PLAN, 'USAGE'] },
  diff: { good: [PLAN], bad: [`${LOCK} nothing.lock.json`, 'FILE_UNREADABLE'] },
  'tools add': { good: ['', 2], bad: ['beam -- node tool.mjs', 'USAGE'] },
  'tools list': { good: [''], bad: ['extra', 'USAGE'] },
  'tools test': { good: ['beam --init'], bad: ['beam', 'USAGE'] },
  'tools pin': { good: ['--check'], bad: ['nothing', 'USAGE'] },
  review: { good: [LOCK], bad: ['nothing.lock.json', 'FILE_UNREADABLE'] },
  request: { good: [`${LOCK} --by alice`], bad: [`${LOCK} --runs 0`, 'USAGE'] },
  approve: { good: [LOCK], bad: [`${LOCK} --key nothing.key`, 'FILE_UNREADABLE'] },
  verify: { good: [LOCK], bad: ['old.lock.json --trust nothing.json', 'TRUST_INVALID'] },
  run: { good: [LOCK, 5], bad: ['tools.lock.json', 'NOT_APPROVED'] },
  resume: { good: [RUN, 5], bad: ['nothing', 'NOT_FOUND'] },
  gate: { good: [`${RUN} --outcome stop`], bad: [`${RUN} --outcome perhaps`, 'USAGE'] },
  pause: { good: [RUN], bad: ['nothing', 'NOT_FOUND'] },
  cancel: { good: [RUN], bad: ['nothing', 'NOT_FOUND'] },
  resolve: { good: [RUN], bad: [`${RUN} --as not-done`, 'NOT_FOUND'] },
  retry: { good: [`${RUN} --failed`, 2], bad: ['nothing --failed', 'NOT_FOUND'] },
  list: { good: [''], bad: ['--waiting-for nobody', 'USAGE'] },
  status: { good: [''], bad: ['nothing', 'NOT_FOUND'] },
  pools: { good: [''], bad: ['--run nothing', 'NOT_FOUND'] },
  'server up': { good: ['', 7], bad: ['--port 70000', 'USAGE'] },
  'server down': { good: [''], bad: ['extra', 'USAGE'] },
  worker: { good: ['--address 127.0.0.1:9', 7], bad: ['--concurrency 0', 'USAGE'] },
  'server status': { good: ['--address 127.0.0.1:9', 7], bad: ['--tls-cert alice.key', 'USAGE'] },
  logs: { good: [`${RUN} 7`], bad: [`${RUN} 99`, 'NOT_FOUND'] },
  trace: { good: [`${RUN} mass@7`], bad: [`${RUN} volume`, 'NOT_FOUND'] },
  replay: { good: [''], bad: ['nothing', 'NOT_FOUND'] },
  report: { good: [''], bad: ['nothing', 'NOT_FOUND'] },
  export: { good: [''], bad: ['nothing', 'NOT_FOUND'] },
  'keys new': { good: ['new.key'], bad: ['alice.key', 'FILE_UNREADABLE'] },
  'keys show': { good: ['alice.key'], bad: ['tools.yaml', 'DATA_INVALID'] },
  'trust init': { good: ['--person bob --key alice.key -o ../bob.json'], bad: ['--person bob', 'USAGE'] },
  'trust show': { good: [''], bad: ['--trust tools.yaml', 'TRUST_INVALID'] },
  doctor: { good: [''], bad: ['extra', 'USAGE'] },
};

const commands = await allCommands();
const withJson = commands.filter(({ command }) => command.options.some(({ long }) => long === '--json'));

test('every command has --json, but for groups, streams of events, and scripts', () => {
  const without = commands.filter((each) => !each.isGroup && !withJson.includes(each)).map(({ path }) => path);
  expect(without.sort()).toEqual(['completion', 'watch']);
  expect(Object.keys(CASES).sort()).toEqual(withJson.map(({ path }) => path).sort());
});

let prepared: BeamLike;
beforeAll(async () => {
  prepared = await BeamLike.make();
});
afterAll(() => prepared.remove());

async function run(line: string, env: Readonly<Record<string, string>> = {}) {
  const beam = prepared.copy();
  onTestFinished(() => beam.remove());
  const args = line.split(' ').filter((word) => word !== '');
  return beam.run(args, { env: { ...beam.env, ...env } });
}

test('an invalid plan is reported as its document, with the status of a failure', async () => {
  const beam = prepared.copy();
  onTestFinished(() => beam.remove());
  writeFileSync(join(beam.project, 'not-a.plan.yaml'), 'tools: {}\n');
  const { status, stdout } = await beam.run(['check', 'not-a.plan.yaml', '--json'], { env: beam.env });
  expect(status).toBe(2);
  expect((JSON.parse(stdout) as { problems: unknown[] }).problems.length).toBeGreaterThan(3);
});

/** What failed, as the one document on standard output; told on standard error too, without a stack. */
async function failure(line: string): Promise<{ code: ErrorCode; message: string; hint: string }> {
  const { status, stdout, stderr } = await run(line);
  const document = JSON.parse(stdout) as { error: { code: ErrorCode; message: string; hint: string } };
  expect(Object.keys(document)).toEqual(['error']);
  const { code, message, hint } = document.error;
  expect(status, `${code}: ${message}`).toBe(ERROR_CODES[code].exit);
  expect([message, hint].every((text) => text.length > 0)).toBe(true);
  expect(stderr).toContain(hint.split('\n')[0]);
  expect(stdout + stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
  return document.error;
}

describe('with --json, standard output holds exactly one document', () => {
  test.each(withJson.map(({ path }) => path))('%s, on success', async (path) => {
    const [line, expected = 0] = CASES[path]!.good;
    const { status, stdout, stderr } = await run(`${path} --json ${line}`);
    expect(status, stderr).toBe(expected);
    expect(stdout).toMatch(/^[{[]/);
    expect(() => JSON.parse(stdout) as unknown).not.toThrow();
  });

  test.each(withJson.map(({ path }) => path))('%s, on failure', async (path) => {
    const [line, code] = CASES[path]!.bad;
    expect(await failure(`${path} --json ${line}`)).toMatchObject({ code });
  });

  test.each(commands.map(({ path }) => path))('%s, called wrongly', async (path) => {
    expect(await failure(`${path} --json --nothing`)).toMatchObject({ code: 'USAGE' });
  });
});

test('behind `--` the words are another program’s', async () => {
  const { status, stdout } = await run('tools add beam -- node tool.mjs --json --debug');
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
});
