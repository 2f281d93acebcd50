import { expect, test } from 'vitest';
import { campaign, failuresText, tallyText } from '../power-cut/campaign.ts';
import { failedInLog, failedSync, record } from '../power-cut/record.ts';

/** `EXPCTL_SEED=n` repeats a campaign, `EXPCTL_IMAGES=n` makes it longer. */
const SEED = Number(process.env['EXPCTL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const IMAGES = Number(process.env['EXPCTL_IMAGES'] ?? 5_000);

test(`${IMAGES} power cuts`, async () => {
  console.log(`EXPCTL_SEED=${SEED}`);
  const recordings = [await record('wal'), await record('wal, many checkpoints'), await record('delete')];
  const tally = await campaign({ recordings, images: IMAGES, seed: SEED, resume_every: 20 });
  console.log(tallyText('all profiles', tally, SEED));
  expect(tally.failures, failuresText(tally, SEED)).toEqual([]);
  expect(tally.images).toBe(IMAGES);
});

test('power cuts after syncs that failed', async () => {
  const recordings = [];
  for (let n = 12; n <= 36; n += 1) recordings.push(await record('wal', failedSync(n)));
  console.log(`of ${recordings.length} syncs that failed, ${recordings.filter(failedInLog).length} were of the log`);
  expect(recordings.filter(failedInLog).length).toBeGreaterThan(5);
  const tally = await campaign({ recordings, images: IMAGES / 5, seed: SEED, resume_every: 20 });
  console.log(tallyText('failed syncs', tally, SEED));
  expect(tally.failures, failuresText(tally, SEED)).toEqual([]);
  expect(tally.images).toBe(IMAGES / 5);
});
