import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryJournal } from '../../src/engines/simulated/memory-journal.ts';
import { MemoryStore } from '../../src/engines/simulated/memory-store.ts';
import { VirtualTime } from '../../src/engines/simulated/virtual-time.ts';
import { recordedDurations } from '../../src/commands/simulate-durations.ts';
import type { RunEvent } from '../../src/ir/events.ts';
import { assertGolden } from '../golden.ts';
import { makeProject, type TestProject } from './support.ts';

const PLAN = 'plans/beam-small.plan.yaml';
const KNOWN = ['--duration', 'solve=3min', '--duration', 'others=10s'];

let at: TestProject;
beforeEach(() => {
  at = makeProject();
});
afterEach(() => at.remove());

const simulate = (...args: string[]) => at.run(['simulate', PLAN, ...args]);

test('says how long it takes, what holds it up and what was assumed, in 80 columns', async () => {
  const { status, stdout, stderr } = await simulate(...KNOWN);
  expect({ status, stderr }).toEqual({ status: 0, stderr: `Next: expctl lock ${PLAN}\n` });
  assertGolden('commands/simulate.txt', stdout);
  expect(Math.max(...stdout.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(80);
});

test('draws durations and failures, tries other pools and counts what they cost', async () => {
  const drawn = ['--duration', 'solve=lognormal(3min, 0.3)', '--duration', 'others=10s', '--fail', 'solve=0.05'];
  const other = ['--pools', 'cores=1', '--price', 'cores=120/h', '--repeat', '20', '--seed', '7'];
  const { status, stdout } = await simulate(...drawn, ...other);
  expect(status).toBe(0);
  assertGolden('commands/simulate-drawn.txt', stdout);
  expect((await simulate(...drawn, ...other)).stdout).toBe(stdout);
  expect((await simulate(...drawn, ...other.slice(0, -1), '8')).stdout).not.toBe(stdout);
});

test('as JSON is one document', async () => {
  const { status, stdout, stderr } = await simulate(...KNOWN, '--json');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({
    name: 'beam-small',
    repeat: 1,
    decisions: 'worst',
    points: { p50: 6 },
    pools: [{ pool: 'cores' }],
    warnings: [],
  });
});

test('needs neither a store nor the tools file nor the tools, and writes nothing', async () => {
  const before = readFileSync(join(at.project, 'tools.lock.json'));
  await simulate(...KNOWN);
  expect(existsSync(join(at.project, '.expctl'))).toBe(false);
  expect(readFileSync(join(at.project, 'tools.lock.json')).equals(before)).toBe(true);
});

test('of a lock says the same as of its plan', async () => {
  await at.run(['lock', PLAN]);
  const ofLock = await at.run(['simulate', 'plans/beam-small.lock.json', ...KNOWN]);
  expect(ofLock.stdout).toBe((await simulate(...KNOWN)).stdout);
  expect(ofLock.stderr).toBe('Next: expctl review plans/beam-small.lock.json\n');
});

test('durations from a file; what is named on the line counts', async () => {
  writeFileSync(join(at.project, 'times.yaml'), 'cad: 10s\nmesh: 10s\nsolve: 1min\npost: 10s\n');
  const { stdout } = await simulate('--durations', 'times.yaml', '--duration', 'solve=3min');
  expect(stdout).toBe((await simulate(...KNOWN)).stdout);
});

test('warns of what takes longer than its time-out', async () => {
  const { stdout } = await simulate('--duration', 'solve=3h', '--duration', 'others=1s');
  expect(stdout).toMatch(/solve\.poll takes 3 h, and its time-out is .*: the attempt fails/);
});

test('an invalid plan is reported as by check', async () => {
  const path = join(at.project, PLAN);
  writeFileSync(path, readFileSync(path, 'utf8').replace('pipeline:', 'pipelines:'));
  const { status, stdout } = await simulate(...KNOWN);
  expect(status).toBe(2);
  expect(stdout).toContain('pipelines');
});

describe('what cannot be simulated is said, with what to do', () => {
  test.each([
    [[], 'Nobody has said how long cad, mesh, solve, post take'],
    [['--duration', 'solve'], 'names nothing'],
    [['--duration', 'solve=2'], 'cannot be read'],
    [['--duration', 'weld=2h'], 'no step weld'],
    [[...KNOWN, '--pools', 'gpus=2'], 'no pool gpus'],
    [[...KNOWN, '--pools', 'cores=0'], '--pools POOL=TOKENS'],
    [[...KNOWN, '--price', 'cores=much'], 'cannot be read'],
    [[...KNOWN, '--fail', 'weld=0.1'], 'no step weld'],
    [[...KNOWN, '--fail', 'solve=2'], 'cannot be read'],
    [['--durations', 'nothing.yaml'], 'nothing.yaml'],
    [['--from-runs'], 'no journal'],
  ])('%j', async (args, message) => {
    const { status, stderr } = await simulate(...args);
    expect(status).toBeGreaterThan(0);
    expect(stderr).toContain(message);
  });
});

test('recorded durations are those of answered calls, and of jobs from the first poll to the last', async () => {
  const time = new VirtualTime(0);
  const store = new MemoryStore({ now_ms: () => 0, stateOf: () => 'live', notice: (tell) => tell() });
  const zero = () => 0;
  const journal = new MemoryJournal({ store, clock: time, process: 'p', commit_s: zero, notice_s: zero });
  const effect = { step: 'solve', part: 'call', attempt: 1 } as const;
  const intended: RunEvent = { type: 'effect.intended', ...effect, call: 'beam/solve', arguments: {} };
  const ok = { ok: true, answer: {}, artifacts: [] } as const;
  const no = { ok: false, class: 'transient', message: '' } as const;
  const ended = (outcome: typeof ok | typeof no): RunEvent => ({ type: 'effect.answered', ...effect, outcome });
  const row = { run: 'a', name: 'a', lock_sha256: '', request_sha256: '', created_ms: 0 };
  await journal.createRun(row, 1, [
    { stream: 'point/1', event: intended, observed: {} },
    { stream: 'point/1', event: ended(ok), observed: { started_ms: 1000, ended_ms: 4000 } },
    { stream: 'point/2', event: intended, observed: {} },
    { stream: 'point/2', event: ended(no), observed: { started_ms: 1000, ended_ms: 9000 } },
    { stream: 'point/3', event: ended(ok), observed: { started_ms: 1000, ended_ms: 9000 } },
  ]);
  expect([...(await recordedDurations(journal))]).toEqual([['beam/solve', [3]]]);
});
