import Database from 'better-sqlite3';
import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { JournalRow } from '../../ir/events.ts';
import { CorruptStore, type RowHash, type RunFacts, type StoredJournal } from '../../provenance/ports.ts';
import { isThere, journalFile, storeError } from './database.ts';
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from './schema.ts';

const BUSY_TIMEOUT_MS = 10_000;
/** Rows fetched at once, so that no transaction is held open for long. */
const PAGE_ROWS = 1_000;
/** SQLite stops to look for more. */
const MOST_COMPLAINTS = 10;

/** What SQLite says where the file is not what SQLite wrote. A file that ends too early is as damaged as one that was overwritten. */
const DAMAGED = /^SQLITE_(?:CORRUPT|NOTADB|IOERR_SHORT_READ|FORMAT)/;

/**
 * Opens a store as it is, to look whether it holds; only reads. NOT_FOUND where there is none. Throws CorruptStore, and ExpctlError
 * STORE_UNUSABLE where it is no journal of expctl, or cannot be opened.
 */
export function openEvidence(folder: string): Result<StoredJournal> {
  const file = journalFile(folder);
  if (!isThere(file)) {
    const hint = 'Name the folder in which the run was kept by --store FOLDER.';
    return err(new ExpctlError('NOT_FOUND', `There is no journal at ${file}`, { hint }));
  }
  let database: Database.Database | null = null;
  try {
    database = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
    return ok(new SqliteEvidence(database, file));
  } catch (error) {
    database?.close();
    throw asFailure(error, file);
  }
}

class SqliteEvidence implements StoredJournal {
  readonly file: string;
  readonly version: StoredJournal['version'];
  readonly #database: Database.Database;
  #hashes: Database.Statement<unknown[], RowHash> | null = null;

  constructor(database: Database.Database, file: string) {
    this.#database = database;
    this.file = file;
    database.pragma('trusted_schema = 0');
    database.pragma('cell_size_check = 1');
    if (database.pragma('application_id', { simple: true }) !== APPLICATION_ID) {
      const hint = 'Name another folder by --store FOLDER, or restore the journal from a backup.';
      throw new ExpctlError('STORE_UNUSABLE', `${file} is not a journal of expctl`, { hint });
    }
    const found = Number(database.pragma('user_version', { simple: true }));
    this.version = { found, known: SCHEMA_VERSION };
  }

  integrity(): readonly string[] {
    const said = this.#ask(
      () => this.#database.pragma(`integrity_check(${MOST_COMPLAINTS})`) as Record<string, unknown>[],
    );
    return said.map((row) => String(Object.values(row)[0])).filter((text) => text !== 'ok');
  }

  /** A store is made by the migrations of its version: what they make in memory is how it should be. */
  unprotected(): readonly string[] {
    const fresh = new Database(':memory:');
    try {
      for (const statement of MIGRATIONS.slice(0, this.version.found).flat()) fresh.exec(statement);
      const found = this.#ask(() => triggersOf(this.#database));
      return [...triggersOf(fresh)].filter(([name, text]) => found.get(name) !== text).map(([name]) => name);
    } finally {
      fresh.close();
    }
  }

  runs(): readonly RunFacts[] {
    const text = 'SELECT run, name, lock_sha256, request_sha256, created_ms FROM runs ORDER BY created_ms, run';
    return this.#ask(() => this.#database.prepare<unknown[], RunFacts>(text).all());
  }

  *rows(run: string): Generator<JournalRow> {
    const columns = 'run, stream, seq, position, type, body, observed, wall_ms, fence, prev, hash';
    const text = `SELECT ${columns} FROM events WHERE run = ? AND position > ? ORDER BY position LIMIT ${PAGE_ROWS}`;
    const page = this.#ask(() => this.#database.prepare<unknown[], JournalRow>(text));
    for (let last = 0; ; ) {
      const rows = this.#ask(() => page.all(run, last));
      yield* rows;
      if (rows.length < PAGE_ROWS) return;
      last = rows.at(-1)!.position;
    }
  }

  hashes(run: string, after_position: number, limit: number): readonly RowHash[] {
    const text = 'SELECT position, hash FROM events WHERE run = ? AND position > ? ORDER BY position LIMIT ?';
    return this.#ask(() => {
      this.#hashes ??= this.#database.prepare<unknown[], RowHash>(text);
      return this.#hashes.all(run, after_position, limit);
    });
  }

  countTo(run: string, position: number): number {
    const text = 'SELECT count(*) FROM events WHERE run = ? AND position <= ?';
    return this.#ask(() => Number(this.#database.prepare(text).pluck().get(run, position)));
  }

  beside(run: string): { readonly uses: readonly string[]; readonly fence: number | null } {
    return this.#ask(() => {
      const uses = this.#database.prepare('SELECT request_sha256 FROM approval_uses WHERE run = ?').pluck().all(run);
      const fence = this.#database.prepare('SELECT fence FROM leases WHERE run = ?').pluck().get(run);
      return { uses: uses.map(String), fence: fence === undefined ? null : Number(fence) };
    });
  }

  close(): void {
    this.#database.close();
  }

  #ask<T>(question: () => T): T {
    try {
      return question();
    } catch (error) {
      throw asFailure(error, this.file);
    }
  }
}

/** Triggers with their text; white space aside, which a dump may set anew. */
function triggersOf(database: Database.Database): Map<string, string> {
  const rows = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name").all();
  return new Map((rows as { name: string; sql: string }[]).map(({ name, sql }) => [name, sql.replace(/\s+/g, ' ')]));
}

function asFailure(error: unknown, file: string): Error {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && DAMAGED.test(code))
    return new CorruptStore(`SQLite says of ${file}: ${String(message)} (${code})`);
  // A table that is not there is how a damaged list of tables shows.
  if (code === 'SQLITE_ERROR') return new CorruptStore(`SQLite says of ${file}: ${String(message)}`);
  if (code !== 'SQLITE_CANTOPEN' && code !== 'SQLITE_READONLY_CANTINIT') return storeError(error, file);
  // Readers of a write-ahead log share memory, which lies in a file beside it.
  const hint =
    'Where nothing can be written beside it, copy the folder to where that can be done, and name it by --store.';
  return new ExpctlError('STORE_UNUSABLE', `${file} cannot be opened: ${String(message)} (${code})`, { hint });
}
