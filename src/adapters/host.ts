import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import { dirname } from 'node:path';
import type { JsonObject } from '../base/json.ts';
import type { Clock } from '../engines/ports.ts';

export const systemClock: Clock = {
  now_ms: () => Date.now(),
  // Counts sleep as well, so that a laptop that was closed overnight is not taken for a clock that was set.
  monotonic_ms: () => uptime() * 1000,
  after: (seconds, fire) => afterLong(Math.max(0, seconds * 1000), fire),
};

/** A timer of Node holds at most 2^31-1 ms, about 25 days; longer ones are set again. */
const LONGEST_TIMER_MS = 2_000_000_000;

function afterLong(milliseconds: number, fire: () => void): () => void {
  let cancelled = false;
  let cancelInner: () => void = () => {};
  const part = Math.min(milliseconds, LONGEST_TIMER_MS);
  const timer = setTimeout(() => {
    if (cancelled) return;
    if (milliseconds > part) cancelInner = afterLong(milliseconds - part, fire);
    else fire();
  }, part);
  return () => {
    cancelled = true;
    clearTimeout(timer);
    cancelInner();
  };
}

/** Host, platform, versions and the project's git commit; a project that is not in git has none. */
export async function hostFacts(project: string, version: string): Promise<JsonObject> {
  const commit = await git(project, ['rev-parse', 'HEAD']);
  return {
    host: hostname(),
    platform: `${process.platform}-${process.arch}`,
    expctl: version,
    node: process.versions.node,
    git_commit: commit,
    git_changed: commit === null ? null : await isChanged(project),
  };
}

/**
 * Whether files that git knows differ from the commit. null where nobody can tell without starting what the project's own settings
 * name: filters run on every file that is compared.
 */
async function isChanged(project: string): Promise<boolean | null> {
  const named = await git(project, ['config', '--includes', '--show-scope', '--get-regexp', FILTERS], [0, 1]);
  if (named === null || /^(?:local|worktree|unknown|submodule)\s/m.test(named)) return null;
  const status = ['status', '--porcelain', '--untracked-files=no', '--ignore-submodules=all'];
  const changes = await git(project, status);
  return changes === null ? null : changes !== '';
}

const FILTERS = String.raw`^filter\..*\.(clean|process)$`;

/** Settings of a repository that make git start programs when it only looks; nobody signed those. */
const HARMLESS = ['core.fsmonitor=', 'core.hooksPath=/dev/null', 'safe.bareRepository=explicit'];

function gitEnvironment(): NodeJS.ProcessEnv {
  const { GIT_DIR: _dir, GIT_WORK_TREE: _tree, GIT_INDEX_FILE: _index, ...env } = process.env;
  // Without optional locks no index is written; without protocols a partial clone fetches nothing.
  return { ...env, GIT_OPTIONAL_LOCKS: '0', GIT_NO_LAZY_FETCH: '1', GIT_ALLOW_PROTOCOL: 'none' };
}

function git(folder: string, args: readonly string[], good: readonly number[] = [0]): Promise<string | null> {
  return new Promise((resolve) => {
    const argv = ['-C', folder, ...HARMLESS.flatMap((setting) => ['-c', setting]), ...args];
    const child = spawn('git', argv, { env: gitEnvironment(), stdio: ['ignore', 'pipe', 'ignore'], timeout: 5_000 });
    let output = '';
    child.on('error', () => resolve(null));
    // Where too many files are open there is none, whatever the type says.
    (child.stdout as typeof child.stdout | undefined)?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('close', (code) => resolve(code !== null && good.includes(code) ? output.trim() : null));
  });
}

/** Starts expctl detached from this terminal (the port `App.detach`); with the options of Node that this process has. */
export function detach(
  script: string,
  args: readonly string[],
  log_file: string,
): Promise<{ pid: number; ended: () => number | string | null }> {
  mkdirSync(dirname(log_file), { recursive: true });
  const log = openSync(log_file, 'a', 0o600);
  const argv = [...process.execArgv, script, ...args];
  const child = spawn(process.execPath, argv, { detached: true, stdio: ['ignore', log, log] });
  let end: number | string | null = null;
  child.once('exit', (status, signal) => {
    end = status ?? signal;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => {
      closeSync(log);
      child.unref();
      resolve({ pid: child.pid ?? 0, ended: () => end });
    });
  });
}

/**
 * One SIGINT or SIGTERM calls back; the process stays until the callback's work ends it. A terminal that is closed (SIGHUP) is as one
 * SIGTERM, so that nothing is left running that nobody performs. It may be told of several times: by the kernel, by the shell, and by
 * each write that fails.
 */
export function onInterrupt(callback: (signal: 'SIGINT' | 'SIGTERM') => void): () => void {
  let hung_up = false;
  const interrupt = () => callback('SIGINT');
  const terminate = () => callback('SIGTERM');
  const hangUp = () => {
    if (!hung_up) callback('SIGTERM');
    hung_up = true;
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', terminate);
  process.on('SIGHUP', hangUp);
  return () => {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', terminate);
    process.off('SIGHUP', hangUp);
  };
}
