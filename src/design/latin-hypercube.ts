import { type RandomStream, randomStream } from '../base/random.ts';
import { err, ok, type Result } from '../base/result.ts';
import { optimizeMaximin } from './maximin.ts';
import type { Accept, DesignVariable, UnitRows } from './types.ts';
import { designError, effectiveUnit, isNumeric, levelAt, levelCentre, levelCount, pointAt } from './variable.ts';

/** Most new points of one maximin design: its cost is O(n^2). */
const MOST_FOR_MAXIMIN = 1000;

interface LatinRequest {
  readonly points: number;
  readonly seed: number;
  readonly optimize: 'none' | 'maximin';
  /** 0 for the design itself, 1, 2, ... for its extensions. */
  readonly occurrence: number;
  /** Places of the points drawn before, which stay as they are. */
  readonly before: readonly (readonly number[])[];
}

/**
 * Draws a Latin hypercube design, or extends one: with m points before and n new ones, every variable is cut into m + n
 * strata, and the new points take strata that are empty, one each. The whole is Latin wherever the old points sit in
 * different strata of the new cut: always for a new design, and for an extension to a multiple of m.
 *
 * Constraints. Points that `accept` refuses are repaired within the Latin property: by another place in the same
 * strata, or by exchanging one coordinate with another point, up to 50 tries per point and 5,000 more. Where that fails (strata
 * at the edge of a variable may be feasible for no point) a Latin hypercube of more points is drawn and its feasible
 * points are kept: no two then share one of its finer strata, and the quality figures say `latin: false`. At 100
 * candidates per point and 10,000 more (at most a million beside two per point), the feasible share is too small.
 *
 * @returns rows in [0, 1); PLAN_INVALID above 1,000 points with maximin, or if too few candidates are accepted
 *
 * Sources: McKay, Beckman & Conover (1979), Technometrics 21(2), 239-245; Petelet, Iooss, Asserin & Loredo (2010), Latin
 * hypercube sampling with inequality constraints, AStA Advances in Statistical Analysis 94, 325-339 (permutations).
 */
export function drawLatinHypercube(
  request: LatinRequest,
  variables: readonly DesignVariable[],
  accept?: Accept,
): Result<UnitRows> {
  const { points, seed, occurrence } = request;
  if (request.optimize === 'maximin' && points > MOST_FOR_MAXIMIN) {
    const message = `A maximin Latin hypercube has at most ${MOST_FOR_MAXIMIN} points, not ${points}.`;
    return err(designError(message, 'Use `optimize: none`, or a `sobol` design, which fills space without a search.'));
  }
  const streamFor = (...path: (string | number)[]) => randomStream(seed, 'latin_hypercube', occurrence, ...path);
  const isAccepted = (row: readonly number[]) => accept === undefined || accept(pointAt(variables, row));
  const occupied = occupiedPlaces(request.before, variables);
  const candidates = (count: number) =>
    rowsOf(variables.map((_, dimension) => fillStrata(occupied[dimension]!, count, streamFor(count, dimension))));

  let rows = candidates(points);
  const refused = [...rows.keys()].filter((index) => !isAccepted(rows[index]!));
  const strata = request.before.length + points;
  let rejected = refused.length + repair(rows, refused, strata, isAccepted, streamFor('repair'));
  if (refused.length > 0) {
    const thinned = thinnedRows(points, candidates, isAccepted);
    if (!thinned.ok) return thinned;
    rows = thinned.value.rows.map((row) => [...row]);
    rejected += thinned.value.rejected;
  }
  if (request.optimize === 'maximin') {
    const numeric = [...variables.keys()].filter((index) => isNumeric(variables[index]!));
    const place = (dimension: number, unit: number) => effectiveUnit(variables[dimension]!, unit);
    optimizeMaximin({ rows, fixed: request.before, columns: numeric, place, isAccepted, random: streamFor('maximin') });
  }
  return ok({ rows, rejected });
}

/** One column: places in empty strata of the new cut, in random order. */
function fillStrata(occupied: readonly number[], count: number, random: RandomStream): number[] {
  const strata = occupied.length + count;
  const isTaken = new Uint8Array(strata);
  for (const place of occupied) isTaken[Math.min(strata - 1, Math.floor(place * strata))] = 1;
  const empty = [...isTaken.keys()].filter((stratum) => isTaken[stratum] === 0);
  const chosen = random.shuffle(empty).slice(0, count);
  return chosen.map((stratum) => (stratum + random.uniform()) / strata);
}

