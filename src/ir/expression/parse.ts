import type { Result } from '../../base/result.ts';
import { err, ok } from '../../base/result.ts';
import type { Token } from './lex.ts';
import { lex } from './lex.ts';
import type { BinaryOperator, Expression, ExpressionProblem, MacroName, Node } from './tree.ts';
import { DEEPEST_NESTING, DEEPEST_TREE, LONGEST_TEXT } from './tree.ts';

/** Weakest first. All are left-associative, except that comparisons do not chain. */
const LEVELS: readonly (readonly BinaryOperator[])[] = [
  ['||'],
  ['&&'],
  ['<', '<=', '>', '>=', '==', '!=', 'in'],
  ['+', '-'],
  ['*', '/', '%'],
];
const COMPARISONS = 2;

const KEYWORDS = new Set(['true', 'false', 'null', 'in']);
/** Reserved by CEL: not names, but allowed after a point. */
const RESERVED = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);
const WORD_OPERATORS: ReadonlyMap<string, string> = new Map([
  ['and', '&&'],
  ['or', '||'],
  ['not', '!'],
  ['AND', '&&'],
  ['OR', '||'],
  ['NOT', '!'],
]);
const VALUE_HINT = 'Write a name, a number, a text in quotes, a list or something in parentheses.';
const MACROS: ReadonlySet<string> = new Set<MacroName>(['all', 'exists', 'exists_one', 'filter', 'map']);

/** Reads one expression, without its leading `=`. The first problem is reported; it never throws. */
export function parseExpression(text: string): Result<Expression, ExpressionProblem> {
  if (text.length > LONGEST_TEXT) {
    const message = `This expression has ${text.length} characters; at most ${LONGEST_TEXT} are allowed.`;
    return err({ message, hint: 'Split it with derived values.', offset: 0, length: text.length });
  }
  const tokens = lex(text);
  if (!tokens.ok) return tokens;
  try {
    return ok({ text, tree: new Parser(text, tokens.value).whole() });
  } catch (error) {
    if (error instanceof Refusal) return err(error.problem);
    throw error;
  }
}

/** Leaves the recursive descent; caught in parseExpression. */
class Refusal {
  readonly problem: ExpressionProblem;
  constructor(problem: ExpressionProblem) {
    this.problem = problem;
  }
}

