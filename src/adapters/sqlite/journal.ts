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
import { isBusy, journalFile, openDatabase, storeError } from './database.ts';
import { EventWriter } from './event-writer.ts';
import type { ProcessFacts } from './lease.ts';
import { Leases, runNotFound } from './leases.ts';
import { LogWatch } from './log-watch.ts';
import { Pools } from './pools.ts';
import { SqliteReader } from './reader.ts';
import { closeAsItIs } from './unclean.ts';
import { type KeptSnapshot, Snapshots } from './snapshots.ts';

const INBOX_POLL_S = 0.2;
/** How often a run that waits for tokens looks whether others gave some back, and at how many looks whether others died. */
const TOKENS_POLL_S = 0.02;
const LOOKS_PER_CHECK = 50;

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

interface Session {
  readonly database: Database.Database;
  readonly begin: Database.Statement;
  readonly commit: Database.Statement;
  readonly reader: SqliteReader;
  readonly events: EventWriter;
  readonly leases: Leases;
  readonly snapshots: Snapshots;
  readonly pools: Pools;
  readonly keep: Database.Statement;
  readonly kept: Database.Statement<unknown[], Buffer>;
}

/** A call that waits for the next commit. */
interface Waiting {
  /** In the order of the calls. */
  readonly write: (session: Session) => void;
  /** In the same transaction, behind all calls of the turn, and the grants that follow from them. */
  readonly conclude: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
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
  readonly #open: () => Database.Database;
  readonly #file: string;
  readonly #clock: Clock;
  readonly #here: ProcessFacts;
  readonly #log: LogWatch;
  #session: Session | null = null;
  #broken: Error | null = null;
  #queue: Waiting[] = [];
  #kept: KeptSnapshot[] = [];
  #small = new Map<string, Uint8Array>();
  #posts = 0;

  constructor(open: () => Database.Database, file: string, deps: JournalDeps) {
    this.#open = open;
    this.#file = file;
    this.#clock = deps.clock;
    this.#here = deps.process;
    this.#log = new LogWatch(file, deps.onNotice ?? (() => undefined));
  }

