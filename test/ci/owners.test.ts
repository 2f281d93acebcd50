import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { thisProcess } from '../../src/adapters/sqlite/process-facts.ts';
import { Campaign } from '../crash-points/campaign.ts';
import { codeOf, fencedRound, sentUnlooked } from '../crash-points/owners.ts';
import { CrashTemplate } from '../crash-points/project.ts';
import { RUN, Scenario, type Started } from '../crash-points/scenario.ts';

const ROUNDS = 20;
const RESUMES = 10;
const RUNS = 2;

let template: CrashTemplate;
let campaign: Campaign;
beforeAll(async () => {
  template = await CrashTemplate.of({ rounds: 1, points: 1 });
  campaign = await Campaign.of(template);
});
afterAll(() => template.remove());

/** A run that a process was performing when it was killed, so many operations behind its beginning. */
async function abandoned(operations = 10): Promise<Scenario> {
  const scenario = new Scenario(template);
  scenario.hold();
  await scenario.perform({ at: campaign.begun_at + operations, side: 'after' });
  scenario.processes.length = 0;
  return scenario;
}

/** Lets jobs go once all processes but one have ended. */
async function lastOf(scenario: Scenario, started: readonly Started[]): Promise<void> {
  let left = started.length;
  const allButOne = new Promise<void>((resolve) => {
    for (const { ended } of started) {
      void ended.then(() => {
        left -= 1;
        if (left <= 1) resolve();
      });
    }
  });
  await allButOne;
  scenario.letGo();
}

describe('many processes for one run', () => {
  test(`${ROUNDS} rounds of ${RESUMES} resumes and ${RUNS} runs at once: one performs it`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const scenario = await abandoned(round);
      const resumes = Array.from({ length: RESUMES }, () => scenario.start('resume', { flags: ['--json'] }));
      const runs = Array.from({ length: RUNS }, () => scenario.start('run', { flags: ['--json'] }));
      await lastOf(scenario, [...resumes, ...runs]);
      const ends = await Promise.all(resumes.map(({ ended }) => ended));
      const codes = ends.map(codeOf).filter((code) => code !== null);
      expect(codes, JSON.stringify(ends)).toEqual(Array.from({ length: RESUMES - 1 }, () => 'RUN_LOCKED'));
      for (const { ended } of runs) expect(codeOf(await ended)).toMatch(/^(USAGE|APPROVAL_USED)$/);
      expect(new Set((await scenario.rows()).map(({ fence }) => fence))).toEqual(new Set([1, 2]));
      expect((await campaign.conclude(scenario)).problems).toEqual([]);
    }
  });

  test('five rounds of ten runs of one id at once: one starts', async () => {
    for (let round = 0; round < 5; round += 1) {
      const scenario = new Scenario(template);
      scenario.hold();
      const runs = Array.from({ length: 10 }, () => scenario.start('run', { flags: ['--json'] }));
      await lastOf(scenario, runs);
      const codes = (await Promise.all(runs.map(({ ended }) => ended))).map(codeOf);
      expect(codes.filter((code) => code === null)).toHaveLength(1);
      expect(new Set(codes.filter((code) => code !== null))).not.toContain('INTERNAL');
      expect((await scenario.rows()).filter(({ type }) => type === 'run.started')).toHaveLength(1);
      expect((await campaign.conclude(scenario)).problems).toEqual([]);
    }
  });
});

test('a process that stands still while its run is taken writes and sends nothing more: 20 rounds', async () => {
  const rounds = [];
  for (let seed = 1; seed <= 20; seed += 1) rounds.push(await fencedRound(template, campaign, seed));
  console.log(
    rounds.map(({ stopped_at, first, sent_late }) => `${stopped_at}: ${first}, ${sent_late.join(' ')}`).join('\n'),
  );
  expect(rounds.flatMap(({ problems }) => problems)).toEqual([]);
  const taken = rounds.filter(({ refusals }) => refusals.length > 0);
  expect(taken.length).toBeGreaterThanOrEqual(12);
  for (const round of taken) {
    const { refusals, first } = round;
    expect(refusals).toEqual(['RUN_LOCKED', 'RUN_LOCKED']);
    expect(first).toBe('RUN_LOCKED');
    expect(sentUnlooked(round)).toEqual([]);
  }
});

/** Only a holder that is certainly gone is replaced without a word; the store's lease is changed as the case says. */
describe('the holder of an abandoned run', () => {
  const here = thisProcess();
  test.each<[string, Record<string, string | number>, readonly string[], string | null]>([
    ['is gone', {}, [], null],
    ['had a number that another process has now', { pid: process.pid }, [], null],
    ['lives', { pid: process.pid, started: here.started }, [], 'RUN_LOCKED'],
    [
      'lives, and a person says that it is gone',
      { pid: process.pid, started: here.started },
      ['--take-over'],
      'RUN_LOCKED',
    ],
    ['was of another boot', { pid: process.pid, started: here.started, boot: 'before' }, [], null],
    ['was on another machine', { machine: 'another' }, [], 'RUN_LOCKED'],
    ['was on another machine of another boot', { machine: 'another', boot: 'before' }, [], 'RUN_LOCKED'],
    ['was on another machine, and a person says that it is gone', { machine: 'another' }, ['--take-over'], null],
    ['was in another container', { namespace: 'pid:[1]' }, [], 'RUN_LOCKED'],
    ['was in another container, and a person says that it is gone', { namespace: 'pid:[1]' }, ['--take-over'], null],
  ])('%s', async (_, lease, flags, code) => {
    const scenario = await abandoned();
    scenario.letGo();
    const database = new Database(join(scenario.folder, '.expctl/journal.sqlite'));
    for (const [column, value] of Object.entries(lease)) {
      database.prepare(`UPDATE leases SET ${column} = ? WHERE run = ?`).run(value, RUN);
    }
    database.close();
    const end = await scenario.start('resume', { flags: ['--json', ...flags] }).ended;
    expect(codeOf(end)).toBe(code);
    if (code === null) expect((await campaign.conclude(scenario)).problems).toEqual([]);
    else expect((await scenario.rows()).every(({ fence }) => fence === 1)).toBe(true);
  });
});