type Shape = Node extends infer Each ? (Each extends Node ? Omit<Each, 'offset' | 'end' | 'depth'> : never) : never;

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #nesting = 0;

  constructor(text: string, tokens: readonly Token[]) {
    this.#text = text;
    this.#tokens = tokens;
  }

  whole(): Node {
    if (this.#peek().kind === 'end') this.#refuse('This expression is empty.', 'Write a value, such as `2 * width`.');
    const tree = this.#conditional();
    if (this.#peek().kind !== 'end') this.#unexpected('an operator or the end', this.#hintOfTwoValues());
    return tree;
  }

  /** A method, not a getter: the next token changes between two looks at it. */
  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #is(symbol: string): boolean {
    const token = this.#peek();
    return (token.kind === 'symbol' || token.kind === 'word') && token.text === symbol;
  }

  #accept(symbol: string): boolean {
    if (!this.#is(symbol)) return false;
    this.#next++;
    return true;
  }

  #expect(symbol: string, opened?: Token): void {
    if (this.#accept(symbol)) return;
    const place = opened === undefined ? '' : `; what it closes is at character ${opened.offset + 1}`;
    this.#unexpected(`\`${symbol}\``, `Add \`${symbol}\`${place}.`);
  }

  #conditional(): Node {
    return this.#nested(() => {
      const test = this.#binary(0);
      if (!this.#accept('?')) return test;
      const then = this.#binary(0);
      this.#expect(':');
      const otherwise = this.#conditional();
      return this.#node({ kind: 'conditional', test, then, otherwise }, test.offset, [test, then, otherwise]);
    });
  }

  #binary(level: number): Node {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (let count = 0; ; count++) {
      const operator = operators.find((candidate) => this.#is(candidate));
      if (operator === undefined) return left;
      if (level === COMPARISONS && count > 0) {
        this.#refuse(
          'Comparisons cannot be chained.',
          'Write `a < b && b < c`, or put parentheses around one of them.',
        );
      }
      this.#next++;
      const right = this.#binary(level + 1);
      left = this.#node({ kind: 'binary', operator, left, right }, left.offset, [left, right]);
    }
  }

  #unary(): Node {
    const { offset } = this.#peek();
    for (const operator of ['-', '!'] as const) {
      if (!this.#accept(operator)) continue;
      const operand = this.#nested(() => this.#unary());
      return this.#node({ kind: 'unary', operator, operand }, offset, [operand]);
    }
    return this.#postfix();
  }

  #postfix(): Node {
    let node = this.#primary();
    while (true) {
      const opened = this.#peek();
      if (this.#accept('.')) node = this.#selection(node);
      else if (this.#accept('[')) {
        const index = this.#conditional();
        this.#expect(']', opened);
        node = this.#node({ kind: 'index', object: node, index }, node.offset, [node, index]);
      } else return node;
    }
  }

  #selection(object: Node): Node {
    const token = this.#peek();
    if (token.kind !== 'word') return this.#unexpected('a name', 'A field is written `a.name`, an item `a[0]`.');
    this.#next++;
    if (!this.#is('(')) return this.#node({ kind: 'member', object, field: token.text }, object.offset, [object]);
    const args = this.#arguments();
    if (MACROS.has(token.text)) return this.#macro(object, token.text as MacroName, args, token);
    return this.#node({ kind: 'method', object, name: token.text, args }, object.offset, [object, ...args]);
  }

  #macro(list: Node, macro: MacroName, args: readonly Node[], at: Token): Node {
    const [variable, body] = args;
    if (args.length !== 2 || variable!.kind !== 'name') {
      return this.#refuse(`\`${macro}\` takes a name and an expression.`, `Write \`list.${macro}(x, x > 0)\`.`, at);
    }
    return this.#node({ kind: 'macro', macro, list, variable: variable!.name, body: body! }, list.offset, [
      list,
      body!,
    ]);
  }

  #arguments(): Node[] {
    const opened = this.#peek();
    this.#expect('(');
    return this.#sequence(')', opened);
  }

  #sequence(close: string, opened: Token): Node[] {
    const items: Node[] = [];
    if (this.#accept(close)) return items;
    do items.push(this.#conditional());
    while (this.#accept(','));
    this.#expect(close, opened);
    return items;
  }

  #primary(): Node {
    const token = this.#peek();
    if (token.kind === 'number' || token.kind === 'string') {
      this.#next++;
      return this.#node({ kind: 'literal', value: token.value }, token.offset, []);
    }
    if (token.kind === 'word') return this.#word(token.text, token);
    if (this.#accept('(')) {
      const inner = this.#conditional();
      this.#expect(')', token);
      return { ...inner, offset: token.offset, end: this.#end };
    }
    if (this.#accept('[')) {
      const items = this.#sequence(']', token);
      return this.#node({ kind: 'list', items }, token.offset, items);
    }
    return this.#unexpected('a value', VALUE_HINT);
  }

  #word(text: string, token: Token): Node {
    const operator = WORD_OPERATORS.get(text);
    const following = this.#tokens[this.#next + 1]!;
    if (RESERVED.has(text)) this.#refuse(`\`${text}\` is a reserved word.`, 'Give the value another name.');
    if (operator !== undefined && following.kind === 'word') {
      this.#refuse(`\`${text}\` is not an operator.`, `Write \`${operator}\`.`);
    }
    if (text === 'in') return this.#unexpected('a value', VALUE_HINT);
    this.#next++;
    if (KEYWORDS.has(text)) {
      return this.#node({ kind: 'literal', value: text === 'null' ? null : text === 'true' }, token.offset, []);
    }
    if (!this.#is('(')) return this.#node({ kind: 'name', name: text }, token.offset, []);
    const args = this.#arguments();
    if (text !== 'has') return this.#node({ kind: 'call', name: text, args }, token.offset, args);
    const [selected] = args;
    if (args.length !== 1 || selected!.kind !== 'member') {
      return this.#refuse('`has` takes one field of a value.', 'Write `has(answer.field)`.', token);
    }
    return this.#node({ kind: 'has', object: selected!.object, field: selected!.field }, token.offset, [
      selected!.object,
    ]);
  }

  #nested<T>(read: () => T): T {
    if (++this.#nesting > DEEPEST_NESTING) {
      this.#refuse(`This expression is nested more than ${DEEPEST_NESTING} deep.`, 'Split it with derived values.');
    }
    const result = read();
    this.#nesting--;
    return result;
  }

  get #end(): number {
    return this.#tokens[this.#next - 1]!.end;
  }

  #node(shape: Shape, offset: number, parts: readonly Node[]): Node {
    const depth = 1 + parts.reduce((deepest, part) => Math.max(deepest, part.depth), 0);
    if (depth > DEEPEST_TREE) {
      this.#refuse(
        `More than ${DEEPEST_TREE} operators follow one another.`,
        'Split the expression with derived values.',
      );
    }
    return { ...shape, offset, end: this.#end, depth } as Node;
  }

  #unexpected(wanted: string, usual: string): never {
    const token = this.#peek();
    const found = token.kind === 'end' ? 'the end' : `\`${this.#text.slice(token.offset, token.end).slice(0, 40)}\``;
    const word = token.kind === 'word' ? WORD_OPERATORS.get(token.text) : undefined;
    const hint = word === undefined ? usual : `Write \`${word}\`.`;
    return this.#refuse(`Found ${found} where ${wanted} is expected.`, hint);
  }

  /** A word behind a number is mostly meant as its unit. */
  #hintOfTwoValues(): string {
    const [before, token] = [this.#tokens[this.#next - 1], this.#peek()];
    const join = 'Join two values with an operator, such as `+` or `&&`.';
    if (before?.kind !== 'number' || token.kind !== 'word') return join;
    return `A number with a unit is written \`q(${this.#text.slice(before.offset, before.end)}, '${token.text}')\`.`;
  }

  #refuse(message: string, hint: string, at: Token = this.#peek()): never {
    throw new Refusal({ message, hint, offset: at.offset, length: Math.max(at.end - at.offset, 0) });
  }
}
