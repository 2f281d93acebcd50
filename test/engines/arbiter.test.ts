import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chooseGrants,
  OVERTAKEN_AT_MOST,
  type PoolRun,
  type PoolsNow,
  type WaitingWant,
} from '../../src/engines/arbiter.ts';
import { randomSource } from './pool-worlds.ts';

function run(name: string, pools: Record<string, number>, served = 0): PoolRun {
  return { run: name, pools, served };
}

function want(run: string, arrival: number, uses: Record<string, number>, overtaken = 0): WaitingWant {
  return { run, arrival, uses, overtaken };
}

function arrivals(wants: readonly WaitingWant[]): number[] {
  return wants.map(({ arrival }) => arrival);
}

describe('who is next', () => {
  test('all or nothing: what does not fit as a whole takes no part', () => {
    const runs = [run('a', { cores: 4, licence: 1 })];
    const leases = [{ run: 'a', uses: { licence: 1 } }];
    const wants = [want('a', 1, { cores: 2, licence: 1 }), want('a', 2, { cores: 4 })];
    expect(arrivals(chooseGrants({ runs, leases, wants }).granted)).toEqual([2]);
  });

  test('a run is granted nothing beyond the capacity of its own lock, counted over all runs', () => {
    const runs = [run('small', { cores: 2 }), run('large', { cores: 8 })];
    const wants = [want('small', 1, { cores: 2 }), want('large', 2, { cores: 3 })];
    const busy = chooseGrants({ runs, leases: [{ run: 'large', uses: { cores: 1 } }], wants });
    expect(arrivals(busy.granted)).toEqual([2]);
    expect(arrivals(chooseGrants({ runs, leases: [], wants }).granted)).toEqual([1, 2]);
  });

  test('a pool that a lock does not name holds nothing for it', () => {
    const runs = [run('a', {}), run('b', { cores: 1 })];
    const wants = [want('a', 1, { cores: 1 }, OVERTAKEN_AT_MOST), want('b', 2, { cores: 1 })];
    expect(arrivals(chooseGrants({ runs, leases: [], wants }).granted)).toEqual([2]);
  });

  test('the run that holds the smallest part of any pool comes first, whatever came earlier', () => {
    const runs = [run('a', { cores: 8, licence: 2 }), run('b', { cores: 8, licence: 2 })];
    const leases: PoolsNow<WaitingWant>['leases'] = [
      { run: 'a', uses: { licence: 1 } }, // a half
      { run: 'b', uses: { cores: 3 } }, // three eighths
    ];
    const wants = [want('a', 1, { cores: 5 }), want('b', 2, { cores: 5 })];
    expect(arrivals(chooseGrants({ runs, leases, wants }).granted)).toEqual([2]);
  });

  test('a large capacity in its own lock does not make a share look small', () => {
    const runs = [run('boaster', { cores: 100 }), run('b', { cores: 4 })];
    const leases = [
      { run: 'boaster', uses: { cores: 2 } },
      { run: 'b', uses: { cores: 1 } },
    ];
    const wants = [want('boaster', 1, { cores: 1 }), want('b', 2, { cores: 1 })];
    expect(arrivals(chooseGrants({ runs, leases, wants }).granted)).toEqual([2, 1]);
  });

  test('of runs that hold as much, the one that was served longest ago comes first', () => {
    const runs = [run('a', { licence: 1 }, 7), run('b', { licence: 1 }, 3)];
    const wants = [want('a', 1, { licence: 1 }), want('b', 2, { licence: 1 })];
    expect(arrivals(chooseGrants({ runs, leases: [], wants }).granted)).toEqual([2]);
  });

  test('within a run, who came first; and three tenths hold a tenth and two', () => {
    const runs = [run('a', { share: 0.3 })];
    const wants = [want('a', 3, { share: 0.1 }), want('a', 1, { share: 0.1 }), want('a', 2, { share: 0.2 })];
    expect(arrivals(chooseGrants({ runs, leases: [], wants }).granted)).toEqual([1, 2]);
  });

  test('a narrow want overtakes a wide one that does not fit, and that is counted', () => {
    const runs = [run('a', { cores: 4, licence: 1 })];
    const leases = [{ run: 'a', uses: { cores: 3 } }];
    const wide = want('a', 1, { cores: 4 });
    const other = want('a', 2, { licence: 1 });
    const narrow = want('a', 3, { cores: 1 });
    const { granted, overtaken } = chooseGrants({ runs, leases, wants: [wide, other, narrow] });
    expect(arrivals(granted)).toEqual([2, 3]);
    expect([...overtaken]).toEqual([[wide, 1]]);
  });

  test('of a run, only the oldest want that was passed over counts', () => {
    const runs = [run('a', { licence: 1 }, 1), run('b', { licence: 1 })];
    const first = want('a', 1, { licence: 1 });
    const wants = [first, want('a', 2, { licence: 1 }), want('b', 3, { licence: 1 })];
    const { granted, overtaken } = chooseGrants({ runs, leases: [], wants });
    expect(arrivals(granted)).toEqual([3]);
    expect([...overtaken]).toEqual([[first, 1]]);
  });

  test('an aged want is not overtaken in its pools, and elsewhere work goes on', () => {
    const runs = [run('a', { cores: 4, licence: 1 })];
    const leases = [{ run: 'a', uses: { cores: 1 } }];
    const aged = want('a', 2, { cores: 4 }, OVERTAKEN_AT_MOST);
    const wants = [
      aged,
      want('a', 3, { cores: 1 }),
      want('a', 4, { cores: 1, licence: 1 }),
      want('a', 5, { licence: 1 }),
    ];
    expect(arrivals(chooseGrants({ runs, leases, wants }).granted)).toEqual([5]);
    const before = want('a', 1, { cores: 2 });
    expect(arrivals(chooseGrants({ runs, leases, wants: [before, ...wants] }).granted)).toEqual([1, 5]);
    expect(arrivals(chooseGrants({ runs, leases: [], wants }).granted)).toEqual([2, 5]);
  });

  test('an aged want that can never be granted keeps nobody waiting', () => {
    const runs = [run('a', { cores: 2 })];
    const wants = [want('a', 1, { cores: 3 }, OVERTAKEN_AT_MOST), want('a', 2, { cores: 2 })];
    expect(arrivals(chooseGrants({ runs, leases: [], wants }).granted)).toEqual([2]);
  });

  test('a run that comes late gets every second token of a licence, though another one queued a thousand wants before', () => {
    const wants = new Set(Array.from({ length: 1_000 }, (_, index) => want('a', index + 1, { licence: 1 })));
    for (let late = 0; late < 20; late++) wants.add(want('b', 1_001 + late, { licence: 1 }));
    const runs = { a: run('a', { licence: 1 }, 1), b: run('b', { licence: 1 }) };
    const order = serveOneByOne(runs, wants, 40);
    expect(order.join('')).toBe('ba'.repeat(20));
  });
});

