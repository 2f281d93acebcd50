import { ExpctlError } from '../base/error.ts';
import { chooseGrants, type PoolRun, type Tokens } from './arbiter.ts';
import type { OpenTokens, PoolClaimRow, PoolExchange, PoolGrant, PoolHolder, PoolWant, RunHolder } from './ports.ts';

/** Whether a process performs a run, as far as can be seen from here. */
export type Standing = RunHolder['state'];

/** What is to be written down since it was asked last. */
export interface PoolChanges {
  readonly put: readonly PoolClaimRow[];
  /** Arrivals of claims that are gone. */
  readonly gone: readonly number[];
  readonly runs: readonly PoolRun[];
}

/**
 * The pools of a store: who holds and who waits. Whoever keeps it makes each change durable before he tells of it.
 *
 *   P1. A grant that is not in its run's journal is void once no process performs the run: it falls back into a want, in its old place.
 *   P2. One that is in the journal is the run's, whoever lives: what it was taken for may be running outside. The run gives it back when
 *       it is resumed, or ends.
 *   P3. Only a run that is seen to be performed is granted anything; wants of others wait, and are in nobody's way.
 */
export class PoolBook {
  readonly #runs = new Map<string, PoolRun>();
  /** By `nameOf`, ordered by arrival. */
  readonly #claims = new Map<string, PoolClaimRow>();
  readonly #touched = new Set<string>();
  readonly #gone = new Set<number>();
  readonly #served = new Set<string>();
  #arrivals: number;
  #grants: number;

  /** @param last the last number that was given to any claim, those included that are gone, and to any grant */
  constructor(
    runs: Iterable<PoolRun>,
    claims: Iterable<PoolClaimRow>,
    last: { readonly arrivals: number; readonly grants: number },
  ) {
    for (const run of runs) this.#runs.set(run.run, run);
    for (const claim of [...claims].sort((one, other) => one.arrival - other.arrival)) {
      this.#claims.set(nameOf(claim.run, claim), claim);
    }
    this.#arrivals = last.arrivals;
    this.#grants = last.grants;
  }

