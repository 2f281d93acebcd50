import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { temporalFinding } from '../../src/commands/doctor-checks.ts';
import { writeState } from '../adapters/temporal/place.ts';
import { makeProject, type TestProject } from './support.ts';

/* Without a server: the real one is started in test/ci/temporal/server.test.ts. */

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const NOWHERE = '127.0.0.1:9';
const KEY = 'sk-temporal-1234567890';

let at: TestProject;
beforeEach(() => {
  at = makeProject();
});
afterEach(() => at.remove());

interface Check {
  readonly name: string;
  readonly state: string;
  readonly message: string;
  readonly hint: string;
}

async function doctor(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout } = await at.run(['doctor', '--json', ...flags], { env });
  const checks = (JSON.parse(stdout) as { checks: Check[] }).checks;
  return { status, temporal: checks.find(({ name }) => name === 'Temporal') };
}

describe('expctl server', () => {
  test('up without the program and without Go: 7, and what to install', async () => {
    const { status, stderr } = await at.run(['server', 'up']);
    expect(status).toBe(7);
    expect(stderr).toContain('There is no program `temporal`: neither it nor Go, which can build it, is in PATH.');
    expect(stderr).toContain('go install github.com/temporalio/cli');
  });

  test('up that is interrupted ends what it began, and says so with 130', async () => {
    const bin = join(at.root, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'temporal'), '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
    const argv = ['--import', import.meta.resolve('tsx'), MAIN, 'server', 'up', '--json', '--headless'];
    const env = { PATH: `${bin}:${process.env['PATH']}`, HOME: at.home };
    const child = spawn(process.execPath, argv, { cwd: at.project, env, stdio: ['ignore', 'pipe', 'ignore'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    const file = join(at.project, '.expctl/temporal/server.json');
    const watch = setInterval(() => existsSync(file) && child.kill('SIGINT'), 20);
    const status = await new Promise((resolve) => child.once('close', resolve));
    clearInterval(watch);
    expect(status).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ error: { message: expect.stringContaining('was interrupted') } });
    expect(existsSync(file)).toBe(false);
  });

  test('status of what cannot be reached: 7, what failed, and what next', async () => {
    const { status, stdout, stderr } = await at.run(['server', 'status', '--address', NOWHERE]);
    expect(status).toBe(7);
    expect(stdout).toBe(`✘ Temporal cannot be reached at ${NOWHERE} (named by --address): nothing listens there.\n`);
    expect(stderr).toContain('expctl server up');
    const json = await at.run(['server', 'status', '--json'], { env: { TEMPORAL_ADDRESS: NOWHERE } });
    expect(JSON.parse(json.stdout)).toMatchObject({
      ...{ state: 'elsewhere', address: NOWHERE, from: 'environment', reachable: false, workers: null },
      error: { code: 'ENGINE_UNAVAILABLE' },
    });
  });

  test('down where nothing was started is no failure; one that is gone is forgotten', async () => {
    expect(await at.run(['server', 'down'])).toMatchObject({
      status: 0,
      stderr: 'No server was started for .expctl.\n',
    });
    writeState(join(at.project, '.expctl'), { started: '1' });
    expect(await at.run(['server', 'down'])).toMatchObject({
      status: 0,
      stderr: `It had ended already (process ${process.pid}).\n`,
    });
  });

  test('a key is not printed, whatever fails', async () => {
    const env = { TEMPORAL_API_KEY: KEY };
    for (const args of [
      ['server', 'status', '--address', NOWHERE, '--debug'],
      ['server', 'status', '--json', '--address', NOWHERE],
      ['server', 'status', '--api-key-env', KEY],
      ['doctor', '--address', NOWHERE],
    ]) {
      const { stdout, stderr } = await at.run(args, { env });
      expect(`${stdout}${stderr}`).not.toContain(KEY);
    }
  });
});

describe('expctl doctor', () => {
  test('says nothing of Temporal where nobody has named one', async () => {
    expect((await doctor()).temporal).toBe(undefined);
  });

  test.each([
    ['a flag', ['--address', NOWHERE], {}],
    ['the environment', [], { TEMPORAL_ADDRESS: NOWHERE }],
  ] as const)('says that one named by %s cannot be reached', async (_name, flags, env) => {
    const { status, temporal } = await doctor(flags, env);
    expect({ status, state: temporal?.state }).toEqual({ status: 7, state: 'broken' });
    expect(temporal?.message).toContain(`cannot be reached at ${NOWHERE}`);
  });

  test('and that a profile cannot be used', async () => {
    mkdirSync(join(at.home, '.config/temporalio'), { recursive: true });
    writeFileSync(join(at.home, '.config/temporalio/temporal.toml'), '[profile.default\n');
    expect((await doctor()).temporal).toMatchObject({
      state: 'broken',
      message: expect.stringContaining('temporal.toml'),
    });
  });

  test("the store's own server that has ended is missing, not broken", async () => {
    writeState(join(at.project, '.expctl'), { started: '1' });
    expect((await doctor()).temporal).toMatchObject({
      state: 'missing',
      hint: expect.stringContaining('expctl server up'),
    });
  });

  test('workers, namespace and search attributes', () => {
    const place = { address: 'a:1', namespace: 'beams', from: 'flag' } as const;
    const facts = { version: '1.2.3', namespace_exists: true, missing_search_attributes: [], workers: 2 };
    const finding = (more: Partial<typeof facts> | { missing_search_attributes: string[] }) =>
      temporalFinding(place, { ...facts, ...more });
    expect(finding({})).toMatchObject({ state: 'good', message: 'Temporal 1.2.3 at a:1, namespace beams, workers: 2' });
    expect(finding({ workers: 0 })).toMatchObject({
      state: 'missing',
      hint: expect.stringContaining('Start a worker'),
    });
    expect(finding({ namespace_exists: false })).toMatchObject({ state: 'broken' });
    expect(finding({ missing_search_attributes: ['ExpctlPlan'] })).toMatchObject({
      state: 'good',
      message: expect.stringContaining('lacks the search attributes ExpctlPlan'),
    });
  });
});
