import { err, ok, type Result } from '../../base/result.ts';
import { neverIntended } from '../journal-rows/effects.ts';
import { type LeaseRow, leaseLost } from '../journal-rows/leases.ts';
import type { Sequel } from '../journal-rows/sequel.ts';
import { TouchedEffects } from './effects.ts';
import type { Query } from './link.ts';
import type { OpenPools, Pools } from './pools.ts';
import { NewRows } from './rows.ts';
import type { Fulfilled, Wish } from './wish.ts';

const LEASE_COLUMNS = 'run, fence, machine, boot, namespace, pid, started';

/**
 * Writes what several calls want in one transaction. Locks are taken in one order by everybody, so that no two wait for each other: the
 * leases of the runs by name, then the book of pools. Everything that may be refused about a call is looked at before it changes anything,
 * so that it fails alone.
 */
export async function writeTurn(
  query: Query,
  pools: Pools,
  wishes: readonly Wish[],
): Promise<readonly Result<Fulfilled>[]> {
  const runs = [...new Set(wishes.map(({ lease }) => lease.run))];
  const leases = await lockLeases(query, runs);
  const lost = wishes.map(({ lease }) => leaseLost(lease, leases.get(lease.run)));
  const live = wishes.filter((_wish, index) => lost[index] === null);
  const turn = await Turn.prepare(query, pools, live);
  const written = wishes.map((wish, index) => {
    const refusal = lost[index]!;
    return refusal === null ? turn.take(wish) : err(refusal);
  });
  return turn.write(written);
}

/** Until the transaction ends, nobody else appends to these runs, or takes them. */
export async function lockLeases(query: Query, runs: readonly string[]): Promise<Map<string, LeaseRow>> {
  const text = `SELECT ${LEASE_COLUMNS} FROM leases WHERE run = ANY($1) ORDER BY run FOR UPDATE`;
  const rows = await query<LeaseRow & { readonly run: string }>(text, [runs]);
  return new Map(rows.map(({ run, ...row }) => [run, row]));
}

type Taken = Omit<Fulfilled, 'rows' | 'granted'> & { readonly sequel: Sequel };

class Turn {
  readonly #query: Query;
  readonly #rows: NewRows;
  readonly #effects: TouchedEffects;
  readonly #pools: Pools;
  readonly #book: OpenPools | null;
  readonly #obeyed: { readonly run: string; readonly id: number }[] = [];
  #now_ms = 0;

  private constructor(query: Query, rows: NewRows, effects: TouchedEffects, pools: Pools, book: OpenPools | null) {
    this.#query = query;
    this.#rows = rows;
    this.#effects = effects;
    this.#pools = pools;
    this.#book = book;
  }

  static async prepare(query: Query, pools: Pools, wishes: readonly Wish[]): Promise<Turn> {
    const rows = await NewRows.prepare(query, wishes);
    const effects = await TouchedEffects.prepare(query, wishes);
    const runs = [...new Set(wishes.filter(wantsTokens).map(({ lease }) => lease.run))];
    const book = runs.length === 0 ? null : await pools.open(query, runs);
    return new Turn(query, rows, effects, pools, book);
  }

  /** In memory. */
  take(wish: Wish): Result<Taken> {
    const { lease, exchange, reconciled, intent, answer, now_ms } = wish;
    const { run } = lease;
    const { sequel, refusal } = this.#rows.sequelOf(wish);
    const refused = refusal ?? (intent === undefined ? null : this.#effects.refusal(run, intent));
    if (refused !== null) return err(refused);
    // A turn that is written again, perhaps long after, gave its tokens back then: what has them now may be another attempt.
    const again = sequel.chained.length === 0 && (wish.tails ?? []).some(({ events }) => events.length > 0);
    const misuse = exchange === undefined || again ? null : this.#book!.exchange(run, exchange, now_ms);
    if (misuse !== null) return err(misuse);
    const answered = answer === undefined ? null : this.#effects.answer(run, answer.key, answer.text, now_ms);
    if (answer !== undefined && answered === null) return err(neverIntended(run, answer.key));
    if (reconciled !== undefined) this.#book!.reconcile(run, reconciled, now_ms);
    this.#rows.add(sequel);
    if (sequel.chained.some(({ row }) => row.type === 'run.finished')) this.#book!.book.end(run);
    const effect = intent === undefined ? null : this.#effects.intend(run, intent, now_ms);
    for (const id of wish.obeyed ?? []) this.#obeyed.push({ run, id });
    this.#now_ms = Math.max(this.#now_ms, now_ms);
    return ok({ sequel, effect, answer: answered });
  }

  async write(taken: readonly Result<Taken>[]): Promise<readonly Result<Fulfilled>[]> {
    const placed = await this.#rows.insert(this.#query);
    await this.#effects.write(this.#query);
    if (this.#book !== null) {
      this.#book.settle(this.#now_ms);
      await this.#pools.write(this.#query, this.#book);
    }
    await this.#removeObeyed();
    return taken.map((one) => {
      if (!one.ok) return one;
      const { sequel, effect, answer } = one.value;
      return ok({ rows: sequel.chained.map(({ row }) => placed(row)), effect, answer, granted: [] });
    });
  }

  async #removeObeyed(): Promise<void> {
    if (this.#obeyed.length === 0) return;
    const text = `DELETE FROM inbox USING unnest($1::text[], $2::bigint[]) AS o (run, id)
      WHERE inbox.id = o.id AND inbox.run = o.run`;
    await this.#query(text, [this.#obeyed.map(({ run }) => run), this.#obeyed.map(({ id }) => id)]);
  }
}

/** Whether a wish can change who has tokens; the end of a run gives back what it holds. */
function wantsTokens({ exchange, reconciled, tails = [] }: Wish): boolean {
  if (exchange !== undefined || reconciled !== undefined) return true;
  return tails.some(({ events }) => events.some(({ type }) => type === 'run.finished'));
}
