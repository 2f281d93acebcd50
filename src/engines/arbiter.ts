/**
 * Who gets the tokens of a store's pools next. Pure: no clock, no randomness; the order of what is passed in does not matter.
 *
 *   A1. All or nothing: a want is granted with all tokens that it asks for, so that no two can hold a part each and wait for the rest.
 *   A2. Nobody's capacity is exceeded for him: a grant is made only while no pool, counted over all runs and with this grant, holds
 *       more than the lock of the run that wants it states. Locks may state different capacities of one pool; who signed for 2
 *       licences is never given a third while others, who signed for 8, hold two.
 *   A3. Fair among runs: next is the run with the smallest dominant share (the largest part that it holds of any pool); of equal
 *       ones the run that was served longest ago; within a run, who came first.
 *   A4. Nothing is idle that somebody could use: what fits overtakes what does not, as long as A5 allows it.
 *   A5. Nobody starves: a want that was overtaken OVERTAKEN_AT_MOST times is aged. In the pools that it asks for, nothing that came
 *       later is granted before it, so that they drain until it fits.
 *
 * A grant overtakes, in each run, the oldest want that asks for one of its pools and came before it. Only that one: a run that queues
 * a thousand wants at once does not age all of them against a run that comes later and is owed its share. So a want with n older
 * wants of its run sees at most OVERTAKEN_AT_MOST * (n + 1) grants to later wants in its pools, and then they drain.
 *
 * Source of the dominant share: Ghodsi et al. (2011), Dominant Resource Fairness, NSDI '11, section 3.
 */
export const OVERTAKEN_AT_MOST = 16;

/** Tokens by pool. */
export type Tokens = Readonly<Record<string, number>>;

export interface PoolRun {
  readonly run: string;
  /** Capacity of each pool, as the run's lock states it. */
  readonly pools: Tokens;
  /** Number of the store's grant by which it was served last; 0 if it never was. */
  readonly served: number;
}

export interface WaitingWant {
  readonly run: string;
  readonly uses: Tokens;
  /** Place in the order of arrival over all runs; no two have the same. */
  readonly arrival: number;
  readonly overtaken: number;
}

/** The pools of a store at one moment. */
export interface PoolsNow<Want extends WaitingWant> {
  /** All that hold or want something. */
  readonly runs: readonly PoolRun[];
  readonly leases: readonly { readonly run: string; readonly uses: Tokens }[];
  /** Only those that may be granted now: of runs that a process performs. */
  readonly wants: readonly Want[];
}

export interface Decision<Want> {
  /** In the order in which they are granted. */
  readonly granted: readonly Want[];
  /** How often each want was overtaken by now, where that changed. */
  readonly overtaken: ReadonlyMap<Want, number>;
}

/** The wants that are granted now, until none is left that may be. @throws RangeError for a run that states no pools */
export function chooseGrants<Want extends WaitingWant>({ runs, leases, wants }: PoolsNow<Want>): Decision<Want> {
  const tally = new Tally(runs);
  for (const { run, uses } of leases) tally.take(run, needsOf(uses));
  const queue = wants.map((want) => queued(want)).sort((one, other) => one.want.arrival - other.want.arrival);
  const granted: Want[] = [];
  const overtaken = new Map<Want, number>();
  for (let next = nextOf(queue, tally); next !== null; next = nextOf(queue, tally)) {
    queue.splice(queue.indexOf(next), 1);
    tally.serve(next);
    granted.push(next.want);
    overtaken.delete(next.want);
    for (const passed of overtakenBy(next, queue)) {
      passed.overtaken += 1;
      overtaken.set(passed.want, passed.overtaken);
    }
  }
  return { granted, overtaken };
}

type Needs = readonly (readonly [pool: string, units: number])[];

interface Queued<Want extends WaitingWant> {
  readonly want: Want;
  readonly needs: Needs;
  overtaken: number;
}

function queued<Want extends WaitingWant>(want: Want): Queued<Want> {
  return { want, needs: needsOf(want.uses), overtaken: want.overtaken };
}

/** Tokens are counted in millionths, as integers: sums are exact, and 0.1 and 0.2 fit into 0.3 in whatever order they come. */
function needsOf(tokens: Tokens): Needs {
  return Object.entries(tokens).map(([pool, count]) => [pool, units(count)]);
}

function units(tokens: number): number {
  return Math.round(tokens * 1e6);
}

