import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  drawDuration,
  durationText,
  fittedDuration,
  parseDuration,
  quantile,
} from '../../src/engines/simulated/duration.ts';
import { simulateOnce } from '../../src/engines/simulated/simulate.ts';
import { type Decisions, skeletonOf } from '../../src/engines/simulated/skeleton.ts';
import { summaryOf } from '../../src/engines/simulated/summary.ts';
import { VirtualTime } from '../../src/engines/simulated/virtual-time.ts';
import type { Lock } from '../../src/ir/lock.ts';
import type { DurationSpec } from '../../src/ir/simulation.ts';
import { decidePhase, designPhase, gatePhase, JOB, makeCall, makeLock, makeStep } from '../kernel/support.ts';
import { seededDice } from '../kernel/driver.ts';
import { generatePlan } from '../simulation/plans.ts';

const TOOLS = makeLock().lock.tools;
const tools = [{ name: 't', pin: '0'.repeat(64), pinned: {} as (typeof TOOLS)[number]['pinned'] }];

interface Wishes {
  readonly decisions?: Decisions;
  readonly failures?: Record<string, number>;
  readonly seed?: number;
}

async function simulated(
  changes: Partial<Lock>,
  rows: Record<string, number>,
  parts: Record<string, string>,
  wishes: Wishes = {},
) {
  const { lock } = makeLock({ tools, ...changes }, rows);
  const { decisions = 'worst', failures = {}, seed = 1 } = wishes;
  const skeleton = skeletonOf(lock, { decisions, pools: {}, in_flight: null });
  const durations = new Map(Object.entries(parts).map(([part, text]) => [part, parseDuration(text)] as const));
  const run = await simulateOnce(skeleton, { durations, failures, seed, repetition: 0 });
  return { run, ...summaryOf([run], skeleton.lock.pools, {}) };
}

const onCores = makeStep('solve', { uses: { cores: 1 }, call: makeCall('t/solve') });

