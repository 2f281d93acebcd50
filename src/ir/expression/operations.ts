import { pow } from '../../base/portable-math.ts';
import type { Unit } from '../quantity.ts';
import {
  convert,
  DIMENSIONLESS,
  divideUnits,
  isDimensionless,
  isPlainNumber,
  multiplyUnits,
  powerUnit,
  sameDimension,
} from '../quantity.ts';
import type { ArithmeticOperator, ComparisonOperator } from './tree.ts';
import { arithmetic, LONGEST_LIST, MOST_STEPS } from './tree.ts';
import type { Value } from './value.ts';
import { isList, isMap, kindOf, QuantityValue } from './value.ts';

/** Leaves an evaluation; caught in evaluate(). Not an Error: a stack trace would cost more than the evaluation. */
export class Failure {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

export function fail(message: string): never {
  throw new Failure(message);
}

/** Counts the steps of one evaluation: a node is one step, 16 items of a list or 256 characters of a text are another. */
export class Meter {
  #steps = 0;

  charge(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MOST_STEPS) fail(`This expression takes more than ${MOST_STEPS} steps.`);
  }

  chargeItems(count: number): void {
    if (count > LONGEST_LIST) fail(`This list has ${count} items; an expression reads at most ${LONGEST_LIST}.`);
    this.charge(count / 16);
  }

  chargeText(length: number): void {
    this.charge(length / 256);
  }
}

/** The sides that are literal numbers, which take the unit of the other side. Never both: that is plain arithmetic. */
export type LiteralSide = 'left' | 'right' | 'none';

/** The source text of what is being done, for messages; asked for only when there is one. */
export type Source = () => string;

export function finite(value: number, source: Source): number {
  if (!Number.isFinite(value)) fail(`\`${source()}\` is not a finite number.`);
  return value + 0;
}

/** A number in a unit; a plain number if there is none. */
function measured(value: number, unit: Unit, source: Source): Value {
  const number = finite(value, source);
  return isPlainNumber(unit) ? number : new QuantityValue(number, unit);
}

interface Aligned {
  readonly left: number;
  readonly right: number;
  readonly unit: Unit;
}

/** Two numbers in one unit: the left one's, or that of the quantity if the other is a literal. */
function aligned(left: Value, right: Value, literal: LiteralSide, source: Source): Aligned {
  const a = numberOf(left, source);
  const b = numberOf(right, source);
  const leftUnit = unitOf(left);
  const rightUnit = unitOf(right);
  if (literal === 'left') return { left: a, right: b, unit: rightUnit };
  if (literal === 'right') return { left: a, right: b, unit: leftUnit };
  if (!sameDimension(leftUnit, rightUnit)) {
    fail(`\`${source()}\` mixes ${kindOf(left)} with ${kindOf(right)}${bareHint(leftUnit, rightUnit)}.`);
  }
  return { left: a, right: finite(convert(b, rightUnit, leftUnit), source), unit: leftUnit };
}

function bareHint(left: Unit, right: Unit): string {
  if (isPlainNumber(left)) return `; q(x, '${right.text}') gives a bare number its unit`;
  return isPlainNumber(right) ? `; q(x, '${left.text}') gives a bare number its unit` : '';
}

export function numberOf(value: Value, source: Source): number {
  if (typeof value === 'number') return value;
  if (value instanceof QuantityValue) return value.value;
  return fail(`\`${source()}\` needs numbers, and here is ${kindOf(value)}.`);
}

function unitOf(value: Value): Unit {
  return value instanceof QuantityValue ? value.unit : DIMENSIONLESS;
}

/** The plain number that a value is; `%`, `deg` and other units without dimension are folded in. */
export function plainNumber(value: Value, source: Source): number {
  const number = numberOf(value, source);
  const unit = unitOf(value);
  if (!isDimensionless(unit)) fail(`\`${source()}\` needs a number without unit, and here is ${kindOf(value)}.`);
  return convert(number, unit, DIMENSIONLESS);
}

