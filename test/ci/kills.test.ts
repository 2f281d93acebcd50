import { expect, test } from 'vitest';
import { killCampaign } from '../kill-campaign.ts';

test('50 kills of engine and tool server over ten runs of six points: same metrics, one solver job a point', async () => {
  const tally = await killCampaign({ runs: 10, kills_per_run: 5 });
  console.log(`kills: ${tally.engine} of the engine, ${tally.server} of the tool server; ${tally.resumes} resumes`);
  expect(tally.engine + tally.server).toBe(50);
  expect(Math.min(tally.engine, tally.server)).toBeGreaterThanOrEqual(10);
}, 900_000);
