/** A variable of a study, as the plan declares it. */
export interface DesignVariable {
  readonly name: string;
  readonly kind: 'real' | 'integer' | 'ordered' | 'choice';
  /** Bounds of a real or integer, both included; in the variable's unit. */
  readonly min?: number;
  readonly max?: number;
  /** All values of an ordered variable or a choice; an ordered variable's position is its rank here. */
  readonly values?: readonly (number | string)[];
  /** How a real is spread between its bounds; default linear. */
  readonly scale?: 'linear' | 'log';
}

/** How the points of a design come about. */
export type Generator =
  | {
      readonly kind: 'latin_hypercube';
      readonly points: number;
      readonly seed: number;
      readonly optimize: 'none' | 'maximin';
    }
  | {
      readonly kind: 'sobol';
      readonly points: number;
      readonly seed: number;
      readonly scramble: boolean;
      readonly skip: number;
    }
  /** Levels of each real and integer; ordered variables and choices take all their values. */
  | { readonly kind: 'full_factorial'; readonly levels: Readonly<Record<string, number>> }
  | { readonly kind: 'table'; readonly rows: readonly PointValues[] };

/** One value for each variable, in its unit. */
export type PointValues = Readonly<Record<string, number | string>>;

/** Says whether a point keeps the plan's constraints. Must depend on the point alone. */
export type Accept = (point: PointValues) => boolean;

/** How well points fill the unit cube of the real, integer and ordered variables; null is "not computed" or "undefined". */
export interface Quality {
  /** Least Euclidean distance of two points, in the unit cube of the numeric variables; null above 2,000 points. */
  readonly min_distance: number | null;
  /** Centred L2 discrepancy, squared (Hickernell 1998), as scipy reports it; null above 2,000 points. */
  readonly centered_discrepancy: number | null;
  /** Greatest |Pearson correlation| of two numeric variables. */
  readonly max_abs_correlation: number | null;
  /** Whether every variable, choices included, has exactly one point in each of n equally probable strata. */
  readonly latin: boolean;
}

export interface Drawn {
  readonly points: readonly PointValues[];
  /** Place of each point in the unit cube: rows as in `points`, columns as in the variables, in [0, 1]. */
  readonly unit: readonly (readonly number[])[];
  readonly quality: Quality;
  /** Candidate points that were looked at and refused by `accept`. */
  readonly rejected: number;
}

/** Points in the unit cube, and how many candidates `accept` refused on the way. */
export interface UnitRows {
  readonly rows: readonly (readonly number[])[];
  readonly rejected: number;
}
