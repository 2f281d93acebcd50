import type Database from 'better-sqlite3';
import { ExpctlError } from '../../base/error.ts';
import type { JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type {
  Clock,
  InboxMessage,
  JournalStore,
  Lease,
  NewEvent,
  RunHolder,
  RunRow,
  Snapshot,
} from '../../engines/ports.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import type { JournalRow } from '../../ir/events.ts';
import { isBusy, journalFile, openDatabase, storeError } from './database.ts';
import { EventWriter, type PreparedEvent, prepareEvent } from './event-writer.ts';
import type { ProcessFacts } from './lease.ts';
import { Leases, runNotFound } from './leases.ts';
import { SqliteReader } from './reader.ts';
import { type KeptSnapshot, Snapshots } from './snapshots.ts';

const INBOX_POLL_S = 0.2;

export interface JournalDeps {
  readonly clock: Clock;
  readonly process: ProcessFacts;
}

/** The journal of a folder (`.expctl`); the file is opened, and made, when it is first needed. */
export function openJournal(folder: string, deps: JournalDeps): JournalStore {
  return new SqliteJournal(() => openDatabase(folder), journalFile(folder), deps);
}

interface Session {
  readonly database: Database.Database;
  readonly begin: Database.Statement;
  readonly commit: Database.Statement;
  readonly reader: SqliteReader;
  readonly events: EventWriter;
  readonly leases: Leases;
  readonly snapshots: Snapshots;
}

/** A call of `append` that waits for its commit. */
interface Waiting {
  readonly lease: Lease;
  readonly events: readonly PreparedEvent[];
  readonly resolve: (rows: readonly JournalRow[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * JournalStore over one SQLite connection.
 *
 *   J1. An append resolves only after its COMMIT returned, that is after its bytes were synced.
 *   J2. All appends of one turn of the event loop share a commit.
 *   J3. After any failure in a transaction this object refuses everything. What the disk holds then is not known here (a sync
 *       that failed must not be tried again on the same handle); whoever opens the journal anew reads what is there.
 */
export class SqliteJournal implements JournalStore {
  readonly #open: () => Database.Database;
  readonly #file: string;
  readonly #clock: Clock;
  readonly #here: ProcessFacts;
  #session: Session | null = null;
  #broken: Error | null = null;
  #queue: Waiting[] = [];
  #kept: KeptSnapshot[] = [];
  #posts = 0;

  constructor(open: () => Database.Database, file: string, deps: JournalDeps) {
    this.#open = open;
    this.#file = file;
    this.#clock = deps.clock;
    this.#here = deps.process;
  }

  async createRun(run: RunRow, max_runs: number, first: readonly NewEvent[]): Promise<Result<Lease>> {
    const now_ms = this.#clock.now_ms();
    const prepared = first.map((event) => prepareEvent(event, now_ms));
    return this.#transaction(({ database, reader, leases, events }) => {
      const uses = reader.countUses(run.request_sha256);
      if (uses >= max_runs) return err(allUsed(uses, max_runs));
      if (reader.hasRun(run.run)) return err(idTaken(run.run));
      database
        .prepare('INSERT INTO runs (run, name, lock_sha256, request_sha256, created_ms) VALUES (?, ?, ?, ?, ?)')
        .run(run.run, run.name, run.lock_sha256, run.request_sha256, run.created_ms);
      database
        .prepare('INSERT INTO approval_uses (request_sha256, use_no, run) VALUES (?, ?, ?)')
        .run(run.request_sha256, uses + 1, run.run);
      const lease = leases.create(run.run, now_ms);
      events.write(lease, prepared);
      return ok(lease);
    });
  }

  async acquire(run: string, { take_over = false }: { take_over?: boolean } = {}): Promise<Result<Lease>> {
    return this.#transaction(({ leases, events }) => {
      events.forget(run);
      return leases.acquire(run, this.#clock.now_ms(), take_over);
    });
  }

  async release(lease: Lease): Promise<void> {
    this.#flush();
    this.#transaction(({ leases, events }) => {
      leases.release(lease);
      events.forget(lease.run);
    });
  }

  async append(lease: Lease, events: readonly NewEvent[]): Promise<readonly JournalRow[]> {
    this.#refuseIfBroken();
    const now_ms = this.#clock.now_ms();
    const prepared = events.map((event) => prepareEvent(event, now_ms));
    return new Promise((resolve, reject) => {
      this.#flushSoon();
      this.#queue.push({ lease, events: prepared, resolve, reject });
    });
  }

  async keepSnapshot(lease: Lease, snapshot: Snapshot): Promise<void> {
    this.#refuseIfBroken();
    return new Promise((resolve, reject) => {
      this.#flushSoon();
      this.#kept.push({ lease, snapshot, resolve, reject });
    });
  }

  #flushSoon(): void {
    if (this.#queue.length + this.#kept.length === 0) setImmediate(() => this.#flush());
  }

  async *read(run: string, options?: Parameters<JournalStore['read']>[1]): AsyncGenerator<JournalRow> {
    yield* this.#connected().reader.read(run, options);
  }

  async head(run: string, stream: string): Promise<{ seq: number; hash: string } | null> {
    return this.#connected().reader.head(run, stream);
  }

  async last(run: string, stream?: string): Promise<JournalRow | null> {
    return this.#connected().reader.last(run, stream);
  }

  async runs(): Promise<readonly RunRow[]> {
    return this.#connected().reader.runs();
  }

  async usesOf(request_sha256: string): Promise<number> {
    return this.#connected().reader.usesOf(request_sha256);
  }

  async inbox(run: string): Promise<readonly InboxMessage[]> {
    return this.#connected().reader.inbox(run);
  }

  async holder(run: string): Promise<RunHolder> {
    return this.#connected().reader.holder(run);
  }

  async snapshot(run: string): Promise<Snapshot | null> {
    return this.#connected().reader.snapshot(run);
  }

  async post(run: string, kind: InboxMessage['kind'], body: JsonObject): Promise<number> {
    const text = canonicalJson(body);
    const id = this.#transaction(({ database, reader }) => {
      if (!reader.hasRun(run)) return null;
      return database.prepare('INSERT INTO inbox (run, kind, body) VALUES (?, ?, ?)').run(run, kind, text)
        .lastInsertRowid;
    });
    if (id === null) throw runNotFound(run);
    this.#posts += 1;
    return Number(id);
  }

  async acknowledge(id: number): Promise<void> {
    this.#transaction(({ database }) => database.prepare('DELETE FROM inbox WHERE id = ?').run(id));
  }

  onInbox(run: string, callback: () => void): () => void {
    const seen = { state: '', newest: 0 };
    const look = (): void => {
      if (this.#broken !== null) return;
      cancel = this.#clock.after(INBOX_POLL_S, look);
      if (this.#hasNews(run, seen)) callback();
    };
    let cancel = this.#clock.after(INBOX_POLL_S, look);
    return () => cancel();
  }

  async close(): Promise<void> {
    this.#flush();
    const session = this.#session;
    this.#session = null;
    this.#broken ??= new Error('the journal was closed');
    if (session === null) return;
    try {
      session.database.pragma('wal_checkpoint(TRUNCATE)');
    } catch {
      // Only tidying up: what was committed is durable in the write-ahead log.
    }
    session.database.close();
  }

  /**
   * Whether there are messages that were not `seen`. `data_version` costs a look at shared memory and tells of other connections'
   * commits; own posts are counted. A store that breaks is news too: whoever then asks for the messages learns of it.
   */
  #hasNews(run: string, seen: { state: string; newest: number }): boolean {
    try {
      const { database, reader } = this.#connected();
      const state = `${String(database.pragma('data_version', { simple: true }))} ${this.#posts}`;
      if (state === seen.state) return false;
      const newest = reader.newestMessage(run);
      const isNews = newest > seen.newest;
      Object.assign(seen, { state, newest: Math.max(newest, seen.newest) });
      return isNews;
    } catch (error) {
      if (isBusy(error)) return false;
      this.#broken = storeError(error, this.#file);
      return true;
    }
  }

  #flush(): void {
    const [calls, kept] = [this.#queue, this.#kept];
    [this.#queue, this.#kept] = [[], []];
    if (calls.length + kept.length === 0) return;
    try {
      const outcomes = this.#transaction((session) => {
        const appended = calls.map((call) => appendCall(session, call));
        for (const one of kept) session.snapshots.write(one);
        return appended;
      });
      for (const [index, outcome] of outcomes.entries()) {
        const { resolve, reject } = calls[index]!;
        if (outcome.ok) resolve(outcome.value);
        else reject(outcome.error);
      }
      for (const one of kept) one.resolve();
    } catch (error) {
      for (const call of [...calls, ...kept]) call.reject(error);
    }
  }

  #transaction<T>(work: (session: Session) => T): T {
    const session = this.#connected();
    try {
      session.begin.run();
      const value = work(session);
      session.commit.run();
      return value;
    } catch (error) {
      this.#broken = storeError(error, this.#file);
      if (session.database.inTransaction) rollBack(session.database);
      throw this.#broken;
    }
  }

  #connected(): Session {
    this.#refuseIfBroken();
    if (this.#session !== null) return this.#session;
    const database = this.#open();
    const reader = new SqliteReader(database, this.#file, this.#here);
    const leases = new Leases(database, this.#here);
    this.#session = {
      database,
      begin: database.prepare('BEGIN IMMEDIATE'),
      commit: database.prepare('COMMIT'),
      reader,
      events: new EventWriter(database, reader),
      leases,
      snapshots: new Snapshots(database, leases),
    };
    return this.#session;
  }

  #refuseIfBroken(): void {
    if (this.#broken !== null) throw this.#broken;
  }
}

/** One call's rows. A call whose lease was lost fails alone. */
function appendCall({ leases, events }: Session, { lease, events: prepared }: Waiting): Result<JournalRow[]> {
  const lost = leases.lost(lease);
  if (lost === null) return ok(events.write(lease, prepared));
  events.forget(lease.run);
  return err(lost);
}

function rollBack(database: Database.Database): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // The connection is given up anyway; opening it anew rolls back.
  }
}

function idTaken(run: string): ExpctlError {
  const hint = `Give another --id, or go on with it: expctl resume ${run}`;
  return new ExpctlError('USAGE', `There is a run ${run} already.`, { hint });
}

function allUsed(uses: number, max_runs: number): ExpctlError {
  const message = `The request allows ${max_runs} run${max_runs === 1 ? '' : 's'}, and ${uses} began already`;
  return new ExpctlError('APPROVAL_USED', message, {
    hint: 'Make a new request with `expctl request`, and have it approved.',
  });
}
