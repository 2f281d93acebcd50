import type { Lease } from '../../engines/ports.ts';
import { chainedRow, type PreparedEvent } from '../../engines/prepared-event.ts';
import type { ChainHead } from '../../ir/chain.ts';
import type { JournalRow } from '../../ir/events.ts';

interface Chained {
  readonly row: Omit<JournalRow, 'position'>;
  /** The stream that ends with this row, for `point.finished`. */
  readonly ends: string | null;
}

/** Rows that follow on those of a run, in memory: whatever is to be refused about them is refused before any of them is written. */
export class Sequel {
  readonly lease: Lease;
  readonly #standingOf: (stream: string) => ChainHead | null;
  readonly #chained: Chained[] = [];
  readonly #heads = new Map<string, ChainHead>();

  /** @param standingOf where a stream of the run stands in the store; null before its first row */
  constructor(lease: Lease, standingOf: (stream: string) => ChainHead | null) {
    this.lease = lease;
    this.#standingOf = standingOf;
  }

  get chained(): readonly Chained[] {
    return this.#chained;
  }

  /** Where a stream stands behind these rows. */
  head(stream: string): ChainHead | null {
    return this.#heads.get(stream) ?? this.#standingOf(stream);
  }

  /** @throws ExpctlError EVIDENCE_BROKEN as `chainedRow`, and where the row before it was changed */
  add(event: PreparedEvent): void {
    const row = chainedRow(event, this.lease, (stream) => this.head(stream));
    this.#heads.set(row.stream, { seq: row.seq, hash: row.hash });
    this.#chained.push({ row, ends: event.ends });
  }

  /** A row that was added here. */
  rowAt(stream: string, seq: number): Chained['row'] | undefined {
    return this.#chained.find(({ row }) => row.stream === stream && row.seq === seq)?.row;
  }
}
