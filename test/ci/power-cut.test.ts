import { describe, expect, test } from 'vitest';
import { campaign, failuresText, type Tally, tallyText } from '../power-cut/campaign.ts';
import { VARIANTS } from '../power-cut/cuts.ts';
import { failedInLog, failedSync, record, type Recording } from '../power-cut/record.ts';
import type { ProfileName } from '../power-cut/story.ts';

/** `EXPCTL_SEED=n` repeats a campaign. */
const SEED = Number(process.env['EXPCTL_SEED'] ?? 1);

/** Syncs of folders, artifacts and a trial come first. */
async function recordFailedSync(profile: ProfileName): Promise<Recording> {
  for (let n = 24; n < 40; n += 1) {
    const recording = await record(profile, failedSync(n));
    if (failedInLog(recording)) return recording;
  }
  throw new Error('no sync of the log failed');
}

async function cuts(profile: ProfileName, images: number, failed_sync = false): Promise<Tally> {
  const recording = failed_sync ? await recordFailedSync(profile) : await record(profile);
  const tally = await campaign({ recordings: [recording], images, seed: SEED, resume_every: 5 });
  console.log(tallyText(profile, tally, SEED));
  return tally;
}

describe('after a power cut nothing is missing that somebody was told, and the run goes on', () => {
  test.each(['wal', 'wal, many checkpoints', 'delete'] as const)('%s', async (profile) => {
    const tally = await cuts(profile, 120);
    expect(tally.failures, failuresText(tally, SEED)).toEqual([]);
    expect(tally.images).toBe(120);
    expect(tally.resumed).toBeGreaterThan(0);
    for (const variant of VARIANTS) expect(tally.variants[variant], variant).toBeGreaterThan(0);
  });
});

test('nor when a sync had failed before, and the system takes for written what it could not write', async () => {
  const tally = await cuts('wal', 100, true);
  expect(tally.failures, failuresText(tally, SEED)).toEqual([]);
  expect(tally.resumed).toBeGreaterThan(0);
});

describe('the harness finds what a careless program loses', () => {
  test('careless reader: what is appended behind a sync that failed', async () => {
    const { failures } = await cuts('careless reader', 60, true);
    expect(
      failures.flatMap(({ problems }) => problems.filter((each) => /^lost: run-\d \S+\/\d+$/.test(each))),
    ).not.toEqual([]);
  });

  test.each([
    ['careless wal', /^lost: run-\d \S+\/\d+$/],
    ['careless delete', /^lost: run-\d \S+\/\d+$/],
    ['careless files', /^lost: .+, whose command had ended$/],
    ['careless files', /is none of its versions$/],
    ['careless files', /^half an object: /],
    ['careless files', /names an artifact that is not there/],
  ] as const)('%s: %s', async (profile, problem) => {
    const { failures } = await controlled(profile);
    expect(failures.flatMap(({ problems }) => problems.filter((each) => problem.test(each)))).not.toEqual([]);
  });
});

const tallies = new Map<ProfileName, Promise<Tally>>();

function controlled(profile: ProfileName): Promise<Tally> {
  // With a rollback journal most images are whole even so: one in forty is not.
  const tally = tallies.get(profile) ?? cuts(profile, profile === 'careless delete' ? 320 : 80);
  tallies.set(profile, tally);
  return tally;
}
