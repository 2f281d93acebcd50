import { hash } from 'node:crypto';
import type Database from 'better-sqlite3';
import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts';
import { ok, type Result } from '../../base/result.ts';
import type { InboxMessage, JournalReader, PoolReader, RunHolder, RunRow, Snapshot } from '../../engines/ports.ts';
import type { JournalRow } from '../../ir/events.ts';
import { standingOf } from '../journal-rows/leases.ts';
import { journalFile, openDatabaseForReading, storeError } from './database.ts';
import type { Holder, ProcessFacts } from './lease.ts';
import { readPools } from './pool-rows.ts';

/** Rows fetched at once: a reader holds no transaction open between pages, so that it never starves a checkpoint. */
const PAGE_ROWS = 1_000;

/** Version of the store that has the tables. */
const SNAPSHOTS_SINCE = 2;
const POOLS_SINCE = 2;
const SMALL_ARTIFACTS_SINCE = 2;
const IDENTITY_SINCE = 3;

const COLUMNS = 'run, stream, seq, position, type, body, observed, wall_ms, fence, prev, hash';

/**
 * Opens a journal that exists for reading: creates nothing and keeps no lock. NOT_FOUND; throws STORE_UNUSABLE.
 *
 * @param here this process, to see whether the one that performs a run still lives
 */
export function openReader(folder: string, here: ProcessFacts | null = null): Result<JournalReader & PoolReader> {
  const database = openDatabaseForReading(folder);
  if (!database.ok) return database;
  try {
    return ok(new SqliteReader(database.value, journalFile(folder), here));
  } catch (error) {
    database.value.close();
    throw storeError(error, journalFile(folder)); // a damaged file whose schema cannot be read
  }
}

/** All questions that can be asked of a journal, over a connection of either kind. */
export class SqliteReader implements JournalReader, PoolReader {
  readonly #database: Database.Database;
  readonly #file: string;
  readonly #here: ProcessFacts | null;
  readonly #ofRun: Database.Statement<unknown[], JournalRow>;
  readonly #ofStream: Database.Statement<unknown[], JournalRow>;
  readonly #lastOfRun: Database.Statement<unknown[], JournalRow>;
  readonly #lastOfStream: Database.Statement<unknown[], JournalRow>;
  /** Prepared when it is first needed: asked for each small output of a tool. */
  #smallArtifact: Database.Statement<unknown[], { readonly bytes: Buffer }> | null = null;

  constructor(database: Database.Database, file: string, here: ProcessFacts | null = null) {
    this.#database = database;
    this.#file = file;
    this.#here = here;
    const rows = `SELECT ${COLUMNS} FROM events WHERE run = ?`;
    this.#ofRun = this.#prepare(`${rows} AND position > ? ORDER BY position LIMIT ?`);
    // In a stream, the order of seq is that of position, and there is an index on it.
    this.#ofStream = this.#prepare(`${rows} AND stream = ? AND seq > ? AND +position > ? ORDER BY seq LIMIT ?`);
    this.#lastOfRun = this.#prepare(`${rows} ORDER BY position DESC LIMIT 1`);
    this.#lastOfStream = this.#prepare(`${rows} AND stream = ? ORDER BY seq DESC LIMIT 1`);
  }

