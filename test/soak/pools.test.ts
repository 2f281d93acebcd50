import { expect, test } from 'vitest';
import { killPerformers } from '../adapters/sqlite/pool-kills.ts';
import { LICENCES, live, MIXED } from '../engines/pool-worlds.ts';

test.each([
  ['two licences', LICENCES],
  ['several pools', MIXED],
])(
  '100,000 steps of runs that share %s and whose processes are killed at random',
  async (_what, options) => {
    const { seen } = await live(options, 1, 100_000);
    console.log(JSON.stringify(seen));
    expect(seen.granted).toBeGreaterThan(5_000);
  },
  3_600_000,
);

test('three real runs share two licences while each is killed 100 times', async () => {
  const { uses, others } = await killPerformers(100);
  console.log(`${uses} uses`);
  expect(others).toEqual([]);
  expect(uses).toBeGreaterThan(1_000);
}, 7_200_000);
