import { err, ok, type Result } from '../base/result.ts';
import { unreachable } from '../base/unreachable.ts';
import { fullFactorial, type GivenPoints } from './factorial.ts';
import { drawLatinHypercube } from './latin-hypercube.ts';
import { qualityOf } from './quality.ts';
import { drawSobol } from './sobol.ts';
import { pointsOfTable, unitRowsOf } from './table.ts';
import type { Accept, DesignVariable, Drawn, Generator, PointValues, UnitRows } from './types.ts';
import { designError, pointAt, pointProblem, variablesProblem } from './variable.ts';

export type { DesignVariable, Drawn, Generator, PointValues, Quality } from './types.ts';

const MOST_POINTS = 1_000_000;

interface DrawOptions {
  /** The plan's constraints: a point for which this is false is never drawn. */
  readonly accept?: Accept;
}

/**
 * Draws a design. The same arguments give the same points, to the bit, on every machine.
 *
 * Above 2,000 points `quality.min_distance` and `quality.centered_discrepancy` are null, as they compare all pairs.
 *
 * @returns PLAN_INVALID if variables, levels or a table are wrong, a size is beyond its limit (a million points; 1,000
 * with maximin; 64 variables for Sobol'), or the constraints leave too little room
 * @throws RangeError if a number of points, a seed or `skip` is out of range: a bug, for ir/ has checked the user's plan
 */
export function drawDesign(
  generator: Generator,
  variables: readonly DesignVariable[],
  options: DrawOptions = {},
): Result<Drawn> {
  const problem = variablesProblem(variables);
  if (problem !== null) return err(problem);
  const { accept } = options;
  switch (generator.kind) {
    case 'latin_hypercube': {
      const { points, seed, optimize } = generator;
      requireInteger('points', points, 1, MOST_POINTS);
      return fromUnit(
        drawLatinHypercube({ points, seed, optimize, occurrence: 0, before: [] }, variables, accept),
        [],
        variables,
      );
    }
    case 'sobol': {
      requireInteger('points', generator.points, 1, MOST_POINTS);
      return fromUnit(drawSobol(sobolRequest(generator, 0, generator.points), variables, accept), [], variables);
    }
    case 'full_factorial':
      return fromGiven(fullFactorial(generator.levels, variables, accept), variables);
    case 'table':
      return fromGiven(pointsOfTable(generator.rows, variables, accept), variables);
    default:
      return unreachable(generator);
  }
}

/**
 * Adds n points to a design drawn before. Old points stay as they are, and come first in the quality figures, which are
 * those of old and new points together; only the new points are returned. A Latin hypercube fills empty strata, a
 * Sobol' sequence goes on; a full factorial and a table are complete and cannot be extended.
 *
 * @param previous all points of the design so far, in order, those of earlier extensions included
 * @param occurrence 1 for the first extension, 2 for the second, ...: each has random numbers of its own
 */
export function extendDesign(
  generator: Generator,
  previous: readonly PointValues[],
  n: number,
  occurrence: number,
  variables: readonly DesignVariable[],
  options: DrawOptions = {},
): Result<Drawn> {
  if (generator.kind === 'full_factorial' || generator.kind === 'table') {
    const message = `A design of kind ${generator.kind} is complete and cannot be extended.`;
    return err(designError(message, 'Extend a `latin_hypercube` or `sobol` design, or add a phase with a new design.'));
  }
  requireInteger('n', n, 1, MOST_POINTS);
  requireInteger('occurrence', occurrence, 1, Number.MAX_SAFE_INTEGER);
  if (previous.length + n > MOST_POINTS) {
    const message = `A design of ${previous.length} points cannot be extended by ${n}: at most ${MOST_POINTS} points are allowed.`;
    return err(designError(message, 'Extend by fewer points.'));
  }
  const problem = variablesProblem(variables) ?? previousProblem(previous, variables);
  if (problem !== null) return err(problem);
  const before = unitRowsOf(previous, variables);
  if (generator.kind === 'sobol') {
    return fromUnit(
      drawSobol(sobolRequest(generator, previous.length, n), variables, options.accept),
      before,
      variables,
    );
  }
  const request = { points: n, seed: generator.seed, optimize: generator.optimize, occurrence, before };
  return fromUnit(drawLatinHypercube(request, variables, options.accept), before, variables);
}

function sobolRequest(generator: Generator & { kind: 'sobol' }, drawnBefore: number, points: number) {
  const { skip, seed, scramble } = generator;
  requireInteger('skip', skip, 0, 2 ** 31);
  return { seed: scramble ? seed : null, skip, drawnBefore, points };
}

function previousProblem(previous: readonly PointValues[], variables: readonly DesignVariable[]) {
  for (const [index, point] of previous.entries()) {
    const problem = pointProblem(variables, point);
    if (problem === null) continue;
    const hint = 'Extend with the variables the design was drawn with.';
    return designError(`Point ${index + 1} of the design that is extended has a problem in ${problem}.`, hint);
  }
  return null;
}

function fromUnit(
  drawn: Result<UnitRows>,
  before: readonly (readonly number[])[],
  variables: readonly DesignVariable[],
): Result<Drawn> {
  if (!drawn.ok) return drawn;
  const { rows, rejected } = drawn.value;
  const points = rows.map((row) => pointAt(variables, row));
  return ok({ points, unit: rows, quality: qualityOf(variables, [...before, ...rows]), rejected });
}

function fromGiven(given: Result<GivenPoints>, variables: readonly DesignVariable[]): Result<Drawn> {
  if (!given.ok) return given;
  const { points, rows, rejected } = given.value;
  return ok({ points, unit: rows, quality: qualityOf(variables, rows), rejected });
}

function requireInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} must be an integer from ${min} to ${max}, not ${value}`);
}
