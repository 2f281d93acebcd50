import { callType, methodType } from './check-calls.ts';
import type { Typed } from './check-numbers.ts';
import { alignedType, ANY_NUMBER, plainType, productType, requireNumbers } from './check-numbers.ts';
import { FUNCTIONS } from './functions.ts';
import type { ExpressionNote } from './report.ts';
import { BROKEN, Report } from './report.ts';
import { closest } from './suggest.ts';
import type { Expression, ExpressionProblem, Node, NodeOf } from './tree.ts';
import { literalNumber } from './tree.ts';
import type { Type } from './type.ts';
import { ANY, BOOLEAN, describeType, PLAIN_NUMBER, STRING } from './type.ts';

/** The names that an expression may use. */
export interface Scope {
  lookup(name: string): Type | undefined;
  /** All names, for "did you mean". */
  readonly names: readonly string[];
}

export interface Checked {
  readonly type: Type;
  readonly problems: readonly ExpressionProblem[];
  /** What a reviewer should see, such as the unit that a bare literal takes. */
  readonly notes: readonly ExpressionNote[];
}

/** Finds the type of an expression and everything that is wrong with it, without evaluating it. */
export function checkExpression(expression: Expression, scope: Scope): Checked {
  const checker = new Checker(expression.text, scope);
  const type = checker.typeOf(expression.tree, new Map());
  return { type, problems: checker.report.problems, notes: checker.report.notes };
}

/** Types of the variables of the macros around a node. */
type Locals = ReadonlyMap<string, Type>;

class Checker {
  readonly report: Report;
  readonly #scope: Scope;

  constructor(text: string, scope: Scope) {
    this.report = new Report(text);
    this.#scope = scope;
  }

  typeOf(node: Node, locals: Locals): Type {
    switch (node.kind) {
      case 'literal':
        return literalType(node.value);
      case 'name':
        return this.#name(node, locals);
      case 'member':
        return this.#field(node, node.field, this.#typed(node.object, locals));
      case 'index':
        return this.#index(node, locals);
      case 'call':
        return callType(this.report, node, this.#all(node.args, locals));
      case 'method':
        return methodType(this.report, node, this.#typed(node.object, locals), this.#all(node.args, locals));
      case 'has':
        return this.#has(node, locals);
      case 'macro':
        return this.#macro(node, locals);
      case 'list':
        return { kind: 'list', item: commonType(this.#all(node.items, locals).map(({ type }) => type)) };
      case 'unary':
        return this.#unary(node, locals);
      case 'binary':
        return this.#binary(node, locals);
      case 'conditional':
        return this.#conditional(node, locals);
    }
  }

  #typed(node: Node, locals: Locals): Typed {
    return { node, type: this.typeOf(node, locals) };
  }

  #all(nodes: readonly Node[], locals: Locals): Typed[] {
    return nodes.map((node) => this.#typed(node, locals));
  }

  #name(node: NodeOf<'name'>, locals: Locals): Type {
    const type = locals.get(node.name) ?? this.#scope.lookup(node.name);
    if (type !== undefined) return type;
    const names = [...locals.keys(), ...this.#scope.names];
    const isFunction = Object.hasOwn(FUNCTIONS, node.name);
    const hint = isFunction
      ? `It is a function: write \`${FUNCTIONS[node.name]!.usage}\`.`
      : didYouMean(node.name, names);
    return this.report.problem(node, `There is no value \`${node.name}\` here.`, hint);
  }

  #field(node: Node, field: string, object: Typed): Type {
    const { type } = object;
    const name = this.report.source(object.node);
    if (type.kind === 'any') return type;
    if (type.kind !== 'map') {
      const hint = type.kind === 'list' ? `Write \`${name}[0]\` for its first item.` : 'Leave the field out.';
      return this.report.problem(node, `\`${name}\` is ${describeType(type)}, which has no fields.`, hint);
    }
    if (type.fields === null) return ANY;
    if (Object.hasOwn(type.fields, field)) return type.fields[field]!;
    return this.report.problem(node, `\`${name}\` has no \`${field}\`.`, didYouMean(field, Object.keys(type.fields)));
  }

  #index(node: NodeOf<'index'>, locals: Locals): Type {
    const object = this.#typed(node.object, locals);
    const index = this.#typed(node.index, locals);
    if (node.index.kind === 'literal' && typeof node.index.value === 'string') {
      return this.#field(node, node.index.value, object);
    }
    if (object.type.kind === 'any' || index.type.kind === 'any') return object.type === BROKEN ? BROKEN : ANY;
    if (object.type.kind === 'map' && index.type.kind === 'string') return ANY;
    if (object.type.kind === 'list' && index.type.kind === 'number') {
      return plainType(this.report, node, index, false) === BROKEN ? BROKEN : object.type.item;
    }
    const message = `\`${this.report.source(node.object)}\` is ${describeType(object.type)}, and the index is ${describeType(index.type)}.`;
    return this.report.problem(node, message, 'A list is indexed by a whole number from 0, a map by text.');
  }

  #has(node: NodeOf<'has'>, locals: Locals): Type {
    const { kind } = this.#typed(node.object, locals).type;
    if (kind === 'map' || kind === 'any') return BOOLEAN;
    const message = `\`${this.report.source(node.object)}\` has no fields.`;
    return this.report.problem(node, message, 'Use `has` on an answer, as in `has(answer.field)`.');
  }

