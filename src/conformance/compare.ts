import { isJsonObject, type Json } from '../base/json.ts';
import { canonicalJson } from '../ir/canonical.ts';
import type { HeardFile } from '../ir/conformance.ts';

/** What may differ between two answers to the same question. */
export interface Volatile {
  /** JSON pointers into the answer; `*` stands for any one member. */
  readonly pointers: readonly string[];
  /** Names of files; `*` for all. */
  readonly files: readonly string[];
}

export interface Comparable {
  readonly answer: Json;
  readonly files: readonly HeardFile[];
}

/** Where two answers first differ, as `/place was 1, then 2`; null where they are equal, what is volatile aside. */
export function differenceOf(first: Comparable, second: Comparable, volatile: Volatile): string | null {
  const [before, after] = [first, second].map(({ answer }) => stable(answer, volatile.pointers)) as [Json, Json];
  return jsonDifference(before, after, '') ?? fileDifference(first.files, second.files, volatile.files);
}

/** An answer without what is volatile. */
function stable(answer: Json, pointers: readonly string[]): Json {
  return pointers.reduce((rest, pointer) => without(rest, tokensOf(pointer)), answer);
}

/** RFC 6901. */
function tokensOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function without(value: Json, [token, ...rest]: readonly string[]): Json {
  const isMeant = (name: string) => token === '*' || token === name;
  if (Array.isArray(value)) {
    // An item that goes leaves a gap: the others keep their numbers.
    return value.map((item, at) => (isMeant(String(at)) ? (rest.length === 0 ? null : without(item, rest)) : item));
  }
  if (!isJsonObject(value)) return value;
  const kept = Object.entries(value).flatMap(([name, item]): [string, Json][] => {
    if (!isMeant(name)) return [[name, item]];
    return rest.length === 0 ? [] : [[name, without(item, rest)]];
  });
  return Object.fromEntries(kept);
}

function jsonDifference(before: Json, after: Json, place: string): string | null {
  if (canonicalJson(before) === canonicalJson(after)) return null;
  const isList = Array.isArray(before) && Array.isArray(after) && before.length === after.length;
  const isMap = isJsonObject(before) && isJsonObject(after);
  if (!isList && !isMap) return `${place === '' ? 'it' : place} was ${shown(before)}, then ${shown(after)}`;
  const [one, other] = [before, after] as [Readonly<Record<string, Json>>, Readonly<Record<string, Json>>];
  for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const here = `${place}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (!Object.hasOwn(one, name)) return `${here} was not there, then ${shown(other[name]!)}`;
    if (!Object.hasOwn(other, name)) return `${here} was ${shown(one[name]!)}, then not there`;
    const difference = jsonDifference(one[name]!, other[name]!, here);
    if (difference !== null) return difference;
  }
  return null;
}

function fileDifference(
  before: readonly HeardFile[],
  after: readonly HeardFile[],
  volatile: readonly string[],
): string | null {
  if (volatile.includes('*')) return null;
  const named = (files: readonly HeardFile[]) =>
    new Map(files.filter(({ name }) => !volatile.includes(name)).map(({ name, sha256 }) => [name, sha256]));
  const [one, other] = [named(before), named(after)];
  for (const name of new Set([...one.keys(), ...other.keys()])) {
    const [was, is] = [one.get(name), other.get(name)];
    if (was === is) continue;
    if (was === undefined) return `the file ${name} was not there, then it was`;
    return is === undefined ? `the file ${name} was there, then it was not` : `the file ${name} has other bytes`;
  }
  return null;
}

const LONGEST_SHOWN = 80;

/** A value in a message. */
export function shown(value: Json): string {
  const text = canonicalJson(value);
  return text.length <= LONGEST_SHOWN ? text : `${[...text].slice(0, LONGEST_SHOWN).join('')}…`;
}
