import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createModel } from '../../src/adapters/anthropic/create.ts';
import type { JsonObject } from '../../src/base/json.ts';
import { beamDraft } from '../planner/drafts.ts';
import { FakeClock } from '../planner/fake-clock.ts';
import { MessagesServer, type Scripted } from '../planner/messages-server.ts';
import { type Ended, makeProject, type TestProject } from './support.ts';

const KEY = 'sk-test-secret-0123456789';
const GOOD: Scripted = { kind: 'tool', input: beamDraft() };
const NO_POOL: Scripted = { kind: 'tool', input: beamDraft({ pools: [] }) };
const GOAL = 'Lightest cantilever under 100 N.';

let project: TestProject;
let server: MessagesServer | undefined;
beforeEach(() => {
  project = makeProject();
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  project.remove();
});

interface Wishes {
  readonly env?: Record<string, string>;
  readonly interrupt?: AbortSignal;
}

/** `expctl plan` with a scripted model, and a clock that does not wait. */
async function plan(args: readonly string[], answers: readonly Scripted[], wishes: Wishes = {}): Promise<Ended> {
  server = await MessagesServer.start(...answers);
  const env = { ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: server.url, ...wishes.env };
  const test_app = project.app({ env });
  Object.assign(test_app.app, {
    model: (asked: Parameters<typeof createModel>[0]) => createModel(asked, env, new FakeClock()),
    onInterrupt: (callback: (signal: 'SIGINT') => void) => {
      wishes.interrupt?.addEventListener('abort', () => callback('SIGINT'));
      return () => undefined;
    },
  });
  return test_app.run(['plan', ...args]);
}

function text(name: string): string {
  return readFileSync(join(project.project, name), 'utf8');
}

function transcripts(): string[] {
  const folder = join(project.project, '.expctl/planner');
  return readdirSync(folder).flatMap((digest) =>
    readdirSync(join(folder, digest)).map((name) => join(folder, digest, name)),
  );
}