  #macro(node: NodeOf<'macro'>, locals: Locals): Type {
    const list = this.#typed(node.list, locals);
    let item: Type = BROKEN;
    if (list.type.kind === 'list') item = list.type.item;
    else if (list.type.kind === 'any') item = list.type;
    else {
      const message = `\`${this.report.source(node.list)}\` is ${describeType(list.type)}, and \`${node.macro}\` needs a list.`;
      this.report.problem(node.list, message, `Use \`${node.macro}\` on a list.`);
    }
    const body = this.#typed(node.body, new Map([...locals, [node.variable, item]]));
    if (node.macro === 'map') return { kind: 'list', item: body.type };
    this.#requireTruth(body);
    return node.macro === 'filter' ? { kind: 'list', item } : BOOLEAN;
  }

  #requireTruth({ node, type }: Typed): void {
    if (type.kind === 'boolean' || type.kind === 'any') return;
    const message = `\`${this.report.source(node)}\` is ${describeType(type)}, and a condition is true or false.`;
    this.report.problem(node, message, 'Compare it with something, as in `x > 0`.');
  }

  #unary(node: NodeOf<'unary'>, locals: Locals): Type {
    const operand = this.#typed(node.operand, locals);
    if (node.operator === '!') {
      this.#requireTruth(operand);
      return BOOLEAN;
    }
    if (!requireNumbers(this.report, node, operand)) return BROKEN;
    return operand.type.kind === 'number' ? operand.type : ANY_NUMBER;
  }

  #binary(node: NodeOf<'binary'>, locals: Locals): Type {
    const { operator } = node;
    const constant = literalNumber(node);
    if (constant !== undefined && !Number.isFinite(constant)) {
      const message = `\`${this.report.source(node)}\` is not a finite number.`;
      return this.report.problem(node, message, 'Check the division, or the size of the numbers.');
    }
    if (operator === 'in') return this.#membership(node, locals);
    const left = this.#typed(node.left, locals);
    const right = this.#typed(node.right, locals);
    switch (operator) {
      case '&&':
      case '||':
        this.#requireTruth(left);
        this.#requireTruth(right);
        return BOOLEAN;
      case '*':
      case '/':
        return productType(this.report, node, operator, left, right);
      case '+':
        return this.#sum(node, left, right);
      case '-':
      case '%':
        return alignedType(this.report, node, left, right);
      case '==':
      case '!=':
        this.#equality(node, left, right);
        return BOOLEAN;
      default:
        this.#ordering(node, left, right);
        return BOOLEAN;
    }
  }

  #sum(node: Node, left: Typed, right: Typed): Type {
    const kinds = [left.type.kind, right.type.kind];
    if (!kinds.includes('string')) {
      return kinds.every((kind) => kind === 'any') ? ANY : alignedType(this.report, node, left, right);
    }
    if (kinds.every((kind) => kind === 'string' || kind === 'any')) return STRING;
    const message = `\`${this.report.source(node)}\` adds ${describeType(left.type)} and ${describeType(right.type)}.`;
    return this.report.problem(node, message, 'Add text to text, or numbers to numbers.');
  }

  #ordering(node: Node, left: Typed, right: Typed): void {
    const kinds = [left.type.kind, right.type.kind];
    if (!kinds.includes('string')) alignedType(this.report, node, left, right);
    else if (!kinds.every((kind) => kind === 'string' || kind === 'any')) this.#incomparable(node, left, right);
  }

  #equality(node: Node, left: Typed, right: Typed): void {
    const kinds = [left.type.kind, right.type.kind];
    if (kinds.includes('null')) return;
    if (kinds.every((kind) => kind === 'any')) return;
    if (kinds.every((kind) => kind === 'number' || kind === 'any')) alignedType(this.report, node, left, right);
    else if (left.type.kind !== right.type.kind && !kinds.includes('any')) this.#incomparable(node, left, right);
  }

  #incomparable(node: Node, left: Typed, right: Typed): void {
    const message = `\`${this.report.source(node)}\` compares ${describeType(left.type)} with ${describeType(right.type)}.`;
    this.report.problem(node, message, 'Compare values of one kind.');
  }

  #membership(node: NodeOf<'binary'>, locals: Locals): Type {
    const wanted = this.#typed(node.left, locals);
    if (node.right.kind === 'list') {
      for (const item of this.#all(node.right.items, locals)) this.#equality(node, wanted, item);
      return BOOLEAN;
    }
    const { type } = this.#typed(node.right, locals);
    if (type.kind === 'list') this.#equality(node, wanted, { node: node.right, type: type.item });
    else if (type.kind !== 'any' && !(type.kind === 'map' && wanted.type.kind === 'string')) {
      const message = `\`${this.report.source(node.right)}\` is ${describeType(type)}, and \`in\` needs a list.`;
      this.report.problem(node.right, message, "Write a list, as in `status in ['done', 'failed']`.");
    }
    return BOOLEAN;
  }

  #conditional(node: NodeOf<'conditional'>, locals: Locals): Type {
    this.#requireTruth(this.#typed(node.test, locals));
    const then = this.#typed(node.then, locals);
    const otherwise = this.#typed(node.otherwise, locals);
    const [a, b] = [then.type, otherwise.type];
    if (a === BROKEN || b === BROKEN) return BROKEN;
    const common = commonType([a, b]);
    const oneIsOpen = [a.kind, b.kind].some((kind) => kind === 'any' || kind === 'null');
    if (a.kind !== b.kind && !oneIsOpen) {
      const message = `\`${this.report.source(node)}\` is either ${describeType(a)} or ${describeType(b)}.`;
      return this.report.problem(node, message, 'Make both values of one kind.');
    }
    const known = a.kind === 'number' && a.unit !== null && b.kind === 'number' && b.unit !== null;
    if (!known || common.kind !== 'number' || common.unit !== null) return common;
    const message = `\`${this.report.source(node)}\` is either ${describeType(a)} or ${describeType(b)}.`;
    const unit = a.unit.factors.length > 0 ? a.unit : b.unit;
    return this.report.problem(node, message, `Give both values one unit, as in q(2, '${unit.text}').`);
  }
}