/**
 * Columns of the places that points drawn before take. Several points of one discrete value share its part of the unit
 * interval evenly, as a Latin design would have put them.
 */
function occupiedPlaces(before: readonly (readonly number[])[], variables: readonly DesignVariable[]): number[][] {
  return variables.map((variable, dimension) => {
    const column = before.map((row) => row[dimension]!);
    if (variable.kind === 'real') return column;
    const levels = column.map((place) => levelAt(variable, place));
    const totals = new Map<number, number>();
    for (const level of levels) totals.set(level, (totals.get(level) ?? 0) + 1);
    const seen = new Map<number, number>();
    return levels.map((level) => {
      const rank = seen.get(level) ?? 0;
      seen.set(level, rank + 1);
      return levelCentre(variable, level) + ((rank + 0.5) / totals.get(level)! - 0.5) / levelCount(variable);
    });
  });
}

function rowsOf(columns: readonly (readonly number[])[]): number[][] {
  return columns[0]!.map((_, index) => columns.map((column) => column[index]!));
}

/**
 * Makes refused rows acceptable, in place, without leaving any stratum. An exchange that moves the refusal to the other
 * point is kept too: it is a random walk that ends when the walker meets a feasible place.
 *
 * @param refused indices of the rows to repair; what is left in it could not be repaired
 * @returns number of candidates refused on the way
 */
function repair(
  rows: number[][],
  refused: number[],
  strata: number,
  isAccepted: (row: readonly number[]) => boolean,
  random: RandomStream,
): number {
  const isRefused = new Uint8Array(rows.length);
  for (const index of refused) isRefused[index] = 1;
  let rejected = 0;
  const judge = (row: readonly number[]): 0 | 1 => {
    const verdict = isAccepted(row) ? 0 : 1;
    rejected += verdict;
    return verdict;
  };
  for (let left = 50 * rows.length + 5000; left > 0 && refused.length > 0; left -= 1) {
    const at = random.integer(refused.length);
    const index = refused[at]!;
    if (rows.length === 1 || random.uniform() < 0.25) {
      const elsewhere = rows[index]!.map((place) => (Math.floor(place * strata) + random.uniform()) / strata);
      if (judge(elsewhere) === 1) continue;
      rows[index] = elsewhere;
      isRefused[index] = 0;
      refused.splice(at, 1);
      continue;
    }
    const other = (index + 1 + random.integer(rows.length - 1)) % rows.length;
    const dimension = random.integer(rows[index]!.length);
    exchange(rows[index]!, rows[other]!, dimension);
    const mine = judge(rows[index]!);
    const theirs = judge(rows[other]!);
    if (mine + theirs > 1 + isRefused[other]!) {
      exchange(rows[index]!, rows[other]!, dimension);
      continue;
    }
    const wasRefused = isRefused[other];
    isRefused[index] = mine;
    isRefused[other] = theirs;
    if (mine === 0) refused.splice(at, 1);
    if (theirs === 1 && wasRefused === 0) refused.push(other);
    if (theirs === 0 && wasRefused === 1) refused.splice(refused.indexOf(other), 1);
  }
  return rejected;
}

function exchange(a: number[], b: number[], dimension: number): void {
  const kept = a[dimension]!;
  a[dimension] = b[dimension]!;
  b[dimension] = kept;
}

/** The first feasible rows of the smallest hypercube, of twice, four times, ... the points, that has enough of them. */
function thinnedRows(
  points: number,
  candidates: (count: number) => number[][],
  isAccepted: (row: readonly number[]) => boolean,
): Result<UnitRows> {
  const most = Math.min(100 * points + 10_000, 2 * points + 1_000_000); // all are in memory at once
  let rejected = 0;
  for (let count = 2 * points; ; count = Math.min(2 * count, most)) {
    const rows: number[][] = [];
    let looked = 0;
    for (const row of candidates(count)) {
      if (rows.length === points) break;
      looked += 1;
      if (isAccepted(row)) rows.push(row);
    }
    rejected += looked - rows.length;
    if (rows.length === points) return ok({ rows, rejected });
    if (count === most) {
      const message = `Of ${most} candidates, ${rows.length} keep the constraints; ${points} are needed.`;
      return err(
        designError(message, 'The feasible share looks too small: narrow the variables to where points are feasible.'),
      );
    }
  }
}
