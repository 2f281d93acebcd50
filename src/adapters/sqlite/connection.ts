import type Database from 'better-sqlite3';
import { storeError } from './database.ts';
import { EventWriter } from './event-writer.ts';
import type { ProcessFacts } from './lease.ts';
import { Leases } from './leases.ts';
import { Pools } from './pools.ts';
import { SqliteReader } from './reader.ts';
import { Snapshots } from './snapshots.ts';
import { closeAsItIs } from './unclean.ts';

/** What can be done over an open connection. */
export interface Session {
  readonly database: Database.Database;
  readonly begin: Database.Statement;
  readonly commit: Database.Statement;
  readonly reader: SqliteReader;
  readonly events: EventWriter;
  readonly leases: Leases;
  readonly snapshots: Snapshots;
  readonly pools: Pools;
  readonly keep: Database.Statement;
}

/**
 * The one connection of a journal, opened when it is first needed. After any failure in a transaction it refuses everything (J3 of
 * `SqliteJournal`).
 */
export class Connection {
  readonly #open: () => Database.Database;
  readonly #file: string;
  readonly #here: ProcessFacts;
  #session: Session | null = null;
  #broken: Error | null = null;
  /** Small artifacts that wait for the next transaction. */
  readonly #small = new Map<string, Uint8Array>();

  constructor(open: () => Database.Database, file: string, here: ProcessFacts) {
    this.#open = open;
    this.#file = file;
    this.#here = here;
  }

  get isBroken(): boolean {
    return this.#broken !== null;
  }

  /** null as long as nobody needed it. */
  get opened(): Session | null {
    return this.#session;
  }

  refuseIfBroken(): void {
    if (this.#broken !== null) throw this.#broken;
  }

  /** From now on everything is refused. */
  break(cause: unknown): void {
    this.#broken ??= storeError(cause, this.#file);
  }

  session(): Session {
    this.refuseIfBroken();
    if (this.#session !== null) return this.#session;
    const database = this.#open();
    try {
      this.#session = this.#sessionOver(database);
      return this.#session;
    } catch (error) {
      this.#broken = storeError(error, this.#file); // a damaged file whose schema cannot be read
      database.close();
      throw this.#broken;
    }
  }

  transaction<T>(work: (session: Session) => T): T {
    const session = this.session();
    try {
      session.begin.run();
      for (const [sha256, bytes] of this.#small) session.keep.run(sha256, bytes);
      const value = work(session);
      session.commit.run();
      this.#small.clear();
      return value;
    } catch (error) {
      this.#broken = storeError(error, this.#file);
      if (session.database.inTransaction) rollBack(session.database);
      throw this.#broken;
    }
  }

  /** A question that fails is no failed write: nothing is lost, and it can be asked again. */
  ask<T>(question: (session: Session) => T): T {
    const session = this.session();
    try {
      return question(session);
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }

  keepSmallArtifact(sha256: string, bytes: Uint8Array): void {
    this.refuseIfBroken();
    this.#small.set(sha256, bytes);
  }

  smallArtifact(sha256: string): Uint8Array | null {
    return this.#small.get(sha256) ?? this.session().reader.smallArtifactNow(sha256);
  }

  close(): void {
    if (this.#small.size > 0 && this.#broken === null) this.transaction(() => undefined);
    const session = this.#session;
    const failed = this.#broken !== null;
    this.#session = null;
    this.#broken ??= new Error('the journal was closed');
    if (session === null) return;
    if (failed) return closeAsItIs(session.database);
    try {
      session.database.pragma('wal_checkpoint(TRUNCATE)');
    } catch {
      // Only tidying up: what was committed is durable in the write-ahead log.
    }
    session.database.close();
  }

  #sessionOver(database: Database.Database): Session {
    const reader = new SqliteReader(database, this.#file, this.#here);
    const leases = new Leases(database, this.#here);
    return {
      database,
      begin: database.prepare('BEGIN IMMEDIATE'),
      commit: database.prepare('COMMIT'),
      reader,
      events: new EventWriter(database, reader),
      leases,
      snapshots: new Snapshots(database, leases),
      pools: new Pools(database, reader),
      keep: database.prepare('INSERT INTO small_artifacts (sha256, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    };
  }
}

function rollBack(database: Database.Database): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // The connection is given up anyway; opening it anew rolls back.
  }
}
