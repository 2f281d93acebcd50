import type { Json } from '../../base/json.ts';
import { canonicalJson } from '../../ir/canonical.ts';

/** One difference in meaning between two locks. Texts are as authored: escape them before a terminal sees them. */
export interface LockChange {
  readonly kind: 'added' | 'removed' | 'changed';
  /** Part of the lock: `plan`, `constants`, `variables`, `pipeline`, `tools`, `forecast` and so on, in the order of the lock. */
  readonly section: string;
  /** What it is within the section, by name, never by index: `width`, `width.min`, `solve.submit.with.load`. */
  readonly name: string;
  /** null where it was added. */
  readonly before: string | null;
  /** null where it was removed. */
  readonly after: string | null;
  /** `widened`, `narrowed`, `more`, `fewer`, or null where the change has no direction. */
  readonly effect: Effect | null;
}

export type Effect = 'widened' | 'narrowed' | 'more' | 'fewer';

type Text = string | null;

/** No change where both are equal, or both are null. */
export function textChange(
  section: string,
  name: string,
  before: Text,
  after: Text,
  effect: Effect | null = null,
): LockChange[] {
  if (before === after) return [];
  const kind = before === null ? 'added' : after === null ? 'removed' : 'changed';
  return [{ kind, section, name, before, after, effect }];
}

/** Digests are compared whole; their beginnings are shown, unless these are the same. */
export function digestChange(section: string, name: string, before: string, after: string): LockChange[] {
  const alike = before.slice(0, DIGITS) === after.slice(0, DIGITS);
  const shown = (digest: string): string => (alike ? digest : digest.slice(0, DIGITS));
  return textChange(section, name, shown(before), shown(after));
}

const DIGITS = 16;

/** `more` or `fewer`; the text says the unit. */
export function numberChange(
  section: string,
  name: string,
  before: number | null,
  after: number | null,
  text: (value: number) => string = String,
): LockChange[] {
  if (before === after) return [];
  const effect = before === null || after === null ? null : after > before ? 'more' : 'fewer';
  const shown = (value: number | null): Text => (value === null ? null : text(value));
  return textChange(section, name, shown(before), shown(after), effect);
}

/** Things with a name: those that came, those that went, and what differs in those that stayed; in the order of `after`. */
export function namedChanges<T>(
  section: string,
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  text: (item: T) => string,
  differences: (name: string, before: T, after: T) => readonly LockChange[],
): LockChange[] {
  const gone = [...before].filter(([name]) => !after.has(name));
  return [
    ...gone.flatMap(([name, item]) => textChange(section, name, text(item), null)),
    ...[...after].flatMap(([name, item]) => {
      const old = before.get(name);
      return old === undefined ? textChange(section, name, null, text(item)) : differences(name, old, item);
    }),
  ];
}

/** Texts that are their own name, such as constraints. What an added or removed one does is said by the caller. */
export function setChanges(
  section: string,
  name: string,
  before: readonly string[],
  after: readonly string[],
  effects: { readonly added: Effect | null; readonly removed: Effect | null } = { added: null, removed: null },
): LockChange[] {
  const [old, now] = [new Set(before), new Set(after)];
  return [
    ...[...old]
      .filter((text) => !now.has(text))
      .flatMap((text) => textChange(section, name, text, null, effects.removed)),
    ...[...now]
      .filter((text) => !old.has(text))
      .flatMap((text) => textChange(section, name, null, text, effects.added)),
  ];
}

/** Where the same things stand in another order, and the order matters. */
export function orderChange(
  section: string,
  name: string,
  before: readonly string[],
  after: readonly string[],
): LockChange[] {
  const [old, now] = [new Set(before), new Set(after)];
  const kept = before.filter((item) => now.has(item));
  const keptNow = after.filter((item) => old.has(item));
  return textChange(section, name, kept.join(', '), keptNow.join(', '));
}

/** Numbers by name, such as pools. */
export function countChanges(
  section: string,
  prefix: string,
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  text: (value: number) => string = String,
): LockChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const of = (counts: Readonly<Record<string, number>>, name: string): number | null =>
    Object.hasOwn(counts, name) ? counts[name]! : null;
  return names.flatMap((name) => numberChange(section, `${prefix}${name}`, of(before, name), of(after, name), text));
}

/** Leaves of nested maps by their dotted path, each as text; lists are leaves, for their order is meaning. */
function leaves(value: unknown, path: string, into = new Map<string, string>()): Map<string, string> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) {
    for (const [key, inner] of Object.entries(value)) leaves(inner, `${path}.${key}`, into);
  } else {
    into.set(path, jsonText(value as Json));
  }
  return into;
}

export function leafChanges(section: string, path: string, before: unknown, after: unknown): LockChange[] {
  const of = (value: unknown): Map<string, string> => (isNothing(value) ? new Map() : leaves(value, path));
  return namedChanges(section, of(before), of(after), String, (name, old, now) => textChange(section, name, old, now));
}

function isNothing(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

/** A text as it is, anything else as JSON. */
export function jsonText(value: unknown): string {
  return typeof value === 'string' ? value : canonicalJson(value);
}

/** Seconds as people write them in plans: `90 s`, `10 min`, `2 h`, `3 d`. */
export function secondsText(seconds: number): string {
  for (const [size, unit] of [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
  ] as const) {
    if (seconds >= size && seconds % size === 0) return `${seconds / size} ${unit}`;
  }
  return `${seconds} s`;
}

export function byName<T extends { readonly name: string }>(items: readonly T[]): Map<string, T> {
  return new Map(items.map((item) => [item.name, item]));
}
