import { cpSync, existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SquareProject } from './square-project.ts';

const approved = (runs?: number) => new SquareProject().approve(runs);

function calls(project: SquareProject): string[] {
  const path = join(project.counts, 'calls.log');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').sort() : [];
}

function jsonLines(text: string): { type: string; [field: string]: unknown }[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string });
}

describe('run', () => {
  test('executes what was approved up to the gate, and ends with 5; the decision and `resume` end it with 0', async () => {
    const project = await approved();
    const trust = ['--trust', project.trust];
    const run = await project.run('run', project.lock, ...trust, '--id', 'one');
    expect([run.status, run.stdout]).toEqual([5, '']);
    expect(run.stderr).toContain(`expctl resume one --trust ${project.trust}\n`);
    expect(run.stderr).toContain("expctl gate one --outcome 'continue|stop'");
    expect(calls(project)).toEqual(['1', '2', '3', '4', '5']);
    const shown = await project.run('gate', 'one');
    expect(shown.status).toBe(5);
    expect(shown.stdout).toContain('5 points have succeeded');
    const decided = await project.succeed(
      'gate',
      'one',
      '--outcome',
      'continue',
      '--key',
      project.key,
      ...trust,
      '--json',
    );
    expect(JSON.parse(decided.stdout)).toEqual({ run: 'one', gate: 'look', outcome: 'continue', decided: true });
    const end = await project.run('resume', 'one', ...trust, '--json');
    expect(end.status).toBe(0);
    expect(JSON.parse(end.stdout)).toMatchObject({ run: 'one', state: 'stopped', reason: 'all is known', exit: 0 });
    expect(calls(project)).toHaveLength(5);
    const again = await project.run('resume', 'one', ...trust);
    expect([again.status, again.stderr]).toEqual([2, expect.stringContaining('has ended')]);
  });

  test('is denied without an approval, and nothing is started', async () => {
    const project = new SquareProject();
    await project.succeed('keys', 'new', project.key);
    const solo = ['--solo', '--allow-without-terminal', '-o', project.trust];
    await project.succeed('trust', 'init', '--person', 'lead', '--key', project.key, ...solo);
    await project.succeed('tools', 'pin');
    await project.succeed('lock', 'square.plan.yaml');
    for (const prepare of [[], ['request', project.lock, '--by', 'lead']]) {
      if (prepare.length > 0) await project.succeed(...prepare);
      const denied = await project.run('run', project.lock, '--trust', project.trust, '--json');
      expect(denied.status).toBe(3);
      expect(JSON.parse(denied.stdout)).toMatchObject({ error: { code: 'NOT_APPROVED' } });
    }
    expect(calls(project)).toEqual([]);
    expect(existsSync(join(project.project, '.expctl', 'journal.sqlite'))).toBe(false);
  });

  test('is denied once all approved runs were started', async () => {
    const project = await approved(2);
    const run = ['run', project.lock, '--trust', project.trust];
    expect((await project.run(...run)).status).toBe(5);
    expect((await project.run(...run)).status).toBe(5);
    const third = await project.run(...run);
    expect([third.status, third.stderr]).toEqual([3, expect.stringContaining('have been started')]);
    expect(calls(project)).toHaveLength(10);
    const approve = ['approve', project.lock, '--key', project.key, '--trust', project.trust];
    const useless = await project.run(...approve);
    expect([useless.status, useless.stderr]).toEqual([3, expect.stringContaining('expctl request square.lock.json')]);
    await project.succeed('request', project.lock, '--by', 'lead');
    await project.succeed(...approve);
    expect((await project.run(...run)).status).toBe(5);
  });

  test('refuses a tool that is not the one that was pinned, before anything runs and without using up the approval', async () => {
    const project = await approved();
    const tool = join(project.project, 'tool.mjs');
    const before = readFileSync(tool, 'utf8');
    writeFileSync(tool, `${before}// another version\n`);
    const refused = await project.run('run', project.lock, '--trust', project.trust);
    expect([refused.status, refused.stderr]).toEqual([7, expect.stringContaining('tool.mjs')]);
    expect(calls(project)).toEqual([]);
    writeFileSync(tool, before);
    expect((await project.run('run', project.lock, '--trust', project.trust)).status).toBe(5);
  });

  test('--jsonl gives nothing but events on standard output, --events the same into a file, --junit a case a point', async () => {
    const project = await approved();
    writeFileSync(join(project.counts, 'FAIL'), '');
    const files = ['--events', 'events.jsonl', '--junit', 'points.xml'];
    const run = await project.run('run', project.lock, '--trust', project.trust, '--jsonl', ...files);
    expect(run.status).toBe(5);
    const events = jsonLines(run.stdout);
    expect(events[0]).toEqual({ type: 'version', schema: 'expctl.events/1.0' });
    expect(events[1]).toMatchObject({ type: 'run.started', stream: 'study', seq: 1 });
    expect(events.filter(({ type }) => type === 'point.finished')).toHaveLength(5);
    expect(events.at(-1)).toMatchObject({ type: 'gate.opened', gate: 'look' });
    expect(readFileSync(join(project.project, 'events.jsonl'), 'utf8')).toBe(run.stdout);
    const junit = readFileSync(join(project.project, 'points.xml'), 'utf8');
    expect(junit).toContain('tests="5" failures="1" skipped="0"');
    expect(junit).toContain('no solution at 3');
  });

  test('--json and --jsonl at once, an impossible id, and a file that cannot be written are refused before anything runs', async () => {
    const project = await approved();
    const run = ['run', project.lock, '--trust', project.trust];
    expect((await project.run(...run, '--json', '--jsonl')).status).toBe(2);
    expect((await project.run(...run, '--id', '../x')).status).toBe(2);
    expect((await project.run(...run, '--events', 'no/such/folder/events')).status).toBe(2);
    expect(calls(project)).toEqual([]);
    expect((await project.run(...run)).status).toBe(5);
  });

  test('with the id of a run that is there is refused, and that run stays as it is', async () => {
    const project = await approved(2);
    const run = ['run', project.lock, '--trust', project.trust, '--id', 'one'];
    expect((await project.run(...run)).status).toBe(5);
    const again = await project.run(...run);
    expect([again.status, again.stderr]).toEqual([2, expect.stringContaining('one')]);
    expect(calls(project)).toHaveLength(5);
  });
});

