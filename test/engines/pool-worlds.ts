import { MemoryPools } from '../../src/engines/memory-pools.ts';
import { OVERTAKEN_AT_MOST } from '../../src/engines/arbiter.ts';
import type { Lease, PoolClaimRow, PoolGrant, PoolWant } from '../../src/engines/ports.ts';

export interface RandomSource {
  /** Whole, from 0 to `below` - 1. */
  below(below: number): number;
  chance(share: number): boolean;
  pick<T>(values: readonly T[]): T;
  order<T>(values: readonly T[]): T[];
}

/** mulberry32: small, and the same everywhere. */
export function randomSource(seed: number): RandomSource {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return {
    below,
    chance: (share) => next() < share,
    pick: (values) => values[below(values.length)]!,
    order: (values) => {
      const left = [...values];
      return Array.from({ length: left.length }, () => left.splice(below(left.length), 1)[0]!);
    },
  };
}

/** What a journal says of one step. */
interface Step {
  readonly want: PoolWant;
  granted: boolean;
  /** The effect that runs outside, whatever becomes of the process. */
  key: string | null;
}

interface Run {
  readonly lease: Lease;
  readonly pools: Readonly<Record<string, number>>;
  readonly journal: Map<number, Step>;
  alive: boolean;
  /** Told by the store, and not yet in the journal: lost with the process. */
  told: PoolGrant[];
  points: number;
}

export interface WorldOptions {
  readonly seed: number;
  readonly runs: number;
  readonly pools: (run: number) => Readonly<Record<string, number>>;
  readonly uses: (random: RandomSource) => Readonly<Record<string, number>>;
  /** Share of steps in which a process dies. */
  readonly deaths: number;
  /** A fault that is built in, to see that it is found. */
  readonly planted?: 'grants without looking' | 'forgets how often it was overtaken';
}

/** What was seen, so that a test can say that it saw enough. */
export interface Seen {
  granted: number;
  killed_with_tokens: number;
  killed_with_grant: number;
  killed_waiting: number;
  resumed: number;
  longest_wait: number;
}

/**
 * Runs that share pools, whose processes die and are resumed at random. Effects run outside: they end only after whoever began them was
 * resumed. After every step it is checked that no token is used twice and none is lost; at every grant, that it came in time.
 */
export class PoolWorld {
  readonly seen: Seen = {
    granted: 0,
    killed_with_tokens: 0,
    killed_with_grant: 0,
    killed_waiting: 0,
    resumed: 0,
    longest_wait: 0,
  };
  readonly pools: MemoryPools;
  readonly #random: RandomSource;
  readonly #options: WorldOptions;
  readonly #runs = new Map<string, Run>();
  /** For each want that waits: grants to later wants in its pools, and the older wants of its run when it came. */
  readonly #waits = new Map<number, { passed: number; older: number }>();
  #step = 0;
  #held = new Set<number>();

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = randomSource(options.seed);
    this.pools = new MemoryPools({
      now_ms: () => this.#step,
      standingOf: (run) => (this.#runs.get(run)!.alive ? 'live' : 'gone'),
      notice: (tell) => tell(),
    });
    for (let index = 0; index < options.runs; index++) {
      const run = `run-${index}`;
      const pools = options.pools(index);
      this.pools.begin(run, pools);
      const state: Run = { lease: { run, fence: 1 }, pools, journal: new Map(), alive: true, told: [], points: 0 };
      this.#runs.set(run, state);
      this.pools.onTokens(state.lease, (granted) => state.told.push(...granted));
    }
  }

  async steps(count: number): Promise<void> {
    for (let step = 0; step < count; step++) await this.#next();
  }

