import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hostFacts, onInterrupt } from '../../src/adapters/host.ts';

/*
 * The settings of a project's repository can make git start programs. Looking for the commit must not: nobody signed them.
 */

let root: string;
let project: string;
let started: string;
let program: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'expctl-host-'));
  project = join(root, 'project');
  started = join(root, 'STARTED');
  program = join(root, 'program.sh');
  mkdirSync(project);
  writeFileSync(program, `#!/bin/sh\ntouch '${started}'\ncat\n`);
  chmodSync(program, 0o755);
  git('init', '-q');
  writeFileSync(join(project, 'file.txt'), 'one\n');
  git('add', '.');
  git('commit', '-qm', 'First');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function git(...args: readonly string[]): string {
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@example.org'];
  return execFileSync('git', ['-C', project, ...who, ...args], { encoding: 'utf8' }).trim();
}

test('the commit, and whether the files are those of it', async () => {
  const commit = git('rev-parse', 'HEAD');
  expect(await hostFacts(project, '1')).toMatchObject({ git_commit: commit, git_changed: false });
  writeFileSync(join(project, 'file.txt'), 'another\n');
  expect(await hostFacts(project, '1')).toMatchObject({ git_commit: commit, git_changed: true });
  expect(await hostFacts(root, '1')).toMatchObject({ git_commit: null, git_changed: null });
});

test('a file system monitor and hooks of the repository are not started', async () => {
  git('config', 'core.fsmonitor', program);
  writeFileSync(join(project, '.git/hooks/post-index-change'), `#!/bin/sh\ntouch '${started}'\n`, { mode: 0o755 });
  execFileSync('touch', [join(project, 'file.txt')]);
  git('status');
  expect(existsSync(started), 'what git itself does').toBe(true);
  rmSync(started);
  expect(await hostFacts(project, '1')).toMatchObject({ git_changed: false });
  expect(existsSync(started)).toBe(false);
});

test('a filter of the repository is not started; whether files changed is not known then', async () => {
  writeFileSync(join(root, 'more'), `[filter "own"]\n  clean = ${program}\n`);
  git('config', 'include.path', join(root, 'more'));
  mkdirSync(join(project, '.git/info'), { recursive: true });
  appendFileSync(join(project, '.git/info/attributes'), '*.txt filter=own\n');
  writeFileSync(join(project, 'file.txt'), 'two\n');
  git('status');
  expect(existsSync(started), 'what git itself does').toBe(true);
  rmSync(started);
  expect(await hostFacts(project, '1')).toMatchObject({ git_commit: git('rev-parse', 'HEAD'), git_changed: null });
  expect(existsSync(started)).toBe(false);
});

test('a folder that looks like a bare repository, as any checkout may hold one, is none', async () => {
  const bare = join(root, 'bare');
  execFileSync('git', ['clone', '-q', '--bare', project, bare]);
  expect(await hostFacts(bare, '1')).toMatchObject({ git_commit: null, git_changed: null });
});

test('a terminal that is closed is told of once, however often that is seen', () => {
  const told: string[] = [];
  const stop = onInterrupt((signal) => told.push(signal));
  for (const signal of ['SIGHUP', 'SIGHUP', 'SIGTERM', 'SIGINT'] as const) process.emit(signal, signal);
  stop();
  expect(told).toEqual(['SIGTERM', 'SIGTERM', 'SIGINT']);
});
