import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import type { Plan } from '../ir/plan.ts';
import { pointerOf } from '../ir/span.ts';

/** Below this depth a part that several have written counts as the model's. */
const DEEPEST = 6;
/** The longest pointer that `drafted.fields` takes. */
const LONGEST_POINTER = 400;
/** Remarks say themselves who wrote them; `drafted` is about the others. */
const SELF_TOLD: readonly string[] = ['assumptions', 'questions', 'drafted'];

export type Fields = Readonly<Record<string, string>>;

/**
 * Who wrote each part of a drafted plan: JSON pointers, as short as they can be; what holds for a part holds for all in it.
 *
 * What is as in the plan to start from stays its author's: by its own record, else a person's. Items of lists are matched by
 * their phase or by being equal, so that one that moves keeps its author.
 *
 * @param not_by_model pointers of what was filled in or comes from the person
 */
export function authorsOf(plan: JsonObject, not_by_model: ReadonlyMap<string, string>, base: Plan | null): Fields {
  const before = base === null ? undefined : (base as unknown as Json);
  const known: Fields = base?.drafted?.fields ?? {};
  const fields: Record<string, string> = {};
  for (const [key, value] of Object.entries(plan)) {
    if (SELF_TOLD.includes(key)) continue;
    const found = visit([key], value, at(before, key), [key]);
    for (const [pointer, author] of typeof found === 'string' ? [[pointerOf([key]), found] as const] : found) {
      fields[pointer] = author;
    }
  }
  return fields;

  function visit(path: Path, value: Json, old: Json | undefined, old_path: Path): Authors {
    const pointer = pointerOf(path);
    const told = not_by_model.get(pointer);
    const isKept = old !== undefined && isSame(value, old);
    if (told !== undefined && !isKept) return told;
    if (isKept && !hasInner(known, old_path)) return authorBefore(known, old_path);
    const members = membersOf(value);
    if (members.length === 0) return isKept ? authorBefore(known, old_path) : 'model';
    if (path.length >= DEEPEST || pointer.length > LONGEST_POINTER - 70) return 'model';
    // What was taken out is told by the part that it was taken out of.
    const all: (readonly [string, string])[] = lacksMembers(value, old) ? [[pointer, 'model']] : [];
    for (const [key, member] of members) {
      const match = matching(key, member, old);
      const inner = visit([...path, key], member, match?.value, [...old_path, match?.key ?? key]);
      if (typeof inner === 'string') all.push([pointerOf([...path, key]), inner]);
      else all.push(...inner);
    }
    const [first] = all;
    return all.every(([, author]) => author === first![1]) ? first![1] : all;
  }
}

/** One author of the whole part, or pointers to the authors of its parts. */
type Authors = string | readonly (readonly [string, string])[];
type Path = readonly (string | number)[];

/** The author that a record names for a pointer, or for the nearest part that it lies in. */
function authorBefore(fields: Fields, path: Path): string {
  for (let length = path.length; length > 0; length--) {
    const author = fields[pointerOf(path.slice(0, length))];
    if (author !== undefined) return author;
  }
  return 'person';
}

/** Whether a record names parts of what a pointer leads to. */
function hasInner(fields: Fields, path: Path): boolean {
  const start = `${pointerOf(path)}/`;
  return Object.keys(fields).some((pointer) => pointer.startsWith(start));
}

function membersOf(value: Json): readonly (readonly [string | number, Json])[] {
  if (Array.isArray(value)) return [...value.entries()];
  return isJsonObject(value) ? Object.entries(value) : [];
}

/** Whether the part had members before that it has no more. */
function lacksMembers(value: Json, old: Json | undefined): boolean {
  if (old === undefined) return false;
  const before = membersOf(old);
  if (Array.isArray(value)) return before.length > value.length;
  return before.some(([key]) => at(value, String(key)) === undefined);
}

/** What a member was before: of the same key, of the same phase, or an equal item anywhere in the list. */
function matching(
  key: string | number,
  member: Json,
  old: Json | undefined,
): { key: string | number; value: Json } | null {
  if (typeof key === 'string') {
    const value = at(old, key);
    return value === undefined ? null : { key, value };
  }
  if (!Array.isArray(old)) return null;
  const phase = at(member, 'phase');
  const index = old.findIndex((item) => (phase === undefined ? isSame(item, member) : at(item, 'phase') === phase));
  return index === -1 ? null : { key: index, value: old[index]! };
}

function at(value: Json | undefined, key: string): Json | undefined {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Equal, whatever the order of keys. */
function isSame(a: Json, b: Json): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [membersOf(a), membersOf(b)];
  if (left.length !== right.length) return false;
  const other = new Map(right);
  return left.every(([key, member]) => other.has(key) && isSame(member, other.get(key)!));
}
