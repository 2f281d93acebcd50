import { err, type Result } from '../../base/result.ts';
import type { Clock, Lease, Snapshot } from '../../engines/ports.ts';
import type { Connection, Session } from './connection.ts';
import type { KeptSnapshot } from './snapshots.ts';

/** A call that waits for the next commit. */
interface Waiting {
  /** In the order of the calls. */
  readonly write: (session: Session) => void;
  /** In the same transaction, behind all calls of the turn, and the grants that follow from them. */
  readonly conclude: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Group commit: all calls of one turn of the event loop share a transaction (J1 and J2 of `SqliteJournal`). */
export class CommitQueue {
  readonly #connection: Connection;
  readonly #clock: Clock;
  #calls: Waiting[] = [];
  #kept: KeptSnapshot[] = [];

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /**
   * Resolves once the commit of this turn returned. A call whose lease was lost fails alone.
   *
   * @param write returns what the caller is told, asked for once all calls of the turn are written
   */
  call<T>(lease: Lease, write: (session: Session) => Result<() => T>): Promise<T> {
    this.#connection.refuseIfBroken();
    return new Promise((resolve, reject) => {
      let written: Result<() => T>;
      let value: T;
      this.#flushSoon();
      this.#calls.push({
        write: (session) => {
          const lost = session.leases.lost(lease);
          if (lost !== null) session.events.forget(lease.run);
          written = lost === null ? write(session) : err(lost);
        },
        conclude: () => {
          if (written.ok) value = written.value();
        },
        resolve: () => (written.ok ? resolve(value) : reject(written.error)),
        reject,
      });
    });
  }

  keepSnapshot(lease: Lease, snapshot: Snapshot): Promise<void> {
    this.#connection.refuseIfBroken();
    return new Promise((resolve, reject) => {
      this.#flushSoon();
      this.#kept.push({ lease, snapshot, resolve, reject });
    });
  }

  /** Commits what waits, now. */
  flush(): void {
    const [calls, kept] = [this.#calls, this.#kept];
    [this.#calls, this.#kept] = [[], []];
    if (calls.length + kept.length === 0) return;
    try {
      this.#connection.transaction((session) => {
        for (const call of calls) call.write(session);
        session.pools.settle(this.#clock.now_ms());
        for (const call of calls) call.conclude();
        for (const one of kept) session.snapshots.write(one);
      });
      for (const call of [...calls, ...kept]) call.resolve();
    } catch (error) {
      for (const call of [...calls, ...kept]) call.reject(error);
    }
  }

  #flushSoon(): void {
    if (this.#calls.length + this.#kept.length === 0) setImmediate(() => this.flush());
  }
}
