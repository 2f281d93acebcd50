import {
  Composer,
  type CST,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { Json, JsonObject } from '../base/json.ts';
import { pointerOf, type Span } from '../ir/span.ts';
import { AUTHORED_LIMITS, keyProblem, numberProblem, quote, stringProblem } from '../ir/strict-values.ts';
import type { ProblemList } from './source-problems.ts';
import { scanYaml, sentence } from './source-yaml-scan.ts';

const OPTIONS = {
  version: '1.2',
  schema: 'core',
  strict: true,
  merge: false,
  customTags: [] as never[],
  // The package compares every key with every other; `Walk` finds duplicates with one look-up each.
  uniqueKeys: false,
} as const;

const FIXES: ReadonlyMap<string, string> = new Map([
  ['BAD_INDENT', 'Line it up with its neighbours.'],
  ['TAB_AS_INDENT', 'Indent with spaces.'],
  ['BLOCK_AS_IMPLICIT_KEY', 'Put the value on a new line, or quote it if the colon belongs to a string.'],
  ['MULTILINE_IMPLICIT_KEY', 'Write the key on one line and a colon after it.'],
  ['MISSING_CHAR', 'Write what is missing.'],
  ['BAD_SCALAR_START', 'Quote the string.'],
  ['BAD_DQ_ESCAPE', 'Write \\\\ for a backslash, or use single quotes.'],
]);

/** A decimal number of the core schema. Hexadecimal (0x) and octal (0o) ones are integers of other looks. */
const DECIMAL = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;

/**
 * Reads one YAML 1.2 document of the core schema into plain data; undefined if there are problems.
 *
 * Numbers: `0x10` is 16, `0o7` is 7, `1e3`, `.5`, `1.` and `+1` are numbers as the core schema says; `1_000` and dates
 * are strings; `yes`, `no`, `on` and `off` are strings. Refused although the schema has them: .nan and .inf, and
 * decimal numbers with leading zeros, which other readers take for octal or for names.
 *
 * Source: YAML 1.2.2, section 10.3.
 */
export function readYaml(text: string, problems: ProblemList): { value: Json; root: Span } | undefined {
  const contents = parse(text, problems);
  if (contents === undefined) return undefined;
  const { value, span } = new Walk(text, problems).read(contents, 0);
  return problems.count === 0 ? { value, root: span } : undefined;
}

/** The syntax tree, larger than all else, is gone when this returns. */
function parse(text: string, problems: ProblemList): ParsedNode | undefined {
  const scanned = scanYaml(text, problems);
  if (scanned === undefined || scanned.tagged) return undefined;
  if (scanned.document !== undefined) return compose(scanned.document, problems);
  problems.add('EMPTY_FILE', 0, 'The file is empty.', 'Write the file, or name another one.');
  return undefined;
}

/** What the composer says of the place of an error. */
type ErrorSource = number | readonly number[] | { readonly offset: number };

/** Undefined if there are errors; the parser's warnings are errors here. */
function compose(token: CST.Document, problems: ProblemList): ParsedNode | undefined {
  const composer = new Composer(OPTIONS);
  const before = problems.count;
  // Its own handler keeps an Error with a stack for each; a million of them do not fit into memory.
  composer['onError'] = (source: ErrorSource, code: string, message: string) => {
    const offset = typeof source === 'number' ? source : 'offset' in source ? source.offset : source[0]!;
    problems.add('SYNTAX', offset, sentence(message), FIXES.get(code) ?? 'Correct the YAML here.');
  };
  let contents: ParsedNode | undefined;
  for (const document of [...composer.next(token), ...composer.end()]) contents ??= document.contents ?? undefined;
  return problems.count === before ? contents : undefined;
}

type Path = (string | number)[];
interface Read {
  readonly value: Json;
  readonly span: Span;
}
interface Inner {
  readonly value: Json;
  readonly parts?: Partial<Span>;
}
const NOTHING: Inner = { value: null };

/** From nodes to data. The scan bounds the recursion: a level of brackets is at most two levels of data. */
class Walk {
  readonly #text: string;
  readonly #problems: ProblemList;
  readonly #path: Path = [];
  #nodes = 0;

  constructor(text: string, problems: ProblemList) {
    this.#text = text;
    this.#problems = problems;
  }

  /** @param at where the value would stand, for one that is left empty */
  read(node: ParsedNode | null, at: number, key_start?: number): Read {
    const [start, end] = node?.range ?? [at, at];
    const { value, parts } = this.#admit(start) ? this.#readInner(node) : NOTHING;
    return { value, span: { ...parts, start, end, ...(key_start === undefined ? {} : { key_start }) } };
  }

  #admit(start: number): boolean {
    this.#nodes += 1;
    if (this.#nodes === AUTHORED_LIMITS.max_nodes + 1) {
      const message = `The file holds more than ${AUTHORED_LIMITS.max_nodes} values.`;
      this.#add('TOO_MANY_NODES', start, message, 'Split it, or move tables into files of their own.');
    }
    return this.#nodes <= AUTHORED_LIMITS.max_nodes;
  }

  #readInner(node: ParsedNode | null): Inner {
    if (isScalar(node)) return { value: this.#readScalar(node) };
    if (!isMap(node) && !isSeq(node)) return NOTHING; // an alias, which the scan has refused
    if (this.#path.length >= AUTHORED_LIMITS.max_depth) {
      const message = `The file is nested more than ${AUTHORED_LIMITS.max_depth} levels deep.`;
      this.#add('NESTING', node.range[0], message, 'Flatten the structure.');
      return NOTHING;
    }
    return isMap(node) ? this.#readMap(node) : this.#readSequence(node);
  }

  #readSequence(node: YAMLSeq.Parsed): Inner {
    const value: Json[] = [];
    const items: Span[] = [];
    for (const item of node.items) {
      this.#path.push(items.length);
      const read = this.read(item as ParsedNode, node.range[0]);
      this.#path.pop();
      value.push(read.value);
      items.push(read.span);
    }
    return { value, parts: { items } };
  }

  #readMap(node: YAMLMap.Parsed): Inner {
    const value = Object.create(null) as JsonObject;
    const members = new Map<string, Span>();
    for (const pair of node.items) {
      const [key_start, key_end] = pair.key.range;
      const key = this.#readKey(pair.key, members);
      this.#path.push(key ?? '');
      const read = this.read(pair.value, key_end, key_start);
      this.#path.pop();
      if (key === undefined) continue;
      value[key] = read.value;
      members.set(key, read.span);
    }
    return { value, parts: { members } };
  }

  /** Undefined if the key is refused; its value is read all the same, for its problems. */
  #readKey(node: ParsedNode, members: ReadonlyMap<string, Span>): string | undefined {
    const start = node.range[0];
    const key: unknown = isScalar(node) ? node.value : undefined;
    if (isScalar(node)) this.#requireClosed(node);
    if (typeof key !== 'string') {
      const shown = isScalar(node) ? ` ${quote(node.source ?? '')} is not one` : ' This is not one';
      this.#add('KEY_NOT_STRING', start, `Keys are strings;${shown}.`, 'Quote the key.');
      return undefined;
    }
    const problem = keyProblem(key);
    if (problem !== undefined) this.#problems.addProblem(problem, start, pointerOf(this.#path));
    if (members.has(key)) {
      this.#add('DUPLICATE_KEY', start, `The key ${quote(key)} is there twice.`, 'Remove or rename one of the two.');
    }
    return problem === undefined && !members.has(key) ? key : undefined;
  }

  #readScalar(node: Scalar.Parsed): Json {
    this.#requireClosed(node);
    const value: unknown = node.value;
    if (typeof value === 'number') return this.#readNumber(value, node.source ?? '', node.range[0]);
    if (typeof value !== 'string') return value as boolean | null;
    const problem = stringProblem(value);
    if (problem !== undefined) this.#problems.addProblem(problem, node.range[0], pointerOf(this.#path));
    return value;
  }

  /** The package takes an escaped quote at the end of the file for a closing one. */
  #requireClosed({ range: [start, end], type }: Scalar.Parsed): void {
    if (type !== 'QUOTE_DOUBLE' && type !== 'QUOTE_SINGLE') return;
    const escapeMark = type === 'QUOTE_DOUBLE' ? '\\' : "'";
    let at = end - 1;
    while (at - 1 > start && this.#text[at - 1] === escapeMark) at -= 1;
    if ((end - 1 - at) % 2 === 0) return;
    this.#add('SYNTAX', start, 'The string does not end.', 'Close it with a quote.');
  }

  #readNumber(value: number, source: string, start: number): Json {
    // String(NaN) and String(Infinity) are as little finite as .nan and .inf are.
    const literal = DECIMAL.test(source) ? source.replace(/^\+/, '') : String(value);
    if (/^-?0[0-9]/.test(literal)) {
      const message = `${quote(source)} has leading zeros, which readers understand differently.`;
      this.#add('LEADING_ZERO', start, message, 'Quote it if it is a name; remove the zeros if it is a number.');
    }
    const problem = numberProblem(literal);
    if (problem !== undefined) this.#problems.addProblem(problem, start, pointerOf(this.#path));
    return Number(literal);
  }

  #add(code: string, offset: number, message: string, hint: string): void {
    this.#problems.add(code, offset, message, hint, pointerOf(this.#path));
  }
}
