import type { ExpctlError } from '../../base/error.ts';
import type { PoolRun, Tokens } from '../../engines/arbiter.ts';
import { type PoolChanges, PoolBook, type Standing, TokenNews } from '../../engines/pool-book.ts';
import type { OpenTokens, PoolClaimRow, PoolExchange, PoolGrant, PoolReader } from '../../engines/ports.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import { type LeaseRow, standingOf } from '../journal-rows/leases.ts';
import type { ProcessFacts } from '../sqlite/lease.ts';
import type { Query } from './link.ts';

type ClaimColumns = Omit<PoolClaimRow, 'uses'> & { readonly uses: string };
type RunColumns = Omit<PoolRun, 'pools'> & { readonly pools: string };
type Numbers = { readonly version: number; readonly arrivals: number; readonly grants: number };

const CLAIM = 'arrival, run, point, step, attempt, uses, overtaken, wanted_ms, held_ms, taken, key';
const CLAIMS = `SELECT ${CLAIM} FROM pool_claims ORDER BY arrival`;
/** Those that hold or want something, or are performed. */
const RUNS = `SELECT run, pools, served FROM pool_runs WHERE run IN (SELECT run FROM pool_claims)
  OR run IN (SELECT run FROM leases WHERE pid IS NOT NULL) ORDER BY run`;

/** Who holds and who waits, as of one moment: one statement sees one state of the store. */
export async function readPools(query: Query): ReturnType<PoolReader['pools']> {
  const [row] = await query<{ runs: RunColumns[] | null; claims: ClaimColumns[] | null }>(
    `SELECT (SELECT json_agg(r ORDER BY run) FROM (${RUNS}) r) AS runs,
       (SELECT json_agg(c ORDER BY arrival) FROM (${CLAIMS}) c) AS claims`,
  );
  return { runs: (row!.runs ?? []).map(runOf), claims: (row!.claims ?? []).map(claimOf) };
}

/** What a run's lock states of pools, when it begins. */
export async function beginPools(query: Query, run: string, pools: Tokens): Promise<void> {
  await query('INSERT INTO pool_runs (run, pools, served) VALUES ($1, $2, 0)', [run, canonicalJson(pools)]);
}

/**
 * The pools of a store, over its tables. `open` locks the book until the transaction ends; it is read anew only where others have changed
 * it since (its version). After a transaction that failed it has to be forgotten.
 */
export class Pools {
  readonly #here: ProcessFacts;
  readonly #news = new TokenNews();
  #known: { version: number; readonly book: PoolBook } | null = null;

  constructor(here: ProcessFacts) {
    this.#here = here;
  }

  /** @param runs whose leases were checked in this transaction */
  async open(query: Query, runs: readonly string[]): Promise<OpenPools> {
    await query('SELECT version FROM pool_book FOR UPDATE', []);
    // By a statement of its own: one sees what was committed before it began, and it may have waited for the lock.
    const [now] = await query<Numbers>(
      'SELECT version, arrivals, (SELECT coalesce(max(served), 0) FROM pool_runs) AS grants FROM pool_book',
      [],
    );
    if (now === undefined) throw new Error('the book of pools is gone');
    if (this.#known?.version !== now.version) this.#known = { version: now.version, book: await load(query, now) };
    const { book } = this.#known;
    const unknown = runs.filter((run) => !book.knows(run));
    if (unknown.length > 0) {
      const text = 'SELECT run, pools, served FROM pool_runs WHERE run = ANY($1)';
      for (const row of await query<RunColumns>(text, [unknown])) book.know(runOf(row));
    }
    const others = await query<LeaseRow & { run: string }>(
      `SELECT run, fence, machine, boot, namespace, pid, started FROM leases
       WHERE run IN (SELECT run FROM pool_claims)`,
      [],
    );
    const leases = new Map(others.map((row) => [row.run, row]));
    return new OpenPools(book, (run) => (runs.includes(run) ? 'live' : standingOf(leases.get(run), this.#here).state));
  }

  async write(query: Query, { book }: OpenPools): Promise<void> {
    const { gone, put, runs } = book.takeChanges();
    if (gone.length + put.length + runs.length === 0) return;
    await writeChanges(query, { gone, put, runs });
    const arrivals = Math.max(0, ...put.map(({ arrival }) => arrival));
    const text = `UPDATE pool_book SET version = version + 1, arrivals = greatest(arrivals, $1) RETURNING version`;
    const [row] = await query<{ version: number }>(text, [arrivals]);
    this.#known = { version: row!.version, book };
  }

  /** What a run was granted since it was asked last; only once it is durable. */
  tell(run: string): PoolGrant[] {
    return this.#known === null ? [] : this.#news.tell(run, this.#known.book);
  }

  /** The run is told again of what it was granted and has not taken. */
  forgetNews(run: string): void {
    this.#news.forget(run);
  }

  forget(): void {
    this.#known = null;
  }
}

/** The book within a transaction. */
export class OpenPools {
  readonly book: PoolBook;
  readonly #standing: (run: string) => Standing;

  constructor(book: PoolBook, standing: (run: string) => Standing) {
    this.book = book;
    this.#standing = standing;
  }

  /** @returns why it is refused, or null */
  exchange(run: string, exchange: PoolExchange, now_ms: number): ExpctlError | null {
    const refusal = this.book.refusal(run, exchange);
    if (refusal === null) this.book.exchange(run, exchange, now_ms);
    return refusal;
  }

  reconcile(run: string, open: OpenTokens, now_ms: number): void {
    this.book.reconcile(run, open, now_ms);
  }

  settle(now_ms: number): void {
    this.book.settle(this.#standing, now_ms);
  }
}

async function load(query: Query, { arrivals, grants }: Numbers): Promise<PoolBook> {
  const runs = await query<RunColumns>(RUNS, []);
  const claims = await query<ClaimColumns>(CLAIMS, []);
  return new PoolBook(runs.map(runOf), claims.map(claimOf), { arrivals, grants });
}

async function writeChanges(query: Query, { gone, put, runs }: PoolChanges): Promise<void> {
  if (gone.length > 0) await query('DELETE FROM pool_claims WHERE arrival = ANY($1)', [gone]);
  if (put.length > 0) {
    await query(
      `INSERT INTO pool_claims (${CLAIM})
       SELECT * FROM json_to_recordset($1::json) AS c (arrival bigint, run text, point bigint, step text, attempt bigint, uses text,
         overtaken bigint, wanted_ms bigint, held_ms bigint, taken boolean, key text)
       ON CONFLICT (arrival) DO UPDATE SET
         overtaken = excluded.overtaken, held_ms = excluded.held_ms, taken = excluded.taken, key = excluded.key`,
      [JSON.stringify(put.map((claim) => ({ ...claim, uses: canonicalJson(claim.uses) })))],
    );
  }
  for (const { run, pools, served } of runs) {
    await query(
      `INSERT INTO pool_runs (run, pools, served) VALUES ($1, $2, $3)
       ON CONFLICT (run) DO UPDATE SET served = excluded.served`,
      [run, canonicalJson(pools), served],
    );
  }
}

function claimOf({ uses, ...rest }: ClaimColumns): PoolClaimRow {
  return { ...rest, uses: JSON.parse(uses) as Tokens };
}

function runOf({ pools, ...rest }: RunColumns): PoolRun {
  return { ...rest, pools: JSON.parse(pools) as Tokens };
}
