import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts';
import { parseUnit } from '../../ir/quantity.ts';
import type { PinnedCall, ToolsLock } from '../../ir/tools.ts';
import { memberPart, partAt, propertyNames, requiredNames, type SchemaPart } from '../../plan/check/json-schemas.ts';

/** A call that a step can make. */
export interface OfferedCall {
  /** `tool/call` */
  readonly name: string;
  readonly pinned: PinnedCall;
}

/** A part of a call's arguments, or of an answer, that is no map of known members. */
export interface Field {
  readonly path: readonly string[];
  readonly part: SchemaPart;
  readonly required: boolean;
  readonly kind: 'number' | 'integer' | 'boolean' | 'string' | 'list' | 'any';
  readonly description: string;
}

const DEEPEST = 5;

/** Every call that a plan can use, in the order of the lock: not the version probes, nor what cannot be performed yet. */
export function offeredCalls({ tools }: ToolsLock): OfferedCall[] {
  return Object.entries(tools).flatMap(([tool, { calls, probe }]) =>
    Object.entries(calls)
      .filter(([call, { effect }]) => call !== probe?.call && effect !== 'findable')
      .map(([call, pinned]) => ({ name: `${tool}/${call}`, pinned })),
  );
}

/** The arguments of a call, without the one that carries the key: that is the engine's. */
export function argumentFields({ pinned }: OfferedCall): Field[] {
  return fieldsOf(pinned.input as JsonObject).filter(({ path }) => path[0] !== pinned.key?.argument || path.length > 1);
}

export function answerFields({ pinned }: OfferedCall): Field[] {
  return pinned.answer === null ? [] : fieldsOf(pinned.answer as JsonObject);
}

function fieldsOf(schema: JsonObject): Field[] {
  const root = partAt(schema, schema);
  return root === undefined ? [] : membersOf(root, [], true);
}

function membersOf(part: SchemaPart, path: readonly string[], required: boolean): Field[] {
  return propertyNames(part).flatMap((name): Field[] => {
    const member = memberPart(part, name);
    if (member === null || member === undefined) return [];
    const here = [...path, name];
    const isNeeded = required && requiredNames(part).includes(name);
    const inner = path.length < DEEPEST && member.schema['type'] === 'object' ? membersOf(member, here, isNeeded) : [];
    if (inner.length > 0) return inner;
    const description = member.schema['description'];
    const kind = kindOf(member.schema);
    return [
      {
        path: here,
        part: member,
        required: isNeeded,
        kind,
        description: typeof description === 'string' ? description : '',
      },
    ];
  });
}

function kindOf({ type, enum: allowed }: JsonObject): Field['kind'] {
  switch (type) {
    case 'number':
    case 'integer':
    case 'boolean':
    case 'string':
      return type;
    case 'array':
      return 'list';
    default:
      return Array.isArray(allowed) && allowed.every((value) => typeof value === 'string') ? 'string' : 'any';
  }
}

/** The words that a text may be, or that the items of a list may be; null where they are free. */
export function allowedWords({ kind, part: { schema, root } }: Field): string[] | null {
  const at = kind === 'list' ? partAt(schema['items'], root)?.schema : schema;
  const words: Json | undefined = at?.['enum'];
  return Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === 'string') ? words : null;
}

/** The only value that there is; undefined where there is a choice. */
export function onlyValue({ part: { schema } }: Field): Json | undefined {
  if (Object.hasOwn(schema, 'const')) return schema['const'];
  const allowed = schema['enum'];
  return Array.isArray(allowed) && allowed.length === 1 ? allowed[0] : undefined;
}

/** The unit that a description ends in (`width in mm`, `kg`), as far as it can be told; '' where it cannot. */
export function unitIn(description: string): string {
  const words = [
    description,
    /(?:^|[\s,(])in ([^\s,()]+)\)?$/.exec(description)?.[1],
    /[\s,(]([^\s,()]+)\)?$/.exec(description)?.[1],
  ];
  return words.find((word) => word !== undefined && /^[A-Za-z%]/.test(word) && parseUnit(word).ok) ?? '';
}

/** Puts a value where a path leads, making the maps on the way. */
export function putAt(map: JsonObject, path: readonly string[], value: Json): void {
  const [first, ...rest] = path;
  if (first === undefined) return;
  if (rest.length === 0) {
    map[first] = value;
    return;
  }
  const inner = isJsonObject(map[first]) ? map[first] : {};
  map[first] = inner;
  putAt(inner, rest, value);
}
