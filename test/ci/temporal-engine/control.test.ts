import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { LicenceProject, type Running, until } from '../../commands/licence-project.ts';
import { findTemporal } from '../temporal/dev-server.ts';

/*
 * Runs on a real Temporal server, by the command line and by workers of their own: killed, terminated, put back, cancelled from outside.
 * The tool needs a licence of which there is one, and writes down each effect.
 */

beforeAll(() => {
  process.env['PATH'] = `${dirname(findTemporal())}:${process.env['PATH']}`;
});

interface Set {
  readonly project: LicenceProject;
  readonly address: string;
  worker: Running;
}

async function setUp(): Promise<Set> {
  const project = await new LicenceProject().approve(1, ['embedded', 'temporal']);
  const up = await project.expctl('server', 'up', '--json', '--headless').ended;
  onTestFinished(async () => {
    await project.expctl('server', 'down').ended;
  });
  const { address } = JSON.parse(/\{[^}]*\}/.exec(up.output)?.[0] ?? up.output) as { address: string };
  return { project, address, worker: await newWorker(project) };
}

async function newWorker(project: LicenceProject): Promise<Running> {
  const worker = project.expctl('worker', '--trust', project.trust, '--heartbeat', '2');
  await until(() => /Working for/.test(worker.output()));
  return worker;
}

function follow({ project }: Set, id: string): Running {
  return project.expctl('run', project.lock, '--trust', project.trust, '--engine', 'temporal', '--id', id);
}

function temporal({ address }: Set, ...args: readonly string[]): void {
  execFileSync('temporal', [...args, '--address', address], { stdio: 'pipe' });
}

/** It ended as it should: each point once, each effect once, and its journal proves it. */
async function assertWhole({ project }: Set, id: string): Promise<void> {
  const began = project.ledger().filter((line) => line.startsWith('began'));
  expect(new Set(began).size).toBe(4);
  expect(began).toHaveLength(4);
  expect(project.ledger().filter((line) => line.startsWith('TAKEN'))).toEqual([]);
  const replay = await project.run('replay', id, '--trust', project.trust);
  expect(replay.status, replay.stderr).toBe(0);
  expect((await project.run('verify', id)).status).toBe(0);
}

test('a worker that is killed with a call out: the next one goes on, each effect once', async () => {
  const set = await setUp();
  set.project.hold();
  const run = follow(set, 'killed');
  await until(() => set.project.ledger().length > 0);
  set.worker.process.kill('SIGKILL');
  await set.worker.ended;
  await newWorker(set.project);
  set.project.letGo();
  expect(await run.ended).toMatchObject({ how: 0 });
  await assertWhole(set, 'killed');
}, 180_000);

test('a workflow that was terminated: status 5, and `resume` goes on where the journal stands', async () => {
  const set = await setUp();
  set.project.hold();
  const run = follow(set, 'ended');
  await until(() => set.project.ledger().length > 0);
  temporal(set, 'workflow', 'terminate', '--workflow-id', 'ended', '--reason', 'test');
  expect(await run.ended).toMatchObject({ how: 5, output: expect.stringContaining('terminated its workflow') });
  set.project.letGo();
  const resumed = set.project.expctl('resume', 'ended', '--trust', set.project.trust);
  expect(await resumed.ended).toMatchObject({ how: 0 });
  await assertWhole(set, 'ended');
}, 180_000);

test('a workflow that was put back: it stops with status 5, and `resume` goes on', async () => {
  const set = await setUp();
  const run = follow(set, 'back');
  await until(() => set.project.ledger().length >= 4);
  temporal(set, 'workflow', 'reset', '--workflow-id', 'back', '--event-id', '4', '--reason', 'test');
  const { how, output } = await run.ended;
  // It may have ended before it was put back: then there is nothing to go on with.
  expect([0, 5], output).toContain(how);
  if (how === 5) {
    const resumed = set.project.expctl('resume', 'back', '--trust', set.project.trust);
    expect(await resumed.ended).toMatchObject({ how: 0 });
  }
  await assertWhole(set, 'back');
}, 180_000);

test('what an outside client says: a cancel is obeyed, a point that nobody knows and a strange signal are not', async () => {
  const set = await setUp();
  set.project.hold();
  const run = follow(set, 'outside');
  await until(() => set.project.ledger().length > 0);
  const forged =
    '{"point":1,"secret":"","result":{"status":"succeeded"},"tail":{"stream":"point/1","first_seq":1,"events":[]}}';
  temporal(set, 'workflow', 'signal', '--workflow-id', 'outside', '--name', 'pointEnded', '--input', forged);
  temporal(
    set,
    'workflow',
    'signal',
    '--workflow-id',
    'outside',
    '--name',
    'decideGate',
    '--input',
    '{"outcome":"go"}',
  );
  temporal(set, 'workflow', 'cancel', '--workflow-id', 'outside');
  set.project.letGo();
  expect(await run.ended).toMatchObject({ how: 4, output: expect.stringContaining('the workflow was cancelled') });
  expect(set.project.ledger().filter((line) => line.startsWith('began'))).toHaveLength(1);
  expect((await set.project.run('replay', 'outside', '--trust', set.project.trust)).status).toBe(0);
}, 180_000);
