import type { Result } from '../../base/result.ts';
import type { Pools } from './pools.ts';
import type { SmallArtifacts } from './small-artifacts.ts';
import type { Transactions } from './transactions.ts';
import { writeTurn } from './turn.ts';
import type { Fulfilled, Wish } from './wish.ts';

/** As many as fit into statements that stay handy. */
const MOST_CALLS = 500;

interface Waiting {
  readonly wish: Wish;
  readonly resolve: (done: Fulfilled) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: all calls of one turn of the event loop share a transaction, and so do all that come while the one before it is written. A
 * call whose lease was lost, or that is refused, fails alone.
 */
export class CommitQueue {
  readonly #transactions: Transactions;
  readonly #pools: Pools;
  readonly #small: SmallArtifacts;
  #calls: Waiting[] = [];
  #isScheduled = false;

  constructor(transactions: Transactions, pools: Pools, small: SmallArtifacts) {
    this.#transactions = transactions;
    this.#pools = pools;
    this.#small = small;
  }

  call(wish: Wish): Promise<Fulfilled> {
    return new Promise((resolve, reject) => {
      this.#calls.push({ wish, resolve, reject });
      this.#schedule();
    });
  }

  /** Hands over what waits, before whatever transaction is begun next. */
  flush(): void {
    if (this.#calls.length > 0) void this.#commit();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.flush());
  }

  async #commit(): Promise<void> {
    let calls: readonly Waiting[] | null = null;
    try {
      const done = await this.#transactions.run(async (query) => {
        if (calls !== null) this.#pools.forget(); // what the try before left in memory
        calls ??= this.#take();
        const written = await writeTurn(
          query,
          this.#pools,
          calls.map(({ wish }) => wish),
        );
        return { calls, written, small: await this.#small.write(query) };
      });
      done.small();
      for (const [index, call] of done.calls.entries()) this.#tell(call, done.written[index]!);
    } catch (error) {
      this.#pools.forget();
      for (const call of calls ?? this.#take()) call.reject(error);
    }
  }

  #tell({ wish, resolve, reject }: Waiting, written: Result<Fulfilled>): void {
    if (!written.ok) return reject(written.error);
    const { exchange, reconciled, lease } = wish;
    if (reconciled !== undefined) this.#pools.forgetNews(lease.run);
    // A turn with events is told nothing: it looks for itself.
    const asks = reconciled !== undefined || (exchange !== undefined && wish.tails === undefined);
    resolve({ ...written.value, granted: asks ? this.#pools.tell(lease.run) : [] });
  }

  #take(): readonly Waiting[] {
    this.#isScheduled = false;
    const calls = this.#calls.splice(0, MOST_CALLS);
    if (this.#calls.length > 0) this.#schedule();
    return calls;
  }
}
