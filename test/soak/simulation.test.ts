import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { campaignText, playCampaign } from '../simulation/campaign.ts';

/** `EXPCTL_SEEDS=5000000 EXPCTL_FIRST_SEED=1 npm run soak -- simulation` */
const SEEDS = Number(process.env['EXPCTL_SEEDS'] ?? 1_000_000);
const FIRST = Number(process.env['EXPCTL_FIRST_SEED'] ?? 1_000_001);

test(`${SEEDS} seeds in memory`, async () => {
  const start_ms = Date.now();
  let next = 0;
  const campaign = await playCampaign({ from: FIRST, count: SEEDS, processes: availableParallelism() }, (sum) => {
    if (sum.seeds < next) return;
    next = sum.seeds + 20_000;
    console.log(`${sum.seeds} seeds after ${((Date.now() - start_ms) / 60_000).toFixed(1)} min`);
  });
  const text = campaignText(campaign);
  console.log(text);
  expect(campaign.failed, text).toEqual([]);
  expect(campaign.seeds).toBe(SEEDS);
});
