import { exp, log } from '../../base/portable-math.ts';
import type { Result } from '../../base/result.ts';
import { err, ok } from '../../base/result.ts';
import { isPlainNumber, parseUnit } from '../quantity.ts';
import { clean, fieldOf, noFields, sizeOf } from './access.ts';
import { FUNCTIONS, METHODS, refusedCall } from './functions.ts';
import type { LiteralSide, Source } from './operations.ts';
import {
  calculate,
  compare,
  equal,
  extreme,
  Failure,
  fail,
  finite,
  keepingUnit,
  Meter,
  negated,
  numberOf,
  ordered,
  plainNumber,
  raisedTo,
  roundHalfAway,
  squareRoot,
} from './operations.ts';
import type { ArithmeticOperator, ComparisonOperator, Expression, Node, NodeOf } from './tree.ts';
import { arithmetic, childrenOf, excerpt, literalNumber } from './tree.ts';
import type { Value } from './value.ts';
import { isList, isMap, kindOf, QuantityValue } from './value.ts';

/** What one evaluation works on. `locals` holds the variables of the macros that are being evaluated, outermost first. */
interface Frame {
  readonly lookup: (name: string) => Value | undefined;
  readonly meter: Meter;
  readonly locals: Value[];
}

type Run = (frame: Frame) => Value;

const compiled = new WeakMap<Expression, Run>();

/**
 * Evaluates an expression. `lookup` gives the values of the names; undefined means that there is no such name.
 * Deterministic, without side effects, bounded by MOST_STEPS; every failure is returned, none thrown.
 * The first evaluation of an expression compiles it, later ones of the same object are fast.
 */
export function evaluate(
  expression: Expression,
  lookup: (name: string) => Value | undefined,
): Result<Value, { readonly message: string }> {
  let run = compiled.get(expression);
  if (run === undefined) {
    run = new Compiler(expression.text).compile(expression.tree, []);
    compiled.set(expression, run);
  }
  try {
    return ok(run({ lookup, meter: new Meter(), locals: [] }));
  } catch (failure) {
    if (failure instanceof Failure) return err({ message: failure.message });
    throw failure;
  }
}

/** Turns a tree into closures. `variables` are the macro variables in scope, outermost first. */
class Compiler {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  compile(node: Node, variables: readonly string[]): Run {
    switch (node.kind) {
      case 'literal': {
        const { value } = node;
        return () => value;
      }
      case 'name':
        return compileName(node.name, variables);
      case 'member':
        return this.#field(node.object, node.field, variables);
      case 'index':
        return this.#index(node, variables);
      case 'call':
        return this.#call(node, variables);
      case 'method':
        return this.#method(node, variables);
      case 'has':
        return this.#has(node, variables);
      case 'macro':
        return this.#macro(node, variables);
      case 'list': {
        const items = node.items.map((item) => this.compile(item, variables));
        return (frame) => items.map((item) => item(frame));
      }
      case 'unary':
        return this.#unary(node, variables);
      case 'binary':
        return this.#binary(node, variables);
      case 'conditional': {
        const test = this.#truth(node.test, variables);
        const then = this.compile(node.then, variables);
        const otherwise = this.compile(node.otherwise, variables);
        return (frame) => (test(frame) ? then(frame) : otherwise(frame));
      }
    }
  }

  #source(node: Node): Source {
    return () => excerpt(this.#text, node);
  }