  /** No process dies any more, nothing new is wanted: everything that waits must come to its end. */
  async drain(): Promise<void> {
    for (const run of this.#runs.values()) if (!run.alive) await this.#resume(run);
    for (let left = 100_000; this.pools.book.claims.length > 0; left--) {
      if (left === 0) throw new Error('something waits for ever');
      for (const run of this.#runs.values()) {
        await this.#take(run);
        await this.#end(run);
      }
    }
  }

  async #next(): Promise<void> {
    this.#step += 1;
    const run = this.#random.pick([...this.#runs.values()]);
    if (!run.alive) {
      if (this.#random.chance(0.3)) await this.#resume(run);
      else this.pools.look();
    } else if (this.#random.chance(this.#options.deaths)) this.#kill(run);
    else if (this.#random.chance(0.35) && run.journal.size < 12) await this.#want(run);
    else if (run.told.length > 0 && this.#random.chance(0.7)) await this.#take(run);
    else await this.#end(run);
    this.#check();
  }

  async #want(run: Run): Promise<void> {
    run.points += 1;
    const fits = (uses: Readonly<Record<string, number>>): boolean =>
      Object.entries(uses).every(([pool, tokens]) => tokens <= (run.pools[pool] ?? 0));
    let uses = this.#options.uses(this.#random);
    while (!fits(uses)) uses = this.#options.uses(this.#random);
    const want: PoolWant = { point: run.points, step: 'solve', attempt: 1, uses };
    run.journal.set(want.point, { want, granted: false, key: null });
    const granted = await this.pools.exchangeTokens(run.lease, { released: [], bound: [], wanted: [want] });
    run.told.push(...granted);
  }

  /** `step.granted` and the intent are written down, and the effect begins. Now and then the point is paused: nothing is sent yet. */
  async #take(run: Run): Promise<void> {
    const grants = run.told.splice(0, run.told.length);
    const bound = grants.map(({ point, step }) => {
      const state = run.journal.get(point)!;
      state.granted = true;
      state.key = this.#random.chance(0.1) ? null : `${run.lease.run}/${point}`;
      return { point, step, key: state.key };
    });
    run.told.push(...(await this.pools.exchangeTokens(run.lease, { released: [], bound, wanted: [] })));
  }

  /** An effect ended, or what waits is given up. */
  async #end(run: Run): Promise<void> {
    const open = [...run.journal.values()].filter(({ granted }) => granted || this.#random.chance(0.01));
    if (open.length === 0) return;
    const { want } = this.#random.pick(open);
    run.journal.delete(want.point);
    run.told = run.told.filter(({ point }) => point !== want.point);
    const released = [{ point: want.point, step: want.step }];
    run.told.push(...(await this.pools.exchangeTokens(run.lease, { released, bound: [], wanted: [] })));
  }

  #kill(run: Run): void {
    const steps = [...run.journal.values()];
    if (steps.some(({ granted }) => granted)) this.seen.killed_with_tokens += 1;
    if (run.told.length > 0) this.seen.killed_with_grant += 1;
    else if (steps.some(({ granted }) => !granted)) this.seen.killed_waiting += 1;
    run.alive = false;
    run.told = [];
  }

  async #resume(run: Run): Promise<void> {
    run.alive = true;
    this.seen.resumed += 1;
    const steps = [...run.journal.values()];
    const held = steps.filter(({ granted }) => granted).map(({ want, key }) => ({ ...want, key }));
    const wanted = steps.filter(({ granted }) => !granted).map(({ want }) => want);
    run.told = [...(await this.pools.reconcileTokens(run.lease, { held, wanted }))];
  }

  #check(): void {
    const { claims } = this.pools.book;
    this.#checkTokens(claims);
    this.#checkWaits(claims);
    if (this.#options.planted === undefined) return;
    for (const claim of claims) this.#plant(claim);
  }

