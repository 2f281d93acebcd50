import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Campaign, failuresOf, figuresOf } from '../crash-points/campaign.ts';
import { CrashTemplate } from '../crash-points/project.ts';

let template: CrashTemplate;
beforeAll(async () => {
  template = await CrashTemplate.of({ rounds: 1, points: 1 });
});
afterAll(() => template.remove());

describe('SIGKILL of a process that performs a plan of four steps, then resume: same metrics, same files, each effect once', () => {
  test('before, during and after every operation', async () => {
    const campaign = await Campaign.of(template);
    const kills = campaign.everyKill(['before', 'during', 'after']);
    const outcomes = await campaign.perform(kills);
    console.log(figuresOf(outcomes));
    expect(failuresOf(outcomes)).toEqual([]);
    const fell = outcomes.filter(({ fell_at }) => fell_at.length > 0);
    // A kill that is due while the process already ends may come too late.
    expect(fell.length).toBeGreaterThan(0.95 * kills.length);
  });

  test('and of the process that goes on with it: fifty pairs', async () => {
    const campaign = await Campaign.of(template);
    const outcomes = await campaign.nested(50, 2, 1);
    console.log(figuresOf(outcomes));
    expect(failuresOf(outcomes)).toEqual([]);
    expect(outcomes.every(({ fell_at }) => fell_at.length === 2)).toBe(true);
  });
});

/** What a test finds nothing with proves nothing. */
describe('a mistake that is made on purpose is found', () => {
  test.each([
    ['early-append', 'p/burn was sent 2 times'],
    ['early-artifact', 'replay'],
    ['changing-key', 'happened without an intent'],
  ] as const)('%s', async (planted, what) => {
    const campaign = await Campaign.of(template, { planted });
    expect(await campaign.firstFailure(campaign.everyKill(['after']).reverse())).toContain(what);
  });
});
