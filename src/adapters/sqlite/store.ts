import type Database from 'better-sqlite3';
import { err, ok, type Result } from '../../base/result.ts';
import type {
  Clock,
  InboxMessage,
  JournalReader,
  Lease,
  NewEvent,
  OpenTokens,
  PoolArbiter,
  PoolExchange,
  PoolGrant,
  PoolReader,
  RunHolder,
  RunRow,
  Snapshot,
} from '../../engines/ports.ts';
import { prepareEvent } from '../../engines/prepared-event.ts';
import type { EngineHolder } from '../../engines/temporal/ports.ts';
import type { JournalRow } from '../../ir/events.ts';
import { allUsed, idTaken } from '../journal-rows/leases.ts';
import { CommitQueue } from './commit-queue.ts';
import { Connection } from './connection.ts';
import type { ProcessFacts } from './lease.ts';
import { LogWatch } from './log-watch.ts';
import type { SqliteReader } from './reader.ts';

export interface JournalDeps {
  readonly clock: Clock;
  readonly process: ProcessFacts;
  /** Told of what whoever looks after the store should know, and is no failure. */
  readonly onNotice?: (text: string) => void;
}

/** How a run begins. */
export interface Beginning {
  readonly run: RunRow;
  readonly max_runs: number;
  readonly first: readonly NewEvent[];
  /** Capacities of pools that its lock states. */
  readonly pools: Readonly<Record<string, number>>;
  /** Whose workers perform it; null for this process. */
  readonly cluster: EngineHolder | null;
}

/**
 * What every journal over one SQLite connection does alike, whoever performs its runs.
 *
 *   J1. A write resolves only after its COMMIT returned, that is after its bytes were synced.
 *   J2. All writes and exchanges of tokens of one turn of the event loop share a commit; small artifacts go with the next one.
 *   J3. After any failure in a transaction this object refuses everything. What the disk holds then is not known here (a sync
 *       that failed must not be tried again on the same handle, not even by closing it); whoever opens the journal anew reads what is
 *       there.
 */
export abstract class SqliteStore
  implements JournalReader, PoolReader, Pick<PoolArbiter, 'exchangeTokens' | 'reconcileTokens'>
{
  protected readonly clock: Clock;
  protected readonly log: LogWatch;
  protected readonly connection: Connection;
  protected readonly queue: CommitQueue;

  constructor(open: () => Database.Database, file: string, { clock, process, onNotice }: JournalDeps) {
    this.clock = clock;
    this.log = new LogWatch(file, onNotice ?? (() => undefined));
    this.connection = new Connection(open, file, process);
    this.queue = new CommitQueue(this.connection, clock);
  }

  protected begin({ run, max_runs, first, pools: stated, cluster }: Beginning): Result<Lease> {
    const now_ms = this.clock.now_ms();
    const prepared = first.map((event) => prepareEvent(event, now_ms));
    return this.connection.transaction(({ database, reader, leases, events, pools }) => {
      const uses = reader.countUses(run.request_sha256);
      if (uses >= max_runs) return err(allUsed(uses, max_runs));
      if (reader.hasRun(run.run)) return err(idTaken(run.run));
      database
        .prepare('INSERT INTO runs (run, name, lock_sha256, request_sha256, created_ms) VALUES (?, ?, ?, ?, ?)')
        .run(run.run, run.name, run.lock_sha256, run.request_sha256, run.created_ms);
      database
        .prepare('INSERT INTO approval_uses (request_sha256, use_no, run) VALUES (?, ?, ?)')
        .run(run.request_sha256, uses + 1, run.run);
      const lease = leases.create(run.run, now_ms, cluster);
      events.write(lease, prepared);
      if (Object.keys(stated).length > 0) pools.begin(run.run, stated);
      return ok(lease);
    });
  }

  async release(lease: Lease): Promise<void> {
    this.queue.flush();
    this.connection.transaction(({ leases, events }) => {
      leases.release(lease);
      events.forget(lease.run);
    });
  }

  async exchangeTokens(lease: Lease, exchange: PoolExchange): Promise<readonly PoolGrant[]> {
    return this.queue.call(lease, ({ pools }) => {
      const refusal = pools.exchange(lease.run, exchange, this.clock.now_ms());
      return refusal === null ? ok(() => pools.tell(lease.run)) : err(refusal);
    });
  }

  async reconcileTokens(lease: Lease, open: OpenTokens): Promise<readonly PoolGrant[]> {
    return this.queue.call(lease, ({ pools }) => {
      pools.reconcile(lease.run, open, this.clock.now_ms());
      return ok(() => pools.tell(lease.run));
    });
  }

  keepSmallArtifact(sha256: string, bytes: Uint8Array): void {
    this.connection.keepSmallArtifact(sha256, bytes);
  }

  async smallArtifact(sha256: string): Promise<Uint8Array | null> {
    return this.connection.smallArtifact(sha256);
  }

  async *read(run: string, options?: Parameters<JournalReader['read']>[1]): AsyncGenerator<JournalRow> {
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

  async identity(): Promise<string | null> {
    return this.#reader.identity();
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

  async close(): Promise<void> {
    this.queue.flush();
    this.connection.close();
  }

  get #reader(): SqliteReader {
    return this.connection.session().reader;
  }
}
