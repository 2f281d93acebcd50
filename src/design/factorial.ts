import { err, ok, type Result } from '../base/result.ts';
import type { Accept, DesignVariable, PointValues } from './types.ts';
import { designError, levelCentre, levelCount, unitOf, valueAt, valueOfLevel } from './variable.ts';

const MOST_POINTS = 1_000_000;

/** Points with their places in the unit cube. */
export interface GivenPoints {
  readonly points: readonly PointValues[];
  readonly rows: readonly (readonly number[])[];
  readonly rejected: number;
}

interface Level {
  readonly value: number | string;
  readonly unit: number;
}

/**
 * All combinations of levels. The first variable changes slowest, the last fastest; levels rise from min to max, and
 * ordered variables and choices keep the order of their values. Points that `accept` refuses are left out.
 *
 * @param levels for every real and integer at least 2, both bounds included; an integer with fewer values takes them all
 * @returns PLAN_INVALID if levels do not fit the variables, above 1,000,000 combinations, or if no point is accepted
 */
export function fullFactorial(
  levels: Readonly<Record<string, number>>,
  variables: readonly DesignVariable[],
  accept?: Accept,
): Result<GivenPoints> {
  const problem = levelsProblem(levels, variables);
  if (problem !== null) return err(designError(problem, 'Correct `levels` in the design.'));
  const counts = variables.map((variable) =>
    Math.min(levelCount(variable), levels[variable.name] ?? Number.POSITIVE_INFINITY),
  );
  const combinations = counts.reduce((product, count) => product * count, 1);
  if (combinations > MOST_POINTS) {
    const message = `A full factorial of ${counts.join(' x ')} levels has ${combinations} points; at most ${MOST_POINTS} are allowed.`;
    return err(designError(message, 'Use fewer levels, or a `latin_hypercube` or `sobol` design.'));
  }
  const axes = variables.map((variable, index) => axisOf(variable, counts[index]!));
  const points: PointValues[] = [];
  const rows: number[][] = [];
  for (let combination = 0; combination < combinations; combination += 1) {
    const chosen = combinationOf(axes, combination);
    const point = Object.fromEntries(variables.map((variable, index) => [variable.name, chosen[index]!.value]));
    if (accept !== undefined && !accept(point)) continue;
    points.push(point);
    rows.push(chosen.map((level) => level.unit));
  }
  if (points.length === 0) {
    const message = `None of the ${combinations} points of the full factorial keeps the constraints.`;
    return err(designError(message, 'Use more levels, or narrow the variables to where points are feasible.'));
  }
  return ok({ points, rows, rejected: combinations - points.length });
}

function levelsProblem(levels: Readonly<Record<string, number>>, variables: readonly DesignVariable[]): string | null {
  for (const name of Object.keys(levels)) {
    const variable = variables.find((candidate) => candidate.name === name);
    if (variable === undefined) return `\`levels\` names ${name}, and no variable has this name.`;
    if (variable.kind === 'ordered' || variable.kind === 'choice') {
      return `\`levels\` names ${name}, which takes all its values anyway.`;
    }
    const count = levels[name]!;
    if (!Number.isInteger(count) || count < 2)
      return `Variable ${name} needs an integer of at least 2 levels, not ${count}.`;
  }
  for (const { kind, name } of variables) {
    if ((kind === 'real' || kind === 'integer') && !Object.hasOwn(levels, name))
      return `\`levels\` has no number for ${name}.`;
  }
  return null;
}

function axisOf(variable: DesignVariable, count: number): Level[] {
  return Array.from({ length: count }, (_, index) => {
    if (variable.kind === 'real') return realLevel(variable, index, count - 1);
    if (variable.kind !== 'integer')
      return { value: valueOfLevel(variable, index), unit: levelCentre(variable, index) };
    const level = count === 1 ? 0 : Math.floor((index * (levelCount(variable) - 1)) / (count - 1) + 0.5);
    return { value: valueOfLevel(variable, level), unit: levelCentre(variable, level) };
  });
}

/** Rounded so that a person sees 0.3 and 10, not 0.30000000000000004 and 9.999999999999998; the bounds stay as they are. */
function realLevel(variable: DesignVariable, index: number, last: number): Level {
  const exact = Number(valueAt(variable, index / last));
  if (index === 0 || index === last) return { value: exact, unit: index / last };
  const value = Math.min(variable.max!, Math.max(variable.min!, Number(exact.toPrecision(15)))) + 0;
  return { value, unit: unitOf(variable, value) };
}

/** The combination of that number, the last axis being the lowest digit. */
function combinationOf(axes: readonly (readonly Level[])[], combination: number): Level[] {
  const chosen: Level[] = [];
  let rest = combination;
  for (const axis of axes.toReversed()) {
    chosen.push(axis[rest % axis.length]!);
    rest = Math.floor(rest / axis.length);
  }
  return chosen.reverse();
}
