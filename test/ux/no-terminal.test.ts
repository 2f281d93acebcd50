import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { BeamLike, RUN } from './beam-like.ts';
import { allCommands } from './help.ts';
import { argvOf, start } from './process.ts';

const commands = await allCommands();
let beam: BeamLike;
beforeAll(async () => {
  beam = await BeamLike.make();
});
afterAll(() => beam.remove());

const LOCK = 'plans/beam.lock.json';

describe('with nothing on standard input no command waits, and the error names the option that helps', () => {
  test.each([
    ['init', 2, '--answers'],
    ['plan goal', 7, 'expctl init'],
    [`review ${LOCK}`, 0, 'expctl approve'],
    [`approve ${LOCK}`, 2, '--key'],
    [`request ${LOCK}`, 0, '--by'],
    [`gate ${RUN}`, 5, '--outcome'],
    [`gate ${RUN} --outcome stop`, 2, '--key'],
    ['tools test beam', 2, '--init'],
    ['trust init', 2, '--person'],
    ['trust init --person bob', 2, '--key'],
    [`run ${LOCK}`, 5, '--outcome'],
    ['watch', 5, '--outcome'],
    ['list --waiting-for me', 2, '--waiting-for PERSON'],
  ])('%s', async (line, expected, named) => {
    const own = beam.copy();
    onTestFinished(() => own.remove());
    const { status, stdout, stderr } = await start(own, argvOf(line.split(' ')), { EXPCTL_KEY: '' }).ended;
    expect(status, stderr).toBe(expected);
    expect(stdout + stderr).toContain(named);
  });
});

describe('usage', () => {
  const called = commands.filter(({ isGroup }) => !isGroup).map(({ path }) => path);

  test.each(called)('%s with an unknown option: status 2, and the nearest one', async (path) => {
    const words = path === 'trust init' ? ['trust', 'init', '--person', 'x', '--key', 'x'] : path.split(' ');
    const { status, stdout, stderr } = await beam.run([...words, '--hlep']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('Did you mean --help?');
  });

  test.each(called)('%s with one word too many', async (path) => {
    const { status, stderr } = await beam.run([...path.split(' '), ...Array.from({ length: 9 }, () => 'x')]);
    expect(status, stderr).toBeGreaterThan(0);
    expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
  });

  test.each([
    ['stauts', 'Did you mean status?'],
    ['help chekc', 'Did you mean check?'],
    ['tools lst', 'Did you mean list?'],
    ['run --aproval x', 'Did you mean --approval?'],
    ['completion bsh', 'bash, zsh, fish'],
    ['check x.plan.yaml --format gc', 'text, gcc'],
    ['logs beam-4f2a 0', 'whole number from 1'],
    [`gate ${RUN} --outcome stop --valid soon`, 'such as 90s or 14d'],
    ['trace beam-4f2a volume', 'mass'],
    ['logs beam-4f2a 7 slove', 'solve'],
    [`gate ${RUN} --outcome perhaps`, 'continue'],
  ])('%s: %s', async (line, hint) => {
    const { status, stdout, stderr } = await beam.run(line.split(' '));
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(hint);
  });

  test('without a command, and for a group: help on standard error, status 2', async () => {
    for (const args of [[], ...commands.filter(({ isGroup }) => isGroup).map(({ path }) => [path])]) {
      const { status, stdout, stderr } = await beam.run(args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr.trimStart()).toMatch(/^Usage: expctl/);
      expect(stderr).not.toContain('✘');
    }
  });

  test('help goes as deep as one asks', async () => {
    const { stdout, status } = await beam.run(['help', 'tools', 'add']);
    expect(status).toBe(0);
    expect(stdout).toBe((await beam.run(['tools', 'add', '--help'])).stdout);
    expect((await beam.run(['help', 'tools', 'nothing'])).status).toBe(2);
  });
});

describe('runs', () => {
  const takes_run = commands.filter(({ command }) => command.registeredArguments[0]?.name() === 'run');

  test.each(takes_run.map(({ path }) => path))('%s of a run that is not there names those that are', async (path) => {
    const point = path === 'logs' ? ['1'] : [];
    const { status, stdout, stderr } = await beam.run([path, 'beam-9', ...point]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/No run begins with beam-9\.|has nothing that is called beam-9/);
    expect(stderr).toContain(RUN);
  });

  test.each(takes_run.map(({ path }) => path))('%s where there is no store says how one comes to be', async (path) => {
    const point = path === 'logs' ? ['x', '1'] : [];
    const { status, stdout, stderr } = await beam.run([path, ...point], { cwd: beam.home });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('expctl run');
  });
});

test('--debug, and only that, shows where a defect is', async () => {
  const broken = beam.copy();
  try {
    writeFileSync(join(broken.project, '.expctl/journal.sqlite'), readFileSync(join(broken.project, 'tools.yaml')));
    const quiet = await broken.run(['status']);
    expect(quiet).toMatchObject({ status: 7, stdout: '' });
    expect(quiet.stderr).not.toMatch(/^\s+at /m);
    const told = await broken.run(['status', '--debug']);
    expect(told.stderr).toMatch(/^\s+at .*:\d+/m);
  } finally {
    broken.remove();
  }
});

test('a store is read while a run goes on in it', async () => {
  const hold = join(beam.project, 'HOLD');
  writeFileSync(hold, '');
  const { child, ended } = start(beam, argvOf(['run', LOCK, '--id', 'going', '--jsonl']));
  try {
    const sent = new Promise<void>((resolve) =>
      child.stdout.on('data', (text: string) => text.includes('effect.intended') && resolve()),
    );
    await Promise.race([sent, ended.then(({ stderr }) => expect.unreachable(stderr))]);
    const { stdout } = await beam.run(['status', 'going', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'running', points: { done: 0 } });
    for (const line of ['list', 'trace going', 'export going', 'replay going', 'report going', 'logs going 1']) {
      const { status, stderr } = await beam.run(line.split(' '));
      expect(status, `${line}: ${stderr}`).toBe(0);
    }
    const second = await beam.run(['resume', 'going']);
    expect(second.status, second.stderr).toBe(7);
    expect(second.stderr).toContain('going');
  } finally {
    rmSync(hold);
  }
  expect((await ended).status).toBe(5);
});

test('an approver who was sent plans/ and approvals/ decides the request that was made', async () => {
  const sent = join(beam.root, 'sent');
  for (const folder of ['plans', 'approvals'])
    cpSync(join(beam.project, folder), join(sent, folder), { recursive: true });
  expect((await beam.run(['verify', LOCK], { cwd: sent })).status).toBe(0);
  const { status, stdout } = await beam.run(['approve', LOCK, '--json', '--reject', '--reason', 'no'], { cwd: sent });
  expect(status).toBe(0);
  expect(stdout).toContain(join(sent, 'approvals'));
  expect((await beam.run(['verify', LOCK], { cwd: sent })).status).toBe(3);
  expect((await beam.run(['verify', LOCK])).status).toBe(0);
});
