import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { makeDurableFolder } from '../files/durable.ts';
import { syncPath } from './files.ts';
import { migrate } from './migrate.ts';
import { holdsWriteAheadLog } from './probe.ts';
import { type Profile, pragmasOf, profileFor, ROLLBACK_PROFILE, sqliteVersionProblem } from './profile.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.ts';
import { renewLog } from './unclean.ts';

const BUSY_TIMEOUT_MS = 10_000;
const PAGE_BYTES = 4_096;
/** What SQLite says to a reader where a rollback journal lies beside the file that a crash left. */
const HALF_WRITTEN = 'SQLITE_READONLY_ROLLBACK';

export interface OpenOptions {
  /** How long a statement waits for another process's commit. */
  readonly busy_timeout_ms?: number;
  /** `statfs` type of the folder's file system; asked from the system if not given. */
  readonly file_system?: number | null;
}

export function journalFile(folder: string): string {
  return join(folder, 'journal.sqlite');
}

/**
 * Opens the journal for writing; makes the folder (for its owner only) and the file if there are none.
 * Throws ExpctlError STORE_UNUSABLE.
 */
export function openDatabase(folder: string, options: OpenOptions = {}): Database.Database {
  const file = journalFile(folder);
  const timeout = options.busy_timeout_ms ?? BUSY_TIMEOUT_MS;
  try {
    makeDurableFolder(folder, 0o700);
    const database = new Database(file, { timeout });
    try {
      refuseVersion(database);
      const renewed = renewLog(file);
      if (!isEmpty(database)) checkIdentity(database, file);
      setProfile(database, profileOf(database, folder, options), timeout);
      migrate(database, file);
      checkIdentity(database, file);
      // Others only read, or write a log that is sound: what can be taken into the database is, and the log begins anew.
      if (!renewed) database.pragma('wal_checkpoint(PASSIVE)');
    } catch (error) {
      database.close();
      throw error;
    }
    syncPath(folder);
    return database;
  } catch (error) {
    throw storeError(error, file);
  }
}

/** Opens the journal for reading only; NOT_FOUND if there is none. Throws ExpctlError STORE_UNUSABLE. */
export function openDatabaseForReading(folder: string): Result<Database.Database> {
  const file = journalFile(folder);
  if (!isThere(file)) return err(noJournal(file));
  try {
    const database = openReadOnly(file);
    return database === null ? err(noJournal(file)) : ok(database);
  } catch (error) {
    if (!(error instanceof Database.SqliteError) || error.code !== HALF_WRITTEN) throw storeError(error, file);
  }
  try {
    takeBackTransaction(file);
    const database = openReadOnly(file);
    return database === null ? err(noJournal(file)) : ok(database);
  } catch (error) {
    throw storeError(error, file);
  }
}

/** Null where nothing has been written yet. */
function openReadOnly(file: string): Database.Database | null {
  const database = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    database.pragma('trusted_schema = 0');
    database.pragma('cell_size_check = 1');
    if (!isEmpty(database)) {
      checkIdentity(database, file);
      return database;
    }
    database.close();
    return null;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** What a crash left half written in a rollback journal is undone by the first connection that may write. */
function takeBackTransaction(file: string): void {
  const database = new Database(file, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    refuseVersion(database);
  } finally {
    database.close();
  }
}

/** Whether a file is there; one that may not be looked at is not taken for a missing one. @throws ExpctlError STORE_UNUSABLE */
export function isThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw storeError(error, file);
  }
}

function noJournal(file: string): ExpctlError {
  const hint = 'Start a run with `expctl run`, or go to the folder in which it was started.';
  return new ExpctlError('NOT_FOUND', `There is no journal at ${file}`, { hint });
}

