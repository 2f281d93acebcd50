import type { CriticalShare, Holder, PhaseUse, PoolUse, Simulation, Spread } from '../../ir/simulation.ts';
import { quantile } from './duration.ts';
import type { SimulatedRun } from './simulate.ts';

const HOUR_MS = 3_600_000;
/** Parts of the makespan for which the mean use of a pool is kept. */
const PROFILE_PARTS = 50;

export type Measured = Pick<
  Simulation,
  | 'ended'
  | 'makespan_s'
  | 'lower_bound_s'
  | 'bound_by'
  | 'gates'
  | 'points'
  | 'failed_points'
  | 'calls'
  | 'jobs'
  | 'cost'
  | 'pools'
  | 'phases'
  | 'critical_path'
  | 'held_by'
>;

/** What many runs of one skeleton have in common. @param prices of a token-hour, by pool */
export function summaryOf(
  runs: readonly SimulatedRun[],
  capacities: Readonly<Record<string, number>>,
  prices: Readonly<Record<string, number>>,
): Measured {
  const pools = Object.entries(capacities).map(([pool, capacity]) => poolUse(runs, pool, capacity, prices[pool]));
  const costs = runs.map((run) =>
    Object.entries(prices).reduce((sum, [pool, price]) => sum + price * hoursOf(run, pool), 0),
  );
  return {
    ended: counted(runs.map(({ ended }) => ended)),
    makespan_s: spreadOf(runs.map(({ makespan_ms }) => makespan_ms / 1000)),
    lower_bound_s: spreadOf(runs.map(({ bound }) => bound.ms / 1000)),
    bound_by: mostOf(summed(runs.map(({ bound }) => bound.parts))),
    gates: Math.max(...runs.map(({ gates }) => gates)),
    points: spreadOf(runs.map(({ points }) => points)),
    failed_points: spreadOf(runs.map(({ failed_points }) => failed_points)),
    calls: spreadOf(runs.map(({ calls }) => calls)),
    jobs: spreadOf(runs.map(({ jobs }) => jobs)),
    cost: Object.keys(prices).length === 0 ? null : spreadOf(costs),
    pools,
    phases: phasesOf(runs[0]!),
    critical_path: sharesOf(runs),
    held_by: holdersOf(runs),
  };
}

function poolUse(runs: readonly SimulatedRun[], pool: string, capacity: number, price: number | undefined): PoolUse {
  const total_ms = runs.reduce((sum, { makespan_ms }) => sum + makespan_ms, 0);
  const used_ms = runs.reduce((sum, run) => sum + run.usage.used(pool, 0, run.makespan_ms), 0);
  const idle_ms = runs.reduce((sum, run) => sum + run.usage.idle_ms(pool, run.makespan_ms), 0);
  const hours = runs.map((run) => hoursOf(run, pool));
  const [first] = runs;
  return {
    pool,
    capacity,
    mean: total_ms === 0 ? 0 : used_ms / total_ms,
    peak: Math.max(...runs.map(({ usage }) => usage.peak(pool))),
    idle: total_ms === 0 ? 1 : idle_ms / total_ms,
    token_hours: spreadOf(hours),
    cost: price === undefined ? null : spreadOf(hours.map((one) => one * price)),
    profile: first!.usage.profile(pool, first!.makespan_ms, PROFILE_PARTS).map((mean) => mean / capacity),
  };
}

function hoursOf({ usage, makespan_ms }: SimulatedRun, pool: string): number {
  return usage.used(pool, 0, makespan_ms) / HOUR_MS;
}

function phasesOf({ phases }: SimulatedRun): PhaseUse[] {
  return phases.map(({ phase, points, begins_ms, ends_ms }) => ({
    phase,
    points,
    begins_s: begins_ms / 1000,
    ends_s: ends_ms / 1000,
  }));
}

function sharesOf(runs: readonly SimulatedRun[]): CriticalShare[] {
  const total_ms = runs.reduce((sum, { makespan_ms }) => sum + makespan_ms, 0);
  return descending(summed(runs.map(({ path }) => path.ms))).map(([what, ms]) => ({
    what,
    seconds: ms / 1000 / runs.length,
    share: total_ms === 0 ? 0 : ms / total_ms,
  }));
}

function holdersOf(runs: readonly SimulatedRun[]): Holder[] {
  const links = summed(runs.map(({ path }) => path.held_by));
  const total = [...links.values()].reduce((sum, one) => sum + one, 0);
  return descending(links).map(([by, count]) => ({ by, links: count / runs.length, share: count / total }));
}

function summed(maps: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const sum = new Map<string, number>();
  for (const map of maps) for (const [name, value] of map) sum.set(name, (sum.get(name) ?? 0) + value);
  return sum;
}

function descending(values: ReadonlyMap<string, number>): [string, number][] {
  return [...values].filter(([, value]) => value > 0).sort(([, a], [, b]) => b - a);
}

function mostOf(values: ReadonlyMap<string, number>): string {
  return descending(values)[0]?.[0] ?? 'nothing';
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { p10: quantile(sorted, 0.1), p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9) };
}
