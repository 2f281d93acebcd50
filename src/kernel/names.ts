import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { evaluate } from '../ir/expression/evaluate.ts';
import { QuantityValue, toJson, type Value } from '../ir/expression/value.ts';
import type { Expression } from '../ir/expression/tree.ts';
import { convert, sameDimension, type Unit } from '../ir/quantity.ts';
import type { PointState, StepState } from './point-state.ts';
import type { Program, Template } from './program.ts';

export type Lookup = (name: string) => Value | undefined;
export type PointValues = Readonly<Record<string, number | string>>;

/** Constants, variables and derived values: what a point is before anything was called. */
export function pointNames(program: Program, values: PointValues): Lookup {
  const derived = new Map<string, Value>();
  const lookup: Lookup = (name) => {
    const constant = program.constants.get(name);
    if (constant !== undefined) return constant;
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value !== undefined) return withUnit(value, program.variable_units.get(name) ?? null);
    return derived.get(name) ?? derive(name);
  };
  const derive = (name: string): Value | undefined => {
    const expression = program.derived.get(name);
    if (expression === undefined) return undefined;
    const value = evaluate(expression, lookup);
    if (value.ok) derived.set(name, value.value);
    return value.ok ? value.value : undefined;
  };
  return lookup;
}

/** Also the steps that have succeeded: a step's answer, outside of it, is that of `fetch`, else of `poll`, else of the call. */
export function stepNames(outer: Lookup, steps: PointState['steps']): Lookup {
  return (name) => {
    const value = outer(name);
    if (value !== undefined || !Object.hasOwn(steps, name)) return value;
    const { status, answers } = steps[name]!;
    return status === 'succeeded' ? (answers.fetch ?? answers.poll ?? answers.call) : undefined;
  };
}

/** Inside a job, `submit` and `poll` name its parts. */
export function jobNames(outer: Lookup, { submit, poll }: StepState['answers']): Lookup {
  return (name) => {
    if (name === 'submit' && submit !== undefined) return submit;
    if (name === 'poll' && poll !== undefined) return poll;
    return outer(name);
  };
}

/** The fields of an answer come first and shadow; `answer` is the whole of it. */
export function answerNames(answer: Json, outer: Lookup): Lookup {
  return (name) => {
    if (isJsonObject(answer) && Object.hasOwn(answer, name)) return answer[name];
    return name === 'answer' ? answer : outer(name);
  };
}

export function withUnit(value: number | string, unit: Unit | null): Value {
  return typeof value === 'number' && unit !== null ? new QuantityValue(value, unit) : value;
}

/** The arguments of a call: a quantity is its number in its declared unit, or in the unit that is asked for. */
export function bindArguments(template: Template, lookup: Lookup): Result<JsonObject, string> {
  const bound = bind(template, lookup);
  if (!bound.ok) return bound;
  return isJsonObject(bound.value) ? ok(bound.value) : err('arguments are not an object');
}

function bind(template: Template, lookup: Lookup): Result<Json, string> {
  switch (template.kind) {
    case 'literal':
      return ok(template.value);
    case 'expression':
      return bindExpression(template.expression, template.unit, lookup);
    case 'list': {
      const items: Json[] = [];
      for (const item of template.items) {
        const bound = bind(item, lookup);
        if (!bound.ok) return bound;
        items.push(bound.value);
      }
      return ok(items);
    }
    case 'object': {
      const entries: [string, Json][] = [];
      for (const [key, item] of template.entries) {
        const bound = bind(item, lookup);
        if (!bound.ok) return bound;
        entries.push([key, bound.value]);
      }
      return ok(Object.fromEntries(entries));
    }
  }
}

function bindExpression(expression: Expression, unit: Unit | null, lookup: Lookup): Result<Json, string> {
  const value = evaluate(expression, lookup);
  if (!value.ok) return err(`\`${expression.text}\`: ${value.error.message}`);
  if (unit === null) return ok(toJson(value.value));
  const number = numberIn(value.value, unit);
  return number === null ? err(`\`${expression.text}\` cannot be given in ${unit.text}`) : ok(number);
}

/** A number in the unit: a quantity is converted, a bare number is taken to be in it; null for anything else. */
export function numberIn(value: Value, unit: Unit): number | null {
  if (typeof value === 'number') return value;
  if (!(value instanceof QuantityValue) || !sameDimension(value.unit, unit)) return null;
  return value.unit.text === unit.text ? value.value : convert(value.value, value.unit, unit);
}

/** Why a condition is not true. */
export interface Refusal {
  readonly message: string;
  /** Whether it has a truth value: an error is not true either. */
  readonly is_told: boolean;
}

/** A condition: true, or why not. */
export function holds(expression: Expression, lookup: Lookup): true | Refusal {
  const value = evaluate(expression, lookup);
  if (!value.ok) return { message: `\`${expression.text}\` cannot be told: ${value.error.message}`, is_told: false };
  return value.value === true ? true : { message: `\`${expression.text}\` does not hold`, is_told: true };
}
