import type { Clock, Lease, PoolGrant } from '../../engines/ports.ts';
import type { Connection } from './connection.ts';
import { isBusy } from './database.ts';

const INBOX_POLL_S = 0.2;
/** How often a run that waits for tokens looks whether others gave some back, and at how many looks whether others died. */
const TOKENS_POLL_S = 0.02;
const LOOKS_PER_CHECK = 50;

/** What others leave in the store for a run that is performed here: messages and tokens. */
export class News {
  readonly #connection: Connection;
  readonly #clock: Clock;
  #posts = 0;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** A message was posted by this very process. */
  posted(): void {
    this.#posts += 1;
  }

  onInbox(lease: Lease, callback: () => void): () => void {
    const seen = { state: '', newest: 0 };
    return this.#watch(
      () => INBOX_POLL_S,
      () => {
        // A store that broke is news too: whoever then asks for the messages learns of it.
        if (this.#connection.isBroken || this.#hasMessages(lease, seen)) callback();
      },
    );
  }

  onTokens(lease: Lease, callback: (granted: readonly PoolGrant[]) => void): () => void {
    const seen = { version: '', looks: 0 };
    return this.#watch(
      () => (this.#connection.opened?.pools.waits(lease.run) === true ? TOKENS_POLL_S : INBOX_POLL_S),
      () => {
        const granted = this.#connection.isBroken ? [] : this.#granted(lease, seen);
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
        if (!stopped && !this.#connection.isBroken) cancel = next();
      });
    let cancel = next();
    return () => {
      stopped = true;
      cancel();
    };
  }

  /**
   * Whether there are messages that were not `seen`. `data_version` costs a look at shared memory and tells of other connections'
   * commits; own posts are counted. A store that breaks is news too, and so is a lease that was lost.
   */
  #hasMessages(lease: Lease, seen: { state: string; newest: number }): boolean {
    try {
      const { database, reader, leases } = this.#connection.session();
      const state = `${String(database.pragma('data_version', { simple: true }))} ${this.#posts}`;
      if (state === seen.state) return false;
      const newest = reader.newestMessage(lease.run);
      const isNews = newest > seen.newest || leases.lost(lease) !== null;
      Object.assign(seen, { state, newest: Math.max(newest, seen.newest) });
      return isNews;
    } catch (error) {
      if (isBusy(error)) return false;
      this.#connection.break(error);
      return true;
    }
  }

  /**
   * What the run was granted by others. A process that dies commits nothing, so that from time to time a run that waits asks itself
   * whether tokens have become free.
   */
  #granted(lease: Lease, seen: { version: string; looks: number }): readonly PoolGrant[] {
    const granted: PoolGrant[] = [];
    try {
      const { pools, leases } = this.#connection.session();
      if (!pools.waits(lease.run)) return granted;
      seen.looks += 1;
      if (pools.version === seen.version && seen.looks % LOOKS_PER_CHECK !== 0) return granted;
      granted.push(...pools.tell(lease.run));
      if (pools.isStale(lease.run)) {
        this.#connection.transaction(() => {
          if (leases.lost(lease) !== null) return;
          pools.perform(lease.run);
          pools.settle(this.#clock.now_ms());
          granted.push(...pools.tell(lease.run));
        });
      }
      seen.version = pools.version;
    } catch (error) {
      if (!isBusy(error)) this.#connection.break(error);
    }
    return granted;
  }
}
