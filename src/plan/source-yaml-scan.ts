import { CST, Lexer, Parser } from 'yaml';
import { AUTHORED_LIMITS, quote } from '../ir/strict-values.ts';
import type { ProblemList } from './source-problems.ts';

/**
 * What a document and a scalar add to the nesting. A scalar is on the parser's stack beside the document, and a
 * collection of 64 levels is legal.
 */
const MAX_STACK = AUTHORED_LIMITS.max_depth + 2;

/**
 * Pieces of syntax, white space, comments and line ends included: the package's tree takes up to 200 bytes for each. A
 * file of 1 MiB in usual layout has 250,000; one of 100,000 values fits in flow style, or as JSON, but not with a line
 * for each value.
 */
const MAX_PIECES = 320_000;

/** What the lexer puts before the text of a plain or block scalar. */
const SCALAR_FOLLOWS = '\x1f';

const FORBIDDEN: ReadonlyMap<string, { readonly code: string; readonly what: string; readonly fix: string }> = new Map([
  ['anchor', { code: 'ANCHOR', what: 'An anchor', fix: 'Write the value out where it is needed.' }],
  ['alias', { code: 'ALIAS', what: 'An alias', fix: 'Write the value out, or quote it if the * belongs to a string.' }],
  ['tag', { code: 'TAG', what: 'A tag', fix: 'Remove it, or quote the value if the ! belongs to a string.' }],
  [
    'directive-line',
    { code: 'DIRECTIVE', what: 'A directive', fix: 'Remove the line, or quote the value if the % is a sign.' },
  ],
]);

/** The syntax tree of one document, and whether it holds tags or directives: then it must not be composed. */
export interface Scanned {
  readonly document: CST.Document | undefined;
  readonly tagged: boolean;
}

/**
 * Reads the syntax of a YAML file and refuses what could harm the process before anything recursive sees it.
 *
 * The composer of `yaml` 2.9.1 recurses, and after a few deep documents the process is aborted where nothing can catch
 * it. Its lexer and its syntax parser do not: they take one piece at a time and keep their own stack. So they are
 * driven by hand, and the depth of that stack is the guard. It is exact where a scan of the bytes can only guess:
 * brackets in strings and comments do not count, and every way to nest does (brackets, indentation, `- - -`, `? ? ?`).
 *
 * @returns undefined where reading stopped early; the reason is among the problems
 */
export function scanYaml(text: string, problems: ProblemList): Scanned | undefined {
  const parser = new Parser();
  const documents = new Documents(problems);
  const pieces = new Pieces(problems);
  for (const lexeme of new Lexer().lex(text)) {
    const { offset } = parser;
    if (!pieces.admit(lexeme, offset)) return undefined;
    for (const token of parser.next(lexeme)) documents.take(token);
    if (parser.stack.length > MAX_STACK) {
      const message = `The file is nested more than ${AUTHORED_LIMITS.max_depth} levels deep.`;
      problems.add('NESTING', offset, message, 'Flatten the structure.');
      return undefined;
    }
  }
  for (const token of parser.end()) documents.take(token);
  return { document: documents.first, tagged: pieces.tagged };
}

/** Judges the pieces of the text one by one, and counts them. */
class Pieces {
  readonly #problems: ProblemList;
  readonly #seen = { pieces: 0, contents: 0, colons: 0, dashes: 0, commas: 0, questions: 0 };
  #inScalar = false;
  tagged = false;

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  /** False if there is no use in going on. */
  admit(lexeme: string, offset: number): boolean {
    const isContent = this.#inScalar;
    this.#inScalar = !isContent && lexeme === SCALAR_FOLLOWS;
    if (isContent) {
      // The package takes a block scalar apart line by line.
      this.#seen.pieces += linesIn(lexeme);
      return this.#isInBounds(offset);
    }
    const type = CST.tokenType(lexeme);
    this.#count(type);
    const forbidden = FORBIDDEN.get(type ?? '');
    if (forbidden !== undefined) this.#refuse(forbidden, lexeme, offset);
    return !this.#problems.stopIfMany() && this.#isInBounds(offset);
  }

  #count(type: CST.TokenType | null): void {
    this.#seen.pieces += 1;
    switch (type) {
      case 'scalar':
      case 'single-quoted-scalar':
      case 'double-quoted-scalar':
      case 'flow-map-start':
      case 'flow-seq-start':
        this.#seen.contents += 1;
        break;
      case 'map-value-ind':
        this.#seen.colons += 1;
        break;
      case 'seq-item-ind':
        this.#seen.dashes += 1;
        break;
      case 'comma':
        this.#seen.commas += 1;
        break;
      case 'explicit-key-ind':
        this.#seen.questions += 1;
        break;
    }
  }

  /**
   * Counts values from below: what stands before a colon is a key, all other contents are values; and every colon, dash,
   * comma or question mark has a value of its own. So this refuses no file of fewer values, only one of too many pieces.
   */
  #isInBounds(offset: number): boolean {
    const { pieces, contents, colons, dashes, commas, questions } = this.#seen;
    const values = Math.max(contents - colons - 1, colons + dashes, commas, questions);
    if (values <= AUTHORED_LIMITS.max_nodes && pieces <= MAX_PIECES) return true;
    const message =
      pieces > MAX_PIECES
        ? `The file holds more than ${MAX_PIECES} values, signs, comments and line ends.`
        : `The file holds more than ${AUTHORED_LIMITS.max_nodes} values.`;
    this.#problems.add('TOO_MANY_NODES', offset, message, 'Split it, or move tables into files of their own.');
    return false;
  }

  #refuse({ code, what, fix }: { code: string; what: string; fix: string }, lexeme: string, offset: number): void {
    this.tagged ||= code === 'TAG' || code === 'DIRECTIVE';
    this.#problems.add(code, offset, `${what} is not allowed: ${quote(lexeme)}.`, fix);
  }
}

function linesIn(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

/** Keeps the first document and refuses others. */
class Documents {
  readonly #problems: ProblemList;
  #refused = false;
  first: CST.Document | undefined;

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  take(token: CST.Token): void {
    if (token.type === 'error') {
      this.#problems.add('SYNTAX', token.offset, sentence(token.message), 'Correct the YAML here.');
    }
    if (token.type !== 'document') return;
    if (this.first === undefined) this.first = token;
    else if (!this.#refused) {
      this.#refused = true;
      this.#problems.add('MULTIPLE_DOCUMENTS', token.offset, 'The file holds more than one document.', 'Keep one.');
    }
  }
}

/** What the package says, as one sentence of bounded length: it may quote a megabyte of the file. */
export function sentence(message: string): string {
  const line = message.split('\n', 1)[0]!;
  return line.length > 160 ? `${line.slice(0, 157)}...` : `${line.replace(/[.:]$/, '')}.`;
}