/** The only token, given to one after another; who gets it, in order. */
function serveOneByOne(runs: Record<string, PoolRun>, wants: Set<WaitingWant>, times: number): string[] {
  const order: string[] = [];
  for (let served = 2; served < times + 2; served++) {
    const { granted, overtaken } = chooseGrants({ runs: Object.values(runs), leases: [], wants: [...wants] });
    const [only] = granted;
    expect(granted).toHaveLength(1);
    wants.delete(only!);
    for (const [passed, count] of overtaken) {
      wants.delete(passed);
      wants.add({ ...passed, overtaken: count });
    }
    runs[only!.run] = { ...runs[only!.run]!, served };
    order.push(only!.run);
  }
  return order;
}

const POOLS = ['cores', 'licence', 'jobs'];
const tokensOf = (most: number) => fc.dictionary(fc.constantFrom(...POOLS), fc.integer({ min: 1, max: most }));
const RUNS = ['a', 'b', 'c'];
const now = fc
  .record({
    runs: fc.tuple(...RUNS.map((name) => fc.record({ run: fc.constant(name), pools: tokensOf(6), served: fc.nat(9) }))),
    leases: fc.array(fc.record({ run: fc.constantFrom(...RUNS), uses: tokensOf(3) }), { maxLength: 6 }),
    wants: fc.array(
      fc.record({
        run: fc.constantFrom(...RUNS),
        uses: tokensOf(4),
        overtaken: fc.constantFrom(0, 1, OVERTAKEN_AT_MOST - 1, OVERTAKEN_AT_MOST, OVERTAKEN_AT_MOST + 1),
      }),
      { maxLength: 12 },
    ),
  })
  .map(({ wants, ...rest }) => ({ ...rest, wants: wants.map((each, index) => ({ ...each, arrival: index + 1 })) }));

describe('whatever is held and wanted', () => {
  test('the order of what is passed in does not matter', () => {
    fc.assert(
      fc.property(now, fc.integer(), (state, seed) => {
        const shuffled = randomSource(seed);
        const other = chooseGrants({
          runs: shuffled.order(state.runs),
          leases: shuffled.order(state.leases),
          wants: shuffled.order(state.wants),
        });
        const decision = chooseGrants(state);
        expect(other.granted).toEqual(decision.granted);
        expect(new Map(other.overtaken)).toEqual(new Map(decision.overtaken));
      }),
      { numRuns: 2_000 },
    );
  });

  test('no grant exceeds its run’s capacities, and nothing is idle that somebody may use', () => {
    const idle = { aged: 0, granted: 0 };
    fc.assert(
      fc.property(now, (state) => {
        const { granted, overtaken } = chooseGrants(state);
        const held = [...state.leases];
        for (const each of granted) {
          held.push(each);
          const { pools } = state.runs.find(({ run: name }) => name === each.run)!;
          for (const pool of Object.keys(each.uses)) expect(sum(held, pool)).toBeLessThanOrEqual(pools[pool] ?? 0);
        }
        idle.granted += granted.length;
        const left = state.wants.filter((each) => !granted.includes(each));
        const count = (each: WaitingWant): number => overtaken.get(each) ?? each.overtaken;
        const fits = ({ run: of, uses }: WaitingWant, taken: typeof held): boolean => {
          const { pools } = state.runs.find(({ run: name }) => name === of)!;
          return Object.entries(uses).every(([pool, tokens]) => sum(taken, pool) + tokens <= (pools[pool] ?? 0));
        };
        for (const each of left) {
          if (!fits(each, held)) continue;
          const before = left.filter((other) => other.arrival < each.arrival && count(other) >= OVERTAKEN_AT_MOST);
          const drain = before.filter((aged) => fits(aged, []));
          expect(drain.some((aged) => Object.keys(aged.uses).some((pool) => pool in each.uses))).toBe(true);
          idle.aged += 1;
        }
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(idle.aged, idle.granted)).toBeGreaterThan(30);
  });
});

function sum(held: readonly { readonly uses: Readonly<Record<string, number>> }[], pool: string): number {
  return held.reduce((total, { uses }) => total + (uses[pool] ?? 0), 0);
}
