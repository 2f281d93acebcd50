import { expect, test } from 'vitest';
import { campaignText, playCampaign } from '../simulation/campaign.ts';
import { LEAST } from '../simulation/coverage.ts';

const SEEDS = 10_000;

test('10,000 seeds in memory: no invariant is broken, and everything is met often enough', async () => {
  const campaign = await playCampaign({ from: 1, count: SEEDS, processes: 2 });
  const text = campaignText(campaign);
  console.log(text);
  expect(campaign.failed, text).toEqual([]);
  expect(campaign.seeds).toBe(SEEDS);
  for (const [name, share] of Object.entries(LEAST)) {
    expect((campaign.met[name] ?? 0) / SEEDS, name).toBeGreaterThanOrEqual(share);
  }
  for (const name of ['crashes', 'resends', 'unknown outcomes', 'pauses', 'take-overs of stopped processes']) {
    expect(campaign.met[name] ?? 0, name).toBeGreaterThan(SEEDS / 100);
  }
}, 900_000);