  /** What runs outside, by the journals, is held in the store; nothing else is, but grants that are on their way to who lives. */
  #checkTokens(claims: readonly PoolClaimRow[]): void {
    const used: Record<string, number> = {};
    for (const [name, run] of this.#runs) {
      for (const { want, granted } of run.journal.values()) {
        const claim = claims.find(({ run: of, point }) => of === name && point === want.point);
        if (claim === undefined) throw new Error(`the want of ${name}/${want.point} was lost`);
        if (granted && !(claim.held_ms !== null && claim.taken))
          throw new Error(`a token of ${name} was taken from it`);
        const told = run.told.some(({ point }) => point === want.point);
        if (claim.held_ms !== null && !granted && !told && run.alive)
          throw new Error('a token was granted and not told');
        if (granted || told)
          for (const [pool, tokens] of Object.entries(want.uses)) used[pool] = (used[pool] ?? 0) + tokens;
      }
      for (const claim of claims) {
        if (claim.run === name && !run.journal.has(claim.point)) throw new Error(`${name} has lost a token`);
      }
    }
    const most = (pool: string): number => Math.max(...[...this.#runs.values()].map(({ pools }) => pools[pool] ?? 0));
    for (const [pool, tokens] of Object.entries(used)) {
      if (tokens > most(pool)) throw new Error(`${tokens} of ${pool} are used, and there are ${most(pool)}`);
    }
  }

  #checkWaits(claims: readonly PoolClaimRow[]): void {
    const news = claims.filter(({ arrival, held_ms }) => held_ms !== null && !this.#held.has(arrival));
    const waiting = claims.filter(({ held_ms }) => held_ms === null);
    for (const { arrival, run } of waiting) {
      if (this.#waits.has(arrival)) continue;
      const older = waiting.filter((other) => other.run === run && other.arrival < arrival).length;
      this.#waits.set(arrival, { passed: 0, older });
    }
    for (const grant of news) {
      this.seen.granted += 1;
      for (const other of waiting) this.#pass(grant, other);
    }
    this.#held = new Set(claims.filter(({ held_ms }) => held_ms !== null).map(({ arrival }) => arrival));
  }

  /** Every waiter is served in time, or the reason is that nobody performs its run. */
  #pass(grant: PoolClaimRow, other: PoolClaimRow): void {
    const shares = Object.keys(other.uses).some((pool) => Object.hasOwn(grant.uses, pool));
    if (grant.arrival < other.arrival || !shares || !this.#runs.get(other.run)!.alive) return;
    const wait = this.#waits.get(other.arrival)!;
    wait.passed += 1;
    this.seen.longest_wait = Math.max(this.seen.longest_wait, wait.passed);
    const bound = OVERTAKEN_AT_MOST * (wait.older + 1);
    if (wait.passed > bound) throw new Error(`a want was overtaken ${wait.passed} times, which is more than ${bound}`);
  }

  /** Faults that a store could have. */
  #plant(claim: PoolClaimRow): void {
    const { planted } = this.#options;
    const writable = claim as { -readonly [Key in keyof PoolClaimRow]: PoolClaimRow[Key] };
    if (planted === 'forgets how often it was overtaken') writable.overtaken = 0;
    if (planted === 'grants without looking' && claim.held_ms === null && this.#random.chance(0.01)) {
      writable.held_ms = this.#step;
      this.#runs.get(claim.run)!.told.push(claim);
    }
  }
}

/** SEC-45: three runs, two licences. */
export const LICENCES: Omit<WorldOptions, 'seed'> = {
  runs: 3,
  pools: () => ({ licence: 2 }),
  uses: (random) => ({ licence: random.chance(0.2) ? 2 : 1 }),
  deaths: 0.05,
};

/** Several pools, of which each lock states its own capacities; few that want much, many that want little. */
export const MIXED: Omit<WorldOptions, 'seed'> = {
  runs: 5,
  pools: (run) => ({ cores: 4 + 2 * (run % 3), licence: 1 + (run % 2), jobs: 6 }),
  uses: (random) => {
    const wide = random.chance(0.1);
    const kinds: readonly Record<string, number>[] = [
      { cores: 1 },
      { cores: 2, licence: 1 },
      { licence: 1, jobs: 1 },
      { jobs: 2 },
    ];
    return wide ? { cores: 3 + random.below(2), jobs: 1 + random.below(5) } : random.pick(kinds);
  },
  deaths: 0.02,
};

/** Steps, and then the end of everything that waits. */
export async function live(options: Omit<WorldOptions, 'seed'>, seed: number, steps: number): Promise<PoolWorld> {
  const world = new PoolWorld({ ...options, seed });
  await world.steps(steps);
  await world.drain();
  return world;
}