/** Any failure of the store as what a user meets; an ExpctlError stays what it is. */
export function storeError(error: unknown, file: string): ExpctlError {
  if (error instanceof ExpctlError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = `The journal ${file} cannot be used: ${String(message)}${typeof code === 'string' ? ` (${code})` : ''}`;
  return new ExpctlError('STORE_UNUSABLE', text, { hint: hintFor(String(code)), cause: error });
}

/** The second: of shared memory, which every connection needs, there is no room for 32 KiB. */
const FULL = ['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT'];

function hintFor(code: string): string {
  if (code.startsWith('SQLITE_BUSY')) return 'Another process holds the journal for long; end it, then try again.';
  if (FULL.some((full) => code.startsWith(full))) return 'Free disk space, then resume the run.';
  if (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')) {
    return 'Keep a copy of the file, and restore it from a backup.';
  }
  return 'Look at the disk and the permissions of the folder, then resume the run.';
}

function refuseVersion(database: Database.Database): void {
  const problem = sqliteVersionProblem(String(database.prepare('SELECT sqlite_version()').pluck().get()));
  if (problem === null) return;
  throw new ExpctlError('STORE_UNUSABLE', problem, { hint: 'Install better-sqlite3 as package-lock.json pins it.' });
}

/**
 * Whether a file holds nothing yet: whoever made it was stopped by a full disk, or a power cut, before it had written a journal. A
 * larger file that says so is a damaged one.
 */
function isEmpty(database: Database.Database): boolean {
  if (statSync(database.name).size > PAGE_BYTES) return false;
  const marks = ['application_id', 'user_version'].map((name) => database.pragma(name, { simple: true }));
  return marks.every((mark) => mark === 0) && database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
}

/** Refuses another program's database, and a newer one. */
function checkIdentity(database: Database.Database, file: string): void {
  const application = database.pragma('application_id', { simple: true });
  const version = Number(database.pragma('user_version', { simple: true }));
  if (application !== APPLICATION_ID) {
    const hint = 'Move it away if it is not yours, or restore the journal from a backup if it was one.';
    throw new ExpctlError('STORE_UNUSABLE', `${file} is not a journal of expctl`, { hint });
  }
  if (version > SCHEMA_VERSION) {
    const message = `${file} has format ${version}; this expctl knows formats up to ${SCHEMA_VERSION}`;
    throw new ExpctlError('STORE_UNUSABLE', message, { hint: 'Use the newer expctl that wrote it.' });
  }
}

/**
 * What the file system calls for; and where a write-ahead log would begin, whether it works is tried out first. A store in which it did not
 * keeps its rollback journal.
 */
function profileOf(database: Database.Database, folder: string, options: OpenOptions): Profile {
  const profile = profileFor(options.file_system ?? fileSystemOf(folder));
  if (profile.journal_mode !== 'wal' || database.pragma('journal_mode', { simple: true }) === 'wal') return profile;
  return holdsWriteAheadLog(folder) ? profile : ROLLBACK_PROFILE;
}

/** Sets the profile, and refuses a connection on which a setting does not hold. */
export function setProfile(database: Database.Database, profile: Profile, timeout_ms: number): void {
  for (const [name, value] of pragmasOf(profile)) {
    whileBusy(() => database.pragma(`${name} = ${value}`), timeout_ms);
    const actual = database.pragma(name, { simple: true });
    if (actual === value) continue;
    const message = `SQLite keeps ${name} at ${String(actual)}; the journal needs ${value}`;
    throw new ExpctlError('STORE_UNUSABLE', message, { hint: 'Put the project on a local disk.' });
  }
}

/** The change to a write-ahead log fails at once while another process makes it, whatever the busy time-out. */
function whileBusy(attempt: () => void, timeout_ms: number): void {
  const pause_ms = 5;
  for (let waited_ms = 0; ; waited_ms += pause_ms) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || waited_ms >= timeout_ms) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause_ms);
    }
  }
}

/** Whether a failure only means that another process was committing for longer than the busy time-out. */
export function isBusy(error: unknown): boolean {
  const cause = error instanceof ExpctlError ? error.cause : error;
  return cause instanceof Database.SqliteError && cause.code.startsWith('SQLITE_BUSY');
}

function fileSystemOf(folder: string): number | null {
  return process.platform === 'linux' ? statfsSync(folder).type : null;
}
