/** Longest text of one expression, in UTF-16 units. */
export const LONGEST_TEXT = 4096;
/** Deepest nesting of parentheses, brackets, calls, signs and `? :`. */
export const DEEPEST_NESTING = 64;
/** Deepest tree; a chain such as a + b + c makes one level for each operator. */
export const DEEPEST_TREE = 256;
/** Most steps of one evaluation. */
export const MOST_STEPS = 100_000;
/** Longest list, and largest map, that an evaluation touches. */
export const LONGEST_LIST = 100_000;

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%';
export type ComparisonOperator = '<' | '<=' | '>' | '>=' | '==' | '!=';
export type BinaryOperator = ArithmeticOperator | ComparisonOperator | 'in' | '&&' | '||';
export type MacroName = 'all' | 'exists' | 'exists_one' | 'filter' | 'map';

/** Where a node stands in the text: from `offset` to `end`, in UTF-16 units. `depth` is that of its subtree. */
interface Place {
  readonly offset: number;
  readonly end: number;
  readonly depth: number;
}

export type Node = Place &
  (
    | { readonly kind: 'literal'; readonly value: null | boolean | number | string }
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'member'; readonly object: Node; readonly field: string }
    | { readonly kind: 'index'; readonly object: Node; readonly index: Node }
    | { readonly kind: 'call'; readonly name: string; readonly args: readonly Node[] }
    | { readonly kind: 'method'; readonly object: Node; readonly name: string; readonly args: readonly Node[] }
    | { readonly kind: 'has'; readonly object: Node; readonly field: string }
    | {
        readonly kind: 'macro';
        readonly macro: MacroName;
        readonly list: Node;
        readonly variable: string;
        readonly body: Node;
      }
    | { readonly kind: 'list'; readonly items: readonly Node[] }
    | { readonly kind: 'unary'; readonly operator: '-' | '!'; readonly operand: Node }
    | { readonly kind: 'binary'; readonly operator: BinaryOperator; readonly left: Node; readonly right: Node }
    | { readonly kind: 'conditional'; readonly test: Node; readonly then: Node; readonly otherwise: Node }
  );

export type NodeOf<Kind extends Node['kind']> = Extract<Node, { kind: Kind }>;

export interface Expression {
  readonly text: string;
  readonly tree: Node;
}

/** Something wrong with an expression. `offset` and `length` mark it in the text, in UTF-16 units. */
export interface ExpressionProblem {
  readonly message: string;
  readonly hint: string;
  readonly offset: number;
  readonly length: number;
}

/** The parts of a node, in the order of the text. */
export function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'literal':
    case 'name':
      return [];
    case 'member':
    case 'has':
      return [node.object];
    case 'index':
      return [node.object, node.index];
    case 'call':
      return node.args;
    case 'method':
      return [node.object, ...node.args];
    case 'macro':
      return [node.list, node.body];
    case 'list':
      return node.items;
    case 'unary':
      return [node.operand];
    case 'binary':
      return [node.left, node.right];
    case 'conditional':
      return [node.test, node.then, node.otherwise];
  }
}

/** The source text of a node, shortened for a message. */
export function excerpt(text: string, node: Node): string {
  const part = text.slice(node.offset, node.end);
  // Cut between characters: half of a surrogate pair could not be written into the journal.
  return part.length > 60 ? `${[...part].slice(0, 57).join('')}...` : part;
}

/**
 * The number that a literal, or arithmetic of literals alone, stands for: `0.5`, `-2`, `1e-3 * 2`. Undefined if the node is
 * anything else. Such a number takes the unit of the quantity that it is compared with, added to or subtracted from.
 */
export function literalNumber(node: Node): number | undefined {
  if (node.kind === 'literal') return typeof node.value === 'number' ? node.value : undefined;
  if (node.kind === 'unary' && node.operator === '-') {
    const operand = literalNumber(node.operand);
    return operand === undefined ? undefined : 0 - operand;
  }
  if (node.kind !== 'binary') return undefined;
  const left = literalNumber(node.left);
  const right = left === undefined ? undefined : literalNumber(node.right);
  if (left === undefined || right === undefined) return undefined;
  return arithmetic(node.operator, left, right);
}

/** Arithmetic of plain numbers; undefined for another operator. `%` has the sign of its left side. */
export function arithmetic(operator: BinaryOperator, left: number, right: number): number | undefined {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '%':
      return left % right;
    default:
      return undefined;
  }
}
