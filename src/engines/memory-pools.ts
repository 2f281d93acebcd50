import type { ExpctlError } from '../base/error.ts';
import type { Tokens } from './arbiter.ts';
import { PoolBook, type Standing, TokenNews } from './pool-book.ts';
import type { Lease, OpenTokens, PoolArbiter, PoolExchange, PoolGrant } from './ports.ts';

export interface MemoryPoolsDeps {
  readonly now_ms: () => number;
  /** Whether a process performs a run. */
  readonly standingOf: (run: string) => Standing;
  /** Why a lease does not hold any more, or null. */
  readonly lost?: (lease: Lease) => ExpctlError | null;
  /** When other runs notice what they were granted; by default at the end of the turn. */
  readonly notice?: (tell: () => void) => void;
}

/** The pools of a store in memory, by the same book and the same policy as the real ones: for tests and simulations. */
export class MemoryPools implements PoolArbiter {
  readonly book = new PoolBook([], [], { arrivals: 0, grants: 0 });
  readonly #deps: MemoryPoolsDeps;
  readonly #news = new TokenNews();
  readonly #listeners = new Map<string, (granted: readonly PoolGrant[]) => void>();

  constructor(deps: MemoryPoolsDeps) {
    this.#deps = deps;
  }

  /** What `createRun` does with the capacities of a lock. */
  begin(run: string, pools: Tokens): void {
    this.book.begin(run, pools);
  }

  /** What appending `run.finished` does. */
  finish(run: string): void {
    this.book.end(run);
    this.look();
  }

  async exchangeTokens(lease: Lease, exchange: PoolExchange): Promise<readonly PoolGrant[]> {
    this.#admit(lease, this.book.refusal(lease.run, exchange));
    this.book.exchange(lease.run, exchange, this.#deps.now_ms());
    return this.#settle(lease.run);
  }

  async reconcileTokens(lease: Lease, open: OpenTokens): Promise<readonly PoolGrant[]> {
    this.#admit(lease, null);
    this.#news.forget(lease.run);
    this.book.reconcile(lease.run, open, this.#deps.now_ms());
    return this.#settle(lease.run);
  }

  onTokens({ run }: Lease, callback: (granted: readonly PoolGrant[]) => void): () => void {
    this.#listeners.set(run, callback);
    return () => {
      if (this.#listeners.get(run) === callback) this.#listeners.delete(run);
    };
  }

  /** What every waiting run does from time to time: a process may have died meanwhile, and its tokens be free. */
  look(): void {
    this.book.settle(this.#deps.standingOf, this.#deps.now_ms());
    this.book.takeChanges(); // nothing is to be written down
    this.#tellOthers();
  }

  #settle(run: string): readonly PoolGrant[] {
    this.book.settle(this.#deps.standingOf, this.#deps.now_ms());
    this.book.takeChanges();
    const granted = this.#news.tell(run, this.book);
    this.#tellOthers();
    return granted;
  }

  #tellOthers(): void {
    const notice = this.#deps.notice ?? queueMicrotask;
    for (const [run, callback] of this.#listeners) {
      notice(() => {
        if (this.#listeners.get(run) !== callback) return;
        const granted = this.#news.tell(run, this.book);
        if (granted.length > 0) callback(granted);
      });
    }
  }

  #admit(lease: Lease, refusal: ExpctlError | null): void {
    const problem = this.#deps.lost?.(lease) ?? refusal;
    if (problem !== null) throw problem;
  }
}