  get claims(): readonly PoolClaimRow[] {
    return [...this.#claims.values()];
  }

  claimsOf(run: string): PoolClaimRow[] {
    return this.claims.filter((claim) => claim.run === run);
  }

  /** Whether it knows what a run states of pools; those that hold and want nothing need not be known. */
  knows(run: string): boolean {
    return this.#runs.has(run);
  }

  know(run: PoolRun): void {
    this.#runs.set(run.run, run);
  }

  /** A run begins, with the capacities that its lock states. */
  begin(run: string, pools: Tokens): void {
    this.#runs.set(run, { run, pools, served: 0 });
    this.#served.add(run);
  }

  /** A run has ended, and holds and wants nothing more. */
  end(run: string): void {
    for (const claim of this.claimsOf(run)) this.#drop(claim);
  }

  /** Why an exchange is refused, or null: bugs of whoever asks, for which others must not suffer. */
  refusal(run: string, { wanted }: PoolExchange): ExpctlError | null {
    const pools = this.#runs.get(run)?.pools;
    if (pools === undefined) return wanted.length === 0 ? null : misuse(`run ${run} stated no pools when it began`);
    for (const want of wanted) {
      const problem = unfit(want, pools);
      if (problem !== null) return misuse(problem);
    }
    return null;
  }

  /** Takes back what is released, notes what is bound, queues what is wanted; `settle` then says who gets what. */
  exchange(run: string, { released, bound, wanted }: PoolExchange, now_ms: number): void {
    for (const holder of released) {
      const claim = this.#claims.get(nameOf(run, holder));
      if (claim !== undefined) this.#drop(claim);
    }
    for (const holder of bound) {
      const claim = this.#claims.get(nameOf(run, holder));
      if (claim === undefined || claim.held_ms === null) continue;
      this.#put({ ...claim, taken: true, key: claim.key ?? holder.key });
    }
    for (const want of wanted) this.#want(run, want, now_ms);
  }

  /** What a run that goes on holds and wants, by its journal. */
  reconcile(run: string, { held, wanted }: OpenTokens, now_ms: number): void {
    const open = new Map([...held, ...wanted].map((want) => [nameOf(run, want), want.attempt]));
    for (const claim of this.claimsOf(run)) {
      if (open.get(nameOf(run, claim)) !== claim.attempt) this.#drop(claim);
    }
    for (const { key = null, ...want } of held) {
      // The journal is the truth: what it says was granted is out, even where the store had lost it.
      const claim = this.#want(run, want, now_ms);
      this.#put({ ...claim, held_ms: claim.held_ms ?? now_ms, taken: true, key: claim.key ?? key });
    }
    for (const want of wanted) {
      const claim = this.#want(run, want, now_ms);
      if (claim.taken) this.#put({ ...claim, taken: false, key: null });
    }
  }

  /** P1 to P3, and then grants until nothing is left that may be granted. */
  settle(standingOf: (run: string) => Standing, now_ms: number): void {
    const standings = this.#standings(standingOf);
    for (const claim of this.#void(standings)) this.#put({ ...claim, held_ms: null });
    const { granted, overtaken } = this.#choose(standings);
    for (const [claim, count] of overtaken) this.#put({ ...claim, overtaken: count });
    for (const claim of granted) this.#grant(claim, now_ms);
  }

  /** Whether `settle` would change anything: asked before a transaction is begun for it. */
  wouldSettle(standingOf: (run: string) => Standing): boolean {
    const standings = this.#standings(standingOf);
    return this.#void(standings).length > 0 || this.#choose(standings).granted.length > 0;
  }

  takeChanges(): PoolChanges {
    const put = [...this.#touched].map((name) => this.#claims.get(name)!);
    const runs = [...this.#served].map((run) => this.#runs.get(run)!);
    const gone = [...this.#gone];
    for (const noted of [this.#touched, this.#gone, this.#served]) noted.clear();
    return { put, gone, runs };
  }

  #standings(standingOf: (run: string) => Standing): Map<string, Standing> {
    const standings = new Map<string, Standing>();
    for (const { run } of this.#claims.values()) {
      if (!standings.has(run)) standings.set(run, standingOf(run));
    }
    return standings;
  }

  #void(standings: ReadonlyMap<string, Standing>): PoolClaimRow[] {
    return this.claims.filter(({ run, held_ms, taken }) => {
      const standing = standings.get(run);
      return held_ms !== null && !taken && (standing === 'gone' || standing === 'nobody');
    });
  }

  #choose(standings: ReadonlyMap<string, Standing>): ReturnType<typeof chooseGrants<PoolClaimRow>> {
    const { claims } = this;
    return chooseGrants({
      runs: [...standings.keys()].map((run) => this.#runs.get(run)!),
      leases: claims.filter(({ held_ms }) => held_ms !== null),
      wants: claims.filter(({ run, held_ms }) => held_ms === null && standings.get(run) === 'live'),
    });
  }

  #grant(claim: PoolClaimRow, now_ms: number): void {
    this.#put({ ...claim, held_ms: now_ms });
    const run = this.#runs.get(claim.run)!;
    this.#grants += 1;
    this.#runs.set(run.run, { ...run, served: this.#grants });
    this.#served.add(run.run);
  }

  /** Queues a want, unless it is there already. */
  #want(run: string, { point, step, attempt, uses }: PoolWant, now_ms: number): PoolClaimRow {
    const before = this.#claims.get(nameOf(run, { point, step }));
    if (before?.attempt === attempt) return before;
    if (before !== undefined) this.#drop(before);
    this.#arrivals += 1;
    const queued = { arrival: this.#arrivals, overtaken: 0, wanted_ms: now_ms, held_ms: null, taken: false, key: null };
    return this.#put({ run, point, step, attempt, uses, ...queued });
  }

  #put(claim: PoolClaimRow): PoolClaimRow {
    const name = nameOf(claim.run, claim);
    this.#claims.set(name, claim);
    this.#touched.add(name);
    return claim;
  }

  #drop(claim: PoolClaimRow): void {
    const name = nameOf(claim.run, claim);
    this.#claims.delete(name);
    this.#touched.delete(name);
    this.#gone.add(claim.arrival);
  }
}

/** What of a run's grants it was not told yet. Belongs to one process; what it forgets is told again when the run is resumed. */
export class TokenNews {
  readonly #told = new Map<string, Set<number>>();

  /** The grants that the run was not told of; they are told with this. */
  tell(run: string, book: PoolBook): PoolGrant[] {
    const told = this.#told.get(run) ?? new Set();
    const untaken = book.claimsOf(run).filter(({ held_ms, taken }) => held_ms !== null && !taken);
    this.#told.set(run, new Set(untaken.map(({ arrival }) => arrival)));
    const news = untaken.filter(({ arrival }) => !told.has(arrival));
    return news.map(({ point, step, attempt }) => ({ point, step, attempt }));
  }

  forget(run: string): void {
    this.#told.delete(run);
  }
}

function nameOf(run: string, { point, step }: PoolHolder): string {
  return `${run} ${point} ${step}`;
}

function unfit({ point, step, uses }: PoolWant, pools: Tokens): string | null {
  const wide = Object.entries(uses).find(([pool, tokens]) => tokens > (Object.hasOwn(pools, pool) ? pools[pool]! : 0));
  return wide === undefined
    ? null
    : `step ${step} of point ${point} wants ${wide[1]} of ${wide[0]}, more than there are`;
}

function misuse(message: string): ExpctlError {
  const hint = 'This is a defect in expctl; please report it with the journal of the run.';
  return new ExpctlError('INTERNAL', message, { hint });
}
