import type { Environment } from '../ir/environment.ts';
import type { Forecast } from '../ir/lock.ts';
import { durationSeconds } from '../ir/duration.ts';
import type { Plan, PlanStep } from '../ir/plan.ts';
import { actionOf } from './check/study.ts';
import { poolCapacities } from './check/pipeline.ts';

/** Seconds of one sending, where the plan does not say. */
export const DEFAULT_TIMEOUT_S = 600;
const IN_FLIGHT_WITHOUT_POOLS = 16;

/** The most that a plan can cause, retries and all extensions included; polls are not calls. */
export function forecastOf(plan: Plan, points: number): Forecast {
  const steps = Object.values(plan.pipeline);
  const calls_per_point = steps.reduce((sum, step) => sum + attemptsOf(step) * callsOf(step), 0);
  const jobs_per_point = steps.reduce((sum, step) => sum + (step.job === undefined ? 0 : attemptsOf(step)), 0);
  const seconds = new Map<string, number>();
  for (const step of steps) {
    for (const [pool, tokens] of Object.entries(step.uses ?? {})) {
      seconds.set(pool, (seconds.get(pool) ?? 0) + tokens * attemptsOf(step) * longestAttempt_s(step) * points);
    }
  }
  return {
    points,
    calls: points * calls_per_point,
    calls_per_point,
    jobs: points * jobs_per_point,
    gates: plan.study.reduce((sum, phase, at) => sum + (phase.gate === undefined ? 0 : visitsOf(plan, at)), 0),
    pool_hours: Object.fromEntries([...seconds].map(([pool, total_s]) => [pool, total_s / 3600])),
  };
}

/**
 * How often a phase can begin: once, and once for each jump that lands on it or before it. Between two jumps the study only
 * goes forward.
 */
export function visitsOf(plan: Plan, at: number): number {
  let visits = 1;
  for (const rule of plan.study.flatMap((phase) => phase.decide ?? [])) {
    const action = actionOf(rule);
    if (action?.do !== 'goto') continue;
    const target = plan.study.findIndex((phase) => phase.phase === action.phase);
    if (target !== -1 && target <= at) visits += rule.at_most ?? 0;
  }
  return visits;
}

/**
 * The most points under evaluation at once: twice as many as the scarcest pool lets run, so that steps without pools of the
 * next points go on beside them; 4 to 1,000.
 */
export function inFlight(plan: Plan, environment: Environment): number {
  const capacities = poolCapacities(plan, environment);
  const running = Object.values(plan.pipeline).flatMap((step) =>
    Object.entries(step.uses ?? {}).map(([pool, tokens]) => Math.floor((capacities.get(pool) ?? 0) / tokens)),
  );
  return running.length === 0 ? IN_FLIGHT_WITHOUT_POOLS : Math.max(4, Math.min(1000, 2 * Math.min(...running)));
}

function attemptsOf(step: PlanStep): number {
  return step.retry?.attempts ?? 1;
}

function callsOf({ job }: PlanStep): number {
  if (job === undefined) return 1;
  return job.fetch === undefined ? 1 : 2;
}

function longestAttempt_s({ job, timeout }: PlanStep): number {
  if (job === undefined) return timeout_s(timeout);
  return (
    timeout_s(job.submit.timeout) +
    timeout_s(job.poll.timeout) +
    (job.fetch === undefined ? 0 : timeout_s(job.fetch.timeout))
  );
}

/** A time-out in seconds, with the default. */
export function timeout_s(text: string | undefined): number {
  return text === undefined ? DEFAULT_TIMEOUT_S : durationSeconds(text);
}
