import { ExpctlError } from '../base/error.ts';
import { type Result, unwrap } from '../base/result.ts';
import type { ArtifactStore, JournalReader, PoolReader, RunRow } from '../engines/ports.ts';
import { eventOf, type JournalRow, type RunFinished } from '../ir/events.ts';
import type { DesignTable, Lock } from '../ir/lock.ts';
import { compileProgram, type Program } from '../kernel/program.ts';
import type { App } from './app.ts';
import type { StoreOption } from './options.ts';
import { projectHere, storeOf } from './project.ts';

/** How many runs a message names. */
const MOST_NAMED = 5;

/** What a run executes, read from the objects of its store: the project's files are not needed, and may have moved on. */
export interface LoadedRun {
  readonly lock: Lock;
  readonly tables: ReadonlyMap<string, DesignTable>;
  readonly program: Program;
  readonly lock_bytes: Uint8Array;
}

/** A store that a command reads, with the run that it was asked for. */
export interface OpenedRun {
  readonly store: string;
  readonly reader: JournalReader;
  readonly run: RunRow;
}

/**
 * The run whose id begins with `prefix`; the latest run where none is given.
 *
 * @throws ExpctlError NOT_FOUND, with the runs that it could be
 */
export async function findRun(reader: Pick<JournalReader, 'runs'>, prefix: string | undefined): Promise<RunRow> {
  const runs = await reader.runs();
  const exact = runs.find(({ run }) => run === prefix);
  if (exact !== undefined) return exact;
  const found = prefix === undefined ? runs.slice(-1) : runs.filter(({ run }) => run.startsWith(prefix));
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  if (runs.length === 0) {
    throw new ExpctlError('NOT_FOUND', 'This store holds no run yet.', { hint: 'Start one with `expctl run`.' });
  }
  if (only === undefined) {
    const hint = `The latest runs are ${named(runs)}; \`expctl list\` shows all.`;
    throw new ExpctlError('NOT_FOUND', `No run begins with ${prefix}.`, { hint });
  }
  const details = { candidates: found.map(({ run }) => run) };
  const hint = `Give more of its id: ${named(found)}.`;
  throw new ExpctlError('NOT_FOUND', `${found.length} runs begin with ${prefix}.`, { hint, details });
}

/**
 * Lock, design tables and program of a run, each proved to be what its digest says.
 *
 * @throws ExpctlError EVIDENCE_BROKEN where the store lacks one, ARTIFACT_CORRUPT, LOCK_INVALID
 */
export async function loadRun(app: App, store: string, run: Pick<RunRow, 'lock_sha256'>): Promise<LoadedRun> {
  const { parseLock, verifyTables } = await import('../plan/lock-file.ts');
  return load(app, store, run, { lockOf: parseLock, tablesOf: verifyTables });
}

/**
 * The same, sooner: what was parsed strictly before the run began, and is known by its digest, is not parsed strictly once more. For commands
 * that look, and for the design tables of a run that goes on.
 */
export async function lookAtRun(app: App, store: string, run: Pick<RunRow, 'lock_sha256'>): Promise<LoadedRun> {
  const { provedLock, provedTables } = await import('../plan/proved.ts');
  try {
    return await load(app, store, run, { lockOf: provedLock, tablesOf: provedTables });
  } catch {
    return loadRun(app, store, run); // which says what is wrong
  }
}

interface Parsers {
  readonly lockOf: (text: string) => Result<Lock>;
  readonly tablesOf: (
    lock: Lock,
    get: (sha256: string) => string | undefined,
  ) => Result<ReadonlyMap<string, DesignTable>>;
}

async function load(
  app: App,
  store: string,
  run: Pick<RunRow, 'lock_sha256'>,
  { lockOf, tablesOf }: Parsers,
): Promise<LoadedRun> {
  const artifacts = await app.artifacts(store);
  const lock_bytes = await evidence(artifacts, run.lock_sha256, 'the lock');
  const lock = unwrap(lockOf(text(lock_bytes)));
  const texts = new Map<string, string>();
  for (const { id, sha256 } of lock.tables) {
    texts.set(sha256, text(await evidence(artifacts, sha256, `the design table ${id}`)));
  }
  const tables = unwrap(tablesOf(lock, (sha256) => texts.get(sha256)));
  return { lock, tables, program: unwrap(compileProgram(lock, tables)), lock_bytes };
}

/** Whether failed points of a run that ended may be tried again. @param last its row of the type `run.finished` */
export function hasPointsToRetry(last: JournalRow): boolean {
  const { status, points } = eventOf(last) as RunFinished;
  return status !== 'cancelled' && points.failed > 0;
}

/** Opens the store that a command speaks of, finds the run, and closes the store behind the work. */
export async function withRun<T>(
  app: App,
  options: StoreOption,
  prefix: string | undefined,
  work: (opened: OpenedRun) => Promise<T>,
): Promise<T> {
  return withReader(app, options, async (reader, store) => work({ store, reader, run: await findRun(reader, prefix) }));
}

/** Opens the store that a command speaks of for reading, and closes it behind the work. */
export async function withReader<T>(
  app: App,
  options: StoreOption,
  work: (reader: JournalReader & PoolReader, store: string) => Promise<T>,
): Promise<T> {
  const store = storeOf(app, await projectHere(app), options.store);
  const reader = unwrap(await app.openReader(store));
  try {
    return await work(reader, store);
  } finally {
    await reader.close();
  }
}

async function evidence(artifacts: ArtifactStore, sha256: string, what: string): Promise<Uint8Array> {
  if (await artifacts.has(sha256)) return unwrap(await artifacts.get(sha256));
  const hint = 'Restore the store from a backup: it keeps what its runs executed in the folder `cas`.';
  throw new ExpctlError('EVIDENCE_BROKEN', `The store lacks ${what} of the run (${sha256}).`, { hint });
}

function text(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

function named(runs: readonly RunRow[]): string {
  const names = runs.slice(-MOST_NAMED).map(({ run }) => run);
  return `${runs.length > names.length ? '…, ' : ''}${names.join(', ')}`;
}
