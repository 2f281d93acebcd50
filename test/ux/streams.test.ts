import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BeamLike } from './beam-like.ts';
import { argvOf, start } from './process.ts';

let beam: BeamLike;
beforeAll(async () => {
  beam = await BeamLike.make();
});
afterAll(() => beam.remove());

const ESCAPE = '\u001b[';

describe('colours', () => {
  type Wanted = 'coloured' | 'plain';
  const PIPED: readonly [Readonly<Record<string, string>>, string, Wanted][] = [
    [{}, 'status', 'plain'],
    [{ NO_COLOR: '' }, 'status', 'plain'],
    [{ FORCE_COLOR: '' }, 'status', 'plain'],
    [{ FORCE_COLOR: '1' }, 'status', 'coloured'],
    [{ FORCE_COLOR: '1', NO_COLOR: '' }, 'status', 'coloured'],
    [{ FORCE_COLOR: '1', TERM: 'dumb' }, 'status', 'coloured'],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, 'status', 'plain'],
    [{ FORCE_COLOR: '1' }, 'status --color never', 'plain'],
    [{ NO_COLOR: '1' }, 'status --color=always', 'coloured'],
    [{ FORCE_COLOR: '1' }, 'status --json', 'plain'],
  ];

  test.each(PIPED)('%o, piped: %s is %s', async (env, line, wanted) => {
    const { stdout } = await start(beam, argvOf(line.split(' ')), env).ended;
    expect(stdout).toContain('beam-4f2a9c10');
    expect(stdout.includes(ESCAPE) ? 'coloured' : 'plain').toBe(wanted);
  });

  test('standard error is decided apart: an error in colours, where they are forced', async () => {
    const forced = await start(beam, argvOf(['status', 'nothing']), { FORCE_COLOR: '1' }).ended;
    expect(forced.stderr).toContain(ESCAPE);
    const piped = await start(beam, argvOf(['status', 'nothing'])).ended;
    expect(piped.stderr).not.toContain(ESCAPE);
  });

  /** What a command writes to a terminal; Python is there, since node-gyp needs it. */
  function onTerminal(env: Readonly<Record<string, string>>, args: readonly string[]): string {
    const script = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)';
    const whole = { PATH: process.env['PATH'] ?? '', HOME: beam.home, TERM: 'xterm-256color', ...beam.env, ...env };
    const options = { cwd: beam.project, env: whole, encoding: 'utf8', input: '', timeout: 30_000 } as const;
    return spawnSync('python3', ['-c', script, ...argvOf(args)], options).stdout;
  }

  test.each<[Readonly<Record<string, string>>, Wanted]>([
    [{}, 'coloured'],
    [{ NO_COLOR: '' }, 'coloured'],
    [{ NO_COLOR: '1' }, 'plain'],
    [{ TERM: 'dumb' }, 'plain'],
  ])('%o, at a terminal: %s', (env, wanted) => {
    const shown = onTerminal(env, ['status']);
    expect(shown).toContain('beam-4f2a9c10');
    expect(shown.includes(ESCAPE) ? 'coloured' : 'plain').toBe(wanted);
  });
});

describe('whoever reads our output may stop', () => {
  /** Standard output is a pipe that nobody reads any more when the first byte is written. */
  async function unread(args: string): Promise<{ status: string; stderr: string }> {
    const [node, ...argv] = argvOf(args.split(' '));
    const script = `("$0" "$@"; echo "status $?" >&2) | exec 0<&-`;
    const { stderr } = await start(beam, ['sh', '-c', script, node!, ...argv]).ended;
    return { status: /status (\d+)/.exec(stderr)?.[1] ?? '', stderr: stderr.replace(/status \d+\n/, '') };
  }

  test.each(['status', 'list --json', 'watch --jsonl', 'export --csv', '--help'])('%s ends quietly', async (line) => {
    const { status, stderr } = await unread(line);
    expect(status).toBe('0');
    expect(stderr).not.toMatch(/EPIPE|✘|^\s+at /m);
  });

  test('a failure keeps its status', async () => {
    expect((await unread('status --json nothing-of-that-name')).status).toBe('2');
  });

  test('a run ends in good order, and can be resumed', async () => {
    const { status, stderr } = await unread('run plans/beam.lock.json --id unread --jsonl');
    expect(stderr).not.toMatch(/EPIPE|✘|^\s+at /m);
    expect(status).toBe('143');
    expect((await beam.run(['resume', 'unread'])).status).toBe(5);
    expect((await beam.run(['replay', 'unread'])).status).toBe(0);
  });
});

test('the terminal is closed: a run ends in good order, as by SIGTERM, and leaves no tool behind', async () => {
  const { child, ended } = start(beam, argvOf(['run', 'plans/beam.lock.json', '--id', 'closed', '--jsonl']));
  child.stdout!.once('data', () => child.kill('SIGHUP'));
  expect((await ended).status).toBe(143);
  expect((await beam.run(['status', 'closed', '--json'])).stdout).toContain('"state": "paused"');
  expect((await beam.run(['resume', 'closed'])).status).toBe(5);
});

describe.skipIf(process.platform !== 'linux')('a disk that is full', () => {
  /** Statuses and standard error where one stream, or a file, leads to a full disk. */
  async function full(args: string, redirection: string): Promise<{ status: number; stderr: string }> {
    const [node, ...argv] = argvOf(args.split(' '));
    return start(beam, ['sh', '-c', `exec "$0" "$@" ${redirection}`, node!, ...argv]).ended;
  }

  test.each(['list', 'export --csv'])('%s: what was asked for is not there, status 7', async (line) => {
    const { status, stderr } = await full(line, '>/dev/full');
    expect(status).toBe(7);
    expect(stderr).toContain('✘ Standard output cannot be written: ENOSPC');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('a run whose events cannot be written on standard output stops in good order; one whose notes cannot goes on', async () => {
    const unwritten = await full('run plans/beam.lock.json --id full --jsonl', '>/dev/full');
    expect([unwritten.status, unwritten.stderr]).toEqual([7, expect.stringContaining('expctl resume full')]);
    expect((await full('resume full', '2>/dev/full')).status).toBe(5);
  });

  test('--events to a full disk: the run says so, and goes on', async () => {
    const { status, stderr } = await full('run plans/beam.lock.json --id events --events /dev/full', '');
    expect([status, stderr]).toEqual([5, expect.stringContaining('--events ends here, it cannot be written: ENOSPC')]);
  });
});