/** left + right and the like, for anything but two plain numbers. */
export function calculate(
  operator: ArithmeticOperator,
  left: Value,
  right: Value,
  literal: LiteralSide,
  source: Source,
): Value {
  if (operator === '*' || operator === '/') return scaled(operator, left, right, source);
  const sides = aligned(left, right, literal, source);
  return measured(arithmetic(operator, sides.left, sides.right)!, sides.unit, source);
}

function scaled(operator: '*' | '/', left: Value, right: Value, source: Source): Value {
  const a = numberOf(left, source);
  const b = numberOf(right, source);
  const product = unitOfProduct(operator, unitOf(left), unitOf(right));
  if (product === null) return fail(`The unit of \`${source()}\` is out of range.`);
  const x = product.foldsLeft ? convert(a, unitOf(left), DIMENSIONLESS) : a;
  const y = product.foldsRight ? convert(b, unitOf(right), DIMENSIONLESS) : b;
  const value = operator === '*' ? x * y : x / y;
  return measured(convert(value, product.raw, product.unit), product.unit, source);
}

interface Product {
  /** Unit of the bare product, and the same as a plain number if it has no dimension. */
  readonly raw: Unit;
  readonly unit: Unit;
  readonly foldsLeft: boolean;
  readonly foldsRight: boolean;
}

/**
 * The unit of a product or quotient. A plain number scales a quantity and leaves its unit (2 * 30 deg is 60 deg); between
 * two quantities `%`, `deg` and the like are folded in, and a result without dimension is a plain number.
 */
export function unitOfProduct(operator: '*' | '/', left: Unit, right: Unit): Product | null {
  if (isPlainNumber(right)) return { raw: left, unit: left, foldsLeft: false, foldsRight: false };
  if (isPlainNumber(left) && operator === '*') return { raw: right, unit: right, foldsLeft: false, foldsRight: false };
  const foldsLeft = isDimensionless(left);
  const foldsRight = isDimensionless(right);
  const a = foldsLeft ? DIMENSIONLESS : left;
  const b = foldsRight ? DIMENSIONLESS : right;
  const raw = operator === '*' ? multiplyUnits(a, b) : divideUnits(a, b);
  return raw && { raw, unit: isDimensionless(raw) ? DIMENSIONLESS : raw, foldsLeft, foldsRight };
}

export function negated(value: Value, source: Source): Value {
  if (value instanceof QuantityValue) return new QuantityValue(0 - value.value, value.unit);
  if (typeof value === 'number') return 0 - value;
  return fail(`\`${source()}\` needs a number, and here is ${kindOf(value)}.`);
}

/** x^power; a quantity needs a literal power, for otherwise its unit would not be known before the run. */
export function raisedTo(base: Value, power: Value, isLiteral: boolean, source: Source): Value {
  const exponent = plainNumber(power, source);
  const unit = unitOf(base);
  if (isDimensionless(unit)) return finite(pow(plainNumber(base, source), exponent), source);
  if (!isLiteral) fail(`\`${source()}\` raises a quantity to a power that is not a literal number.`);
  const raised = powerUnit(unit, exponent);
  if (raised === null) return fail(`\`${source()}\` has no unit: ${unit.text} cannot be raised to ${exponent}.`);
  return measured(pow(numberOf(base, source), exponent), raised, source);
}

export function squareRoot(value: Value, source: Source): Value {
  const unit = unitOf(value);
  if (isDimensionless(unit)) return finite(Math.sqrt(plainNumber(value, source)), source);
  const root = powerUnit(unit, 0.5);
  if (root === null) return fail(`\`${source()}\` has no unit: ${unit.text} has no square root.`);
  return measured(Math.sqrt(numberOf(value, source)), root, source);
}

