import { expect, test } from 'vitest';
import { killPerformers } from './pool-kills.ts';

const KILLS = 3;

test(`three runs share two licences while each is killed ${KILLS} times: none is used twice, none is lost`, async () => {
  const { uses, others } = await killPerformers(KILLS);
  expect(others).toEqual([]);
  expect(uses).toBeGreaterThan(KILLS * 3 * 3);
}, 240_000);
