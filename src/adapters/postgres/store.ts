import type { JsonObject } from '../../base/json.ts';
import type { Result } from '../../base/result.ts';
import type {
  Clock,
  InboxMessage,
  JournalReader,
  Lease,
  OpenTokens,
  PoolArbiter,
  PoolExchange,
  PoolGrant,
  PoolReader,
  RunHolder,
  RunRow,
  Snapshot,
} from '../../engines/ports.ts';
import type { DatabaseAddress } from '../../engines/store-url.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import type { JournalRow } from '../../ir/events.ts';
import { runNotFound } from '../journal-rows/leases.ts';
import type { ProcessFacts } from '../sqlite/lease.ts';
import { CommitQueue } from './commit-queue.ts';
import { type Beginning, beginRun, releaseRun } from './leases.ts';
import { Link, type LinkOptions, type Query } from './link.ts';
import { Pools } from './pools.ts';
import { PostgresReader } from './reader.ts';
import { SmallArtifacts } from './small-artifacts.ts';
import { Transactions } from './transactions.ts';

export interface PostgresDeps {
  readonly clock: Clock;
  readonly process: ProcessFacts;
  readonly options?: LinkOptions;
}

/**
 * What every journal in PostgreSQL does alike, over two connections: one for transactions, one for questions, so that nobody sees what is
 * half written.
 *
 *   J1. A write resolves only after its COMMIT was answered, or found (C1 to C3 of `Transactions`).
 *   J2. All writes of one turn of the event loop share a commit, and so do those that come while one is on its way; small artifacts go with
 *       the next one.
 *   J3. A failure is the failure of the calls that met it; the next one connects anew. (A server that cannot sync its log ends itself, and
 *       takes nothing for durable that is not.)
 */
export abstract class PostgresStore
  implements JournalReader, PoolReader, Pick<PoolArbiter, 'exchangeTokens' | 'reconcileTokens'>
{
  protected readonly clock: Clock;
  protected readonly here: ProcessFacts;
  protected readonly queue: CommitQueue;
  readonly #transactions: Transactions;
  readonly #writing: Link;
  readonly #asking: Link;
  readonly #reader: PostgresReader;
  readonly #small = new SmallArtifacts();

  constructor(address: DatabaseAddress, { clock, process, options }: PostgresDeps) {
    this.clock = clock;
    this.here = process;
    this.#writing = new Link(address, true, options);
    this.#asking = new Link(address, true, options);
    this.#transactions = new Transactions(this.#writing);
    this.#reader = new PostgresReader(this.#asking, process);
    this.queue = new CommitQueue(this.#transactions, new Pools(process), this.#small);
  }

  protected begin(beginning: Omit<Beginning, 'now_ms'>): Promise<Result<Lease>> {
    const now_ms = this.clock.now_ms();
    return this.transaction((query) => beginRun(query, { ...beginning, now_ms }, this.here));
  }

  /** Behind everything that was called before. */
  protected transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    this.queue.flush();
    return this.#transactions.run(work);
  }

  protected readonly ask: Query = (text, values) => this.#asking.ask(text, values);

  async release(lease: Lease): Promise<void> {
    await this.transaction((query) => releaseRun(query, lease));
  }

  async exchangeTokens(lease: Lease, exchange: PoolExchange): Promise<readonly PoolGrant[]> {
    return (await this.queue.call({ lease, exchange, now_ms: this.clock.now_ms() })).granted;
  }

  async reconcileTokens(lease: Lease, open: OpenTokens): Promise<readonly PoolGrant[]> {
    return (await this.queue.call({ lease, reconciled: open, now_ms: this.clock.now_ms() })).granted;
  }

  /** Throws NOT_FOUND if there is no such run. */
  async post(run: string, kind: InboxMessage['kind'], body: JsonObject): Promise<number> {
    const text = canonicalJson(body);
    const [row] = await this.transaction((query) =>
      query<{ id: number }>(
        'INSERT INTO inbox (run, kind, body) SELECT run, $2, $3 FROM runs WHERE run = $1 RETURNING id',
        [run, kind, text],
      ),
    );
    if (row === undefined) throw runNotFound(run);
    return row.id;
  }

  keepSmallArtifact(sha256: string, bytes: Uint8Array): void {
    this.#small.keep(sha256, bytes);
  }

  async smallArtifact(sha256: string): Promise<Uint8Array | null> {
    return this.#small.waiting(sha256) ?? this.#reader.smallArtifact(sha256);
  }

  read(run: string, options?: Parameters<JournalReader['read']>[1]): AsyncIterable<JournalRow> {
    return this.#reader.read(run, options);
  }

  head(run: string, stream: string): Promise<{ seq: number; hash: string } | null> {
    return this.#reader.head(run, stream);
  }

  last(run: string, stream?: string): Promise<JournalRow | null> {
    return this.#reader.last(run, stream);
  }

  runs(): Promise<readonly RunRow[]> {
    return this.#reader.runs();
  }

  identity(): Promise<string | null> {
    return this.#reader.identity();
  }

  usesOf(request_sha256: string): Promise<number> {
    return this.#reader.usesOf(request_sha256);
  }

  inbox(run: string): Promise<readonly InboxMessage[]> {
    return this.#reader.inbox(run);
  }

  holder(run: string): Promise<RunHolder> {
    return this.#reader.holder(run);
  }

  snapshot(run: string): Promise<Snapshot | null> {
    return this.#reader.snapshot(run);
  }

  pools(): ReturnType<PoolReader['pools']> {
    return this.#reader.pools();
  }

  async close(): Promise<void> {
    this.queue.flush();
    await this.#transactions.settled();
    if (!this.#small.isEmpty) (await this.#transactions.run((query) => this.#small.write(query)))();
    await Promise.all([this.#writing.close(), this.#asking.close()]);
  }
}
