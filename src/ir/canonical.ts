/** Deeper values are refused: nothing that expctl hashes comes near, and a value that contains itself never ends. */
const MAX_DEPTH = 1000;

/** A surrogate that is not one half of a pair. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** A text that is written as it is: most are, and to see that takes less time than to write it with its escapes. */
const AS_IT_IS = /^[ !#-[\]-~]*$/;

/**
 * Writes a value as canonical JSON: what is hashed, signed and compared.
 *
 * Keys are sorted by UTF-16 code units, numbers are written as ECMAScript does (-0 as 0), and there is no white space.
 * Of an object, the own enumerable string keys are written; an object that is neither plain nor an array is refused
 * rather than written as what it happens to hold (a Date would be `{}`).
 *
 * @throws TypeError on what JSON cannot say: undefined, NaN, infinities, bigint, functions, symbols, lone surrogates,
 *   holes in arrays, class instances, values that contain themselves. All are bugs in the caller.
 *
 * Source: RFC 8785 (JCS), sections 3.2.2 and 3.2.3.
 */
export function canonicalJson(value: unknown): string {
  return write(value, []);
}

function write(value: unknown, path: (string | number)[]): string {
  switch (typeof value) {
    case 'string':
      return writeString(value, path);
    case 'number':
      if (!Number.isFinite(value)) throw cannotSay(String(value), path);
      return String(value); // -0 becomes 0 here, as in section 3.2.2.3
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (path.length >= MAX_DEPTH) throw cannotSay(`more than ${MAX_DEPTH} levels, or a cycle`, []);
      return Array.isArray(value) ? writeArray(value, path) : writeObject(value, path);
    default:
      throw cannotSay(typeof value === 'bigint' ? 'a bigint' : typeof value, path);
  }
}

function writeString(text: string, path: (string | number)[]): string {
  if (AS_IT_IS.test(text)) return `"${text}"`;
  if (LONE_SURROGATE.test(text)) throw cannotSay('a lone surrogate', path);
  return JSON.stringify(text); // its escapes are those of section 3.2.2.2
}

function writeArray(items: readonly unknown[], path: (string | number)[]): string {
  let text = '[';
  for (let index = 0; index < items.length; index++) {
    path.push(index);
    text += index === 0 ? write(items[index], path) : `,${write(items[index], path)}`;
    path.pop();
  }
  return `${text}]`;
}

function writeObject(object: object, path: (string | number)[]): string {
  if (!isPlain(object)) throw cannotSay('an object that is not plain', path);
  const members = object as Readonly<Record<string, unknown>>;
  let text = '{';
  for (const key of sortedKeys(members)) {
    path.push(key);
    text += `${text === '{' ? '' : ','}${writeString(key, path)}:${write(members[key], path)}`;
    path.pop();
  }
  return `${text}}`;
}

/** More keys than this are sorted by the general method. */
const FEW_KEYS = 24;

/** The own keys, ordered by UTF-16 code units. For a few keys, which mostly are in order, insertion takes a third of the time. */
function sortedKeys(members: object): string[] {
  const keys = Object.keys(members);
  if (keys.length > FEW_KEYS) return keys.sort();
  for (let next = 1; next < keys.length; next += 1) {
    const key = keys[next]!;
    let place = next;
    for (; place > 0 && keys[place - 1]! > key; place -= 1) keys[place] = keys[place - 1]!;
    keys[place] = key;
  }
  return keys;
}

/** Its prototype is null or the root of a chain: also true for plain objects of another realm, as in a `vm` context. */
function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function cannotSay(what: string, path: readonly (string | number)[]): TypeError {
  const where = path.length === 0 ? '' : ` at ${JSON.stringify(path.join('/'))}`;
  return new TypeError(`JSON cannot say ${what}${where}`);
}