describe('the makespan is what can be reckoned by hand', () => {
  test('six points of 10 s on two cores', async () => {
    const result = await simulated({ pipeline: [onCores], pools: { cores: 2 } }, { explore: 6 }, { solve: '10s' });
    expect(result.makespan_s.p50).toBe(30);
    expect(result.lower_bound_s.p50).toBe(30);
    expect(result.bound_by).toBe('pool cores');
    expect(result.pools).toMatchObject([{ pool: 'cores', capacity: 2, mean: 2, peak: 2, idle: 0 }]);
    expect(result.pools[0]!.token_hours.p50).toBeCloseTo(60 / 3600);
    expect(result.ended).toEqual({ 'completed: all phases are done': 1 });
  });

  test('one after another, where only one point may be in flight', async () => {
    const changes = { pipeline: [onCores], pools: { cores: 2 }, in_flight: 1 };
    const result = await simulated(changes, { explore: 6 }, { solve: '10s' });
    expect([result.makespan_s.p50, result.lower_bound_s.p50, result.bound_by]).toEqual([60, 60, 'points in flight']);
    expect(result.pools[0]!.mean).toBe(1);
    expect(result.held_by).toEqual([{ by: 'pool cores', links: 5, share: 1 }]);
  });

  test('a scarce step behind a free one', async () => {
    const pipeline = [
      makeStep('cad', { call: makeCall('t/cad') }),
      makeStep('solve', { needs: ['cad'], uses: { licence: 1 }, call: makeCall('t/solve') }),
    ];
    const result = await simulated({ pipeline, pools: { licence: 1 } }, { explore: 4 }, { cad: '10s', solve: '20s' });
    expect([result.makespan_s.p50, result.lower_bound_s.p50]).toEqual([90, 80]);
    expect(result.critical_path.map(({ what, seconds }) => [what, seconds])).toEqual([
      ['solve', 80],
      ['cad', 10],
    ]);
    expect(result.held_by.map(({ by, links }) => [by, links])).toEqual([
      ['pool licence', 3],
      ['order of steps', 1],
    ]);
    expect(result.pools[0]!.idle).toBeCloseTo(10 / 90);
  });

  test('a job ends with the next question after it', async () => {
    const pipeline = [makeStep('solve', { job: JOB })]; // asked every 2 s
    const parts = { 'solve.submit': '1s', 'solve.poll': '5s', 'solve.fetch': '1s' };
    const result = await simulated({ pipeline }, { explore: 1 }, parts);
    expect(result.makespan_s.p50).toBe(1 + 6 + 1);
    expect(result.lower_bound_s.p50).toBe(7);
    expect([result.calls.p50, result.jobs.p50]).toEqual([2, 1]);
  });

  test('a job of a year, asked after every 2 s, takes no longer to simulate than one of a minute', async () => {
    const job = { ...JOB, poll: { ...JOB.poll, timeout_s: 366 * 24 * 3600 } };
    const year_s = 365 * 24 * 3600;
    const began = performance.now();
    const result = await simulated(
      { pipeline: [makeStep('solve', { job })] },
      { explore: 5 },
      { 'solve.poll': `${year_s}s` },
    );
    expect(result.makespan_s.p50).toBe(2 * year_s); // four at once
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test('a failed attempt is tried again after its back-off', async () => {
    const retry = { attempts: 3, backoff_s: 5, on: ['transient'] };
    const pipeline = [makeStep('solve', { call: makeCall('t/solve'), retry })];
    const result = await simulated({ pipeline }, { explore: 1 }, { solve: '10s' }, { failures: { solve: 1 } });
    expect(result.makespan_s.p50).toBe(10 + 5 + 10 + 10 + 10);
    expect(result.failed_points.p50).toBe(1);
    expect(result.critical_path.map(({ what, seconds }) => [what, seconds])).toEqual([
      ['solve', 30],
      ['back-off', 15],
    ]);
  });

  test('what takes longer than its time-out fails', async () => {
    const call = makeCall('t/solve', { timeout_s: 60, effect: 'once' });
    const result = await simulated({ pipeline: [makeStep('solve', { call })] }, { explore: 1 }, { solve: '2min' });
    expect(result.makespan_s.p50).toBe(60);
    expect(result.ended).toEqual({ 'it waits: unresolved': 1 });
  });

  test('a job that takes longer than its time-out is given up, and its tokens are free', async () => {
    const pipeline = [makeStep('solve', { uses: { cores: 1 }, job: { ...JOB, poll: { ...JOB.poll, timeout_s: 60 } } })];
    const result = await simulated({ pipeline, pools: { cores: 1 } }, { explore: 2 }, { 'solve.poll': '5min' });
    expect([result.makespan_s.p50, result.failed_points.p50]).toEqual([120, 2]);
    expect(result.critical_path.map(({ what, seconds }) => [what, seconds])).toEqual([['solve', 120]]);
  });

  test('gates hold nothing up, and are counted', async () => {
    const study = [designPhase('explore'), gatePhase('pilot', 60), designPhase('refine')];
    const result = await simulated(
      { study, pipeline: [onCores], pools: { cores: 4 } },
      { explore: 2, refine: 1 },
      { solve: '10s' },
    );
    expect([result.makespan_s.p50, result.lower_bound_s.p50, result.gates]).toEqual([20, 20, 1]);
    expect(result.phases).toEqual([
      { phase: 'explore', points: 2, begins_s: 0, ends_s: 10 },
      { phase: 'refine', points: 1, begins_s: 10, ends_s: 20 },
    ]);
  });
});

describe('decisions', () => {
  const extend = { do: 'extend' as const, phase: 'explore', points: 1, tables: ['explore#1', 'explore#2'] };
  const study = [
    designPhase('explore'),
    decidePhase('judge', [
      { if: 'failed > 0', action: { do: 'stop' } },
      { if: 'size(feasible) == 0', action: extend, at_most: 2 },
    ]),
    designPhase('refine'),
  ];
  const rows = { explore: 2, refine: 1, 'explore#1': 1, 'explore#2': 1 };

  test.each([
    ['worst', 5],
    ['first', 2],
    ['none', 3],
  ] as const)('%s: %i points', async (decisions, points) => {
    const result = await simulated({ study }, rows, { solve: '1s' }, { decisions });
    expect(result.points.p50).toBe(points);
  });
});

test('the same seed gives the same run; another one another', async () => {
  const changes = { pipeline: [onCores], pools: { cores: 2 } };
  const makespan = async (seed: number) =>
    (await simulated(changes, { explore: 6 }, { solve: 'lognormal(10s, 0.5)' }, { seed })).makespan_s.p50;
  expect(await makespan(7)).toBe(await makespan(7));
  expect(await makespan(7)).not.toBe(await makespan(8));
});

test('whatever the plan: no pool is overdrawn, no bound is beaten, and the critical path is the makespan', async () => {
  for (let seed = 1; seed <= 150; seed += 1) {
    const dice = seededDice(seed);
    const { lock } = generatePlan(seed);
    const skeleton = skeletonOf(lock, { decisions: seed % 2 === 0 ? 'worst' : 'none', pools: {}, in_flight: null });
    const parts = lock.pipeline.flatMap(({ name }) => [name, `${name}.submit`, `${name}.poll`, `${name}.fetch`]);
    const durations = new Map(
      parts.map((part): [string, DurationSpec] => [part, { kind: 'constant', seconds: Math.round(dice() * 9) }]),
    );
    const failures = seed % 3 === 0 ? Object.fromEntries(lock.pipeline.map(({ name }) => [name, 0.1])) : {};
    const run = await simulateOnce(skeleton, { durations, failures, seed, repetition: 0 });
    expect(run.ended, `seed ${seed}`).toMatch(/^(completed|failed|stopped): /);
    expect(run.makespan_ms, `seed ${seed}`).toBeGreaterThanOrEqual(run.bound.ms - 1e-6);
    const path_ms = [...run.path.ms.values()].reduce((sum, one) => sum + one, 0);
    if (lock.budget.wall_time_s === null) expect(path_ms, `seed ${seed}`).toBeCloseTo(run.makespan_ms, 3);
    for (const [pool, capacity] of Object.entries(lock.pools)) {
      expect(run.usage.peak(pool), `seed ${seed}`).toBeLessThanOrEqual(capacity);
    }
  }
});

describe('durations', () => {
  test.each([
    ['2h', { kind: 'constant', seconds: 7200 }],
    ['lognormal(2h, 0.3)', { kind: 'lognormal', median_s: 7200, sigma: 0.3 }],
    ['uniform(1h,2h)', { kind: 'uniform', least_s: 3600, most_s: 7200 }],
    ['triangular(1h, 2h, 4h)', { kind: 'triangular', least_s: 3600, mode_s: 7200, most_s: 14_400 }],
  ] as const)('%s', (text, spec) => {
    expect(parseDuration(text)).toEqual(spec);
    const shown = durationText(spec, (seconds) => `${seconds}s`);
    expect(parseDuration(shown)).toEqual(spec);
  });

  test.each([
    '',
    '2',
    'normal(1h, 2h)',
    'uniform(2h, 1h)',
    'uniform(1h)',
    'lognormal(1h, -1)',
    'triangular(1h, 5h, 4h)',
    'lognormal(1h, x)',
    'lognormal(1h, 1e308)',
  ])('%j is none', (text) => {
    expect(() => parseDuration(text)).toThrow();
  });

  test.each([
    ['lognormal(100s, 0.4)', 100, [30, 330]],
    ['uniform(10s, 20s)', 15, [10, 20]],
    ['triangular(10s, 20s, 40s)', 22.68, [10, 40]],
  ] as const)('%s is drawn with its median, within its range', (text, median, [least, most]) => {
    const dice = seededDice(3);
    const drawn = Array.from({ length: 4000 }, () => drawDuration(parseDuration(text), dice)).sort((a, b) => a - b);
    expect(quantile(drawn, 0.5)).toBeGreaterThan(median * 0.97);
    expect(quantile(drawn, 0.5)).toBeLessThan(median * 1.03);
    expect(drawn[0]!).toBeGreaterThanOrEqual(least * 0.6);
    expect(drawn.at(-1)!).toBeLessThanOrEqual(most * 1.6);
  });

  test('what was recorded is fitted by its median and spread', () => {
    expect(fittedDuration([5])).toEqual({ kind: 'constant', seconds: 5 });
    expect(fittedDuration([4, 4, 4, 4])).toEqual({ kind: 'constant', seconds: 4 });
    const dice = seededDice(5);
    const recorded = Array.from({ length: 500 }, () => drawDuration(parseDuration('lognormal(60s, 0.25)'), dice));
    const fitted = fittedDuration(recorded);
    expect(fitted).toMatchObject({ kind: 'lognormal' });
    if (fitted.kind === 'lognormal') {
      expect(Math.abs(fitted.median_s - 60)).toBeLessThan(3);
      expect(Math.abs(fitted.sigma - 0.25)).toBeLessThan(0.03);
    }
  });
});

test('virtual time goes from event to event, in order, and a clock that is set changes no timer', async () => {
  const time = new VirtualTime(1000);
  const told: string[] = [];
  time.after(3, () => told.push(`c ${time.monotonic_ms()} ${time.now_ms()}`));
  const cancel = time.after(2, () => told.push('never'));
  time.after(1, () => {
    told.push('a');
    cancel();
    time.setBy(-3600);
    time.after(0, () => told.push('b'));
  });
  while (await time.step());
  expect(told).toEqual(['a', 'b', 'c 3000 -3596000']);
});

test('only the simulated engine can approve by its own key', () => {
  const src = fileURLToPath(new URL('../../src/', import.meta.url));
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const users = files.filter((file) => readFileSync(join(src, file), 'utf8').includes('simulated/approved.ts'));
  expect(users).toEqual([]);
  const inside = files.filter((file) => readFileSync(join(src, file), 'utf8').includes('./approved.ts'));
  expect(inside).toEqual(['engines/simulated/simulate.ts']);
  const simulate = readFileSync(join(src, 'engines/simulated/simulate.ts'), 'utf8');
  expect(simulate).toContain('tools: this.#tool,');
});
