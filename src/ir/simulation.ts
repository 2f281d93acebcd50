import type { JsonObject } from '../base/json.ts';

/** How long something takes. Times in seconds. */
export type DurationSpec =
  | { readonly kind: 'constant'; readonly seconds: number }
  /** @property sigma standard deviation of the natural logarithm */
  | { readonly kind: 'lognormal'; readonly median_s: number; readonly sigma: number }
  | { readonly kind: 'uniform'; readonly least_s: number; readonly most_s: number }
  | { readonly kind: 'triangular'; readonly least_s: number; readonly mode_s: number; readonly most_s: number };

/** What a simulation went by for a part of a step: `solve`, or `solve.submit`. */
export interface AssumedDuration {
  readonly part: string;
  readonly spec: DurationSpec;
  readonly source: 'given' | 'recorded' | 'none';
  /** Of recorded ones, how many there were. */
  readonly records: number;
}

/** Quantiles over all repetitions. */
export interface Spread {
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
}

export interface PoolUse {
  readonly pool: string;
  readonly capacity: number;
  /** Tokens that were out, over the whole makespan. */
  readonly mean: number;
  readonly peak: number;
  /** Part of the makespan in which no token was out. */
  readonly idle: number;
  readonly token_hours: Spread;
  /** null where the pool has no price. */
  readonly cost: Spread | null;
  /** Mean use in equal parts of the makespan, as parts of the capacity; of the first repetition. */
  readonly profile: readonly number[];
}

export interface PhaseUse {
  readonly phase: string;
  readonly points: number;
  /** Seconds from the beginning; of the first repetition. */
  readonly begins_s: number;
  readonly ends_s: number;
}

/** What the makespan was made of: what each moment of it waited for. */
export interface CriticalShare {
  /** Step, or `back-off`, or `waiting`. */
  readonly what: string;
  /** Seconds of the makespan, on average. */
  readonly seconds: number;
  readonly share: number;
}

/** Why the links of the critical path began when they did: `pool licence`, `order of steps`, `points in flight`, `phases`. */
export interface Holder {
  readonly by: string;
  readonly links: number;
  readonly share: number;
}

export interface Simulation {
  readonly name: string;
  readonly repeat: number;
  readonly seed: number;
  readonly decisions: 'worst' | 'first' | 'none';
  readonly in_flight: number;
  readonly durations: readonly AssumedDuration[];
  /** Step to the probability that an attempt fails. */
  readonly failures: Readonly<Record<string, number>>;
  /** How the runs ended, and how often. */
  readonly ended: Readonly<Record<string, number>>;
  readonly makespan_s: Spread;
  /** No order of things could be faster with these durations, pools and phases; of the runs, as the makespan. */
  readonly lower_bound_s: Spread;
  /** What the lower bound comes from, in the most phases: `longest point`, `pool licence`, `points in flight`. */
  readonly bound_by: string;
  /** Visits of gates: each waits for a person, which is not part of the makespan. */
  readonly gates: number;
  readonly points: Spread;
  readonly failed_points: Spread;
  readonly calls: Spread;
  readonly jobs: Spread;
  /** Sum over pools with a price; null where none has one. */
  readonly cost: Spread | null;
  readonly pools: readonly PoolUse[];
  readonly phases: readonly PhaseUse[];
  readonly critical_path: readonly CriticalShare[];
  readonly held_by: readonly Holder[];
  /** What a reader should look at first, as sentences. */
  readonly warnings: readonly string[];
  /** What was simplified, as sentences. */
  readonly assumptions: readonly string[];
}

/** As a JSON document. */
export function simulationDocument(simulation: Simulation): JsonObject {
  return simulation as unknown as JsonObject;
}
