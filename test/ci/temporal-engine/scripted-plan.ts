import { unwrap } from '../../../src/base/result.ts';
import { SEMANTICS } from '../../../src/ir/events.ts';
import type { Lock, LockedStep } from '../../../src/ir/lock.ts';
import { compileProgram } from '../../../src/kernel/program.ts';
import type { Made } from '../../kernel/support.ts';
import { Dice } from '../../simulation/dice.ts';
import { type Deed, generateDisturbances } from '../../simulation/disturbances.ts';
import { generatePlan } from '../../simulation/plans.ts';

/** What people do in the middle of a run, once it has so many rows and nothing moves. */
export interface ScriptedDeed {
  readonly deed: Extract<Deed, 'pause' | 'cancel' | 'cancel_points' | 'cancel_phase' | 'retry'>;
  readonly rows: number;
}

/** A plan, and all that happens to it besides the order in which answers come. */
export interface ScriptedPlan {
  readonly seed: number;
  readonly made: Made;
  readonly deeds: readonly ScriptedDeed[];
  /** Probability that a call meets a fault. */
  readonly faults: number;
  /** A workflow continues as new once its history has so many events. */
  readonly history_events: number;
}

/**
 * Fractions of a millisecond that say of a timer of the embedded engine what it is for (exact in binary): whoever drives it tells
 * timers by when they are due, and what has no fraction is a pause between two sendings.
 */
export const FRACTION_MS = { point: 1 / 64, gate: 3 / 8, wall: 1 / 2 } as const;

const DEEDS: ReadonlySet<string> = new Set<ScriptedDeed['deed']>([
  'pause',
  'cancel',
  'cancel_points',
  'cancel_phase',
  'retry',
]);

/** The simulator's plan of the same seed, in the present semantics, with time-outs and back-offs of milliseconds. */
export function scriptedPlan(seed: number): ScriptedPlan {
  const { lock, tables } = generatePlan(seed);
  const dice = new Dice(seed, 'temporal');
  const quick = quickLock(lock, seed);
  const made = { lock: quick, tables, program: unwrap(compileProgram(quick, tables)) };
  const { deeds, faults } = generateDisturbances(seed);
  const ours = deeds.filter(({ deed }) => DEEDS.has(deed)) as ScriptedDeed[];
  return {
    seed,
    made,
    deeds: [...ours].sort((a, b) => a.rows - b.rows),
    faults,
    history_events: dice.chance(0.3) ? dice.integer(40, 120) : 8000,
  };
}

function quickLock(lock: Lock, seed: number): Lock {
  // Runs of one store share its pools, and here each is to be for itself.
  const own = (uses: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(uses).map(([pool, count]) => [`${pool}_${seed}`, count]));
  const { budget } = lock;
  const wall_time_s = budget.wall_time_s === null ? null : quickWallTime(budget.wall_time_s);
  return {
    ...lock,
    semantics: SEMANTICS,
    name: `plan-${seed}`,
    pools: own(lock.pools),
    pipeline: lock.pipeline.map((step) => quickStep({ ...step, uses: own(step.uses) })),
    study: lock.study.map((phase) =>
      phase.gate === null ? phase : { ...phase, gate: { ...phase.gate, timeout_s: quickGate(phase.gate.timeout_s) } },
    ),
    budget: { ...budget, wall_time_s },
  };
}

function quickStep(step: LockedStep): LockedStep {
  const { retry, job } = step;
  const backoff_s = seconds(retry.backoff_s === 0 ? 1 : retry.backoff_s === 1 ? 15 : 40, FRACTION_MS.point);
  const poll = job === null ? null : job.poll;
  return {
    ...step,
    retry: { ...retry, backoff_s },
    job:
      job === null || poll === null
        ? null
        : {
            ...job,
            poll: {
              ...poll,
              every_s: poll.every_s <= 5 ? 0.01 : 0.03,
              timeout_s: seconds(poll.timeout_s <= 600 ? 400 : 1500, FRACTION_MS.point),
            },
          },
  };
}

function quickGate(timeout_s: number | null): number | null {
  if (timeout_s === null) return null;
  return seconds(timeout_s <= 60 ? 200 : 30_000, FRACTION_MS.gate);
}

function quickWallTime(wall_time_s: number): number {
  return seconds(wall_time_s <= 30 ? 2500 : wall_time_s <= 600 ? 20_000 : 600_000, FRACTION_MS.wall);
}

function seconds(milliseconds: number, fraction_ms: number): number {
  return (milliseconds + fraction_ms) / 1000;
}
