import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SquareProject } from './square-project.ts';

async function approved(options: ConstructorParameters<typeof SquareProject>[0] = {}): Promise<SquareProject> {
  return new SquareProject(options).approve();
}

/** The values of x for which the program was started, sorted: points are evaluated beside each other. */
function starts(project: SquareProject): number[] {
  return readFileSync(join(project.counts, 'calls.log'), 'utf8')
    .trim()
    .split('\n')
    .map(Number)
    .sort((a, b) => a - b);
}

function mark(project: SquareProject, name: 'FAIL' | 'LOST'): () => void {
  const file = join(project.counts, name);
  writeFileSync(file, '');
  return () => rmSync(file);
}

describe('an effect of which nobody knows', () => {
  test('stops its point alone; a person finds out, and signs; replay proves who said it', async () => {
    const project = await approved({ effect: 'once' });
    const unmark = mark(project, 'LOST');
    const trust = ['--trust', project.trust];
    const run = await project.run('run', project.lock, '--id', 'r', '--json', ...trust);
    expect(run.status, run.stderr).toBe(5);
    expect(JSON.parse(run.stdout)).toMatchObject({ state: 'unresolved', effects: [{ point: 3, step: 'square' }] });
    expect(run.stderr).toContain('expctl resolve r');
    expect((await project.succeed('status', 'r')).stdout).toContain('1 effect needs a person');
    const shown = await project.run('resolve', 'r');
    expect([shown.status, shown.stdout]).toEqual([
      5,
      expect.stringContaining('point 3, step square, attempt 1: square/run'),
    ]);
    writeFileSync(join(project.project, 'answer.json'), '{"y": 9}');
    const said = ['--as', 'done', '--answer', 'answer.json', '--comment', 'it is in the book', '--key', project.key];
    await project.succeed('resolve', 'r', ...said, ...trust);
    unmark();
    expect((await project.run('resume', 'r', ...trust)).status).toBe(5);
    await project.succeed('gate', 'r', '--outcome', 'continue', '--key', project.key, ...trust);
    await project.succeed('resume', 'r', ...trust);
    expect(starts(project), 'never sent twice').toEqual([1, 2, 3, 4, 5]);
    const table = await project.succeed('export', 'r', '--csv');
    expect(table.stdout).toMatch(/^3,.*\b9\b/m);
    const replay = await project.succeed('replay', 'r', '--json', ...trust);
    expect(JSON.parse(replay.stdout)).toMatchObject({ divergence: null, proved: { signatures: 3 } });
  });

  test('said not to have happened, it is sent again, once', async () => {
    const project = await approved({ effect: 'once' });
    const unmark = mark(project, 'LOST');
    const trust = ['--trust', project.trust];
    await project.run('run', project.lock, '--id', 'r', ...trust);
    unmark();
    await project.succeed('resolve', 'r', '--as', 'not-done', '--key', project.key, ...trust);
    expect((await project.run('resume', 'r', ...trust)).status).toBe(5);
    expect(starts(project)).toEqual([1, 2, 3, 3, 4, 5]);
  });

  test.each([
    ['an answer without --as done', ['--as', 'failed', '--answer', 'answer.json'], 2],
    ['--as done without an answer', ['--as', 'done'], 2],
    ['another point', ['--as', 'failed', '--point', '4'], 2],
    ['an answer that is no JSON', ['--as', 'done', '--answer', 'tools.yaml'], 2],
    ['no key', ['--as', 'failed'], 2],
  ])('%s is refused, and nothing is posted', async (_name, args, status) => {
    const project = await approved({ effect: 'once' });
    mark(project, 'LOST');
    await project.run('run', project.lock, '--id', 'r', '--trust', project.trust);
    writeFileSync(join(project.project, 'answer.json'), '{"y": 9}');
    const ended = await project.run('resolve', 'r', ...args, '--trust', project.trust);
    expect(ended.status, ended.stderr).toBe(status);
    expect((await project.run('resume', 'r', '--trust', project.trust)).status).toBe(5);
    expect(starts(project)).toEqual([1, 2, 3, 4, 5]);
  });

  test('a key of nobody, and a resolution of another run, change nothing', async () => {
    const project = await approved({ effect: 'once' });
    mark(project, 'LOST');
    const trust = ['--trust', project.trust];
    await project.run('run', project.lock, '--id', 'r', ...trust);
    const stranger = join(project.root, 'stranger.key');
    await project.succeed('keys', 'new', stranger);
    const refused = await project.run('resolve', 'r', '--as', 'failed', '--key', stranger, ...trust);
    expect(refused.status, refused.stderr).toBe(3);
  });
});

