import { Dice } from './dice.ts';
import type { WriteFault } from './incarnation.ts';

export type Deed =
  | 'pause'
  | 'cancel'
  | 'cancel_points'
  | 'cancel_phase'
  | 'retry'
  | 'drain'
  | 'interrupt'
  | 'take_over'
  | 'set_clock'
  | 'decide_early'
  | 'crash';

/** What happens to one run besides what its tools do, and when: counted in rows of the journal. */
export interface Disturbances {
  readonly deeds: readonly { readonly deed: Deed; readonly rows: number }[];
  /** One for each process, in turn. */
  readonly write_faults: readonly (WriteFault | null)[];
  /** Probability that a sending meets a fault. */
  readonly faults: number;
  /** Seconds after which the first approval expires; null: long after. */
  readonly validity_s: number | null;
  /** The first process blocks at gates. */
  readonly wait: boolean;
  readonly echoes: boolean;
  readonly slow_commits: boolean;
  /** Numbers of rows at which the whole journal is folded. */
  readonly folds: readonly number[];
}

const PROBABILITIES: Readonly<Record<Deed, number>> = {
  pause: 0.3,
  cancel: 0.4,
  cancel_points: 0.1,
  cancel_phase: 0.1,
  retry: 0.4,
  drain: 0.1,
  interrupt: 0.1,
  take_over: 0.12,
  set_clock: 0.2,
  decide_early: 0.2,
  crash: 0.2,
};

export function generateDisturbances(seed: number): Disturbances {
  const dice = new Dice(seed, 'disturbances');
  const deeds = Object.entries(PROBABILITIES).flatMap(([deed, probability]) =>
    dice.chance(probability) ? [{ deed: deed as Deed, rows: dice.integer(1, deed === 'cancel' ? 60 : 40) }] : [],
  );
  return {
    deeds,
    write_faults: generateWriteFaults(dice),
    faults: dice.pick([0, 0.1, 0.2, 0.4]),
    validity_s: dice.chance(0.1) ? dice.integer(1, 4000) : null,
    wait: dice.chance(0.5),
    echoes: dice.chance(0.2),
    slow_commits: dice.chance(0.5),
    folds: Array.from({ length: 10 }, () => dice.integer(1, 120)),
  };
}

/** The first process gets into the run; those that follow may be struck while they recover. */
function generateWriteFaults(dice: Dice): (WriteFault | null)[] {
  if (dice.chance(0.5)) return [];
  const kinds = ['crash_before', 'crash_after', 'crash_before', 'crash_after', 'stop_after', 'disk_full'] as const;
  const most = [30, 6, 6, 12, 2].slice(0, dice.integer(1, 5));
  return most.map((writes) => (dice.chance(0.8) ? { write: dice.integer(1, writes), kind: dice.pick(kinds) } : null));
}
