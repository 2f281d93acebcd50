import type { Lease, OpenTokens, PoolExchange, PoolGrant } from '../../engines/ports.ts';
import type { EffectAnswer, EffectIntent, LedgerEntry } from '../../engines/temporal/ports.ts';
import type { JournalRow } from '../../ir/events.ts';
import type { PreparedTail } from '../journal-rows/numbered-events.ts';

/** What one call wants written, in canonical form; everything that can be wrong with it by itself was looked at. */
export interface Wish {
  readonly lease: Lease;
  readonly now_ms: number;
  readonly tails?: readonly PreparedTail[];
  readonly exchange?: PoolExchange | undefined;
  readonly reconciled?: OpenTokens;
  readonly intent?: EffectIntent | undefined;
  readonly answer?: { readonly key: string; readonly text: string };
  readonly obeyed?: readonly number[] | undefined;
}

/** What came of a wish. */
export interface Fulfilled {
  /** The rows that were not there before. */
  readonly rows: readonly JournalRow[];
  /** What the ledger says of the intent. */
  readonly effect: LedgerEntry | null;
  /** The answer that counts. */
  readonly answer: EffectAnswer | null;
  /** Told behind the COMMIT. */
  readonly granted: readonly PoolGrant[];
}