describe('failed points, tried again', () => {
  test('at the gate: its evidence changes, so it opens anew; only what failed is called again', async () => {
    const project = await approved();
    const unmark = mark(project, 'FAIL');
    const trust = ['--trust', project.trust];
    expect((await project.run('run', project.lock, '--id', 'r', ...trust)).status).toBe(5);
    unmark();
    const retry = await project.succeed('retry', 'r', '--failed', '--json');
    expect(JSON.parse(retry.stdout)).toEqual({ run: 'r', posted: 'retry', performed: false });
    expect(retry.stderr).toContain('expctl resume r');
    expect((await project.run('resume', 'r', ...trust)).status).toBe(5);
    expect(starts(project)).toEqual([1, 2, 3, 3, 4, 5]);
    expect((await project.run('gate', 'r')).stdout).toContain('2. time');
    await project.succeed('gate', 'r', '--outcome', 'continue', '--key', project.key, ...trust);
    await project.succeed('resume', 'r', ...trust);
    const { stdout } = await project.succeed('status', 'r', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ state: 'stopped', points: { succeeded: 5, failed: 0 } });
    await project.succeed('replay', 'r', ...trust);
  });

  test('after the end: the run goes on for them, and ends as before', async () => {
    const project = await approved();
    const unmark = mark(project, 'FAIL');
    const trust = ['--trust', project.trust];
    await project.run('run', project.lock, '--id', 'r', ...trust);
    await project.succeed('gate', 'r', '--outcome', 'continue', '--key', project.key, ...trust);
    await project.succeed('resume', 'r', ...trust);
    expect((await project.run('resume', 'r', ...trust)).stderr).toContain('expctl retry r --failed');
    unmark();
    await project.succeed('retry', 'r', '--point', '3');
    await project.succeed('resume', 'r', ...trust);
    const { stdout } = await project.succeed('status', 'r', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ state: 'stopped', points: { succeeded: 5, failed: 0 } });
    await project.succeed('replay', 'r', ...trust);
  });

  test.each([
    ['which ones is not said', []],
    ['all and one', ['--failed', '--point', '3']],
    ['one that succeeded', ['--point', '1']],
    ['what is no point', ['--point', 'three']],
  ])('%s: refused', async (_name, args) => {
    const project = await approved();
    mark(project, 'FAIL');
    await project.run('run', project.lock, '--id', 'r', '--trust', project.trust);
    const ended = await project.run('retry', 'r', ...args);
    expect(ended.status, ended.stderr).toBe(2);
  });
});

test('pause says that nobody performs the run; of one that was cancelled, nothing can be tried again', async () => {
  const project = await approved();
  mark(project, 'FAIL');
  const trust = ['--trust', project.trust];
  await project.run('run', project.lock, '--id', 'r', ...trust);
  expect((await project.succeed('pause', 'r')).stderr).toContain('it stands already; it goes on with expctl resume r');
  await project.succeed('cancel', 'r');
  expect((await project.run('resume', 'r', ...trust)).status).toBe(4);
  const ended = await project.run('pause', 'r');
  expect([ended.status, ended.stderr]).toEqual([2, expect.stringContaining('expctl status r')]);
  expect(ended.stderr).not.toContain('retry');
  const resumed = await project.run('resume', 'r', ...trust);
  expect([resumed.status, resumed.stderr]).toEqual([2, expect.not.stringContaining('retry')]);
  expect((await project.succeed('status', 'r')).stdout).toMatch(/^✘ r {2}cancelled$/m);
});

describe('cancel of a part', () => {
  test.each([
    ['a condition that does not parse', ['--points', 'x >'], 'It is a condition over variables'],
    ['a name that is not there', ['--points', 'y > 2'], 'y'],
    ['a number for a condition', ['--points', 'x + 1'], 'a condition is true or false'],
    ['a phase that is not there', ['--phase', 'nowhere'], 'These are: all.'],
    ['both', ['--phase', 'all', '--points', 'x > 2'], 'Cancel one, then the other'],
  ])('%s is refused at once', async (_name, args, words) => {
    const project = await approved();
    await project.run('run', project.lock, '--id', 'r', '--trust', project.trust);
    const ended = await project.run('cancel', 'r', ...args);
    expect(ended.status).toBe(2);
    expect(ended.stderr).toContain(words);
  });

  test('points that a condition names are not evaluated, though nobody performed the run when it was said', async () => {
    const project = await approved({ effect: 'once' });
    const unmark = mark(project, 'LOST');
    const trust = ['--trust', project.trust];
    await project.run('run', project.lock, '--id', 'r', ...trust);
    unmark();
    await project.succeed('cancel', 'r', '--points', 'x == 3', '--reason', 'nobody knows');
    expect((await project.run('resume', 'r', ...trust)).status).toBe(5);
    const { stdout } = await project.succeed('status', 'r', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      state: 'waits',
      points: { succeeded: 4, cancelled: 1 },
      unresolved: [],
    });
  });
});
