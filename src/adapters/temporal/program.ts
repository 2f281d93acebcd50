import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';

/** The version of Temporal's command line that is built where there is none. */
const TEMPORAL_CLI = '1.5.1';
const MODULE = `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_CLI}`;

export interface ProgramSearch {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Progress, for people. */
  readonly note: (text: string) => void;
  /** Ends the building of the program. */
  readonly signal?: AbortSignal;
  /** How often progress is told. */
  readonly progress_s?: number;
}

/** Where the program is kept that expctl has built. */
export function cachedProgram({ env, home }: Pick<ProgramSearch, 'env' | 'home'>): string {
  const cache = env['XDG_CACHE_HOME'];
  const folder = cache === undefined || cache === '' ? join(home, '.cache') : cache;
  return join(folder, 'expctl', 'temporal', TEMPORAL_CLI, 'temporal');
}

/**
 * The program `temporal`, which holds the dev server: in PATH, else the one that was built before, else in Go's bin folder, else built by
 * Go, which checks the sources against its public list of digests. Nothing is downloaded as a program: its publisher gives no digest
 * that could be checked.
 */
export async function temporalProgram(search: ProgramSearch): Promise<Result<string>> {
  const in_path = (search.env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  const own = await firstIn(in_path, 'temporal');
  if (own !== null) return ok(own);
  const cached = cachedProgram(search);
  if (await isExecutable(cached)) return ok(cached);
  const go = await firstIn(in_path, 'go');
  if (go === null) return err(noProgram('neither it nor Go, which can build it, is in PATH'));
  const path = await output(search, go, ['env', 'GOPATH']);
  const built = join(path?.split(delimiter)[0] ?? '', 'bin', 'temporal');
  if (isAbsolute(built) && (await isExecutable(built))) return ok(built);
  return build(search, go, cached);
}

async function firstIn(folders: readonly string[], name: string): Promise<string | null> {
  for (const folder of folders) if (await isExecutable(join(folder, name))) return join(folder, name);
  return null;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function build(search: ProgramSearch, go: string, cached: string): Promise<Result<string>> {
  const { note, signal, progress_s = 10 } = search;
  const folder = dirname(cached);
  await mkdir(folder, { recursive: true });
  note(`Building Temporal's command line ${TEMPORAL_CLI} once (go install ${MODULE}); this takes minutes.`);
  const start_ms = performance.now();
  const elapsed_s = () => Math.round((performance.now() - start_ms) / 1000);
  const child = start(search, go, ['install', MODULE], { GOBIN: folder });
  const stop = () => endGroup(child);
  signal?.addEventListener('abort', stop);
  const progress = setInterval(() => note(`  still building, ${elapsed_s()} s`), progress_s * 1000);
  try {
    const { status, stderr } = await ended(child, signal?.aborted === true);
    if (signal?.aborted === true) return err(noProgram('building it was interrupted'));
    if (status === 0 && (await isExecutable(cached))) {
      note(`  built in ${elapsed_s()} s: ${cached}`);
      return ok(cached);
    }
    const said = stderr.trim().split('\n').slice(-3).join('\n') || `go ended with ${status}`;
    return err(noProgram(`Go could not build it (is the network there?): ${said}`));
  } finally {
    clearInterval(progress);
    signal?.removeEventListener('abort', stop);
  }
}

/** In a group of its own, so that the compilers that Go starts end with it. */
function start(
  { env }: ProgramSearch,
  go: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): ChildProcess {
  return spawn(go, args, { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
}

function endGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  } catch {
    // It has ended by itself.
  }
}

function ended(
  child: ChildProcess,
  end_now = false,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] = (output[name] + text).slice(-20_000);
    });
  }
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ status: null, stdout: '', stderr: error.message }));
    child.once('close', (status) => resolve({ status, ...output }));
    if (end_now) endGroup(child);
  });
}

async function output(search: ProgramSearch, go: string, args: readonly string[]): Promise<string | null> {
  const { status, stdout } = await ended(start(search, go, args));
  return status === 0 ? stdout.trim() : null;
}

function noProgram(why: string): ExpctlError {
  const message = `There is no program \`temporal\`: ${why}.`;
  const hint = `Install Temporal's command line (https://docs.temporal.io/cli) into a folder of PATH; or Go, and with a network \`go install ${MODULE}\`; or name a server with --address.`;
  return new ExpctlError('ENGINE_UNAVAILABLE', message, { hint });
}