test('drafts, repairs, writes a plan that check takes, and says what comes next', async () => {
  const { status, stdout, stderr } = await plan([GOAL], [NO_POOL, GOOD]);
  expect([status, stdout]).toEqual([0, '✔ tip.plan.yaml: drafted by claude-sonnet-5-5 in 2 rounds.\n']);
  expect(stderr).toContain('✘ Round 1: 1 problem (500 tokens)');
  expect(stderr).toContain('Next: expctl check tip.plan.yaml, then expctl lock tip.plan.yaml');
  expect(text('tip.plan.yaml')).toMatch(/^# yaml-language-server: \$schema=/);
  const checked = await project.run(['check', 'tip.plan.yaml']);
  expect(checked.status).toBe(0);
  const locked = await project.run(['lock', 'tip.plan.yaml']);
  expect(locked.status).toBe(0);
});

test('the key is in no file and in no output', async () => {
  const { stdout, stderr } = await plan([GOAL], [NO_POOL, GOOD]);
  const [transcript] = transcripts();
  for (const each of [stdout, stderr, text('tip.plan.yaml'), readFileSync(transcript!, 'utf8')]) {
    expect(each).not.toContain(KEY);
  }
  expect(statSync(transcript!).mode & 0o777).toBe(0o600);
  expect(readFileSync(transcript!, 'utf8')).toContain('There is no pool');
});

test('--json is one document', async () => {
  const { stdout } = await plan([GOAL, '--json', '--by', 'alice'], [GOOD]);
  const document = JSON.parse(stdout) as JsonObject;
  expect(document).toMatchObject({ plan: 'tip.plan.yaml', valid: true, end: 'valid', rounds: 1, name: 'tip' });
  expect(document['usage']).toEqual({ input_tokens: 1000, output_tokens: 500 });
  expect(document['drafted']).toMatchObject({ fields: { '/goal': 'alice' } });
});

test('when no round is left, the plan is written with its problems, exit 2', async () => {
  const wrong = (unit: string): Scripted => ({
    kind: 'tool',
    input: beamDraft({ constants: [{ name: 'load', value: `1 ${unit}` }] }),
  });
  const { status, stderr } = await plan([GOAL, '--rounds', '2'], [wrong('xx'), wrong('yy'), GOOD]);
  expect(status).toBe(2);
  expect(stderr).toContain('tip.plan.yaml is not valid yet after 2 rounds');
  expect(text('tip.plan.yaml')).toMatch(/ {2}# error: .*yy.*\n {2}load: 1 yy\n/);
  expect(server?.left).toBe(1);
  expect((await project.run(['check', 'tip.plan.yaml'])).status).toBe(2);
});

test('a draft with a call that is not pinned never becomes a valid plan', async () => {
  const pipeline = [...(beamDraft()['pipeline'] as JsonObject[]), { name: 'upload', call: 'beam/shell' }];
  const evil: Scripted = { kind: 'tool', input: beamDraft({ pipeline }) };
  const { status } = await plan([GOAL, '--json'], [evil, evil]);
  expect(status).toBe(2);
  expect((await project.run(['lock', 'tip.plan.yaml'])).status).toBe(2);
});

test('a model that gives no plan is an error of the environment that says what to do', async () => {
  const { status, stderr } = await plan(
    [GOAL],
    [
      { kind: 'prose', text: 'Hello' },
      { kind: 'prose', text: 'Hello' },
    ],
  );
  expect(status).toBe(7);
  expect(stderr).toContain('gave no plan');
  expect(stderr).toContain('expctl init');
  expect(transcripts()).toHaveLength(1);
  expect(existsSync(join(project.project, 'tip.plan.yaml'))).toBe(false);
});

test('what a model says is no command to the terminal', async () => {
  const evil: Scripted = { kind: 'tool', input: beamDraft({ objectives: [{ minimize: 'x' }], 'bad\u001b[2J': 1 }) };
  const { stderr } = await plan([GOAL], [evil, GOOD]);
  expect(stderr).toContain('bad');
  expect(stderr).not.toContain('\u001b');
});

test('a key that is not accepted: exit 7, and the server is asked once', async () => {
  const denied: Scripted = { kind: 'status', status: 401, type: 'authentication_error' };
  const { status, stderr } = await plan([GOAL], [denied, GOOD]);
  expect(status).toBe(7);
  expect(stderr).toContain('ANTHROPIC_API_KEY');
  expect(server?.left).toBe(1);
});

test('a busy server is waited for, and that is said', async () => {
  const busy: Scripted = { kind: 'status', status: 429, type: 'rate_limit_error', headers: { 'retry-after': '20' } };
  const { status, stderr } = await plan([GOAL], [busy, GOOD]);
  expect(status).toBe(0);
  expect(stderr).toContain('Round 1: too many requests (429); again in 20 s');
});

test('interrupted: 130, no plan, and the last draft is kept under a name of its own', async () => {
  const controller = new AbortController();
  const hang: Scripted = { kind: 'hang', asked: () => setImmediate(() => controller.abort()) };
  const { status, stderr } = await plan([GOAL], [NO_POOL, hang], { interrupt: controller.signal });
  expect(status).toBe(130);
  expect(stderr).toContain('The last draft is kept: tip.draft.yaml');
  expect(text('tip.draft.yaml')).toContain('# error:');
  expect(readdirSync(project.project).filter((name) => name.endsWith('.plan.yaml'))).toEqual([]);
});

test('interrupted before there was a draft: 130 and nothing is left but the transcript', async () => {
  const controller = new AbortController();
  const hang: Scripted = { kind: 'hang', asked: () => setImmediate(() => controller.abort()) };
  const { status, stderr } = await plan([GOAL], [hang], { interrupt: controller.signal });
  expect(status).toBe(130);
  expect(stderr).toContain('There was no draft yet.');
  expect(readdirSync(project.project).filter((name) => /plan\.yaml|draft/.test(name))).toEqual([]);
});

test('without pinned tools: says how to add one, before any model is asked', async () => {
  rmSync(join(project.project, 'tools.lock.json'));
  const { status, stderr } = await plan([GOAL], [GOOD]);
  expect(status).toBe(2);
  expect(stderr).toContain('expctl tools add');
  expect(server?.received).toEqual([]);
});

test('without a key: exit 7, the variable and the way without a model', async () => {
  const { status, stderr } = await project.run(['plan', GOAL]);
  expect(status).toBe(7);
  expect(stderr).toMatch(/ANTHROPIC_API_KEY[\s\S]*expctl init/);
});

test('a plan that exists is not written over, unless that is asked for', async () => {
  writeFileSync(join(project.project, 'tip.plan.yaml'), 'mine');
  expect((await plan([GOAL], [GOOD])).stdout).toContain('tip-2.plan.yaml');
  expect(text('tip.plan.yaml')).toBe('mine');
  await server?.stop();
  const refused = await plan([GOAL, '-o', 'tip.plan.yaml'], [GOOD]);
  expect(refused.status).toBe(2);
  expect(server?.received).toEqual([]);
  await server?.stop();
  expect((await plan([GOAL, '-o', 'tip.plan.yaml', '--force'], [GOOD])).status).toBe(0);
  expect(text('tip.plan.yaml')).toContain('name: tip');
});

test('nobody is called as a model is', async () => {
  for (const name of ['model', 'default', '']) {
    await server?.stop();
    expect((await plan([GOAL, '--by', name], [GOOD])).status).toBe(2);
    expect(server?.received).toEqual([]);
  }
});

test('the same prompt again keeps the transcript of the first time', async () => {
  await plan([GOAL], [GOOD]);
  await server?.stop();
  await plan([GOAL], [NO_POOL, GOOD]);
  expect(transcripts()).toHaveLength(2);
});

test('--from: the request goes with the plan, authors are kept, the plan lies beside', async () => {
  const { status, stdout } = await plan(['Make it 8 points', '--from', 'plans/beam-small.plan.yaml'], [GOOD]);
  expect([status, stdout]).toEqual([0, '✔ plans/tip.plan.yaml: drafted by claude-sonnet-5-5 in 1 round.\n']);
  const prompt = JSON.stringify(server?.received[0]?.body);
  expect(prompt).toContain('PLAN TO START FROM');
  expect(prompt).toContain('Make it 8 points');
  expect(text('plans/tip.plan.yaml')).toContain('"/variables": person');
  expect(text('plans/tip.plan.yaml')).toContain('goal: "Six cantilevers under 100 N at the tip, without a gate."');
  // The draft leaves out which solver is used.
  expect(text('plans/tip.plan.yaml')).toContain('"/pipeline/solve/job/submit/with": model');
  expect(text('plans/tip.plan.yaml')).toContain('"/pipeline/solve/job/submit/with/load": person');
});

test('--from a file that is no plan names the line', async () => {
  writeFileSync(join(project.project, 'bad.plan.yaml'), 'expctl: 1\nname: [\n');
  const { status, stderr } = await plan([GOAL, '--from', 'bad.plan.yaml'], [GOOD]);
  expect(status).toBe(2);
  expect(stderr).toContain('bad.plan.yaml cannot be started from: line');
});

test('the project may choose the model, but not where the key goes', async () => {
  const config = join(project.project, 'expctl.config.yaml');
  writeFileSync(config, 'planner: { model: project-model, rounds: 1 }\n');
  expect((await plan([GOAL], [NO_POOL, GOOD])).status).toBe(2);
  expect(server?.received[0]?.body['model']).toBe('project-model');
  for (const word of ['base_url: "http://evil"', 'api_key: x']) {
    await server?.stop();
    writeFileSync(config, `planner: { ${word} }\n`);
    const refused = await plan([GOAL], [GOOD]);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('a matter of your own config');
    expect(server?.received).toEqual([]);
  }
});

test("the user's config may say where the model is", async () => {
  mkdirSync(join(project.home, '.config/expctl'), { recursive: true });
  const elsewhere = await MessagesServer.start(GOOD);
  const config = `planner: { base_url: "${elsewhere.url}", model: user-model, max_tokens: 900 }\n`;
  writeFileSync(join(project.home, '.config/expctl/config.yaml'), config);
  const { status } = await plan([GOAL], [], { env: { ANTHROPIC_BASE_URL: '' } });
  expect(status).toBe(0);
  expect(elsewhere.received[0]?.body).toMatchObject({ model: 'user-model', max_tokens: 900 });
  await elsewhere.stop();
});

test("an environment's pools are in the prompt and in the check", async () => {
  mkdirSync(join(project.project, 'environments'));
  writeFileSync(join(project.project, 'environments/lab.yaml'), 'class: sandbox\npools: { licences: 3, cores: 2 }\n');
  const { status } = await plan([GOAL, '--env', 'lab'], [NO_POOL]);
  expect(status).toBe(0);
  expect(JSON.stringify(server?.received[0]?.body)).toContain('licences');
  await server?.stop();
  expect((await plan([GOAL, '--env', 'none'], [GOOD])).status).not.toBe(0);
  expect(server?.received).toEqual([]);
});

test('a process of its own: one SIGINT ends it with 130 and keeps the draft', async () => {
  let interrupt = (): void => undefined;
  server = await MessagesServer.start(NO_POOL, { kind: 'hang', asked: () => interrupt() });
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const argv = ['--import', import.meta.resolve('tsx'), join(root, 'src/main.ts'), 'plan', GOAL];
  const env = { PATH: process.env['PATH'], HOME: project.home, ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: server.url };
  const child = spawn(process.execPath, argv, { cwd: project.project, env, stdio: ['ignore', 'ignore', 'pipe'] });
  interrupt = () => void child.kill('SIGINT');
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  expect([status, stderr]).toEqual([130, expect.stringContaining('The last draft is kept: tip.draft.yaml')]);
  expect(readdirSync(project.project).filter((name) => name.endsWith('.plan.yaml') || name.endsWith('.tmp'))).toEqual(
    [],
  );
});
