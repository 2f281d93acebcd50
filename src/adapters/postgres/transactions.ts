import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import { ExpctlError } from '../../base/error.ts';
import { isUndone, storeError } from './failures.ts';
import type { Link, Query } from './link.ts';

/** How often a transaction is tried, where the one before is known to have changed nothing. */
const MOST_TRIES = 4;

/** What COMMIT was sent for, and nobody knows what became of it. */
interface Unanswered<T> {
  /** The transaction's number, by which the server tells its fate. */
  readonly xid: string;
  readonly value: T;
}

/**
 * Transactions over one connection, one after the other.
 *
 *   C1. `run` resolves only after COMMIT was answered, or the server said afterwards that the transaction is committed.
 *   C2. A transaction that is known to have changed nothing, because its connection was lost or it was undone for the sake of another one,
 *       is done again; `work` is then called once more, and has to be free of what the first call left in memory.
 *   C3. Where a COMMIT was sent and not answered, a new connection waits until the old one's transaction is over, and asks for its fate.
 *
 * Source of C3: PostgreSQL 15 documentation, section 9.27.12, pg_xact_status.
 */
export class Transactions {
  readonly #link: Link;
  /** A lock of the server that every transaction of this object holds: whoever is given it knows that the one before is over. */
  readonly #own = BigInt.asIntN(64, BigInt(`0x${randomBytes(8).toString('hex')}`)).toString();
  #last: Promise<unknown> = Promise.resolve();

  constructor(link: Link) {
    this.#link = link;
  }

  run<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#persistently(work));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Resolves once everything that was begun is over. */
  async settled(): Promise<void> {
    await this.#last;
  }

  async #persistently<T>(work: (query: Query) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      let unanswered: Unanswered<T> | null = null;
      const client = await this.#link.connect(tries > 1);
      try {
        return await this.#once(client, work, (sent) => {
          unanswered = sent;
        });
      } catch (error) {
        const is_lost = this.#link.lost(client);
        if (!is_lost) await this.#link.query(client, 'ROLLBACK').catch(() => this.#link.drop(client));
        if (is_lost && unanswered !== null) {
          if (await this.#isCommitted(unanswered)) return (unanswered as Unanswered<T>).value;
        } else if (!is_lost && !isUndone(error)) throw storeError(error, this.#link.address.url);
        if (tries === MOST_TRIES) throw storeError(error, this.#link.address.url);
      }
    }
  }

  async #once<T>(
    client: Client,
    work: (query: Query) => Promise<T>,
    onCommit: (sent: Unanswered<T> | null) => void,
  ): Promise<T> {
    const began = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
      SELECT pg_current_xact_id()::text AS xid, pg_advisory_xact_lock(${this.#own})`;
    const results = (await this.#link.send(client, began)) as unknown as readonly {
      readonly rows: { readonly xid: string }[];
    }[];
    const xid = results[1]!.rows[0]!.xid;
    const value = await work((text, values) => this.#link.query(client, text, values));
    onCommit({ xid, value });
    const { command } = await this.#link.send(client, 'COMMIT');
    if (command !== 'COMMIT') throw new Error(`COMMIT was answered by ${command}`);
    return value;
  }

  async #isCommitted({ xid }: Unanswered<unknown>): Promise<boolean> {
    const { url } = this.#link.address;
    try {
      const client = await this.#link.connect(true);
      await this.#link.query(client, 'SELECT pg_advisory_lock($1), pg_advisory_unlock($1)', [this.#own]);
      const [row] = await this.#link.query<{ status: string | null }>(
        client,
        'SELECT pg_xact_status($1::xid8) AS status',
        [xid],
      );
      if (row?.status === 'committed') return true;
      if (row?.status === 'aborted') return false;
      throw new Error(`the server says of transaction ${xid}: ${row?.status ?? 'nothing'}`);
    } catch (cause) {
      const message = `The connection to ${url} was lost during a commit, and whether it was written is not known yet`;
      const hint = 'Do it again once the server can be reached: what was written is found, and is not written twice.';
      throw new ExpctlError('STORE_UNUSABLE', message, { hint, cause });
    }
  }
}
