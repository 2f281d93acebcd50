import { describe, expect, test } from 'vitest';
import { LICENCES, live, MIXED, type RandomSource } from './pool-worlds.ts';

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
