import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Campaign, failuresOf, figuresOf, type Outcome } from '../crash-points/campaign.ts';
import { fencedRound, sentUnlooked } from '../crash-points/owners.ts';
import { CrashTemplate } from '../crash-points/project.ts';

function expectSound(outcomes: readonly Outcome[], depth: number): void {
  console.log(figuresOf(outcomes));
  expect(failuresOf(outcomes)).toEqual([]);
  expect(outcomes.filter(({ fell_at }) => fell_at.length === depth).length).toBeGreaterThan(0.95 * outcomes.length);
}

describe('SIGKILL of a process that performs a plan of twelve steps, then resume: same metrics, same files, each effect once', () => {
  let template: CrashTemplate;
  beforeAll(async () => {
    template = await CrashTemplate.of({ rounds: 3, points: 1 });
  });
  afterAll(() => template.remove());

  test('before, during and after every operation', async () => {
    const campaign = await Campaign.of(template);
    expectSound(await campaign.perform(campaign.everyKill(['before', 'during', 'after'])), 1);
  });

  test('and of the process that goes on with it, and of the one after that: a hundred times three', async () => {
    const campaign = await Campaign.of(template);
    expectSound(await campaign.nested(100, 3, 3), 3);
  });

  test('and of the process that goes on with it: five hundred pairs', async () => {
    const campaign = await Campaign.of(template);
    expectSound(await campaign.nested(500, 2, 2), 2);
  });
});

describe('a plan of four steps', () => {
  let template: CrashTemplate;
  beforeAll(async () => {
    template = await CrashTemplate.of({ rounds: 1, points: 1 });
  });
  afterAll(() => template.remove());

  test('a process that stands still while its run is taken writes and sends nothing more: 200 rounds', async () => {
    const campaign = await Campaign.of(template);
    const rounds = [];
    for (let seed = 101; seed <= 300; seed += 1) rounds.push(await fencedRound(template, campaign, seed));
    const taken = rounds.filter(({ refusals }) => refusals.length > 0);
    console.log(`${rounds.length} rounds, ${taken.length} runs taken`);
    expect(rounds.flatMap(({ problems }) => problems)).toEqual([]);
    expect(new Set(taken.flatMap(({ first, refusals }) => [first, ...refusals]))).toEqual(new Set(['RUN_LOCKED']));
    console.log(`${taken.filter(({ sent_late }) => sent_late.length > 0).length} sent what they had in hand`);
    expect(taken.flatMap(sentUnlooked)).toEqual([]);
  });

  test('SIGKILL behind every statement of SQLite and every call of the file system', async () => {
    const campaign = await Campaign.of(template, { deep: true });
    expectSound(await campaign.perform(campaign.everyKill(['after'])), 1);
  });
});
