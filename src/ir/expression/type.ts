import type { Json, JsonObject } from '../../base/json.ts';
import { isJsonObject } from '../../base/json.ts';
import type { Unit } from '../quantity.ts';
import { DIMENSIONLESS, isPlainNumber } from '../quantity.ts';

/**
 * What is known of a value before a run. A number's `unit` is null if its dimension is not known; a map's `fields` are null
 * if its keys are not known. `any` is a tool's answer without a schema: nothing about it is checked.
 */
export type Type =
  | { readonly kind: 'number'; readonly unit: Unit | null }
  | { readonly kind: 'boolean' | 'string' | 'null' | 'any' }
  | { readonly kind: 'list'; readonly item: Type }
  | { readonly kind: 'map'; readonly fields: Readonly<Record<string, Type>> | null };

export const ANY: Type = { kind: 'any' };
export const BOOLEAN: Type = { kind: 'boolean' };
export const STRING: Type = { kind: 'string' };
export const PLAIN_NUMBER: Type = { kind: 'number', unit: DIMENSIONLESS };

/** A type's name, as it stands in a message. */
export function describeType(type: Type): string {
  switch (type.kind) {
    case 'number':
      if (type.unit === null) return 'a number';
      return isPlainNumber(type.unit) ? 'a bare number' : `a quantity in ${type.unit.text}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return 'text';
    case 'null':
      return 'null';
    case 'any':
      return 'a value of unknown type';
    case 'list':
      return 'a list';
    case 'map':
      return 'a map';
  }
}

/** Schemas nested deeper than this are not followed; what lies there is `any`. */
const DEEPEST_SCHEMA = 32;

/**
 * The type of the values that a JSON Schema allows: of a tool's answers, whose numbers are bare. Fields that the schema does
 * not name are known to be missing, unless it says that there may be more. Whatever is not understood is `any`.
 */
export function typeOfJsonSchema(schema: JsonObject): Type {
  return typeAt(schema, 0);
}

function typeAt(schema: Json | undefined, depth: number): Type {
  if (!isJsonObject(schema) || depth > DEEPEST_SCHEMA) return ANY;
  if (['$ref', '$dynamicRef', 'anyOf', 'oneOf', 'allOf', 'if', 'not'].some((key) => Object.hasOwn(schema, key)))
    return ANY;
  const allowed = Object.hasOwn(schema, 'const') ? [schema['const']!] : schema['enum'];
  if (Array.isArray(allowed)) return typeOfValues(allowed);
  switch (schema['type']) {
    case 'string':
      return STRING;
    case 'number':
    case 'integer':
      return PLAIN_NUMBER;
    case 'boolean':
      return BOOLEAN;
    case 'null':
      return { kind: 'null' };
    case 'array':
      return { kind: 'list', item: Object.hasOwn(schema, 'prefixItems') ? ANY : typeAt(schema['items'], depth + 1) };
    case 'object':
      return { kind: 'map', fields: fieldsOf(schema, depth) };
    default:
      return ANY;
  }
}

function typeOfValues(values: readonly Json[]): Type {
  const is = (kind: string): boolean => values.length > 0 && values.every((value) => typeof value === kind);
  if (is('string')) return STRING;
  if (is('number')) return PLAIN_NUMBER;
  return is('boolean') ? BOOLEAN : ANY;
}

function fieldsOf(schema: JsonObject, depth: number): Record<string, Type> | null {
  const { properties, additionalProperties } = schema;
  const open = additionalProperties === true || isJsonObject(additionalProperties);
  if (!isJsonObject(properties) || open || Object.hasOwn(schema, 'patternProperties')) return null;
  return Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, typeAt(field, depth + 1)]));
}
