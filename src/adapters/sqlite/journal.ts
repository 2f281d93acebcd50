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
  OpenTokens,
  PoolExchange,
  PoolGrant,
  PoolReader,
  RunHolder,
  RunRow,
  Snapshot,
} from '../../engines/ports.ts';
import { prepareEvent } from '../../engines/prepared-event.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import type { JournalRow } from '../../ir/events.ts';
import { CommitQueue } from './commit-queue.ts';
import { Connection } from './connection.ts';
import { journalFile, openDatabase } from './database.ts';
import type { ProcessFacts } from './lease.ts';
import { runNotFound } from './leases.ts';
import { LogWatch } from './log-watch.ts';
import { News } from './news.ts';
import type { SqliteReader } from './reader.ts';

export interface JournalDeps {
  readonly clock: Clock;
  readonly process: ProcessFacts;
  /** Told of what whoever looks after the store should know, and is no failure. */
  readonly onNotice?: (text: string) => void;
}

/** The journal of a folder (`.expctl`); the file is opened, and made, when it is first needed. */
export function openJournal(folder: string, deps: JournalDeps): JournalStore & PoolReader {
  return new SqliteJournal(() => openDatabase(folder), journalFile(folder), deps);
}

/**
 * JournalStore over one SQLite connection.
 *
 *   J1. An append resolves only after its COMMIT returned, that is after its bytes were synced.
 *   J2. All appends and exchanges of tokens of one turn of the event loop share a commit; small artifacts go with the next one.
 *   J3. After any failure in a transaction this object refuses everything. What the disk holds then is not known here (a sync
 *       that failed must not be tried again on the same handle, not even by closing it); whoever opens the journal anew reads what is
 *       there.
 */
export class SqliteJournal implements JournalStore, PoolReader {
  readonly #clock: Clock;
  readonly #log: LogWatch;
  readonly #connection: Connection;
  readonly #queue: CommitQueue;
  readonly #news: News;

  constructor(open: () => Database.Database, file: string, { clock, process, onNotice }: JournalDeps) {
    this.#clock = clock;
    this.#log = new LogWatch(file, onNotice ?? (() => undefined));
    this.#connection = new Connection(open, file, process);
    this.#queue = new CommitQueue(this.#connection, clock);
    this.#news = new News(this.#connection, clock);
  }

  async createRun(
    run: RunRow,
    max_runs: number,
    first: readonly NewEvent[],
    tokens: Readonly<Record<string, number>> = {},
  ): Promise<Result<Lease>> {
    const now_ms = this.#clock.now_ms();
    const prepared = first.map((event) => prepareEvent(event, now_ms));
    return this.#connection.transaction(({ database, reader, leases, events, pools }) => {
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
      if (Object.keys(tokens).length > 0) pools.begin(run.run, tokens);
      return ok(lease);
    });
  }

  async acquire(run: string, { take_over = false }: { take_over?: boolean } = {}): Promise<Result<Lease>> {
    return this.#connection.transaction(({ leases, events }) => {
      events.forget(run);
      return leases.acquire(run, this.#clock.now_ms(), take_over);
    });
  }

  async release(lease: Lease): Promise<void> {
    this.#queue.flush();
    this.#connection.transaction(({ leases, events }) => {
      leases.release(lease);
      events.forget(lease.run);
    });
  }

  async holds(lease: Lease): Promise<Result<void>> {
    const lost = this.#connection.ask(({ leases }) => leases.lost(lease));
    return lost === null ? ok(undefined) : err(lost);
  }

  async append(lease: Lease, events: readonly NewEvent[]): Promise<readonly JournalRow[]> {
    this.#connection.refuseIfBroken();
    const now_ms = this.#clock.now_ms();
    const prepared = events.map((event) => prepareEvent(event, now_ms));
    return this.#queue.call(lease, (session) => {
      const rows = session.events.write(lease, prepared);
      this.#log.appended(rows.length);
      if (prepared.some(({ type }) => type === 'run.finished')) session.pools.end(lease.run);
      return ok(() => rows);
    });
  }

  async exchangeTokens(lease: Lease, exchange: PoolExchange): Promise<readonly PoolGrant[]> {
    return this.#queue.call(lease, ({ pools }) => {
      const refusal = pools.exchange(lease.run, exchange, this.#clock.now_ms());
      return refusal === null ? ok(() => pools.tell(lease.run)) : err(refusal);
    });
  }

  async reconcileTokens(lease: Lease, open: OpenTokens): Promise<readonly PoolGrant[]> {
    return this.#queue.call(lease, ({ pools }) => {
      pools.reconcile(lease.run, open, this.#clock.now_ms());
      return ok(() => pools.tell(lease.run));
    });
  }

  async keepSnapshot(lease: Lease, snapshot: Snapshot): Promise<void> {
    return this.#queue.keepSnapshot(lease, snapshot);
  }

  keepSmallArtifact(sha256: string, bytes: Uint8Array): void {
    this.#connection.keepSmallArtifact(sha256, bytes);
  }

  async smallArtifact(sha256: string): Promise<Uint8Array | null> {
    return this.#connection.smallArtifact(sha256);
  }

  async *read(run: string, options?: Parameters<JournalStore['read']>[1]): AsyncGenerator<JournalRow> {
    yield* this.#reader.read(run, options);
  }

  async head(run: string, stream: string): Promise<{ seq: number; hash: string } | null> {
    return this.#reader.head(run, stream);
  }

  async last(run: string, stream?: string): Promise<JournalRow | null> {
    return this.#reader.last(run, stream);
  }

  async runs(): Promise<readonly RunRow[]> {
    return this.#reader.runs();
  }

  async usesOf(request_sha256: string): Promise<number> {
    return this.#reader.usesOf(request_sha256);
  }

  async inbox(run: string): Promise<readonly InboxMessage[]> {
    return this.#reader.inbox(run);
  }

  async holder(run: string): Promise<RunHolder> {
    return this.#reader.holder(run);
  }

  async snapshot(run: string): Promise<Snapshot | null> {
    return this.#reader.snapshot(run);
  }

  async pools(): ReturnType<PoolReader['pools']> {
    return this.#reader.pools();
  }

  async post(run: string, kind: InboxMessage['kind'], body: JsonObject): Promise<number> {
    const text = canonicalJson(body);
    const id = this.#connection.transaction(({ database, reader }) => {
      if (!reader.hasRun(run)) return null;
      return database.prepare('INSERT INTO inbox (run, kind, body) VALUES (?, ?, ?)').run(run, kind, text)
        .lastInsertRowid;
    });
    if (id === null) throw runNotFound(run);
    this.#news.posted();
    return Number(id);
  }

  async acknowledge(lease: Lease, id: number): Promise<void> {
    const lost = this.#connection.transaction(({ database, leases }) => {
      const lost = leases.lost(lease);
      if (lost === null) database.prepare('DELETE FROM inbox WHERE id = ?').run(id);
      return lost;
    });
    if (lost !== null) throw lost;
  }

  onInbox(lease: Lease, callback: () => void): () => void {
    return this.#news.onInbox(lease, callback);
  }

  onTokens(lease: Lease, callback: (granted: readonly PoolGrant[]) => void): () => void {
    return this.#news.onTokens(lease, callback);
  }

  async close(): Promise<void> {
    this.#queue.flush();
    this.#connection.close();
  }

  get #reader(): SqliteReader {
    return this.#connection.session().reader;
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