  async *read(
    run: string,
    { stream, after_position = 0, limit = Number.POSITIVE_INFINITY }: Parameters<JournalReader['read']>[1] = {},
  ): AsyncGenerator<JournalRow> {
    let last = { position: after_position, seq: 0 };
    for (let left = limit; left > 0; left -= PAGE_ROWS) {
      const size = Math.min(PAGE_ROWS, left);
      const page = this.#ask(() =>
        stream === undefined
          ? this.#ofRun.all(run, last.position, size)
          : this.#ofStream.all(run, stream, last.seq, last.position, size),
      );
      yield* page;
      if (page.length < size) return;
      last = page[page.length - 1]!;
    }
  }

  /** The last row of a stream, if it has one. */
  lastRow(run: string, stream: string): JournalRow | undefined {
    return this.#ask(() => this.#lastOfStream.get(run, stream));
  }

  async head(run: string, stream: string): Promise<{ seq: number; hash: string } | null> {
    const row = this.lastRow(run, stream);
    return row === undefined ? null : { seq: row.seq, hash: row.hash };
  }

  async last(run: string, stream?: string): Promise<JournalRow | null> {
    if (stream !== undefined) return this.lastRow(run, stream) ?? null;
    return this.#ask(() => this.#lastOfRun.get(run)) ?? null;
  }

  async runs(): Promise<readonly RunRow[]> {
    const columns = 'run, name, lock_sha256, request_sha256, created_ms';
    return this.#ask(() => this.#prepare<RunRow>(`SELECT ${columns} FROM runs ORDER BY created_ms, run`).all());
  }

  async identity(): Promise<string | null> {
    const row = this.#ask(() => {
      if (this.#version < IDENTITY_SINCE) return undefined;
      return this.#prepare<{ identity: string }>('SELECT identity FROM store_identity').get();
    });
    return row?.identity ?? null;
  }

  async usesOf(request_sha256: string): Promise<number> {
    return this.countUses(request_sha256);
  }

  countUses(request_sha256: string): number {
    const text = 'SELECT count(*) AS uses FROM approval_uses WHERE request_sha256 = ?';
    return this.#ask(() => this.#prepare<{ uses: number }>(text).get(request_sha256))?.uses ?? 0;
  }

  hasRun(run: string): boolean {
    return this.#ask(() => this.#prepare('SELECT 1 FROM runs WHERE run = ?').get(run)) !== undefined;
  }

  async inbox(run: string): Promise<readonly InboxMessage[]> {
    const text = 'SELECT id, run, kind, body FROM inbox WHERE run = ? ORDER BY id';
    const rows = this.#ask(() => this.#prepare<Omit<InboxMessage, 'body'> & { body: string }>(text).all(run));
    return rows.map((row) => ({ ...row, body: objectIn(row.body) }));
  }

  /** Id of the newest message of a run, 0 if it has none. */
  newestMessage(run: string): number {
    const text = 'SELECT max(id) AS id FROM inbox WHERE run = ?';
    return this.#ask(() => this.#prepare<{ id: number | null }>(text).get(run))?.id ?? 0;
  }

  async holder(run: string): Promise<RunHolder> {
    return this.holderNow(run);
  }

  holderNow(run: string): RunHolder {
    const text = 'SELECT machine, boot, namespace, pid, started FROM leases WHERE run = ?';
    type Row = Omit<Holder, 'pid'> & { readonly pid: number | null };
    const row = this.#ask(() => this.#prepare<Row>(text).get(run));
    return standingOf(row, this.#here);
  }

  /** A store of an older version, which a reader cannot migrate, has no pools. */
  async pools(): ReturnType<PoolReader['pools']> {
    return this.#ask(() => {
      if (this.#version < POOLS_SINCE) return { runs: [], claims: [] };
      return readPools(this.#database);
    });
  }

  /** A store of an older version, which a reader cannot migrate, has none. */
  async snapshot(run: string): Promise<Snapshot | null> {
    const row = this.#ask(() => {
      if (this.#version < SNAPSHOTS_SINCE) return undefined;
      const text = 'SELECT position, sha256, body FROM snapshots WHERE run = ?';
      return this.#prepare<Snapshot & { readonly sha256: string }>(text).get(run);
    });
    if (row === undefined || hash('sha256', row.body) !== row.sha256) return null;
    return { position: row.position, body: row.body };
  }

  async smallArtifact(sha256: string): Promise<Uint8Array | null> {
    return this.smallArtifactNow(sha256);
  }

  /** A store of an older version has none. */
  smallArtifactNow(sha256: string): Uint8Array | null {
    const row = this.#ask(() => {
      if (this.#smallArtifact === null && this.#version < SMALL_ARTIFACTS_SINCE) return undefined;
      this.#smallArtifact ??= this.#prepare('SELECT bytes FROM small_artifacts WHERE sha256 = ?');
      return this.#smallArtifact.get(sha256);
    });
    return row?.bytes ?? null;
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  get #version(): number {
    return Number(this.#database.pragma('user_version', { simple: true }));
  }

  #prepare<Row>(text: string): Database.Statement<unknown[], Row> {
    return this.#database.prepare<unknown[], Row>(text);
  }

  #ask<T>(question: () => T): T {
    try {
      return question();
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }
}

/** A message that holds no object, whoever wrote it, says nothing: whoever reads it refuses it, and goes on. */
function objectIn(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as Json;
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}
