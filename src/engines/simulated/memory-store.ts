import type { JsonObject } from '../../base/json.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import type { ChainHead } from '../../ir/chain.ts';
import type { JournalRow } from '../../ir/events.ts';
import { MemoryPools } from '../memory-pools.ts';
import type { InboxMessage, Lease, RunHolder, RunRow, Snapshot } from '../ports.ts';
import { chainedRow, type PreparedEvent } from '../prepared-event.ts';

/** Whoever holds a run's lease; null once it was given back. */
export interface HeldLease {
  readonly fence: number;
  readonly holder: string | null;
}

export interface MemoryStoreOptions {
  readonly now_ms: () => number;
  /** Whether a process lives. */
  readonly stateOf: (process: string) => RunHolder['state'];
  /** When runs notice tokens that others' releases have granted to them. */
  readonly notice: (tell: () => void) => void;
  /** Called with the rows of each transaction, at the moment from which they are durable. */
  readonly onCommit?: (rows: readonly JournalRow[]) => void;
  /** Called when a message is removed. */
  readonly onRemoved?: (message: number) => void;
  /** False: rows are forgotten once `onCommit` was told of them, but for those of the first transaction. */
  readonly keeps_rows?: boolean;
}

/** What a journal keeps on its disk: it outlives every process. Each method is one transaction. */
export class MemoryStore {
  readonly runs: RunRow[] = [];
  readonly leases = new Map<string, HeldLease>();
  readonly rows: JournalRow[] = [];
  readonly snapshots = new Map<string, Snapshot>();
  readonly pools: MemoryPools;
  inbox: InboxMessage[] = [];
  /** Told of each new message. */
  readonly listeners = new Set<(message: InboxMessage) => void>();
  readonly #heads = new Map<string, ChainHead>();
  readonly #options: MemoryStoreOptions;
  #position = 0;
  #message = 0;

  constructor(options: MemoryStoreOptions) {
    this.#options = options;
    const { now_ms, notice } = options;
    this.pools = new MemoryPools({ now_ms, notice, standingOf: (run) => this.holderOf(run) });
  }

  /** Whether a process performs a run. */
  holderOf(run: string): RunHolder['state'] {
    const name = this.leases.get(run)?.holder ?? null;
    return name === null ? 'nobody' : this.#options.stateOf(name);
  }

  holds({ run, fence }: Lease): boolean {
    const held = this.leases.get(run);
    return held?.fence === fence && held.holder !== null;
  }

  write(lease: Lease, events: readonly PreparedEvent[]): JournalRow[] {
    const rows = events.map((event) => this.#row(lease, event));
    if (this.#options.keeps_rows !== false || this.rows.length === 0) this.rows.push(...rows);
    if (rows.some(({ type }) => type === 'run.finished')) this.pools.finish(lease.run);
    this.#options.onCommit?.(rows);
    return rows;
  }

  #head(run: string, stream: string): ChainHead | null {
    return this.#heads.get(`${run} ${stream}`) ?? null;
  }

  post(run: string, kind: InboxMessage['kind'], body: JsonObject): number {
    this.#message += 1;
    const message = { id: this.#message, run, kind, body: JSON.parse(canonicalJson(body)) as JsonObject };
    this.inbox.push(message);
    for (const listener of [...this.listeners]) listener(message);
    return message.id;
  }

  remove(message: number): void {
    this.#options.onRemoved?.(message);
    this.inbox = this.inbox.filter(({ id }) => id !== message);
  }

  #row(lease: Lease, event: PreparedEvent): JournalRow {
    const row = chainedRow(event, lease, (stream) => this.#head(lease.run, stream));
    this.#heads.set(`${row.run} ${row.stream}`, { seq: row.seq, hash: row.hash });
    this.#position += 1;
    return { ...row, position: this.#position };
  }
}
