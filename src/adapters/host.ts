import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import type { JsonObject } from '../base/json.ts';
import type { Clock } from '../engines/ports.ts';

export const systemClock: Clock = {
  now_ms: () => Date.now(),
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
  const changes = commit === null ? null : await git(project, ['status', '--porcelain', '--untracked-files=no']);
  return {
    host: hostname(),
    platform: `${process.platform}-${process.arch}`,
    expctl: version,
    node: process.versions.node,
    git_commit: commit,
    git_changed: changes === null ? null : changes !== '',
  };
}

function git(folder: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn('git', ['-C', folder, ...args], { stdio: ['ignore', 'pipe', 'ignore'], timeout: 5_000 });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('error', () => resolve(null));
    child.on('close', (code) => resolve(code === 0 ? output.trim() : null));
  });
}

/** Starts expctl detached from this terminal; returns its process id once it has started. */
export function detach(script: string, args: readonly string[], log_file: string): Promise<number> {
  mkdirSync(dirname(log_file), { recursive: true });
  const log = openSync(log_file, 'a', 0o600);
  const child = spawn(process.execPath, [script, ...args], { detached: true, stdio: ['ignore', log, log] });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => {
      closeSync(log);
      child.unref();
      resolve(child.pid ?? 0);
    });
  });
}

/** One SIGINT or SIGTERM calls back; the process stays until the callback's work ends it. */
export function onInterrupt(callback: (signal: 'SIGINT' | 'SIGTERM') => void): () => void {
  const interrupt = () => callback('SIGINT');
  const terminate = () => callback('SIGTERM');
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', terminate);
  return () => {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', terminate);
  };
}
