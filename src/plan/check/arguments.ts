import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts';
import type { Scope } from '../../ir/expression/check.ts';
import { describeType, type Type, typeOfJsonSchema } from '../../ir/expression/type.ts';
import { parseUnit } from '../../ir/quantity.ts';
import type { CallSite } from './calls.ts';
import type { CheckContext } from './context.ts';
import type { Expressions } from './expressions.ts';
import {
  complaintsOf,
  hasAlternatives,
  meantArgument,
  memberPart,
  partAt,
  propertyNames,
  requiredNames,
  type SchemaPart,
} from './json-schemas.ts';
import { type Path, placeOf } from './reporter.ts';

/** Arguments against the pinned contract of the call: names, what is missing, types, literal values. */
export function checkArguments(site: CallSite, scope: Scope, expressions: Expressions, context: CheckContext): void {
  const given = (site.words.with ?? {}) as JsonObject;
  const path = [...site.path, 'with'];
  const { pinned, call } = site;
  const root = pinned === null ? undefined : (pinned.input as JsonObject);
  const part = root === undefined ? undefined : partAt(root, root);
  const keyArgument = pinned?.key?.argument;
  const checker = new ArgumentChecker(call, scope, expressions, context);
  if (keyArgument !== undefined && Object.hasOwn(given, keyArgument)) {
    const message = `\`${keyArgument}\` carries the idempotency key of \`${call}\`.`;
    context.report.keyError('KEY_GIVEN', [...path, keyArgument], message, 'Remove it: the engine makes the key.');
  }
  const others = Object.fromEntries(Object.entries(given).filter(([name]) => name !== keyArgument));
  checker.members(others, part, site.words.with === undefined ? site.path : path, keyArgument);
}

class ArgumentChecker {
  readonly #call: string;
  readonly #scope: Scope;
  readonly #expressions: Expressions;
  readonly #context: CheckContext;

  constructor(call: string, scope: Scope, expressions: Expressions, context: CheckContext) {
    this.#call = call;
    this.#scope = scope;
    this.#expressions = expressions;
    this.#context = context;
  }

  members(given: JsonObject, part: SchemaPart | undefined, path: Path, keyArgument?: string): void {
    const { report } = this.#context;
    if (part !== undefined) {
      for (const name of requiredNames(part)) {
        if (Object.hasOwn(given, name) || name === keyArgument) continue;
        report.error(
          'ARGUMENT',
          path,
          `\`${this.#call}\` needs the argument \`${name}\`.`,
          `Add \`${name}\` to its arguments.`,
        );
      }
    }
    const known = part === undefined ? [] : propertyNames(part).filter((name) => name !== keyArgument);
    for (const [name, value] of Object.entries(given)) {
      const member = part === undefined ? undefined : memberPart(part, name);
      const here = [...path, name];
      if (member === null) {
        const free = known.filter((other) => !Object.hasOwn(given, other));
        const fix = meantArgument(name, free.length > 0 ? free : known);
        report.keyError('ARGUMENT', here, `\`${this.#call}\` has no argument \`${name}\`.`, fix);
      }
      this.#value(value, member ?? undefined, here);
    }
  }

  #value(value: Json, part: SchemaPart | undefined, path: Path): void {
    if (typeof value === 'string' && isExpression(value)) {
      const written = this.#expressions.value(path, value);
      const type = written === null ? null : this.#expressions.typeOf(written, this.#scope);
      if (type !== null) this.#compare(type, part, value.slice(1), path);
    } else if (isUnitRequest(value)) {
      this.#quantity(value, part, path);
    } else if (!holdsExpression(value)) {
      if (part !== undefined) this.#literal(withoutEscapes(value), part, path);
    } else if (Array.isArray(value)) {
      const item = part === undefined ? undefined : partAt(part.schema['items'], part.root);
      for (const [at, member] of value.entries()) this.#value(member, item, [...path, at]);
    } else if (isJsonObject(value)) {
      const isPlain = part !== undefined && !hasAlternatives(part.schema);
      this.members(value, isPlain ? part : undefined, path);
    }
  }

  #quantity(value: { value: string; unit: string }, part: SchemaPart | undefined, path: Path): void {
    const unit = parseUnit(value.unit);
    if (!unit.ok) this.#context.report.error('UNIT', [...path, 'unit'], unit.error, 'Write a unit such as `mm`.');
    const here = [...path, 'value'];
    const written = this.#expressions.value(here, value.value);
    this.#expressions.requireNumber(written, this.#scope, unit.ok ? unit.value : null, false);
    this.#compare({ kind: 'number', unit: null }, part, value.value.slice(1), path);
  }

  #compare(type: Type, part: SchemaPart | undefined, text: string, path: Path): void {
    if (part === undefined) return;
    const expected = typeOfJsonSchema(part.schema);
    if (fits(type, expected)) return;
    const message = `\`${text}\` is ${describeType(type)}, but \`${path.at(-1)}\` takes ${wanted(expected)}.`;
    this.#context.report.error('ARGUMENT', path, message, `Give it ${wanted(expected)}.`);
  }

  #literal(value: Json, part: SchemaPart, path: Path): void {
    const { report } = this.#context;
    const complaints = complaintsOf(value, part);
    if (complaints === null) {
      const message = `The pinned schema of \`${this.#call}\` cannot be read here: ${placeOf(path)} is not checked.`;
      report.warning('SCHEMA_UNUSABLE', path, message, 'Report it to the author of the tool.');
      return;
    }
    for (const complaint of complaints) {
      const here = [...path, ...complaint.path.map((key) => (/^[0-9]+$/.test(key) ? Number(key) : key))];
      report.error('ARGUMENT', here, `\`${here.at(-1)}\` ${complaint.message}.`, complaint.fix);
    }
  }
}

/** A string that is an expression; `==x` is the text `=x`. */
export function isExpression(value: string): boolean {
  return value.startsWith('=') && !value.startsWith('==');
}

/** `{ value: "=width", unit: m }` asks for a number in a unit. */
function isUnitRequest(value: Json): value is { value: string; unit: string } {
  if (!isJsonObject(value) || Object.keys(value).length !== 2) return false;
  return typeof value['unit'] === 'string' && typeof value['value'] === 'string' && isExpression(value['value']);
}

function holdsExpression(value: Json): boolean {
  if (typeof value === 'string') return isExpression(value);
  if (Array.isArray(value)) return value.some(holdsExpression);
  return isJsonObject(value) && Object.values(value).some(holdsExpression);
}

function withoutEscapes(value: Json): Json {
  if (typeof value === 'string') return value.startsWith('==') ? value.slice(1) : value;
  if (Array.isArray(value)) return value.map(withoutEscapes);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutEscapes(member)]));
}

/** A quantity is passed as its bare number, so that units do not matter here. */
function fits(type: Type, expected: Type): boolean {
  if (type.kind === 'any' || expected.kind === 'any') return true;
  if (type.kind === 'list' && expected.kind === 'list') return fits(type.item, expected.item);
  return type.kind === expected.kind;
}

function wanted(expected: Type): string {
  return expected.kind === 'number' ? 'a number' : describeType(expected);
}
