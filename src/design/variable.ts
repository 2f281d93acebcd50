import { ExpctlError } from '../base/error.ts';
import { log, pow } from '../base/portable-math.ts';
import type { DesignVariable, PointValues } from './types.ts';

/** A design that cannot be drawn is a problem of the plan. */
export function designError(message: string, hint: string): ExpctlError {
  return new ExpctlError('PLAN_INVALID', message, { hint });
}

/** Whether distances and correlations make sense: all kinds but choices. */
export function isNumeric(variable: DesignVariable): boolean {
  return variable.kind !== 'choice';
}

/** How many values a variable can take; Infinity for a real. */
export function levelCount(variable: DesignVariable): number {
  if (variable.kind === 'real') return Number.POSITIVE_INFINITY;
  return variable.kind === 'integer' ? variable.max! - variable.min! + 1 : variable.values!.length;
}

/** What is wrong with the variables, or null. */
export function variablesProblem(variables: readonly DesignVariable[]): ExpctlError | null {
  if (variables.length === 0)
    return designError('A design needs at least one variable.', 'Declare one in `variables`.');
  for (const variable of variables) {
    const problem = variableProblem(variable);
    if (problem !== null) return designError(`Variable ${variable.name} ${problem}.`, 'Correct it in `variables`.');
  }
  return null;
}

function variableProblem(variable: DesignVariable): string | null {
  const { kind, min, max, values, scale } = variable;
  if (scale === 'log' && kind !== 'real') return 'has a log scale, which only a real can have';
  if (kind === 'ordered' || kind === 'choice') {
    if (values === undefined || values.length === 0) return 'has no values';
    return new Set(values).size === values.length ? null : 'has a value twice';
  }
  if (min === undefined || max === undefined) return 'needs min and max';
  if (kind === 'integer') {
    if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max)) return 'has bounds that are not integers';
    if (!Number.isSafeInteger(max - min + 1)) return 'has bounds too far apart';
    return min <= max ? null : 'has a min above its max';
  }
  if (!Number.isFinite(min) || !Number.isFinite(max)) return 'has bounds that are not finite';
  if (min >= max) return 'needs a min below its max';
  return scale === 'log' && min <= 0 ? 'has a log scale and a min that is not positive' : null;
}

/**
 * The value at a place of the unit interval: reals linear or log between their bounds; the k values of the other kinds
 * each take 1/k of the interval. Never outside the bounds.
 */
export function valueAt(variable: DesignVariable, unit: number): number | string {
  if (variable.kind !== 'real') return valueOfLevel(variable, levelAt(variable, unit));
  const min = variable.min!;
  const max = variable.max!;
  const isLog = variable.scale === 'log';
  const value = isLog ? pow(min, 1 - unit) * pow(max, unit) : min * (1 - unit) + max * unit;
  return Math.min(max, Math.max(min, value)) + 0; // no negative zero
}

/** The level, from 0, at a place of the unit interval. */
export function levelAt(variable: DesignVariable, unit: number): number {
  const count = levelCount(variable);
  return Math.min(count - 1, Math.floor(unit * count));
}

export function valueOfLevel(variable: DesignVariable, level: number): number | string {
  return variable.kind === 'integer' ? variable.min! + level : variable.values![level]!;
}

/** Place of a value in the unit interval: the inverse of `valueAt` for a real, else the middle of the value's share. */
export function unitOf(variable: DesignVariable, value: number | string): number {
  if (variable.kind !== 'real') return levelCentre(variable, levelOf(variable, value));
  const min = variable.min!;
  const max = variable.max!;
  const x = Number(value);
  const isLog = variable.scale === 'log' && log(max) > log(min); // equal for neighbouring doubles
  const unit = isLog ? (log(x) - log(min)) / (log(max) - log(min)) : linearUnit(min, max, x);
  return Math.min(1, Math.max(0, unit));
}

function linearUnit(min: number, max: number, x: number): number {
  const range = max - min;
  return Number.isFinite(range) ? (x - min) / range : (x / 2 - min / 2) / (max / 2 - min / 2);
}

function levelOf(variable: DesignVariable, value: number | string): number {
  return variable.kind === 'integer' ? Number(value) - variable.min! : variable.values!.indexOf(value);
}

export function levelCentre(variable: DesignVariable, level: number): number {
  return (level + 0.5) / levelCount(variable);
}

/** Where a point with that place truly is: places within one level of a discrete variable are the same value. */
export function effectiveUnit(variable: DesignVariable, unit: number): number {
  return variable.kind === 'real' ? unit : levelCentre(variable, levelAt(variable, unit));
}

export function pointAt(variables: readonly DesignVariable[], row: readonly number[]): PointValues {
  const point: Record<string, number | string> = {};
  for (const [index, variable] of variables.entries()) point[variable.name] = valueAt(variable, row[index]!);
  return point;
}

/** What is wrong with a given point, beginning with the column; or null. */
export function pointProblem(variables: readonly DesignVariable[], point: PointValues): string | null {
  for (const name of Object.keys(point)) {
    if (!variables.some((variable) => variable.name === name)) return `column ${name}: no variable has this name`;
  }
  for (const variable of variables) {
    if (!Object.hasOwn(point, variable.name)) return `column ${variable.name}: there is no value`;
    const problem = valueProblem(variable, point[variable.name]!);
    if (problem !== null) return `column ${variable.name}: ${problem}`;
  }
  return null;
}

function valueProblem(variable: DesignVariable, value: number | string): string | null {
  const shown = JSON.stringify(value);
  if (variable.kind === 'ordered' || variable.kind === 'choice') {
    return variable.values!.includes(value) ? null : `${shown} is none of ${JSON.stringify(variable.values)}`;
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) return `${shown} is not a number`;
  if (variable.kind === 'integer' && !Number.isInteger(value)) return `${shown} is not an integer`;
  if (value < variable.min!) return `${shown} is below the min ${variable.min}`;
  return value > variable.max! ? `${shown} is above the max ${variable.max}` : null;
}
