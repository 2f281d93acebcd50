import { randomStream } from '../base/random.ts';
import { err, ok, type Result } from '../base/result.ts';
import { DIRECTION_NUMBERS } from './sobol-directions.ts';
import type { Accept, DesignVariable, UnitRows } from './types.ts';
import { designError, pointAt } from './variable.ts';

const BITS = 32;
const MOST_DIMENSIONS = DIRECTION_NUMBERS.length + 1;

/** The points of one Sobol' sequence that are wanted. */
interface SobolRequest {
  /** Scrambles the sequence; null leaves it as it is. */
  readonly seed: number | null;
  /** Index of the first point of the design in the sequence. */
  readonly skip: number;
  /** Points of the design that were drawn before, and are passed over here. */
  readonly drawnBefore: number;
  readonly points: number;
}

/**
 * Takes points of the Sobol' sequence in its order. A point that `accept` refuses is passed over; the search ends at
 * 100 candidates per point and 10,000 more. An extension counts what was accepted from the start, so it goes on exactly
 * where the design ended, as long as variables and `accept` are the same.
 *
 * @returns rows in [0, 1), multiples of 2^-32; PLAN_INVALID above 64 variables, or if too few candidates are accepted
 */
export function drawSobol(
  request: SobolRequest,
  variables: readonly DesignVariable[],
  accept?: Accept,
): Result<UnitRows> {
  if (variables.length > MOST_DIMENSIONS) {
    const message = `A Sobol' design has at most ${MOST_DIMENSIONS} variables, not ${variables.length}.`;
    return err(designError(message, 'Use `latin_hypercube`, which has no such limit.'));
  }
  const sequence = sobolSequence(variables.length, request.seed);
  const rows: number[][] = [];
  if (accept === undefined) {
    const first = request.skip + request.drawnBefore;
    for (let index = 0; index < request.points; index += 1) rows.push(sequence(first + index));
    return ok({ rows, rejected: 0 });
  }
  const wanted = request.drawnBefore + request.points;
  const most = 100 * wanted + 10_000;
  let accepted = 0;
  let rejected = 0;
  for (let candidate = 0; accepted < wanted; candidate += 1) {
    if (candidate === most) {
      const message = `Of ${most} points of the Sobol' sequence, ${accepted} keep the constraints; ${wanted} are needed.`;
      return err(
        designError(message, 'The feasible share looks too small: narrow the variables to where points are feasible.'),
      );
    }
    const row = sequence(request.skip + candidate);
    if (accept(pointAt(variables, row))) {
      accepted += 1;
      if (accepted > request.drawnBefore) rows.push(row);
    } else if (accepted >= request.drawnBefore) rejected += 1;
  }
  return ok({ rows, rejected });
}

/**
 * The Sobol' sequence in Gray code order: index, 0 to 2^32 - 1, to a point. Scrambled by a random linear matrix and a
 * random digital shift, per dimension, the sequence keeps its net properties and every point is uniform.
 *
 * Sources: Antonov & Saleev (1979), USSR Computational Mathematics 19, 252-256 (Gray code); Matousek (1998), On the L2
 * discrepancy for anchored boxes, Journal of Complexity 14, 527-556 (scramble).
 */
function sobolSequence(dimensions: number, seed: number | null): (index: number) => number[] {
  const generators = Array.from({ length: dimensions }, (_, dimension) => {
    const directions = directionNumbers(dimension);
    return seed === null ? { directions, shift: 0 } : scrambled(directions, seed, dimension);
  });
  return (index) => {
    const gray = (index ^ (index >>> 1)) >>> 0;
    return generators.map(({ directions, shift }) => {
      let bits = shift;
      for (let rest = gray, position = 0; rest !== 0; rest >>>= 1, position += 1) {
        if ((rest & 1) === 1) bits ^= directions[position]!;
      }
      return (bits >>> 0) / 2 ** BITS;
    });
  };
}

/** v_1 to v_32 of a dimension, from 0, as binary fractions in the upper bits (Joe & Kuo, equation 2). */
function directionNumbers(dimension: number): Int32Array {
  const v = new Int32Array(BITS);
  if (dimension === 0) return v.map((_, position) => 1 << (BITS - 1 - position));
  const [a, ...m] = DIRECTION_NUMBERS[dimension - 1]!;
  const s = m.length;
  for (let k = 0; k < BITS; k += 1) {
    if (k < s) {
      v[k] = m[k]! << (BITS - 1 - k);
      continue;
    }
    v[k] = v[k - s]! ^ (v[k - s]! >>> s);
    for (let inner = 1; inner < s; inner += 1) {
      if (((a >>> (s - 1 - inner)) & 1) === 1) v[k] = v[k]! ^ v[k - inner]!;
    }
  }
  return v;
}

/** Multiplies by a random lower triangular matrix over the two-element field, with ones on its diagonal, and shifts. */
function scrambled(directions: Int32Array, seed: number, dimension: number): { directions: Int32Array; shift: number } {
  const random = randomStream(seed, 'sobol', dimension);
  const shift = random.integer(2 ** BITS);
  const matrix = Array.from({ length: BITS }, (_, row) => {
    const above = row === 0 ? 0 : (random.integer(2 ** BITS) >>> (BITS - row)) << (BITS - row);
    return above | (1 << (BITS - 1 - row));
  });
  const image = directions.map((direction) =>
    matrix.reduce((bits, mask, row) => bits | (parity(mask & direction) << (BITS - 1 - row)), 0),
  );
  return { directions: image, shift };
}

function parity(word: number): number {
  let folded = word;
  for (let half = 16; half >= 1; half /= 2) folded ^= folded >>> half;
  return folded & 1;
}
