import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ended } from '../commands/support.ts';
import type { BeamLike } from './beam-like.ts';

const MAIN = join(fileURLToPath(new URL('../..', import.meta.url)), 'src/main.ts');

/** The command line in a process of its own, from the source. */
export function argvOf(args: readonly string[]): string[] {
  return [process.execPath, '--import', import.meta.resolve('tsx'), MAIN, ...args];
}

/** Longest time that a command may take here before it counts as waiting for somebody. */
const LONGEST_MS = 30_000;

/** Starts a program in the project, with nothing on standard input and no environment but what is given. */
export function start(beam: BeamLike, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    cwd: beam.project,
    env: { PATH: process.env['PATH'] ?? '', HOME: beam.home, TZ: 'UTC', ...beam.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LONGEST_MS,
  });
  return { child, ended: endOf(child) };
}

function endOf(child: ChildProcess): Promise<Ended> {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === null) reject(new Error(`ended by ${signal}: it waited\n${output.stderr}${output.stdout}`));
      else resolve({ status: code, ...output });
    });
  });
}