/** Aged wants in order of arrival; then, of the run whose turn it is, the first that fits. @param queue by arrival */
function nextOf<Want extends WaitingWant>(queue: readonly Queued<Want>[], tally: Tally): Queued<Want> | null {
  const drained = new Map<string, number>();
  const mayPass = ({ want, needs }: Queued<Want>): boolean =>
    needs.every(([pool]) => (drained.get(pool) ?? want.arrival) >= want.arrival);
  for (const aged of queue) {
    if (aged.overtaken < OVERTAKEN_AT_MOST || !tally.everFits(aged)) continue;
    if (mayPass(aged) && tally.fits(aged)) return aged;
    for (const [pool] of aged.needs) if (!drained.has(pool)) drained.set(pool, aged.want.arrival);
  }
  const first = new Map<string, Queued<Want>>();
  for (const candidate of queue) {
    const { run } = candidate.want;
    if (!first.has(run) && tally.fits(candidate) && mayPass(candidate)) first.set(run, candidate);
  }
  return [...first.values()].reduce<Queued<Want> | null>(
    (best, candidate) => (best === null || tally.isBefore(candidate.want, best.want) ? candidate : best),
    null,
  );
}

/** In each run the oldest want that came before `next` and asks for one of its pools. @param queue by arrival */
function overtakenBy<Want extends WaitingWant>(next: Queued<Want>, queue: readonly Queued<Want>[]): Queued<Want>[] {
  const passed = new Map<string, Queued<Want>>();
  for (const other of queue) {
    const { run, arrival, uses } = other.want;
    if (arrival > next.want.arrival) break;
    if (!passed.has(run) && next.needs.some(([pool]) => Object.hasOwn(uses, pool))) passed.set(run, other);
  }
  return [...passed.values()];
}

/** What is held, over all runs and by each. */
class Tally {
  readonly #capacities = new Map<string, ReadonlyMap<string, number>>();
  /** The largest that any run states: shares are parts of that, so that nobody's own statement makes his share smaller than others'. */
  readonly #largest = new Map<string, number>();
  readonly #held = new Map<string, number>();
  readonly #heldBy = new Map<string, Map<string, number>>();
  readonly #served = new Map<string, number>();
  #latest = 0;

  constructor(runs: readonly PoolRun[]) {
    for (const { run, pools, served } of runs) {
      const capacities = new Map(needsOf(pools));
      this.#capacities.set(run, capacities);
      this.#served.set(run, served);
      this.#latest = Math.max(this.#latest, served);
      for (const [pool, tokens] of capacities) raise(this.#largest, pool, tokens);
    }
  }

  take(run: string, needs: Needs): void {
    let by = this.#heldBy.get(run);
    if (by === undefined) {
      by = new Map();
      this.#heldBy.set(run, by);
    }
    for (const [pool, tokens] of needs) {
      add(this.#held, pool, tokens);
      add(by, pool, tokens);
    }
  }

  serve({ want: { run }, needs }: Queued<WaitingWant>): void {
    this.take(run, needs);
    this.#latest += 1;
    this.#served.set(run, this.#latest);
  }

  fits(want: Queued<WaitingWant>): boolean {
    return this.#allows(want, this.#held);
  }

  /** Whether it fits when nobody holds anything: nobody waits for what never does. */
  everFits(want: Queued<WaitingWant>): boolean {
    return this.#allows(want, NOTHING);
  }

  /** A3 */
  isBefore(one: WaitingWant, other: WaitingWant): boolean {
    const share = this.#share(one.run) - this.#share(other.run);
    const turn = this.#served.get(one.run)! - this.#served.get(other.run)!;
    return (share || turn || one.arrival - other.arrival) < 0;
  }

  #allows({ want: { run }, needs }: Queued<WaitingWant>, held: ReadonlyMap<string, number>): boolean {
    const capacities = this.#capacities.get(run);
    if (capacities === undefined) throw new RangeError(`run ${run} states no pools`);
    return needs.every(([pool, tokens]) => (held.get(pool) ?? 0) + tokens <= (capacities.get(pool) ?? 0));
  }

  #share(run: string): number {
    let share = 0;
    for (const [pool, tokens] of this.#heldBy.get(run) ?? []) {
      share = Math.max(share, tokens / (this.#largest.get(pool) ?? tokens));
    }
    return share;
  }
}

const NOTHING: ReadonlyMap<string, number> = new Map();

function add(counts: Map<string, number>, pool: string, tokens: number): void {
  counts.set(pool, (counts.get(pool) ?? 0) + tokens);
}

function raise(counts: Map<string, number>, pool: string, tokens: number): void {
  counts.set(pool, Math.max(counts.get(pool) ?? 0, tokens));
}
