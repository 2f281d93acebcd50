import { SEMANTICS } from '../../src/ir/events.ts';
import type { Lock, LockedCall, LockedPhase, LockedStep } from '../../src/ir/lock.ts';
import {
  designPhase,
  gatePhase,
  decidePhase,
  type Made,
  makeCall,
  makeLock,
  makeStep,
  ZERO,
} from '../kernel/support.ts';
import { Dice } from './dice.ts';

const RETRIABLE = [
  'transient',
  'node_lost',
  'unexpected',
  'tool_failed',
  'licence_unavailable',
  'timeout',
  'bad_metric',
];
const TOOLS = ['t', 'u'];

/** A lock of everything that a lock can say, small: up to five steps, about ten points, loops, gates, pools and budgets. */
export function generatePlan(seed: number): Made {
  const dice = new Dice(seed, 'plan');
  const pools = generatePools(dice);
  const pipeline = generatePipeline(dice, pools);
  const rows = generateRows(dice);
  const points = Object.values(rows).reduce((sum, count) => sum + count, 0);
  const calls_per_point = pipeline.reduce((sum, step) => sum + step.retry.attempts * callsOf(step), 0);
  const tools = TOOLS.map((name) => ({ name, pin: ZERO, pinned: {} as Lock['tools'][number]['pinned'] }));
  const budget = {
    points: dice.chance(0.85) ? points : dice.integer(1, points),
    calls: dice.chance(0.8) ? points * calls_per_point : dice.integer(calls_per_point, 3 * calls_per_point),
    wall_time_s: dice.chance(0.7) ? null : dice.pick([30, 600, 3600, 200_000]),
    failed_points: dice.chance(0.7) ? null : dice.integer(0, 3),
  };
  return makeLock(
    {
      semantics: dice.chance(0.5) ? SEMANTICS : 1,
      pipeline,
      pools,
      in_flight: dice.integer(1, 4),
      budget,
      metrics: [
        { name: 'mass', value: `=${pipeline.at(-1)!.name}.mass`, unit: 'kg', plausible: [0, 11], description: '' },
      ],
      outcome_constraints: dice.chance(0.7) ? ['mass <= 7'] : [],
      study: generateStudy(dice),
      tools,
      forecast: { points, calls: points * calls_per_point, calls_per_point, jobs: 0, gates: 0, pool_hours: {} },
    },
    rows,
  );
}

function generatePools(dice: Dice): Record<string, number> {
  if (dice.chance(0.15)) return {};
  const pools: Record<string, number> = { cores: dice.integer(1, 3) };
  if (dice.chance(0.5)) pools['licences'] = dice.integer(1, 2);
  return pools;
}

// --- pipeline ----------------------------------------------------------------------------------------------------

function generatePipeline(dice: Dice, pools: Readonly<Record<string, number>>): LockedStep[] {
  const steps: LockedStep[] = [];
  for (let count = dice.integer(1, 4); steps.length < count; ) {
    const before = steps.map((step) => step.name);
    steps.push(generateStep(dice, `s${steps.length + 1}`, dice.some(before, 0.5), pools));
  }
  // The last step gives the metric: nothing that it needs is ever skipped.
  const always = new Set(steps.filter((step) => neverSkipped(steps, step)).map((step) => step.name));
  const last = generateStep(dice, 'last', dice.some([...always], 0.7), pools);
  return [...steps, { ...last, when: null }];
}

function neverSkipped(steps: readonly LockedStep[], { when, needs }: LockedStep): boolean {
  return when === null && needs.every((need) => neverSkipped(steps, steps.find(({ name }) => name === need)!));
}

