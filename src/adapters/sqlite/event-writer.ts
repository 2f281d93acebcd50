import type Database from 'better-sqlite3';
import { ExpctlError } from '../../base/error.ts';
import { sha256Text } from '../../engines/digest.ts';
import type { Lease } from '../../engines/ports.ts';
import type { PreparedEvent } from '../../engines/prepared-event.ts';
import { type ChainHead, holds } from '../../ir/chain.ts';
import type { JournalRow } from '../../ir/events.ts';
import type { SqliteReader } from './reader.ts';
import { Sequel } from '../journal-rows/sequel.ts';

/**
 * Inserts events as chained rows, within a transaction that the caller opened. Keeps the head of every stream in use; they hold
 * as long as this process holds the run's lease, for nobody else appends then. Where others do, `noticeOthers` comes first.
 */
export class EventWriter {
  readonly #reader: SqliteReader;
  readonly #insert: Database.Statement;
  readonly #version: Database.Statement;
  readonly #heads = new Map<string, Map<string, ChainHead>>();
  #seen: unknown = null;

  constructor(database: Database.Database, reader: SqliteReader) {
    this.#reader = reader;
    const columns = 'run, stream, seq, type, body, observed, wall_ms, fence, prev, hash';
    this.#insert = database.prepare(`INSERT INTO events (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#version = database.prepare('PRAGMA data_version').pluck();
  }

  write(lease: Lease, events: readonly PreparedEvent[]): JournalRow[] {
    const sequel = this.sequel(lease);
    for (const event of events) sequel.add(event);
    return this.insert(sequel);
  }

  /** What follows on the rows of a run: chained, and not written before `insert`. */
  sequel(lease: Lease): Sequel {
    return new Sequel(lease, (stream) => this.#head(this.#headsOf(lease.run), lease.run, stream));
  }

  insert({ lease, chained }: Sequel): JournalRow[] {
    const heads = this.#headsOf(lease.run);
    return chained.map(({ row, ends }) => {
      const { run, stream, seq, type, body, observed, wall_ms, fence, prev, hash } = row;
      const args = [run, stream, seq, type, body, observed, wall_ms, fence, prev, hash];
      const position = Number(this.#insert.run(...args).lastInsertRowid);
      heads.set(stream, { seq, hash });
      // A finished point's stream is not touched again; at most points in flight have a head in memory.
      if (ends !== null) heads.delete(ends);
      return { ...row, position };
    });
  }

  /** Forgets what is known of a run: another process may have appended since. */
  forget(run: string): void {
    this.#heads.delete(run);
  }

  /**
   * Forgets what is known of all runs where another connection has committed since this was asked last. To be asked within the
   * transaction that writes: from its beginning on nobody else commits.
   */
  noticeOthers(): void {
    const version = this.#version.get();
    if (version !== this.#seen) this.#heads.clear();
    this.#seen = version;
  }

  #head(heads: Map<string, ChainHead>, run: string, stream: string): ChainHead | null {
    const known = heads.get(stream);
    if (known !== undefined) return known;
    const row = this.#reader.lastRow(run, stream);
    if (row === undefined) return null;
    if (!holds(row, sha256Text)) {
      const hint = `Run \`expctl replay ${run}\` to see what was changed; restore the journal from a backup.`;
      throw new ExpctlError('EVIDENCE_BROKEN', `Row ${row.seq} of ${stream} of run ${run} was changed`, { hint });
    }
    const head = { seq: row.seq, hash: row.hash };
    heads.set(stream, head);
    return head;
  }

  #headsOf(run: string): Map<string, ChainHead> {
    let heads = this.#heads.get(run);
    if (heads === undefined) {
      heads = new Map();
      this.#heads.set(run, heads);
    }
    return heads;
  }
}
