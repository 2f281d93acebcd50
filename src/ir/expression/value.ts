import type { Json } from '../../base/json.ts';
import type { Quantity, Unit } from '../quantity.ts';

/** A number with a unit, at run time. A class, so that no answer of a tool can pass for one. */
export class QuantityValue implements Quantity {
  readonly value: number;
  readonly unit: Unit;
  constructor(value: number, unit: Unit) {
    this.value = value;
    this.unit = unit;
  }
}

/** What an expression can hold. Lists and maps are those of tool answers (JSON) and are never changed. */
export type Value = null | boolean | number | string | QuantityValue | readonly Value[] | ValueMap;
export interface ValueMap {
  readonly [key: string]: Value;
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isMap(value: Value): value is ValueMap {
  return typeof value === 'object' && value !== null && !isList(value) && !(value instanceof QuantityValue);
}

/** A value's kind, as it stands in a message. */
export function kindOf(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return 'true or false';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return 'a bare number';
  if (value instanceof QuantityValue) return `a quantity in ${value.unit.text}`;
  return isList(value) ? 'a list' : 'a map';
}

/** Deeper than any expression can nest quantities; what lies deeper in an answer is JSON already. */
const DEEPEST_QUANTITY = 100;

/** The value as JSON: a quantity is its number in its unit. */
export function toJson(value: Value): Json {
  return jsonAt(value, 0);
}

function jsonAt(value: Value, depth: number): Json {
  if (value instanceof QuantityValue) return value.value + 0;
  if (typeof value === 'number') return value + 0;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEEPEST_QUANTITY) return value as Json;
  if (isList(value)) return value.map((item) => jsonAt(item, depth + 1));
  // fromEntries defines own properties, so that a key such as __proto__ stays a key.
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonAt(item, depth + 1)]));
}

const LONGEST_SHOWN = 20;
const DEEPEST_SHOWN = 4;

/** The value for a person, shortened where it is long: `0.5 mm`, `"done"`, `[1, 2]`, `{a: 1}`. */
export function renderValue(value: Value): string {
  return shownAt(value, 0);
}

function shownAt(value: Value, depth: number): string {
  if (value instanceof QuantityValue) return `${value.value} ${value.unit.text}`;
  if (typeof value === 'string') return JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}...` : value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth >= DEEPEST_SHOWN) return isList(value) ? '[...]' : '{...}';
  if (isList(value)) {
    const items = value.slice(0, LONGEST_SHOWN).map((item) => shownAt(item, depth + 1));
    return `[${[...items, ...(value.length > LONGEST_SHOWN ? ['...'] : [])].join(', ')}]`;
  }
  const keys = Object.keys(value);
  const entries = keys.slice(0, LONGEST_SHOWN).map((key) => `${key}: ${shownAt(value[key]!, depth + 1)}`);
  return `{${[...entries, ...(keys.length > LONGEST_SHOWN ? ['...'] : [])].join(', ')}}`;
}