describe('resume, where the store is all that is left of the approval', () => {
  test('goes on by what the store keeps; a refusal that is put into the folder of approvals still counts', async () => {
    const project = await approved();
    const trust = ['--trust', project.trust];
    await project.run('run', project.lock, ...trust, '--id', 'one');
    const approvals = join(project.project, 'approvals');
    renameSync(approvals, join(project.root, 'elsewhere'));
    expect((await project.run('resume', 'one', ...trust)).status).toBe(5);
    renameSync(join(project.root, 'elsewhere'), approvals);
    await project.succeed('approve', project.lock, '--revoke', '--reason', 'stop', '--key', project.key, ...trust);
    const folder = join(approvals, readdirSync(approvals)[0]!);
    for (const name of readdirSync(folder)) if (!name.startsWith('revoke-')) rmSync(join(folder, name));
    const denied = await project.run('resume', 'one', ...trust);
    expect([denied.status, denied.stderr]).toEqual([3, expect.stringContaining('revoked')]);
  });

  test('is denied where the store lacks a part of it, or where the policy has changed its mind', async () => {
    const project = await approved();
    const trust = ['--trust', project.trust];
    const run = await project.run('run', project.lock, ...trust, '--id', 'one', '--jsonl');
    const request = String(jsonLines(run.stdout)[1]!['request_sha256']);
    rmSync(join(project.project, 'approvals'), { recursive: true });
    const policy = readFileSync(project.trust, 'utf8');
    writeFileSync(project.trust, policy.replace('"n": 1', '"n": 2').replace('"n":1', '"n":2'), { mode: 0o600 });
    expect((await project.run('resume', 'one', ...trust)).status).toBe(3);
    writeFileSync(project.trust, policy, { mode: 0o600 });
    expect((await project.run('resume', 'one', ...trust)).status).toBe(5);
    rmSync(join(project.project, '.expctl', 'cas', 'sha256', request.slice(0, 2), request.slice(2)));
    const denied = await project.run('resume', 'one', ...trust);
    expect([denied.status, denied.stderr]).toEqual([3, expect.stringContaining('missing')]);
  });
});

test('a run in a store outside the project, however that is called, goes on with the tools of the project', async () => {
  const project = await approved();
  const place = ['--store', join(project.root, 'disk', '.expctl'), '--trust', project.trust];
  expect((await project.run('run', project.lock, '--id', 'one', ...place)).status).toBe(5);
  const again = await project.run('resume', 'one', ...place);
  expect([again.status, again.stderr]).toEqual([5, expect.stringContaining('Run one goes on')]);
});

