import type Database from 'better-sqlite3';
import type { PoolRun, Tokens } from '../../engines/arbiter.ts';
import type { PoolChanges } from '../../engines/pool-book.ts';
import type { PoolClaimRow } from '../../engines/ports.ts';
import { canonicalJson } from '../../ir/canonical.ts';

type ClaimColumns = Omit<PoolClaimRow, 'uses' | 'taken'> & { readonly uses: string; readonly taken: number };
type RunColumns = Omit<PoolRun, 'pools'> & { readonly pools: string };

/** The last number that was given to any claim, and to any grant. */
export interface PoolNumbers {
  readonly arrivals: number;
  readonly grants: number;
}

export interface PoolRows {
  /** Those that hold or want something, or are performed. */
  readonly runs: readonly PoolRun[];
  /** By arrival. */
  readonly claims: readonly PoolClaimRow[];
}

const CLAIMS = `SELECT arrival, run, point, step, attempt, uses, overtaken, wanted_ms, held_ms, taken, key
  FROM pool_claims ORDER BY arrival`;
const RUNS = `SELECT run, pools, served FROM pool_runs WHERE run IN (SELECT run FROM pool_claims)
  OR run IN (SELECT run FROM leases WHERE pid IS NOT NULL) ORDER BY run`;
const NUMBERS = `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'pool_claims'), 0) AS arrivals,
  coalesce((SELECT max(served) FROM pool_runs), 0) AS grants`;

/** Who holds and who waits, as of one moment. */
export function readPools(database: Database.Database): PoolRows {
  return database.transaction(() => ({
    runs: database.prepare<unknown[], RunColumns>(RUNS).all().map(runOf),
    claims: database.prepare<unknown[], ClaimColumns>(CLAIMS).all().map(claimOf),
  }))();
}

/** The tables of pools; written within a transaction that the caller opened. */
export class PoolTables {
  readonly #database: Database.Database;
  readonly #numbers: Database.Statement<unknown[], PoolNumbers>;
  readonly #run: Database.Statement<unknown[], RunColumns>;
  readonly #putRun: Database.Statement;
  readonly #put: Database.Statement;
  readonly #remove: Database.Statement;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#numbers = database.prepare(NUMBERS);
    this.#run = database.prepare('SELECT run, pools, served FROM pool_runs WHERE run = ?');
    this.#putRun = database.prepare(
      `INSERT INTO pool_runs (run, pools, served) VALUES (?, ?, ?)
       ON CONFLICT (run) DO UPDATE SET served = excluded.served`,
    );
    this.#put = database.prepare(
      `INSERT INTO pool_claims (arrival, run, point, step, attempt, uses, overtaken, wanted_ms, held_ms, taken, key)
       VALUES (@arrival, @run, @point, @step, @attempt, @uses, @overtaken, @wanted_ms, @held_ms, @taken, @key)
       ON CONFLICT (arrival) DO UPDATE SET
         overtaken = excluded.overtaken, held_ms = excluded.held_ms, taken = excluded.taken, key = excluded.key`,
    );
    this.#remove = database.prepare('DELETE FROM pool_claims WHERE arrival = ?');
  }

  read(): PoolRows & PoolNumbers {
    return this.#database.transaction(() => ({ ...readPools(this.#database), ...this.#numbers.get()! }))();
  }

  /** What a run stated when it began; undefined if it did not. */
  run(run: string): PoolRun | undefined {
    const row = this.#run.get(run);
    return row === undefined ? undefined : runOf(row);
  }

  write({ gone, put, runs }: PoolChanges): void {
    for (const { run, pools, served } of runs) this.#putRun.run(run, canonicalJson(pools), served);
    for (const arrival of gone) this.#remove.run(arrival);
    for (const claim of put) {
      this.#put.run({ ...claim, uses: canonicalJson(claim.uses), taken: claim.taken ? 1 : 0 });
    }
  }
}

function claimOf({ uses, taken, ...rest }: ClaimColumns): PoolClaimRow {
  return { ...rest, uses: tokensIn(uses), taken: taken === 1 };
}

function runOf({ pools, ...rest }: RunColumns): PoolRun {
  return { ...rest, pools: tokensIn(pools) };
}

function tokensIn(text: string): Tokens {
  return JSON.parse(text) as Tokens;
}
