import type { Json, JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { findSpan, pointerOf, positionsIn, type Position, type Span } from './span.ts';
import {
  AUTHORED_LIMITS,
  keyProblem,
  numberProblem,
  quote,
  stringProblem,
  type ValueProblem,
} from './strict-values.ts';

/** Why a text is not strict JSON: the first thing wrong with it. */
export interface JsonProblem extends ValueProblem, Position {
  /** In UTF-16 code units, from 0. */
  readonly offset: number;
  /** JSON pointer of the value that was being read. */
  readonly pointer: string;
}

/** A value and where its parts stand in the text. Objects have no prototype. */
export interface ParsedJson {
  readonly value: Json;
  readonly root: Span;
  /** Where the value of a JSON pointer stands; undefined if there is none. `length` and `offset` in UTF-16 units. */
  locate(pointer: string): (Position & { readonly offset: number; readonly length: number }) | undefined;
}

/** Of one text. A lock may be larger than an authored file. */
export interface StrictJsonOptions {
  /** UTF-8 bytes, at least 0. */
  readonly max_bytes?: number;
  /** Arrays and objects inside each other, 0 to 500. */
  readonly max_depth?: number;
  /** Values; keys are not counted. */
  readonly max_nodes?: number;
}

/**
 * Reads JSON that has one meaning for every reader: RFC 8259, narrowed to I-JSON and a little further.
 *
 * Refused besides wrong syntax: a byte order mark, duplicate keys, the keys `__proto__`, `constructor` and `prototype`,
 * lone surrogates and NUL (raw or escaped), -0, numbers that a double cannot hold (`numberProblem` says which), and
 * whatever exceeds the limits.
 *
 * Source: RFC 8259; RFC 7493 (I-JSON), section 2; RFC 8785, erratum 7920 (-0).
 */
export function parseStrictJson(text: string, options: StrictJsonOptions = {}): Result<ParsedJson, JsonProblem> {
  const limits = {
    max_bytes: options.max_bytes ?? AUTHORED_LIMITS.max_bytes,
    max_depth: options.max_depth ?? AUTHORED_LIMITS.max_depth,
    max_nodes: options.max_nodes ?? AUTHORED_LIMITS.max_nodes,
  };
  const positionOf = positionsIn(text);
  try {
    const { value, span: root } = new Reader(text, limits).readDocument();
    return ok({ value, root, locate: (pointer) => locate(root, pointer, positionOf) });
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    const { problem, offset, pointer } = cause;
    return err({ ...problem, ...positionOf(offset), offset, pointer });
  }
}

function locate(
  root: Span,
  pointer: string,
  positionOf: (offset: number) => Position,
): ReturnType<ParsedJson['locate']> {
  const { span, exact } = findSpan(root, pointer);
  if (!exact) return undefined;
  return { ...positionOf(span.start), offset: span.start, length: span.end - span.start };
}

/** Leaves the reader; never leaves this file. */
class Refusal extends Error {
  readonly problem: ValueProblem;
  readonly offset: number;
  readonly pointer: string;

  constructor(problem: ValueProblem, offset: number, pointer: string) {
    super(problem.message);
    this.problem = problem;
    this.offset = offset;
    this.pointer = pointer;
  }
}

interface Read {
  readonly value: Json;
  readonly span: Span;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const WORD = /[-+.\p{L}\p{N}_]+/uy;
const LITERALS: ReadonlyMap<string, Json> = new Map<string, Json>([
  ['null', null],
  ['true', true],
  ['false', false],
]);
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/** Recursive descent; `max_depth` bounds the recursion. */
class Reader {
  readonly #text: string;
  readonly #limits: Required<StrictJsonOptions>;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #nodes = 0;

  constructor(text: string, limits: Required<StrictJsonOptions>) {
    this.#text = text;
    this.#limits = limits;
  }

  readDocument(): Read {
    if (isLargerThan(this.#text, this.#limits.max_bytes)) {
      this.#refuse(
        'TOO_LARGE',
        `The text has more than ${this.#limits.max_bytes} bytes.`,
        'Split it, or remove what is not needed.',
      );
    }
    if (this.#text.startsWith('\ufeff')) {
      this.#refuse(
        'BYTE_ORDER_MARK',
        'The text begins with a byte order mark.',
        'Save it as UTF-8 without a byte order mark.',
      );
    }
    const read = this.#readValue();
    this.#skipSpace();
    if (this.#at < this.#text.length) {
      this.#refuse('SYNTAX', `${this.#found()} after the end of the value.`, 'Remove what follows the value.');
    }
    return read;
  }

  #readValue(key_start?: number): Read {
    this.#skipSpace();
    this.#nodes += 1;
    if (this.#nodes > this.#limits.max_nodes) {
      const hint = 'Split it, or move tables into files of their own.';
      this.#refuse('TOO_MANY_NODES', `The text holds more than ${this.#limits.max_nodes} values.`, hint);
    }
    const start = this.#at;
    const inner = this.#readInner();
    const span: Span = { ...inner.parts, start, end: this.#at, ...(key_start === undefined ? {} : { key_start }) };
    return { value: inner.value, span };
  }

  #readInner(): { value: Json; parts?: Partial<Span> } {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#readObject();
      case '[':
        return this.#readArray();
      case '"':
        return { value: this.#readString() };
      default:
        return { value: this.#readWord() };
    }
  }

  #readObject(): { value: Json; parts: Partial<Span> } {
    this.#enter();
    const value = Object.create(null) as JsonObject;
    const members = new Map<string, Span>();
    let closed = this.#accept('}');
    while (!closed) {
      this.#skipSpace();
      const key_start = this.#at;
      const key = this.#readKey(members);
      this.#path.push(key);
      this.#expect(':', 'after the key');
      const member = this.#readValue(key_start);
      this.#path.pop();
      members.set(key, member.span);
      value[key] = member.value;
      closed = this.#accept('}');
      if (!closed) this.#expect(',', 'or } between members');
    }
    return { value, parts: members.size === 0 ? {} : { members } };
  }

  #readKey(members: ReadonlyMap<string, Span>): string {
    const start = this.#at;
    if (this.#text[start] !== '"') {
      const hint = 'Write the key in double quotes; there is no comma after the last member.';
      this.#refuse('SYNTAX', `${this.#found()} where a key should be.`, hint);
    }
    const key = this.#readString();
    const problem = keyProblem(key);
    if (problem !== undefined) throw new Refusal(problem, start, pointerOf(this.#path));
    if (members.has(key)) {
      this.#at = start;
      this.#refuse('DUPLICATE_KEY', `The key ${quote(key)} is there twice.`, 'Remove or rename one of the two.');
    }
    return key;
  }

  #readArray(): { value: Json; parts: Partial<Span> } {
    this.#enter();
    const value: Json[] = [];
    const items: Span[] = [];
    let closed = this.#accept(']');
    while (!closed) {
      this.#path.push(items.length);
      const item = this.#readValue();
      this.#path.pop();
      items.push(item.span);
      value.push(item.value);
      closed = this.#accept(']');
      if (!closed) this.#expect(',', 'or ] between items');
    }
    return { value, parts: items.length === 0 ? {} : { items } };
  }

  /** The path is as long as the containers around this one are many. */
  #enter(): void {
    if (this.#path.length >= this.#limits.max_depth) {
      const message = `Arrays and objects are nested more than ${this.#limits.max_depth} levels deep.`;
      this.#refuse('NESTING', message, 'Flatten the structure.');
    }
    this.#at += 1;
  }

  #readString(): string {
    const start = this.#at;
    let value = '';
    let from = start + 1;
    for (this.#at = from; ; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) break;
      if (!(code >= 0x20)) this.#refuseInString(start, code);
      if (code !== 0x5c) continue;
      value += this.#text.slice(from, this.#at) + this.#readEscape();
      from = this.#at + 1;
    }
    value += this.#text.slice(from, this.#at);
    this.#at += 1;
    const problem = stringProblem(value);
    if (problem !== undefined) throw new Refusal(problem, start, pointerOf(this.#path));
    return value;
  }

  #refuseInString(start: number, code: number): never {
    if (!Number.isNaN(code)) {
      this.#refuse('SYNTAX', 'A control character in a string.', 'Write it as an escape, such as \\n for a new line.');
    }
    this.#at = start;
    this.#refuse('SYNTAX', 'The string does not end.', 'Close it with a double quote.');
  }

  /** Reads one escape and stops at its last character. */
  #readEscape(): string {
    const kind = this.#text[this.#at + 1] ?? '';
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (kind === 'u' && /^[0-9a-fA-F]{4}$/.test(digits)) {
      this.#at += 5;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const character = ESCAPES.get(kind);
    if (character === undefined) {
      const hint = 'Write \\\\ for a backslash, or four hexadecimal digits after \\u.';
      this.#refuse('SYNTAX', 'A backslash that begins no escape.', hint);
    }
    this.#at += 1;
    return character;
  }

  #readWord(): Json {
    const start = this.#at;
    const word = this.#match(WORD);
    const literal = LITERALS.get(word);
    if (literal !== undefined) {
      this.#at += word.length;
      return literal;
    }
    const number = this.#match(NUMBER);
    if (number === '' || number !== word) {
      const hint = 'A value is a string in double quotes, a number, true, false, null, an array or an object.';
      const found = word === '' ? this.#found() : quote(word);
      this.#refuse('SYNTAX', `${found} where a value should be.`, hint);
    }
    const problem = numberProblem(number);
    if (problem !== undefined) throw new Refusal(problem, start, pointerOf(this.#path));
    this.#at += number.length;
    return Number(number);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0] ?? '';
  }

  #accept(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #expect(character: string, where: string): void {
    if (this.#accept(character)) return;
    this.#refuse('SYNTAX', `${this.#found()} instead of ${character} ${where}.`, `Write ${character} here.`);
  }

  #skipSpace(): void {
    for (;;) {
      const character = this.#text[this.#at];
      if (character !== ' ' && character !== '\n' && character !== '\r' && character !== '\t') return;
      this.#at += 1;
    }
  }

  #found(): string {
    const code = this.#text.codePointAt(this.#at);
    return code === undefined ? 'The text ends' : `Found ${quote(String.fromCodePoint(code))}`;
  }

  #refuse(code: string, message: string, hint: string): never {
    throw new Refusal({ code, message, hint }, this.#at, pointerOf(this.#path));
  }
}

/** Counts UTF-8 bytes, for this folder knows no TextEncoder; a lone surrogate counts three, as its replacement would. */
function isLargerThan(text: string, max_bytes: number): boolean {
  if (text.length > max_bytes) return true;
  if (text.length * 3 <= max_bytes) return false;
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes > max_bytes;
}
