import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ApprovedProject, ProjectCopy } from './approved-project.ts';

const EXPCTL = fileURLToPath(new URL('../../bin/expctl.js', import.meta.url));

/** What a process did in which system calls failed. */
export interface Faulty {
  readonly status: number | null;
  readonly stderr: string;
  /** The system call that failed first, as strace writes it; null where all went well. */
  readonly fault: string | null;
  /** Events that were told after it. */
  readonly told_after: readonly string[];
  /** System calls after it that wrote to, or synced, the journal or its log. */
  readonly journal_after: readonly string[];
}

/**
 * Starts the built `expctl run` on a copy of a project, and lets system calls fail.
 *
 * @param faults `CALLS:error=CODE:when=N` of strace: the N-th of these calls in each thread; `N+`: every one from it on
 * @param paths files of the store: only calls on these count; any, if none is given
 */
export function runWithFaults(
  project: ApprovedProject,
  copy: ProjectCopy,
  faults: string,
  paths: readonly string[] = [],
): Faulty {
  const log = join(project.root, 'faults.log');
  rmSync(log, { force: true });
  const [calls = ''] = faults.split(':');
  const trace = [...new Set([...calls.split(','), 'write', 'pwrite64', 'fsync', 'fdatasync', 'ftruncate'])];
  const selected = paths.flatMap((path) => ['-P', join(copy.store, path)]);
  const strace = [
    '-f',
    '-qq',
    '-y',
    '-s',
    '64',
    '-e',
    `trace=${trace.join(',')}`,
    '-e',
    `inject=${faults}`,
    ...selected,
  ];
  const argv = [...strace, '-o', log, process.execPath, EXPCTL, ...copy.startArgs('--jsonl')];
  const { status, stderr, error } = spawnSync('strace', argv, {
    cwd: copy.folder,
    env: environment(project),
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  const lines = readFileSync(log, 'utf8').split('\n');
  const at = lines.findIndex((line) => line.includes('(INJECTED)'));
  const after = at === -1 ? [] : lines.slice(at + 1);
  const path = join(copy.store, 'journal.sqlite');
  return {
    status,
    stderr,
    fault: lines[at] ?? null,
    told_after: after.filter((line) => /\bwrite\(1<[^>]*>, "\{\\"type\\":\\"(?!error|version)/.test(line)),
    journal_after: after.filter((line) => line.includes(`${path}>`) || line.includes(`${path}-wal>`)),
  };
}

/** Starts the built command line under another program, such as `prlimit`. */
export function runUnder(
  program: readonly [string, ...string[]],
  project: ApprovedProject,
  copy: ProjectCopy,
): { status: number | null; stderr: string } {
  const [name, ...args] = program;
  const argv = [...args, process.execPath, EXPCTL, ...copy.startArgs()];
  const { status, stderr, error } = spawnSync(name, argv, {
    cwd: copy.folder,
    env: environment(project),
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  return { status, stderr };
}

function environment(project: ApprovedProject): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: project.home, USER: 'tester', TZ: 'UTC' };
}

/** What no failure may look like: a stack, or a defect of expctl. */
export function looksLikeDefect(stderr: string): boolean {
  return /^\s+at |Something failed inside|The engine failed/m.test(stderr);
}