  /** A condition: true or false, or a failure. */
  #truth(node: Node, variables: readonly string[]): (frame: Frame) => boolean {
    const run = this.compile(node, variables);
    const source = this.#source(node);
    return (frame) => {
      const value = run(frame);
      if (typeof value === 'boolean') return value;
      return fail(`\`${source()}\` is ${kindOf(value)}, and a condition is true or false.`);
    };
  }

  #field(objectNode: Node, field: string, variables: readonly string[]): Run {
    const object = this.compile(objectNode, variables);
    const source = this.#source(objectNode);
    return (frame) => fieldOf(object(frame), field, source);
  }

  #index(node: NodeOf<'index'>, variables: readonly string[]): Run {
    const object = this.compile(node.object, variables);
    const index = this.compile(node.index, variables);
    const source = this.#source(node.object);
    return (frame) => {
      const container = object(frame);
      const key = index(frame);
      if (typeof key === 'string') return fieldOf(container, key, source);
      if (!isList(container))
        return fail(`\`${source()}\` is ${kindOf(container)}, and only a list has numbered items.`);
      if (typeof key !== 'number' || !Number.isInteger(key) || key < 0 || key >= container.length) {
        const shown = typeof key === 'number' ? String(key) : kindOf(key);
        return fail(`\`${source()}\` has items 0 to ${container.length - 1}, and ${shown} was asked for.`);
      }
      return clean(container[key], source);
    };
  }

  #has(node: NodeOf<'has'>, variables: readonly string[]): Run {
    const object = this.compile(node.object, variables);
    const source = this.#source(node.object);
    return (frame) => {
      const container = object(frame);
      return isMap(container) ? Object.hasOwn(container, node.field) : fail(noFields(container, source));
    };
  }

  #unary(node: NodeOf<'unary'>, variables: readonly string[]): Run {
    if (node.operator === '!') {
      const truth = this.#truth(node.operand, variables);
      return (frame) => !truth(frame);
    }
    const operand = this.compile(node.operand, variables);
    const source = this.#source(node);
    return (frame) => negated(operand(frame), source);
  }

  #binary(node: NodeOf<'binary'>, variables: readonly string[]): Run {
    const { operator } = node;
    if (operator === '&&' || operator === '||') return this.#logic(node, operator, variables);
    if (operator === 'in') return this.#membership(node, variables);
    const left = this.compile(node.left, variables);
    const right = this.compile(node.right, variables);
    const literal = literalSide(node);
    const source = this.#source(node);
    if (isArithmetic(operator)) return compileArithmetic(operator, left, right, literal, source);
    return (frame) => {
      const a = left(frame);
      const b = right(frame);
      if (typeof a === 'number' && typeof b === 'number') return ordered(operator, a, b);
      return compare(operator, a, b, literal, frame.meter, source);
    };
  }

  #logic(node: NodeOf<'binary'>, operator: '&&' | '||', variables: readonly string[]): Run {
    const left = this.#truth(node.left, variables);
    const right = this.#truth(node.right, variables);
    return operator === '&&' ? (frame) => left(frame) && right(frame) : (frame) => left(frame) || right(frame);
  }

  #membership(node: NodeOf<'binary'>, variables: readonly string[]): Run {
    const wanted = this.compile(node.left, variables);
    const container = this.compile(node.right, variables);
    const source = this.#source(node);
    const isLiteral = literalNumber(node.left) !== undefined;
    const items = node.right.kind === 'list' ? node.right.items.map((item) => literalNumber(item) !== undefined) : [];
    return (frame) => {
      const value = wanted(frame);
      const list = container(frame);
      if (isMap(list) && typeof value === 'string') return Object.hasOwn(list, value);
      if (!isList(list)) return fail(`\`${source()}\` looks in ${kindOf(list)}, and \`in\` needs a list.`);
      frame.meter.chargeItems(list.length);
      return list.some((item, i) => {
        const side = isLiteral === (items[i] === true) ? 'none' : isLiteral ? 'left' : 'right';
        return equal(value, item, side, frame.meter, source);
      });
    };
  }

  #macro(node: NodeOf<'macro'>, variables: readonly string[]): Run {
    const list = this.compile(node.list, variables);
    const inner = [...variables, node.variable];
    const source = this.#source(node.list);
    const cost = nodesIn(node.body);
    const each = (frame: Frame, visit: (item: Value) => boolean): void => {
      const items = list(frame);
      if (!isList(items)) return fail(`\`${source()}\` is ${kindOf(items)}, and \`${node.macro}\` needs a list.`);
      for (const raw of items) {
        frame.meter.charge(cost);
        const item = clean(raw, source);
        frame.locals[variables.length] = item;
        if (!visit(item)) return;
      }
    };
    if (node.macro === 'map') {
      const body = this.compile(node.body, inner);
      return (frame) => {
        const results: Value[] = [];
        each(frame, () => results.push(body(frame)) > 0);
        return results;
      };
    }
    const holds = this.#truth(node.body, inner);
    switch (node.macro) {
      case 'filter':
        return (frame) => {
          const results: Value[] = [];
          each(frame, (item) => !holds(frame) || results.push(item) > 0);
          return results;
        };
      case 'all':
        return (frame) => {
          let all = true;
          each(frame, () => {
            all = holds(frame);
            return all;
          });
          return all;
        };
      case 'exists':
      case 'exists_one': {
        const limit = node.macro === 'exists' ? 1 : 2;
        return (frame) => {
          let found = 0;
          each(frame, () => {
            if (holds(frame)) found++;
            return found < limit;
          });
          return found === 1;
        };
      }
    }
  }

  #call(node: NodeOf<'call'>, variables: readonly string[]): Run {
    const usage = Object.hasOwn(FUNCTIONS, node.name) ? FUNCTIONS[node.name] : undefined;
    if (usage === undefined) return () => fail(unknownCall(node.name));
    if (node.args.length < usage.least || node.args.length > usage.most) return () => fail(`Write \`${usage.usage}\`.`);
    const args = node.args.map((arg) => this.compile(arg, variables));
    const [first, second] = args as [Run, Run];
    const source = this.#source(node);
    switch (node.name) {
      case 'q':
        return compileQuantity(node, first, source);
      case 'min':
      case 'max':
        return compileExtreme(node, args, source);
      case 'pow': {
        const isLiteral = literalNumber(node.args[1]!) !== undefined;
        return (frame) => raisedTo(first(frame), second(frame), isLiteral, source);
      }
      case 'sqrt':
        return (frame) => squareRoot(first(frame), source);
      case 'abs':
        return (frame) => keepingUnit(first(frame), Math.abs, source);
      case 'exp':
        return (frame) => finite(exp(plainNumber(first(frame), source)), source);
      case 'log':
        return (frame) => finite(log(plainNumber(first(frame), source)), source);
      case 'floor':
        return (frame) => finite(Math.floor(bareNumber(first(frame), source)), source);
      case 'ceil':
        return (frame) => finite(Math.ceil(bareNumber(first(frame), source)), source);
      case 'round':
        return (frame) => finite(roundHalfAway(bareNumber(first(frame), source)), source);
      default:
        return (frame) => sizeOf(first(frame), frame.meter, source);
    }
  }

  #method(node: NodeOf<'method'>, variables: readonly string[]): Run {
    const usage = Object.hasOwn(METHODS, node.name) ? METHODS[node.name] : undefined;
    if (usage === undefined) return () => fail(`There is no \`.${node.name}()\`.`);
    if (node.args.length !== usage.arguments) return () => fail(`Write \`${usage.usage}\`.`);
    const object = this.compile(node.object, variables);
    const source = this.#source(node);
    if (node.name === 'size') return (frame) => sizeOf(object(frame), frame.meter, source);
    const argument = this.compile(node.args[0]!, variables);
    return (frame) => {
      const text = object(frame);
      const part = argument(frame);
      if (typeof text !== 'string' || typeof part !== 'string') {
        return fail(`\`${source()}\` needs text, and here is ${kindOf(typeof text === 'string' ? part : text)}.`);
      }
      frame.meter.chargeText(text.length);
      if (node.name === 'startsWith') return text.startsWith(part);
      return node.name === 'endsWith' ? text.endsWith(part) : text.includes(part);
    };
  }
}

