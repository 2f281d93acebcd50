/** One number of a benchmark: a value for each round, so that its spread can be told. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** One value for each round, in their order. */
  readonly values: readonly number[];
  readonly target?: Target;
}

/** What the median of a figure is to reach. */
export type Target = { readonly at_least: number } | { readonly at_most: number };

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
}

/** What a benchmark gives: figures, and what has to be known to read them. */
export interface Outcome {
  readonly figures: readonly Figure[];
  readonly notes: readonly string[];
}

export interface Options {
  readonly rounds: number;
  /** About how long one measurement of a rate takes. */
  readonly seconds: number;
  /** Of the long run. */
  readonly points: number;
  /** Progress, a line at a time. */
  readonly tell: (line: string) => void;
}

export interface Benchmark {
  readonly name: string;
  readonly about: string;
  run(options: Options): Promise<Outcome>;
}

export function summaryOf(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted[sorted.length - 1]!, rounds: sorted.length };
}

/** Whether the median reaches its target; null where there is none. */
export function isReached({ values, target }: Figure): boolean | null {
  if (target === undefined) return null;
  const { median } = summaryOf(values);
  return 'at_least' in target ? median >= target.at_least : median <= target.at_most;
}

/** The quotient of two figures in each round: what slows the machine for a while slows both. */
export function ratio(name: string, of: readonly number[], to: readonly number[], target?: Target): Figure {
  const values = of.map((value, round) => value / to[round]!);
  return target === undefined ? { name, unit: '×', values } : { name, unit: '×', values, target };
}

/** The difference of two figures in each round. */
export function difference(
  name: string,
  unit: string,
  of: readonly number[],
  to: readonly number[],
  target?: Target,
): Figure {
  const values = of.map((value, round) => value - to[round]!);
  return target === undefined ? { name, unit, values } : { name, unit, values, target };
}
