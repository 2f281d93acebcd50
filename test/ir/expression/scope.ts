import type { Json, JsonObject } from '../../../src/base/json.ts';
import type { Scope } from '../../../src/ir/expression/check.ts';
import { checkExpression } from '../../../src/ir/expression/check.ts';
import { evaluate } from '../../../src/ir/expression/evaluate.ts';
import { parseExpression } from '../../../src/ir/expression/parse.ts';
import type { Expression } from '../../../src/ir/expression/tree.ts';
import type { Type } from '../../../src/ir/expression/type.ts';
import { typeOfJsonSchema } from '../../../src/ir/expression/type.ts';
import type { Value } from '../../../src/ir/expression/value.ts';
import { QuantityValue } from '../../../src/ir/expression/value.ts';
import type { Unit } from '../../../src/ir/quantity.ts';
import { parseQuantity, parseUnit } from '../../../src/ir/quantity.ts';

export function unit(text: string): Unit {
  const result = parseUnit(text);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

export function quantity(text: string): Value {
  const result = parseQuantity(text);
  if (!result.ok) throw new Error(result.error);
  return new QuantityValue(result.value.value, result.value.unit);
}

export function parsed(text: string): Expression {
  const result = parseExpression(text);
  if (!result.ok) throw new Error(`${text}: ${result.error.message}`);
  return result.value;
}

/** The beam of the example plan, and an answer with and one without a schema. */
const QUANTITIES = {
  load: '100 N',
  length: '200 mm',
  width: '10 mm',
  height: '0.02 m',
  E: '210 GPa',
  density: '7850 kg/m^3',
  deflection: '0.4 mm',
  angle: '30 deg',
  tolerance: '5 %',
  speed: '3000 rpm',
  frequency: '50 Hz',
};

const POST_SCHEMA: JsonObject = {
  type: 'object',
  properties: {
    mass: { type: 'number' },
    reaction: { type: 'number' },
    status: { enum: ['done', 'failed'] },
    warnings: { type: 'array', items: { type: 'string' } },
    modes: { type: 'array', items: { type: 'number' } },
    converged: { type: 'boolean' },
    message: { type: ['string', 'null'] },
  },
};
const POST: Json = {
  mass: 0.314,
  reaction: 100.00001,
  status: 'done',
  warnings: ['mesh is coarse'],
  modes: [12.5, 80, 211],
  converged: true,
  message: null,
};
/** Parsed, not written as a literal, so that __proto__ is a key of its own as in an answer. */
const RAW = JSON.parse(
  '{"x": 2, "nested": {"k": [1, {"deep": "yes"}]}, "__proto__": 7, "mixed": [1, "a", null]}',
) as Value;

export const VALUES: ReadonlyMap<string, Value> = new Map<string, Value>([
  ...Object.entries(QUANTITIES).map(([name, text]): [string, Value] => [name, quantity(text)]),
  ['count', 3],
  ['ratio', 0.25],
  ['material', 'steel'],
  ['post', POST],
  ['raw', RAW],
  ['feasible', [{ mass: 1 }, { mass: 2 }]],
  ['lengths', [quantity('1 mm'), quantity('5 mm')]],
]);

const TYPES: ReadonlyMap<string, Type> = new Map<string, Type>([
  ...Object.entries(QUANTITIES).map(([name, text]): [string, Type] => {
    const value = quantity(text);
    if (!(value instanceof QuantityValue)) throw new Error(name);
    return [name, { kind: 'number', unit: value.unit }];
  }),
  ['count', typeOfJsonSchema({ type: 'integer' })],
  ['ratio', typeOfJsonSchema({ type: 'number' })],
  ['material', { kind: 'string' }],
  ['post', typeOfJsonSchema(POST_SCHEMA)],
  ['raw', { kind: 'any' }],
  ['feasible', { kind: 'list', item: { kind: 'map', fields: null } }],
  ['lengths', { kind: 'list', item: { kind: 'number', unit: unit('mm') } }],
]);

export const SCOPE: Scope = { lookup: (name) => TYPES.get(name), names: [...TYPES.keys()] };

export const lookup = (name: string): Value | undefined => VALUES.get(name);

/** The value, or the message of the failure. */
export function evaluated(text: string): Value | { failure: string } {
  const result = evaluate(parsed(text), lookup);
  return result.ok ? result.value : { failure: result.error.message };
}

export function problemsOf(text: string): string[] {
  return checkExpression(parsed(text), SCOPE).problems.map(({ message }) => message);
}

export function notesOf(text: string): string[] {
  return checkExpression(parsed(text), SCOPE).notes.map(({ message }) => message);
}