function literalType(value: null | boolean | number | string): Type {
  if (value === null) return { kind: 'null' };
  if (typeof value === 'boolean') return BOOLEAN;
  return typeof value === 'string' ? STRING : PLAIN_NUMBER;
}

/** What holds for values of all these types. */
function commonType(types: readonly Type[]): Type {
  const [first, ...others] = types;
  if (first === undefined) return ANY;
  return others.reduce(joined, first);
}

function joined(a: Type, b: Type): Type {
  if (a === b) return a;
  if (a.kind === 'number' && b.kind === 'number') return a.unit?.text === b.unit?.text ? a : ANY_NUMBER;
  if (a.kind === 'list' && b.kind === 'list') return { kind: 'list', item: joined(a.item, b.item) };
  if (a.kind === 'map' && b.kind === 'map') return { kind: 'map', fields: null };
  return a.kind === b.kind ? a : ANY;
}

function didYouMean(name: string, names: readonly string[]): string {
  const near = closest(name, names);
  if (near !== undefined) return `Did you mean \`${near}\`?`;
  if (names.length === 0) return 'Nothing is defined here.';
  const shown = names.slice(0, 12).join(', ');
  return `There ${names.length === 1 ? 'is' : 'are'} ${shown}${names.length > 12 ? ', ...' : ''}.`;
}
