import { describe, expect, test } from 'vitest';
import { PoolWorld, type RandomSource, type WorldOptions } from './pool-worlds.ts';

/** SEC-45: three runs, two licences. */
const LICENCES: Omit<WorldOptions, 'seed'> = {
  runs: 3,
  pools: () => ({ licence: 2 }),
  uses: (random) => ({ licence: random.chance(0.2) ? 2 : 1 }),
  deaths: 0.05,
};

/** Several pools, of which each lock states its own capacities; few that want much, many that want little. */
const MIXED: Omit<WorldOptions, 'seed'> = {
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

async function live(options: Omit<WorldOptions, 'seed'>, seed: number, steps: number): Promise<PoolWorld> {
  const world = new PoolWorld({ ...options, seed });
  await world.steps(steps);
  await world.drain();
  return world;
}

describe('runs whose processes are killed at random', () => {
  test('share two licences for 10,000 steps: no token is lost, none is used twice, everybody is served in time', async () => {
    const { seen } = await live(LICENCES, 1, 10_000);
    expect(seen.granted).toBeGreaterThan(500);
    for (const count of [seen.killed_with_tokens, seen.killed_with_grant, seen.killed_waiting, seen.resumed]) {
      expect(count).toBeGreaterThan(20);
    }
  });

  test.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'share several pools of mixed capacities (seed %i)',
    async (seed) => {
      const { seen } = await live(MIXED, seed, 1_000);
      expect(seen.granted).toBeGreaterThan(100);
      expect(seen.longest_wait).toBeGreaterThan(3);
    },
  );

  test('the checks find a token that is used twice', async () => {
    await expect(live({ ...LICENCES, planted: 'grants without looking' }, 1, 10_000)).rejects.toThrow(
      'are used, and there',
    );
  });

  test('the checks find who starves', async () => {
    const crowded = {
      ...LICENCES,
      runs: 1,
      deaths: 0,
      uses: (random: RandomSource) => ({ licence: random.chance(0.05) ? 2 : 1 }),
    };
    const planted = { ...crowded, planted: 'forgets how often it was overtaken' } as const;
    await expect(live(planted, 1, 10_000)).rejects.toThrow('was overtaken');
    expect((await live(crowded, 1, 10_000)).seen.longest_wait).toBeGreaterThan(5);
  });
});