function generateStep(
  dice: Dice,
  name: string,
  needs: readonly string[],
  pools: Readonly<Record<string, number>>,
): LockedStep {
  const uses: Record<string, number> = {};
  for (const [pool, capacity] of Object.entries(pools)) {
    if (dice.chance(0.6)) uses[pool] = dice.integer(1, capacity);
  }
  const handed = needs.filter(() => dice.chance(0.6));
  const given = Object.fromEntries([['x', '=x'], ...handed.map((need) => [need, `=${need}.id`])]);
  const retry = {
    attempts: dice.pick([1, 2, 3, 3]),
    backoff_s: dice.pick([0, 1, 30]),
    on: dice.some(RETRIABLE, 0.6),
  };
  const base = { needs: [...needs], uses, retry, when: generateWhen(dice, handed) };
  const job = dice.chance(0.35);
  return makeStep(
    name,
    job ? { ...base, job: generateJob(dice, name, given) } : { ...base, call: generateCall(dice, name, given) },
  );
}

function generateWhen(dice: Dice, handed: readonly string[]): string | null {
  if (dice.chance(0.8)) return null;
  return handed[0] === undefined ? 'x - 2 * floor(x / 2) == 1' : `${handed[0]}.mass > 3`;
}

function generateCall(dice: Dice, name: string, given: Record<string, string>): LockedCall {
  return makeCall(`${dice.pick(TOOLS)}/${name}`, {
    with: given,
    timeout_s: dice.pick([10, 60, 600]),
    expect: dice.chance(0.5) ? ['mass < 11'] : [],
    effect: dice.pick(['pure', 'pure', 'by_key', 'by_key', 'by_key', 'once', 'findable']),
  });
}

function generateJob(dice: Dice, name: string, given: Record<string, string>): NonNullable<LockedStep['job']> {
  const { timeout_s, effect, call } = generateCall(dice, name, given);
  const poll = makeCall(`${call}.wait`, {
    with: { job: '=submit.job' },
    timeout_s: dice.pick([600, 3600]),
    effect: 'pure',
  });
  const fetch = makeCall(`${call}.fetch`, { with: { job: '=submit.job' }, effect: dice.pick(['pure', 'by_key']) });
  return {
    submit: makeCall(`${call}.submit`, { with: given, timeout_s, effect }),
    poll: {
      ...poll,
      every_s: dice.pick([5, 60]),
      until: "status in ['done', 'failed']",
      expect: dice.chance(0.8) ? ["status == 'done'"] : [],
    },
    fetch: dice.chance(0.6) ? fetch : null,
  };
}

/** Logical calls of one attempt. */
function callsOf({ job }: LockedStep): number {
  return job === null ? 1 : job.fetch === null ? 1 : 2;
}

// --- study -------------------------------------------------------------------------------------------------------

function generateRows(dice: Dice): Record<string, number> {
  return {
    explore: dice.integer(1, 4),
    again: dice.integer(1, 2),
    refine: dice.integer(1, 2),
    'explore#1': 1,
    'explore#2': 1,
  };
}

function generateStudy(dice: Dice): LockedPhase[] {
  const study = [designPhase('explore', ['explore', 'again'])];
  if (dice.chance(0.4)) study.push(gatePhase('pilot', dice.pick([null, 60, 7200])));
  if (dice.chance(0.6)) study.push(generateDecision(dice));
  if (dice.chance(0.5)) study.push(designPhase('refine'));
  if (dice.chance(0.2)) study.push(gatePhase('last', 3600));
  return study;
}

function generateDecision(dice: Dice): LockedPhase {
  const extend = { do: 'extend' as const, phase: 'explore', points: 1, tables: ['explore#1', 'explore#2'] };
  const rules = [
    {
      if: dice.pick(['size(feasible) < 3', 'failed > 0', 'succeeded < 9']),
      action: extend,
      at_most: dice.integer(1, 2),
    },
    {
      if: dice.pick(['size(feasible) > 0 && feasible[0].mass > 3', 'points < 9', 'best == null']),
      action: { do: 'goto' as const, phase: 'explore' },
      at_most: dice.integer(1, 2),
    },
    { if: 'failed > 4', action: { do: dice.pick(['stop', 'next'] as const) }, because: 'too bad' },
  ];
  return decidePhase('judge', dice.some(rules, 0.8));
}