function compileName(name: string, variables: readonly string[]): Run {
  const slot = variables.lastIndexOf(name);
  if (slot >= 0) return (frame) => frame.locals[slot]!;
  const source = (): string => name;
  return (frame) => {
    const value = frame.lookup(name);
    return value === undefined ? fail(`There is no value \`${name}\` here.`) : clean(value, source);
  };
}

/** Longest text that `+` makes. */
const LONGEST_STRING = 1_000_000;

function compileArithmetic(
  operator: ArithmeticOperator,
  left: Run,
  right: Run,
  literal: LiteralSide,
  source: Source,
): Run {
  return (frame) => {
    const a = left(frame);
    const b = right(frame);
    if (typeof a === 'number' && typeof b === 'number') return finite(arithmetic(operator, a, b)!, source);
    if (operator === '+' && typeof a === 'string' && typeof b === 'string') {
      frame.meter.chargeText(a.length + b.length);
      return a.length + b.length > LONGEST_STRING ? fail(`\`${source()}\` is too long a text.`) : a + b;
    }
    return calculate(operator, a, b, literal, source);
  };
}

function compileQuantity(node: NodeOf<'call'>, number: Run, source: Source): Run {
  const text = node.args[1]!;
  if (text.kind !== 'literal' || typeof text.value !== 'string')
    return () => fail("Write the unit as text: q(2, 'kN').");
  const unit = parseUnit(text.value);
  if (!unit.ok) return () => fail(unit.error);
  return (frame) => {
    const value = number(frame);
    if (typeof value !== 'number') return fail(`\`${source()}\` needs a bare number, and here is ${kindOf(value)}.`);
    return isPlainNumber(unit.value) ? value : new QuantityValue(value, unit.value);
  };
}

function compileExtreme(node: NodeOf<'call'>, args: readonly Run[], source: Source): Run {
  const pick =
    node.name === 'min' ? (a: number, b: number) => Math.min(a, b) : (a: number, b: number) => Math.max(a, b);
  const literals = node.args.map((arg) => literalNumber(arg) !== undefined);
  return (frame) => {
    const values = args.map((arg) => arg(frame));
    const [only] = values as [Value];
    if (values.length > 1 || !isList(only)) return extreme(pick, values, literals, source);
    frame.meter.chargeItems(only.length);
    return extreme(pick, only, [], source);
  };
}

function literalSide(node: NodeOf<'binary'>): LiteralSide {
  const left = literalNumber(node.left) !== undefined;
  const right = literalNumber(node.right) !== undefined;
  if (left === right) return 'none';
  return left ? 'left' : 'right';
}

function isArithmetic(operator: ArithmeticOperator | ComparisonOperator): operator is ArithmeticOperator {
  return operator === '+' || operator === '-' || operator === '*' || operator === '/' || operator === '%';
}

function bareNumber(value: Value, source: Source): number {
  if (value instanceof QuantityValue) {
    return fail(
      `\`${source()}\` needs a number without unit; divide by one first, as in x / q(1, '${value.unit.text}').`,
    );
  }
  return numberOf(value, source);
}

function nodesIn(node: Node): number {
  return childrenOf(node).reduce((sum, child) => sum + nodesIn(child), 1);
}

function unknownCall(name: string): string {
  return `There is no function \`${name}\`. ${refusedCall(name) ?? ''}`.trim();
}
