import { hash } from 'node:crypto';
import type { JsonObject } from '../../base/json.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import { genesis, rowPreimage } from '../../ir/chain.ts';
import { type JournalRow, type Observed, pointStream, type RunEvent } from '../../ir/events.ts';
import { MemoryPools } from '../memory-pools.ts';
import type { InboxMessage, Lease, NewEvent, RunHolder, RunRow, Snapshot } from '../ports.ts';

/** An event in canonical form, with the time at which it was handed over. */
export interface PreparedRow {
  readonly stream: string;
  readonly type: RunEvent['type'];
  readonly body: string;
  readonly observed: Observed;
  /** The stream that ends with this event, for `point.finished`. */
  readonly ends: string | null;
  readonly wall_ms: number;
}

interface Head {
  readonly seq: number;
  readonly hash: string;
}

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
  readonly #heads = new Map<string, Head>();
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

  write({ run, fence }: Lease, events: readonly PreparedRow[]): JournalRow[] {
    const rows = events.map((event) => this.#row(run, fence, event));
    if (this.#options.keeps_rows !== false || this.rows.length === 0) this.rows.push(...rows);
    if (rows.some(({ type }) => type === 'run.finished')) this.pools.finish(run);
    this.#options.onCommit?.(rows);
    return rows;
  }

  head(run: string, stream: string): Head | null {
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

  #row(run: string, fence: number, { stream, type, body, wall_ms, ...event }: PreparedRow): JournalRow {
    const head = this.head(run, stream) ?? { seq: 0, hash: genesis(run, stream, sha256) };
    const { ends } = event;
    const observed = ends === null ? event.observed : { ...event.observed, head: this.head(run, ends)?.hash ?? null };
    const seq = head.seq + 1;
    const content = {
      run,
      stream,
      seq,
      type,
      body,
      observed: canonicalJson(observed),
      wall_ms,
      fence,
      prev: head.hash,
    };
    const digest = sha256(rowPreimage(content));
    this.#heads.set(`${run} ${stream}`, { seq, hash: digest });
    this.#position += 1;
    return { ...content, position: this.#position, hash: digest };
  }
}

/** Everything that can be wrong with an event is found here, before it can spoil the commit of others. */
export function prepareRow({ stream, event, observed }: NewEvent, wall_ms: number): PreparedRow {
  if (!Number.isSafeInteger(wall_ms)) throw new TypeError(`the clock says ${wall_ms} ms`);
  const { type, ...body } = event;
  const ends = event.type === 'point.finished' ? pointStream(event.point) : null;
  canonicalJson(observed);
  return { stream, type, body: canonicalJson(body), observed, ends, wall_ms };
}

function sha256(text: string): string {
  return hash('sha256', text);
}
