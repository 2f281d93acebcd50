import { ExpctlError } from '../../base/error.ts';
import type { JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { JournalRow } from '../../ir/events.ts';
import type {
  Clock,
  InboxMessage,
  JournalStore,
  Lease,
  NewEvent,
  OpenTokens,
  PoolExchange,
  PoolGrant,
  RunHolder,
  RunRow,
  Snapshot,
} from '../ports.ts';
import { prepareEvent } from '../prepared-event.ts';
import type { MemoryStore } from './memory-store.ts';

export interface MemoryJournalDeps {
  readonly store: MemoryStore;
  readonly clock: Clock;
  /** Name of this process. */
  readonly process: string;
  /** Seconds until the next commit; drawn for each. */
  readonly commit_s: () => number;
  /** Seconds until a message is noticed. */
  readonly notice_s: () => number;
}

/** A write that waits for its commit. */
interface Waiting {
  readonly lease: Lease;
  readonly write: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A process's journal over a store in memory, with the promises of the real one: an append resolves only after its commit, appends that
 * wait share one, whoever lost the lease is refused, and everything else is done at once.
 */
export class MemoryJournal implements JournalStore {
  readonly #deps: MemoryJournalDeps;
  #queue: Waiting[] = [];

  constructor(deps: MemoryJournalDeps) {
    this.#deps = deps;
  }

  async createRun(
    run: RunRow,
    max_runs: number,
    first: readonly NewEvent[],
    pools: Readonly<Record<string, number>> = {},
  ): Promise<Result<Lease>> {
    const { store, clock, process } = this.#deps;
    const rows = first.map((event) => prepareEvent(event, clock.now_ms()));
    if (this.#uses(run.request_sha256) >= max_runs) return err(refused('APPROVAL_USED', 'The request is used up'));
    if (store.runs.some((other) => other.run === run.run)) return err(refused('USAGE', `There is a run ${run.run}`));
    store.runs.push(run);
    const lease = { run: run.run, fence: 1 };
    store.leases.set(run.run, { fence: 1, holder: process });
    store.pools.begin(run.run, pools);
    store.write(lease, rows);
    return ok(lease);
  }

  async acquire(run: string, { take_over = false }: { take_over?: boolean } = {}): Promise<Result<Lease>> {
    const { store, process } = this.#deps;
    const held = store.leases.get(run);
    if (held === undefined) return err(refused('NOT_FOUND', `There is no run ${run}`));
    const state = store.holderOf(run);
    if (state === 'live' || (state === 'unknown' && !take_over)) {
      return err(refused('RUN_LOCKED', `Run ${run} is performed by process ${held.holder}`));
    }
    const fence = held.fence + 1;
    store.leases.set(run, { fence, holder: process });
    return ok({ run, fence });
  }

  async release({ run, fence }: Lease): Promise<void> {
    this.#flush();
    const { leases } = this.#deps.store;
    if (leases.get(run)?.fence === fence) leases.set(run, { fence, holder: null });
  }

  async holds(lease: Lease): Promise<Result<void>> {
    return this.#deps.store.holds(lease) ? ok(undefined) : err(lost(lease.run));
  }

  append(lease: Lease, events: readonly NewEvent[]): Promise<readonly JournalRow[]> {
    const { store, clock } = this.#deps;
    return new Promise((resolve, reject) => {
      const rows = events.map((event) => prepareEvent(event, clock.now_ms()));
      this.#enqueue({ lease, write: () => resolve(store.write(lease, rows)), reject });
    });
  }

  exchangeTokens(lease: Lease, exchange: PoolExchange): Promise<readonly PoolGrant[]> {
    return new Promise((resolve, reject) => {
      const write = () => void this.#deps.store.pools.exchangeTokens(lease, exchange).then(resolve, reject);
      this.#enqueue({ lease, write, reject });
    });
  }

  reconcileTokens(lease: Lease, open: OpenTokens): Promise<readonly PoolGrant[]> {
    return new Promise((resolve, reject) => {
      const write = () => void this.#deps.store.pools.reconcileTokens(lease, open).then(resolve, reject);
      this.#enqueue({ lease, write, reject });
    });
  }

  onTokens(lease: Lease, callback: (granted: readonly PoolGrant[]) => void): () => void {
    return this.#deps.store.pools.onTokens(lease, callback);
  }

  async snapshot(run: string): Promise<Snapshot | null> {
    return this.#deps.store.snapshots.get(run) ?? null;
  }

  async keepSnapshot(lease: Lease, snapshot: Snapshot): Promise<void> {
    const { store } = this.#deps;
    this.#enqueue({ lease, write: () => void store.snapshots.set(lease.run, snapshot), reject: () => undefined });
  }

  /** Everything that waits is one transaction. */
  #enqueue(waiting: Waiting): void {
    this.#queue.push(waiting);
    if (this.#queue.length === 1) this.#deps.clock.after(this.#deps.commit_s(), () => this.#flush());
  }

  #flush(): void {
    const waiting = this.#queue;
    this.#queue = [];
    for (const { lease, write, reject } of waiting) {
      if (this.#deps.store.holds(lease)) write();
      else reject(lost(lease.run));
    }
  }

  async *read(
    run: string,
    { stream, after_position = 0, limit }: Parameters<JournalStore['read']>[1] = {},
  ): AsyncGenerator<JournalRow> {
    const rows = this.#rows(run, stream).filter(({ position }) => position > after_position);
    yield* limit === undefined ? rows : rows.slice(0, limit);
  }

  async head(run: string, stream: string): Promise<{ seq: number; hash: string } | null> {
    const row = this.#rows(run, stream).at(-1);
    return row === undefined ? null : { seq: row.seq, hash: row.hash };
  }

  async last(run: string, stream?: string): Promise<JournalRow | null> {
    return this.#rows(run, stream).at(-1) ?? null;
  }

  async runs(): Promise<readonly RunRow[]> {
    return this.#deps.store.runs;
  }

  async usesOf(request_sha256: string): Promise<number> {
    return this.#uses(request_sha256);
  }

  async inbox(run: string): Promise<readonly InboxMessage[]> {
    return this.#deps.store.inbox.filter((message) => message.run === run);
  }

  async holder(run: string): Promise<RunHolder> {
    const name = this.#deps.store.leases.get(run)?.holder ?? null;
    return { state: this.#deps.store.holderOf(run), pid: null, machine: name };
  }

  keepSmallArtifact(): void {
    throw new Error('a simulation keeps no artifacts');
  }

  async identity(): Promise<null> {
    return null;
  }

  async smallArtifact(): Promise<null> {
    return null;
  }

  async post(run: string, kind: InboxMessage['kind'], body: JsonObject): Promise<number> {
    const { store } = this.#deps;
    if (!store.runs.some((known) => known.run === run)) throw refused('NOT_FOUND', `There is no run ${run}`);
    return store.post(run, kind, body);
  }

  onInbox({ run }: Lease, callback: () => void): () => void {
    const { store, clock, notice_s } = this.#deps;
    const notice = () => void clock.after(notice_s(), () => (store.listeners.has(listener) ? callback() : undefined));
    const listener = (message: InboxMessage) => (message.run === run ? notice() : undefined);
    store.listeners.add(listener);
    if (store.inbox.some((message) => message.run === run)) notice();
    return () => void store.listeners.delete(listener);
  }

  async acknowledge(lease: Lease, id: number): Promise<void> {
    const { store } = this.#deps;
    if (!store.holds(lease)) throw lost(lease.run);
    store.remove(id);
  }

  async close(): Promise<void> {
    this.#flush();
  }

  #uses(request_sha256: string): number {
    return this.#deps.store.runs.filter((run) => run.request_sha256 === request_sha256).length;
  }

  #rows(run: string, stream?: string): JournalRow[] {
    return this.#deps.store.rows.filter((row) => row.run === run && (stream === undefined || row.stream === stream));
  }
}

function lost(run: string): ExpctlError {
  return refused('RUN_LOCKED', `Run ${run} was taken from this process`);
}

function refused(code: 'APPROVAL_USED' | 'USAGE' | 'NOT_FOUND' | 'RUN_LOCKED', message: string): ExpctlError {
  return new ExpctlError(code, message, { hint: 'This is a simulation: no store has such a run.' });
}
