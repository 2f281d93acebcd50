import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import type { PinnedCall } from '../ir/tools.ts';
import {
  hasAlternatives,
  memberPart,
  partAt,
  propertyNames,
  requiredNames,
  type SchemaPart,
} from './check/json-schemas.ts';

/** Stands where a person must write something; refused until they have. */
export const FILL_IN = 'FILL IN';

/** Arguments to test a call with. */
export interface SampleArguments {
  readonly with: JsonObject;
  readonly other: JsonObject | null;
}

/**
 * Arguments that a call's own schema gives: its `examples`, else the examples, defaults and constants of everything that is required. Null
 * where it does not give them all; nothing is invented.
 */
export function argumentsBySchema({ input, key }: Pick<PinnedCall, 'input' | 'key'>): SampleArguments | null {
  const examples = Array.isArray(input['examples']) ? input['examples'].filter(isJsonObject) : [];
  const [first, second] = examples.map((example) => withoutKey(example, key));
  if (first !== undefined) return { with: first, other: second ?? null };
  const part = partAt(input as JsonObject, input as JsonObject);
  if (part === undefined || hasAlternatives(part.schema)) return null;
  const given = members(part, key, (schema) => valuesOf(schema)[0]);
  if (given === null) return null;
  const other = members(part, key, (schema) => valuesOf(schema)[1] ?? valuesOf(schema)[0]);
  return { with: given, other: JSON.stringify(other) === JSON.stringify(given) ? null : other };
}

function withoutKey(example: JsonObject, key: PinnedCall['key']): JsonObject {
  return Object.fromEntries(Object.entries(example).filter(([name]) => name !== key?.argument));
}

function members(
  part: SchemaPart,
  key: PinnedCall['key'],
  choose: (part: SchemaPart) => Json | undefined,
): JsonObject | null {
  const entries: [string, Json][] = [];
  for (const name of requiredNames(part)) {
    if (name === key?.argument) continue;
    const member = memberPart(part, name);
    const value = member === null || member === undefined ? undefined : choose(member);
    if (value === undefined) return null;
    entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}

/** What the schema of a value says that it may be, in the order of trust. */
function valuesOf({ schema }: SchemaPart): Json[] {
  const { examples, enum: words } = schema;
  return [
    ...(Array.isArray(examples) ? examples : []),
    ...(Object.hasOwn(schema, 'default') ? [schema['default']!] : []),
    ...(Object.hasOwn(schema, 'const') ? [schema['const']!] : []),
    ...(Array.isArray(words) ? words : []),
  ];
}

/** The call's part of a test file, to be filled in: lines of YAML without indentation. */
export function skeletonOf(name: string, call: PinnedCall): string[] {
  const part = partAt(call.input as JsonObject, call.input as JsonObject) ?? { schema: {}, root: {} };
  const known = argumentsBySchema(call);
  const lines = (found: JsonObject | null) => argumentLines(part, call.key, found);
  const needed = (found: JsonObject | null) => lines(found).filter((line) => !line.startsWith('#'));
  if (call.effect === 'pure') return [`${name}: # pure`, ...indent(block('with', lines(known?.with ?? null)))];
  return [
    `${name}: # ${call.effect}`,
    ...indent(block('with', lines(known?.with ?? null))),
    ...indent(
      block('other', needed(known?.other ?? null), 'work as well; the tool must refuse them under a known key'),
    ),
    ...indent([
      '# count: { call: NAME } # or { files: "jobs/*.json" } or { lines: jobs.log }: how many effects there are',
    ]),
  ];
}

function block(word: string, lines: readonly string[], comment?: string): string[] {
  const behind = comment === undefined ? '' : ` # ${comment}`;
  return lines.length === 0 ? [`${word}: {}${behind}`] : [`${word}:${behind}`, ...indent(lines)];
}

function argumentLines(part: SchemaPart, key: PinnedCall['key'], found: JsonObject | null): string[] {
  const required = new Set(requiredNames(part));
  const names = [...new Set([...required, ...propertyNames(part)])].filter((name) => name !== key?.argument);
  return names.map((name) => {
    const member = memberPart(part, name) ?? { schema: {}, root: part.root };
    const value = found !== null && Object.hasOwn(found, name) ? found[name]! : toFillIn(member);
    const line = `${yamlKey(name)}: ${flow(value)}${remark(member.schema)}`;
    return required.has(name) || (found !== null && Object.hasOwn(found, name)) ? line : `# ${line}`;
  });
}

/** A value with gaps: a map as deep as its schema, `FILL IN` where the schema gives nothing. */
function toFillIn(part: SchemaPart, depth = 0): Json {
  const [known] = valuesOf(part);
  if (known !== undefined) return known;
  const names = requiredNames(part);
  if (names.length === 0 || depth > 4) return FILL_IN;
  return Object.fromEntries(
    names.map((name) => [name, toFillIn(memberPart(part, name) ?? { schema: {}, root: {} }, depth + 1)]),
  );
}

const LONGEST_REMARK = 80;

function remark({ type, description }: JsonObject): string {
  const words = [type, description].filter((word) => typeof word === 'string').join(', ');
  // Of one line, and nothing that a terminal obeys: it is the tool's text.
  const line = words.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]+/gu, ' ').slice(0, LONGEST_REMARK);
  return line === '' ? '' : ` # ${line}`;
}

/** YAML of one line. */
function flow(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (!isJsonObject(value)) return value === FILL_IN ? FILL_IN : JSON.stringify(value);
  const members = Object.entries(value).map(([name, item]) => `${yamlKey(name)}: ${flow(item)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

function yamlKey(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name) ? name : JSON.stringify(name);
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** A whole test file for some calls of a tool. */
export function skeletonFile(tool: string, calls: Readonly<Record<string, PinnedCall>>): string {
  const body = Object.entries(calls).flatMap(([name, call]) => skeletonOf(name, call));
  return ['tools:', `  ${tool}:`, '    calls:', ...body.map((line) => `      ${line}`), ''].join('\n');
}
