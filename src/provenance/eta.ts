import { plannedPoints, type RunFold } from './state.ts';

/** How long the points that are known to come will take, in seconds. */
export interface Eta {
  readonly points_left: number;
  /** From the medians of the steps' durations. */
  readonly likely_s: number;
  /** From their lower and upper quartiles. */
  readonly from_s: number;
  readonly to_s: number;
}

/**
 * How long the rest will take, from what the steps took so far; null while some step was never finished, and for an ended run.
 *
 * The larger of two bounds, for the medians and for both quartiles: points left × time of a point / points in flight, and for each
 * pool points left × token-time of a point / tokens. A point in flight counts as half of one. Time for people is not in it.
 */
export function etaOf(fold: RunFold): Eta | null {
  const { study, program, durations_s } = fold;
  const in_flight = fold.machine.study?.in_flight.length ?? 0;
  const unfinished = plannedPoints(program.lock, study) - study.done;
  if (study.finished !== null || unfinished <= 0) return null;
  if (!program.steps.every(({ name, when }) => when !== null || durations_s.has(name))) return null;
  const points_left = unfinished - in_flight / 2;
  const secondsAt = (share: number): number => {
    const times = new Map([...durations_s].map(([step, kept]) => [step, quantile(kept, share)]));
    return Math.max(...bounds(fold, points_left, times));
  };
  return { points_left: unfinished, likely_s: secondsAt(0.5), from_s: secondsAt(0.25), to_s: secondsAt(0.75) };
}

function bounds({ program }: RunFold, points_left: number, times_s: ReadonlyMap<string, number>): number[] {
  const timeOf = (step: string) => times_s.get(step) ?? 0;
  const { pools, in_flight } = program.lock;
  const whole = program.steps.reduce((sum, { name }) => sum + timeOf(name), 0);
  const ofPools = Object.entries(pools).map(([pool, tokens]) => {
    const held = program.steps.reduce((sum, { name, uses }) => sum + timeOf(name) * (uses[pool] ?? 0), 0);
    return (points_left * held) / tokens;
  });
  return [(points_left * whole) / Math.max(1, in_flight), ...ofPools];
}

/** Linear between the two nearest, as Hyndman and Fan's type 7. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const low = sorted[below] ?? 0;
  return low + ((sorted[below + 1] ?? low) - low) * (at - below);
}
