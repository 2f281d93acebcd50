import { expect, test } from 'vitest';
import { killCampaign } from '../kill-campaign.ts';

test('500 kills over a hundred runs', async () => {
  const tally = await killCampaign({ runs: 100, kills_per_run: 5 });
  console.log(`kills: ${tally.engine} of the engine, ${tally.server} of the tool server; ${tally.resumes} resumes`);
  expect(tally.engine + tally.server).toBe(500);
}, 7_200_000);
