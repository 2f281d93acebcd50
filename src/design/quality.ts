import type { DesignVariable, Quality } from './types.ts';
import { effectiveUnit, isNumeric, levelAt, levelCount } from './variable.ts';

/** Above this many points the figures that compare all pairs are left out: they cost O(n^2). */
const MOST_FOR_PAIRS = 2000;

/** Up to here i * levels / n is exact in doubles; a finer integer is judged as a real. */
const MOST_LEVELS = 2 ** 31;

/**
 * Quality figures of points in the unit cube. Distances, discrepancy and correlation are those of the numeric
 * variables, with integers and ordered values at the middle of their share. Above 2,000 points `min_distance` and
 * `centered_discrepancy` are null; so is every figure that has no meaning (a distance of one point, no numeric variable).
 *
 * @param unit n rows in [0, 1], one column for each variable
 */
export function qualityOf(variables: readonly DesignVariable[], unit: readonly (readonly number[])[]): Quality {
  const numeric = [...variables.keys()].filter((index) => isNumeric(variables[index]!));
  const rows = unit.map((row) => numeric.map((index) => effectiveUnit(variables[index]!, row[index]!)));
  const comparesPairs = numeric.length > 0 && rows.length <= MOST_FOR_PAIRS;
  return {
    min_distance: comparesPairs && rows.length > 1 ? minDistance(rows) : null,
    centered_discrepancy: comparesPairs && rows.length > 0 ? centeredDiscrepancy(rows) : null,
    max_abs_correlation: maxAbsCorrelation(rows, numeric.length),
    latin: variables.every((variable, index) =>
      isLatin(
        variable,
        unit.map((row) => row[index]!),
      ),
    ),
  };
}

function minDistance(rows: readonly (readonly number[])[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 1; i < rows.length; i += 1) {
    for (let j = 0; j < i; j += 1) least = Math.min(least, squaredDistance(rows[i]!, rows[j]!));
  }
  return Math.sqrt(least);
}

function squaredDistance(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) {
    const difference = a[index]! - b[index]!;
    sum += difference * difference;
  }
  return sum;
}

/** Hickernell (1998), A generalized discrepancy and quadrature error bound, Mathematics of Computation 67, 299-322. */
function centeredDiscrepancy(rows: readonly (readonly number[])[]): number {
  const n = rows.length;
  const offsets = rows.map((row) => row.map((x) => Math.abs(x - 0.5)));
  let single = 0;
  let pairs = 0;
  for (let i = 0; i < n; i += 1) {
    const a = rows[i]!;
    const aOffset = offsets[i]!;
    single += aOffset.reduce((product, z) => product * (1 + 0.5 * z - 0.5 * z * z), 1);
    pairs += aOffset.reduce((product, z) => product * (1 + z), 1);
    for (let j = 0; j < i; j += 1) {
      const b = rows[j]!;
      const bOffset = offsets[j]!;
      let product = 1;
      for (let k = 0; k < a.length; k += 1) {
        product *= 1 + 0.5 * (aOffset[k]! + bOffset[k]! - Math.abs(a[k]! - b[k]!));
      }
      pairs += 2 * product;
    }
  }
  const constant = rows[0]!.reduce((product) => product * (13 / 12), 1);
  return constant - (2 * single) / n + pairs / (n * n);
}

/** Null if fewer than two columns vary. */
function maxAbsCorrelation(rows: readonly (readonly number[])[], columns: number): number | null {
  const centred: Float64Array[] = [];
  for (let column = 0; column < columns; column += 1) {
    const values = Float64Array.from(rows, (row) => row[column]!);
    const mean = dot(values, new Float64Array(values.length).fill(1)) / values.length;
    const deviations = values.map((value) => value - mean);
    const norm = Math.sqrt(dot(deviations, deviations));
    if (values.some((value) => value !== values[0])) centred.push(deviations.map((deviation) => deviation / norm));
  }
  let greatest: number | null = null;
  for (let i = 1; i < centred.length; i += 1) {
    for (let j = 0; j < i; j += 1) greatest = Math.max(greatest ?? 0, Math.abs(dot(centred[i]!, centred[j]!)));
  }
  return greatest === null ? null : Math.min(1, greatest);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += a[index]! * b[index]!;
  return sum;
}

/** Whether the i-th smallest place can lie in [i/n, (i+1)/n), for all i: for discrete variables, by their levels. */
function isLatin(variable: DesignVariable, column: readonly number[]): boolean {
  const n = column.length;
  const levels = levelCount(variable);
  if (levels > MOST_LEVELS) {
    return Float64Array.from(column)
      .sort()
      .every((place, i) => Math.floor(place * n) === i);
  }
  return Float64Array.from(column, (place) => levelAt(variable, place))
    .sort()
    .every((level, i) => level >= Math.floor((i * levels) / n) && level <= Math.ceil(((i + 1) * levels) / n) - 1);
}
