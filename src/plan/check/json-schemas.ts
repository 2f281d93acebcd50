import { Ajv, type ErrorObject } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts';
import { closest } from '../../ir/expression/suggest.ts';
import { oneOf } from './schema-issues.ts';

const OPTIONS = {
  strict: false,
  allErrors: true,
  validateFormats: false,
  logger: false,
  addUsedSchema: false,
} as const;

type Dialect = 'draft7' | 'draft2020';

/** Made when first used: the package compiles its meta-schema, which takes 0.1 s. */
const validators = new Map<Dialect, Ajv>();

function validatorOf(dialect: Dialect): Ajv {
  const known = validators.get(dialect);
  if (known !== undefined) return known;
  const made = dialect === 'draft7' ? new Ajv(OPTIONS) : new Ajv2020(OPTIONS);
  validators.set(dialect, made);
  return made;
}

/** Why a literal breaks a tool's schema: below the value, in words. */
export interface SchemaComplaint {
  readonly path: readonly string[];
  readonly message: string;
  readonly fix: string;
}

/** A part of a tool's schema, with the whole that its references point into. */
export interface SchemaPart {
  readonly schema: JsonObject;
  readonly root: JsonObject;
}

/** Follows local references; undefined where there is nothing to follow. */
export function partAt(schema: Json | undefined, root: JsonObject): SchemaPart | undefined {
  let at = schema;
  for (let hops = 0; hops < 32; hops++) {
    if (!isJsonObject(at)) return undefined;
    const reference = at['$ref'];
    if (typeof reference !== 'string') return { schema: at, root };
    at = referenced(reference, root);
  }
  return undefined;
}

function referenced(reference: string, root: JsonObject): Json | undefined {
  const match = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference);
  const group = match === null ? undefined : root[match[1]!];
  const name = match?.[2]?.replaceAll('~1', '/').replaceAll('~0', '~');
  return isJsonObject(group) && name !== undefined && Object.hasOwn(group, name) ? group[name] : undefined;
}

/** The schema of a member; null where the schema says that there is none, undefined where it does not say. */
export function memberPart({ schema, root }: SchemaPart, name: string): SchemaPart | null | undefined {
  const { properties, additionalProperties } = schema;
  if (isJsonObject(properties) && Object.hasOwn(properties, name)) return partAt(properties[name], root);
  if (isJsonObject(additionalProperties)) return partAt(additionalProperties, root);
  const isOpen = additionalProperties === true || hasAlternatives(schema) || 'patternProperties' in schema;
  // A tool that leaves `additionalProperties` out ignores what it does not know: a misspelt argument would have no effect.
  return isOpen || (!isJsonObject(properties) && additionalProperties !== false) ? undefined : null;
}

export function requiredNames({ schema }: SchemaPart): string[] {
  const { required } = schema;
  return Array.isArray(required) ? required.filter((name) => typeof name === 'string') : [];
}

export function propertyNames({ schema }: SchemaPart): string[] {
  return isJsonObject(schema['properties']) ? Object.keys(schema['properties']) : [];
}

export function hasAlternatives(schema: JsonObject): boolean {
  return ['anyOf', 'oneOf', 'allOf', 'if', '$ref', '$dynamicRef'].some((word) => Object.hasOwn(schema, word));
}

/** What is wrong with a literal; null if the schema itself cannot be used. */
export function complaintsOf(value: Json, { schema, root }: SchemaPart): SchemaComplaint[] | null {
  const { $defs, definitions } = root;
  const whole = withoutDialect({
    ...schema,
    ...(isJsonObject($defs) && { $defs }),
    ...(isJsonObject(definitions) && { definitions }),
  });
  const validator = validatorOf(String(root['$schema'] ?? '').includes('draft-0') ? 'draft7' : 'draft2020');
  try {
    const validate = validator.compile(whole);
    return validate(value) ? [] : (validate.errors ?? []).map(complaintOf);
  } catch {
    return null;
  } finally {
    validator.removeSchema(whole);
  }
}

function withoutDialect({ $schema: _schema, $id: _id, ...rest }: JsonObject): JsonObject {
  return rest;
}

function complaintOf({ instancePath, keyword, params, message }: ErrorObject): SchemaComplaint {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  const said = message ?? `breaks ${keyword}`;
  if (keyword === 'enum' || keyword === 'const') {
    const allowed: unknown[] = keyword === 'enum' ? params['allowedValues'] : [params['allowedValue']];
    return {
      path,
      message: 'is none of the values that the call takes',
      fix: `Write ${oneOf(allowed.map((word) => `\`${String(word)}\``))}.`,
    };
  }
  if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') {
    const name = String(params['additionalProperty'] ?? params['unevaluatedProperty']);
    return { path: [...path, name], message: 'is unknown to the call', fix: 'Remove it.' };
  }
  return { path, message: said, fix: 'Write what the call takes.' };
}

/** The nearest of the known names, for a fix. */
export function meantArgument(name: string, known: readonly string[]): string {
  const near = closest(name, known);
  if (near !== undefined) return `Did you mean \`${near}\`?`;
  return known.length === 0 ? 'The call takes no arguments.' : `It takes ${known.join(', ')}.`;
}
