import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { type ProcessFacts, parseProcStat } from './lease.ts';

/** The facts of this process, from /proc on Linux and from `ps` elsewhere. */
export function thisProcess(): ProcessFacts {
  const startedOf = process.platform === 'linux' ? startedByProc : startedByPs;
  return {
    machine: `${hostname()} ${machineId()}`.trim(),
    boot: readText('/proc/sys/kernel/random/boot_id'),
    namespace: readLink('/proc/self/ns/pid'),
    pid: process.pid,
    started: startedOf(process.pid) ?? 'unknown',
    startedOf,
  };
}

/** Many machines are called localhost. The id itself is confidential (machine-id(5)), so only a digest of it is kept. */
function machineId(): string {
  const id = readText('/etc/machine-id');
  return id === '' ? '' : createHash('sha256').update(`expctl ${id}`).digest('hex').slice(0, 16);
}

function startedByProc(pid: number): string | 'hidden' | null {
  const text = readText(`/proc/${pid}/stat`);
  if (text !== '') return parseProcStat(text);
  return exists(pid) ? 'hidden' : null; // /proc can be mounted so that it hides other users' processes
}

function startedByPs(pid: number): string | 'hidden' | null {
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  const text = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { env, encoding: 'utf8' }).stdout?.trim() ?? '';
  if (text !== '') return text;
  return exists(pid) ? 'hidden' : null;
}

/** Signal 0 is only a question; EPERM answers it with yes. */
function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
