import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApprovalProject, LOCK, makeApprovalProject } from '../commands/approval-project.ts';

/*
 * The promise that `check`, `lock`, `diff`, `review --plain` and `verify` start no process and open no socket, read from the
 * system calls of the built program. A plan, a tools file or a lock may come from anybody: to look at it must do nothing.
 */

const PROGRAM = fileURLToPath(new URL('../../bin/expctl.js', import.meta.url));
const PLAN = 'plans/beam-small.plan.yaml';

interface Traced {
  readonly status: number | null;
  readonly stderr: string;
  /** System calls that started a program; the first is the one that starts expctl itself. */
  readonly started: readonly string[];
  readonly connected: readonly string[];
}

let at: ApprovalProject;
beforeAll(async () => {
  at = await makeApprovalProject();
  await at.request();
  await at.approve();
});
afterAll(() => at.remove());

function traced(...args: string[]): Traced {
  return tracedNode(PROGRAM, ...args);
}

function tracedNode(...args: string[]): Traced {
  const log = join(at.root, 'calls.txt');
  const argv = ['-f', '-qq', '-e', 'trace=execve,execveat,connect', '-o', log, process.execPath, ...args];
  const options = { cwd: at.project, env: { PATH: process.env['PATH'], HOME: at.home }, encoding: 'utf8' } as const;
  const { status, stderr, error } = spawnSync('strace', argv, options);
  if (error !== undefined) throw error;
  const calls = readFileSync(log, 'utf8').split('\n');
  return {
    status,
    stderr,
    started: calls.filter((call) => /\bexecve(at)?\(/.test(call)),
    connected: calls.filter((call) => /\bconnect\(/.test(call)),
  };
}

describe('no program is started and nothing is connected to', () => {
  test.each([
    ['check', ['check', PLAN], 0],
    ['check of a plan with problems', ['check', 'plans/wrong.plan.yaml', '--sarif', 'check.sarif'], 2],
    ['lock', ['lock', PLAN], 0],
    ['diff of two', ['diff', LOCK, PLAN], 0],
    ['diff with the last approved', ['diff', PLAN, '--trust', 'TRUST', '--md'], 0],
    ['review --plain', ['review', LOCK, '--plain', '--trust', 'TRUST'], 0],
    ['verify', ['verify', LOCK, '--trust', 'TRUST'], 0],
    ['tools list', ['tools', 'list'], 0],
  ])('%s', (_, args, expected) => {
    writeFileSync(join(at.project, 'plans/wrong.plan.yaml'), 'expctl: 1\n');
    const { status, stderr, started, connected } = traced(...args.map((arg) => (arg === 'TRUST' ? at.trust : arg)));
    expect(status, stderr).toBe(expected);
    expect(started).toHaveLength(1);
    expect(connected).toEqual([]);
  });

  test('what does start a program is seen', () => {
    const server = fileURLToPath(new URL('../fixtures/tools/server.mjs', import.meta.url));
    copyFileSync(server, join(at.project, 'server.mjs'));
    writeFileSync(
      join(at.project, 'tools.yaml'),
      'tools: { a: { mcp: { command: [node, server.mjs] }, calls: {} } }\n',
    );
    const { status, stderr, started } = traced('tools', 'pin');
    expect(status, stderr).toBe(0);
    expect(started.length).toBeGreaterThan(1);
  });

  test('what does connect is seen', () => {
    const script = "require('node:net').connect(9, '127.0.0.1').on('error', () => {})";
    expect(tracedNode('-e', script).connected).not.toEqual([]);
  });
});