/** A function that keeps the unit: abs. */
export function keepingUnit(value: Value, apply: (x: number) => number, source: Source): Value {
  return measured(apply(numberOf(value, source)), unitOf(value), source);
}

/** The least or greatest, in the unit of the first quantity; literals take it. `literals` runs beside `values`. */
export function extreme(
  pick: (a: number, b: number) => number,
  values: readonly Value[],
  literals: readonly boolean[],
  source: Source,
): Value {
  if (values.length === 0) fail(`\`${source()}\` has no value: the list is empty.`);
  const unit = unitOf(values.find((value) => value instanceof QuantityValue) ?? 0);
  const anchor: Value = isPlainNumber(unit) ? 0 : new QuantityValue(0, unit);
  const numbers = values.map((value, i) => aligned(anchor, value, literals[i] ? 'right' : 'none', source).right);
  return measured(numbers.reduce(pick), unit, source);
}

/** `<`, `==` and the like, for anything but two plain numbers. */
export function compare(
  operator: ComparisonOperator,
  left: Value,
  right: Value,
  literal: LiteralSide,
  meter: Meter,
  source: Source,
): boolean {
  if (operator === '==') return equal(left, right, literal, meter, source);
  if (operator === '!=') return !equal(left, right, literal, meter, source);
  if (typeof left === 'string' && typeof right === 'string') {
    meter.chargeText(Math.min(left.length, right.length));
    return ordered(operator, textOrder(left, right), 0);
  }
  if (typeof left === 'string' || typeof right === 'string') mixed(left, right, source);
  const sides = aligned(left, right, literal, source);
  return ordered(operator, sides.left, sides.right);
}

export function ordered(operator: ComparisonOperator, left: number, right: number): boolean {
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    case '==':
      return left === right;
    case '!=':
      return left !== right;
  }
}

/** By code points, as CEL has it; JavaScript's own order is by UTF-16 units. */
function textOrder(left: string, right: string): number {
  for (let i = 0; i < left.length && i < right.length; i++) {
    if (left[i] !== right[i]) return left.codePointAt(i)! - right.codePointAt(i)!;
  }
  return left.length - right.length;
}

/** Deep equality. null equals only null; two values of different kinds are a mistake, not unequal. */
export function equal(
  left: Value,
  right: Value,
  literal: LiteralSide,
  meter: Meter,
  source: Source,
  depth = 0,
): boolean {
  if (left === null || right === null) return left === right;
  if (typeof left === 'string' && typeof right === 'string') {
    meter.chargeText(Math.min(left.length, right.length));
    return left === right;
  }
  if (typeof left === 'boolean' && typeof right === 'boolean') return left === right;
  if (isMeasure(left) && isMeasure(right)) {
    const sides = aligned(left, right, literal, source);
    return sides.left === sides.right;
  }
  if (depth > 64) fail(`\`${source()}\` compares values that are nested too deeply.`);
  meter.charge(1);
  if (isList(left) && isList(right)) {
    if (left.length !== right.length) return false;
    meter.chargeItems(left.length);
    return left.every((item, i) => equal(item, right[i]!, 'none', meter, source, depth + 1));
  }
  if (!isMap(left) || !isMap(right)) return mixed(left, right, source);
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  meter.chargeItems(keys.length);
  if (!keys.every((key) => Object.hasOwn(right, key))) return false;
  return keys.every((key) => equal(left[key]!, right[key]!, 'none', meter, source, depth + 1));
}

function isMeasure(value: Value): boolean {
  return typeof value === 'number' || value instanceof QuantityValue;
}

function mixed(left: Value, right: Value, source: Source): never {
  return fail(`\`${source()}\` compares ${kindOf(left)} with ${kindOf(right)}.`);
}

/** Half away from zero: round(2.5) is 3, round(-2.5) is -3. */
export function roundHalfAway(x: number): number {
  const whole = Math.trunc(x);
  return Math.abs(x - whole) >= 0.5 ? whole + Math.sign(x) : whole;
}