test('a revocation counts for `resume`, also where the folder of the request was copied or its approval is handed over', async () => {
  const project = await approved();
  const trust = ['--trust', project.trust];
  await project.run('run', project.lock, '--id', 'one', ...trust);
  const approvals = join(project.project, 'approvals');
  const [name] = readdirSync(approvals);
  cpSync(join(approvals, name!), join(approvals, 'a-copy'), { recursive: true });
  cpSync(join(approvals, name!), join(project.root, 'mail'), { recursive: true });
  await project.succeed('approve', project.lock, '--revoke', '--reason', 'Too heavy.', '--key', project.key, ...trust);
  const [envelope] = readdirSync(join(project.root, 'mail')).filter((file) => file.endsWith('.dsse.json'));
  for (const more of [[], ['--approval', join(project.root, 'mail', envelope!)]]) {
    const denied = await project.run('resume', 'one', ...trust, ...more);
    expect([denied.status, denied.stderr]).toEqual([3, expect.stringContaining('Too heavy.')]);
  }
  expect(calls(project)).toHaveLength(5);
});

test('run --wait blocks at the gate, and goes on in the same process once it is decided elsewhere', async () => {
  const project = await approved();
  const trust = ['--trust', project.trust];
  const waiting = project.process('run', project.lock, ...trust, '--id', 'one', '--wait', '--json');
  let opened = await project.run('gate', 'one');
  while (opened.status !== 5) opened = await project.run('gate', 'one');
  await project.succeed('gate', 'one', '--outcome', 'continue', '--key', project.key, ...trust);
  const { status, stdout } = await waiting;
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ run: 'one', state: 'stopped', reason: 'all is known' });
  expect(calls(project)).toHaveLength(5);
});

describe('run --detach', () => {
  test('returns once the run is performed: the next command finds it, and a pause reaches it', async () => {
    const project = await approved(2);
    const trust = ['--trust', project.trust];
    const begun = await project.process('run', project.lock, ...trust, '--id', 'one', '--detach', '--json');
    expect(begun.status).toBe(0);
    expect(JSON.parse(begun.stdout)).toMatchObject({ run: 'one', pid: expect.any(Number) });
    await project.succeed('pause', 'one', '--reason', 'later');
    const watched = await project.run('watch', 'one');
    expect(watched.status).toBe(5);
    expect((await project.run('resume', 'one', ...trust)).status).toBe(5);
    expect(calls(project)).toHaveLength(5);
  });

  test('tells how the process ended where it did at once, and where it said why', async () => {
    const project = await approved(1);
    writeFileSync(join(project.project, 'tool.mjs'), 'process.exit(3); // another program');
    const begun = await project.process('run', project.lock, '--trust', project.trust, '--id', 'one', '--detach');
    expect([begun.status, begun.stderr]).toEqual([7, expect.stringContaining('.expctl/logs/one.log')]);
    const log = readFileSync(join(project.project, '.expctl', 'logs', 'one.log'), 'utf8');
    expect(log).toContain('is not the one that was pinned');
    expect(calls(project)).toEqual([]);
  });
});

describe('pause and cancel', () => {
  test('left while nobody performs the run are obeyed by the next `resume`', async () => {
    const project = await approved();
    const trust = ['--trust', project.trust];
    await project.run('run', project.lock, ...trust, '--id', 'one');
    await project.succeed('cancel', 'one', '--reason', 'wrong load');
    const end = await project.run('resume', 'one', ...trust, '--json');
    expect(end.status).toBe(4);
    expect(JSON.parse(end.stdout)).toMatchObject({ state: 'cancelled', reason: 'wrong load' });
    expect((await project.run('cancel', 'one')).status).toBe(2);
  });

  test('of a run that is not there name what is', async () => {
    const project = await approved();
    expect((await project.run('pause', 'one')).status).toBe(2);
    await project.run('run', project.lock, '--trust', project.trust, '--id', 'one');
    const unknown = await project.run('pause', 'two');
    expect([unknown.status, unknown.stderr]).toEqual([2, expect.stringContaining('one')]);
  });
});

describe('gate', () => {
  test('is not decided by another outcome, by somebody else, or when nothing waits', async () => {
    const project = await approved();
    const trust = ['--trust', project.trust];
    await project.run('run', project.lock, ...trust, '--id', 'one');
    const signed = ['--key', project.key, ...trust];
    expect((await project.run('gate', 'one', '--outcome', 'widen', ...signed)).status).toBe(2);
    const stranger = join(project.root, 'stranger.key');
    await project.succeed('keys', 'new', stranger);
    const denied = await project.run('gate', 'one', '--outcome', 'continue', '--key', stranger, ...trust);
    expect(denied.status).toBe(3);
    const still = await project.run('resume', 'one', ...trust);
    expect(still.status).toBe(5);
    await project.succeed('gate', 'one', '--outcome', 'stop', ...signed);
    expect((await project.run('resume', 'one', ...trust, '--json')).stdout).toContain('decided at gate look');
    expect((await project.run('gate', 'one')).status).toBe(2);
  });
});