  async createRun(
    run: RunRow,
    max_runs: number,
    first: readonly NewEvent[],
    tokens: Readonly<Record<string, number>> = {},
  ): Promise<Result<Lease>> {
    const now_ms = this.#clock.now_ms();
    const prepared = first.map((event) => prepareEvent(event, now_ms));
    return this.#transaction(({ database, reader, leases, events, pools }) => {
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

  async holds(lease: Lease): Promise<Result<void>> {
    const { leases } = this.#connected();
    const lost = this.#asked(() => leases.lost(lease));
    return lost === null ? ok(undefined) : err(lost);
  }

  async append(lease: Lease, events: readonly NewEvent[]): Promise<readonly JournalRow[]> {
    this.#refuseIfBroken();
    const now_ms = this.#clock.now_ms();
    const prepared = events.map((event) => prepareEvent(event, now_ms));
    return this.#queued(lease, (session) => {
      const rows = session.events.write(lease, prepared);
      this.#log.appended(rows.length);
      if (prepared.some(({ type }) => type === 'run.finished')) session.pools.end(lease.run);
      return ok(() => rows);
    });
  }

  async exchangeTokens(lease: Lease, exchange: PoolExchange): Promise<readonly PoolGrant[]> {
    return this.#queued(lease, ({ pools }) => {
      const refusal = pools.exchange(lease.run, exchange, this.#clock.now_ms());
      return refusal === null ? ok(() => pools.tell(lease.run)) : err(refusal);
    });
  }

  async reconcileTokens(lease: Lease, open: OpenTokens): Promise<readonly PoolGrant[]> {
    return this.#queued(lease, ({ pools }) => {
      pools.reconcile(lease.run, open, this.#clock.now_ms());
      return ok(() => pools.tell(lease.run));
    });
  }

  /** Queues a call for the commit of this turn. One whose lease was lost fails alone. */
  #queued<T>(lease: Lease, write: (session: Session) => Result<() => T>): Promise<T> {
    this.#refuseIfBroken();
    return new Promise((resolve, reject) => {
      let written: Result<() => T>;
      let value: T;
      this.#flushSoon();
      this.#queue.push({
        write: (session) => {
          const lost = session.leases.lost(lease);
          if (lost !== null) session.events.forget(lease.run);
          written = lost === null ? write(session) : err(lost);
        },
        conclude: () => {
          if (written.ok) value = written.value();
        },
        resolve: () => (written.ok ? resolve(value) : reject(written.error)),
        reject,
      });
    });
  }

  async keepSnapshot(lease: Lease, snapshot: Snapshot): Promise<void> {
    this.#refuseIfBroken();
    return new Promise((resolve, reject) => {
      this.#flushSoon();
      this.#kept.push({ lease, snapshot, resolve, reject });
    });
  }

  keepSmallArtifact(sha256: string, bytes: Uint8Array): void {
    this.#refuseIfBroken();
    this.#small.set(sha256, bytes);
  }

  async smallArtifact(sha256: string): Promise<Uint8Array | null> {
    const { kept } = this.#connected();
    return this.#small.get(sha256) ?? this.#asked(() => kept.get(sha256)) ?? null;
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

  async pools(): ReturnType<PoolReader['pools']> {
    return this.#connected().reader.pools();
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

  async acknowledge(lease: Lease, id: number): Promise<void> {
    const lost = this.#transaction(({ database, leases }) => {
      const lost = leases.lost(lease);
      if (lost === null) database.prepare('DELETE FROM inbox WHERE id = ?').run(id);
      return lost;
    });
    if (lost !== null) throw lost;
  }

  onInbox(lease: Lease, callback: () => void): () => void {
    const seen = { state: '', newest: 0 };
    return this.#watch(
      () => INBOX_POLL_S,
      () => {
        // A store that broke is news too: whoever then asks for the messages learns of it.
        if (this.#broken !== null || this.#hasNews(lease, seen)) callback();
      },
    );
  }

  onTokens(lease: Lease, callback: (granted: readonly PoolGrant[]) => void): () => void {
    const seen = { version: '', looks: 0 };
    return this.#watch(
      () => (this.#session?.pools.waits(lease.run) === true ? TOKENS_POLL_S : INBOX_POLL_S),
      () => {
        const granted = this.#broken === null ? this.#tokenNews(lease, seen) : [];
        if (granted.length > 0) callback(granted);
      },
    );
  }

  /** Looks again and again, until it is stopped or the store broke. */
  #watch(every_s: () => number, look: () => void): () => void {
    let stopped = false;
    const next = (): (() => void) =>
      this.#clock.after(every_s(), () => {
        look();
        if (!stopped && this.#broken === null) cancel = next();
      });
    let cancel = next();
    return () => {
      stopped = true;
      cancel();
    };
  }

  async close(): Promise<void> {
    this.#flush();
    if (this.#small.size > 0 && this.#broken === null) this.#transaction(() => undefined);
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

  /**
   * What the run was granted by others. A process that dies commits nothing, so that from time to time a run that waits asks itself
   * whether tokens have become free.
   */
  #tokenNews(lease: Lease, seen: { version: string; looks: number }): readonly PoolGrant[] {
    const granted: PoolGrant[] = [];
    try {
      const { pools, leases } = this.#connected();
      if (!pools.waits(lease.run)) return granted;
      seen.looks += 1;
      if (pools.version === seen.version && seen.looks % LOOKS_PER_CHECK !== 0) return granted;
      granted.push(...pools.tell(lease.run));
      if (pools.isStale(lease.run)) {
        this.#transaction(() => {
          if (leases.lost(lease) !== null) return;
          pools.perform(lease.run);
          pools.settle(this.#clock.now_ms());
          granted.push(...pools.tell(lease.run));
        });
      }
      seen.version = pools.version;
    } catch (error) {
      if (!isBusy(error)) this.#broken ??= storeError(error, this.#file);
    }
    return granted;
  }

  /**
   * Whether there are messages that were not `seen`. `data_version` costs a look at shared memory and tells of other connections'
   * commits; own posts are counted. A store that breaks is news too, and so is a lease that was lost.
   */
  #hasNews(lease: Lease, seen: { state: string; newest: number }): boolean {
    try {
      const { database, reader, leases } = this.#connected();
      const state = `${String(database.pragma('data_version', { simple: true }))} ${this.#posts}`;
      if (state === seen.state) return false;
      const newest = reader.newestMessage(lease.run);
      const isNews = newest > seen.newest || leases.lost(lease) !== null;
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
      this.#transaction((session) => {
        for (const call of calls) call.write(session);
        session.pools.settle(this.#clock.now_ms());
        for (const call of calls) call.conclude();
        for (const one of kept) session.snapshots.write(one);
      });
      for (const call of [...calls, ...kept]) call.resolve();
    } catch (error) {
      for (const call of [...calls, ...kept]) call.reject(error);
    }
  }

  #transaction<T>(work: (session: Session) => T): T {
    const session = this.#connected();
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

  #connected(): Session {
    this.#refuseIfBroken();
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
      kept: database.prepare<unknown[], Buffer>('SELECT bytes FROM small_artifacts WHERE sha256 = ?').pluck(),
    };
  }

  /** A question that fails is no failed write: nothing is lost, and it can be asked again. */
  #asked<T>(question: () => T): T {
    try {
      return question();
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }

  #refuseIfBroken(): void {
    if (this.#broken !== null) throw this.#broken;
  }
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
