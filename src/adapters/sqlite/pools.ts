import type Database from 'better-sqlite3';
import type { ExpctlError } from '../../base/error.ts';
import type { Tokens } from '../../engines/arbiter.ts';
import { PoolBook, TokenNews } from '../../engines/pool-book.ts';
import type { OpenTokens, PoolExchange, PoolGrant } from '../../engines/ports.ts';
import { PoolTables } from './pool-rows.ts';
import type { SqliteReader } from './reader.ts';

/**
 * The pools of a store, over its tables. The book is kept in memory as long as nobody else commits (`data_version`), and written down
 * with what follows from it. Every method that changes something runs within a transaction that the caller opened; a transaction that
 * fails makes the journal refuse everything (J3), this book included.
 */
export class Pools {
  readonly #database: Database.Database;
  readonly #reader: SqliteReader;
  readonly #tables: PoolTables;
  readonly #news = new TokenNews();
  #known: { readonly version: unknown; readonly book: PoolBook } | null = null;
  /** Runs whose leases were checked in this transaction. */
  readonly #performed = new Set<string>();
  #settled = 0;

  constructor(database: Database.Database, reader: SqliteReader) {
    this.#database = database;
    this.#reader = reader;
    this.#tables = new PoolTables(database);
  }

  /** A run begins, with the capacities that its lock states. */
  begin(run: string, pools: Tokens): void {
    const book = this.#book();
    book.begin(run, pools);
    this.#tables.write(book.takeChanges());
  }

  /** A run has ended: it holds and wants nothing more. `settle` must follow. */
  end(run: string): void {
    this.#performed.add(run);
    this.#book().end(run);
  }

  /** `settle` must follow. @returns why it is refused, or null */
  exchange(run: string, exchange: PoolExchange, now_ms: number): ExpctlError | null {
    const book = this.#bookFor(run);
    const refusal = book.refusal(run, exchange);
    if (refusal === null) book.exchange(run, exchange, now_ms);
    return refusal;
  }

  /** `settle` must follow. */
  reconcile(run: string, open: OpenTokens, now_ms: number): void {
    this.#news.forget(run);
    this.#bookFor(run).reconcile(run, open, now_ms);
  }

  /** Once for all that a transaction gave back and asked for: grants what may be granted now, to whomever, and writes it all down. */
  settle(now_ms: number): void {
    if (this.#performed.size === 0) return;
    const book = this.#book();
    book.settle((run) => this.#standingOf(run), now_ms);
    this.#tables.write(book.takeChanges());
    this.#performed.clear();
    this.#settled += 1;
  }

  /** Another one whenever anybody, here or in another process, may have changed something. */
  get version(): string {
    return `${String(this.#database.pragma('data_version', { simple: true }))} ${this.#settled}`;
  }

  /** What a run was granted since it was asked last, by whomever. */
  tell(run: string): PoolGrant[] {
    return this.#news.tell(run, this.#book());
  }

  /** Whether a run waits for tokens, or for the news that it has them; as far as is known without asking the disk. */
  waits(run: string): boolean {
    return this.#known?.book.claims.some((claim) => claim.run === run && !claim.taken) ?? false;
  }

  /** Whether `settle` for a run that is performed here would change anything. Only looks, within no transaction. */
  isStale(run: string): boolean {
    return this.#book().wouldSettle((other) => (other === run ? 'live' : this.#standingOf(other)));
  }

  /** The run goes on waiting: `settle` may grant it what became free. */
  perform(run: string): void {
    this.#bookFor(run);
  }

  #standingOf(run: string): ReturnType<SqliteReader['holderNow']>['state'] {
    return this.#performed.has(run) ? 'live' : this.#reader.holderNow(run).state;
  }

  #bookFor(run: string): PoolBook {
    this.#performed.add(run);
    const book = this.#book();
    if (!book.knows(run)) {
      const stated = this.#tables.run(run);
      if (stated !== undefined) book.know(stated);
    }
    return book;
  }

  #book(): PoolBook {
    const version = this.#database.pragma('data_version', { simple: true });
    if (this.#known !== null && this.#known.version === version) return this.#known.book;
    const { runs, claims, arrivals, grants } = this.#tables.read();
    const book = new PoolBook(runs, claims, { arrivals, grants });
    this.#known = { version, book };
    return book;
  }
}
