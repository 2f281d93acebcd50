import type { Json, JsonObject } from '../../base/json.ts';
import type { Field } from './fields.ts';
import { Names } from './talk.ts';

/** A number, text, ... that an earlier answer holds. */
export interface KnownAnswer {
  /** As expressions name it: `cad.cad_rev_id`. */
  readonly name: string;
  readonly field: Field;
}

/** What has been said so far. */
export class Notebook {
  readonly names = new Names();
  readonly constants: JsonObject = {};
  readonly variables: Record<string, JsonObject> = {};
  readonly pipeline: Record<string, JsonObject> = {};
  /** Answers of the steps so far, in order. */
  readonly answers: KnownAnswer[] = [];
}

/** A field of an answer as an expression; members whose names are no names are written in brackets. */
export function answerName(owner: string, path: readonly string[]): string {
  return path.reduce((name, key) => (/^[A-Za-z_]\w*$/.test(key) ? `${name}.${key}` : `${name}[${quoted(key)}]`), owner);
}

/** A word as an expression writes it. */
export function quoted(word: string): string {
  return `'${word.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** A word that begins with `=` would be an expression. */
export function literal(value: Json): Json {
  if (typeof value === 'string') return value.startsWith('=') ? `=${value}` : value;
  if (Array.isArray(value)) return value.map(literal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, literal(member)]));
}
