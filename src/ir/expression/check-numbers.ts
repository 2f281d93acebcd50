import type { Unit } from '../quantity.ts';
import { DIMENSIONLESS, isDimensionless, isPlainNumber, powerUnit, sameDimension } from '../quantity.ts';
import { unitOfProduct } from './operations.ts';
import type { Report } from './report.ts';
import { BROKEN } from './report.ts';
import type { Node } from './tree.ts';
import { literalNumber } from './tree.ts';
import type { Type } from './type.ts';
import { describeType, PLAIN_NUMBER } from './type.ts';

/** A part of an expression with the type that was found for it. */
export interface Typed {
  readonly node: Node;
  readonly type: Type;
}

export const ANY_NUMBER: Type = { kind: 'number', unit: null };

/** Whether both may be numbers; a side that cannot be is a problem. */
export function requireNumbers(report: Report, whole: Node, ...sides: readonly Typed[]): boolean {
  let fine = true;
  for (const { node, type } of sides) {
    if (type === BROKEN) fine = false;
    if (type.kind === 'number' || type.kind === 'any') continue;
    fine = false;
    const message = `\`${report.source(node)}\` is ${describeType(type)}, and \`${report.source(whole)}\` needs numbers.`;
    report.problem(node, message, 'Use a number here, or compare it first.');
  }
  return fine;
}

/**
 * The type of left + right, and the check of left < right: both must have one dimension, and a literal takes the unit of
 * the other side, which is noted for the reviewer.
 */
export function alignedType(report: Report, whole: Node, left: Typed, right: Typed): Type {
  if (!requireNumbers(report, whole, left, right)) return BROKEN;
  const leftLiteral = literalNumber(left.node);
  const rightLiteral = literalNumber(right.node);
  if (left.type.kind !== 'number' || right.type.kind !== 'number') return unknownSide(report, whole, left, right);
  if (leftLiteral !== undefined && rightLiteral !== undefined) return PLAIN_NUMBER;
  if (rightLiteral !== undefined) return literalTakesUnit(report, whole, right.node, rightLiteral, left);
  if (leftLiteral !== undefined) return literalTakesUnit(report, whole, left.node, leftLiteral, right);
  const [a, b] = [left.type.unit, right.type.unit];
  if (a === null || b === null || sameDimension(a, b)) {
    noteRevolutions(report, whole, a, b);
    return left.type;
  }
  return mismatch(report, whole, left, right, a, b);
}

function unknownSide(report: Report, whole: Node, left: Typed, right: Typed): Type {
  const [known, unknown] = left.type.kind === 'number' ? [left, right] : [right, left];
  if (known.type.kind !== 'number') return ANY_NUMBER;
  const unit = known.type.unit;
  if (unit !== null && !isDimensionless(unit)) {
    const name = report.source(unknown.node);
    report.note(
      unknown.node,
      `\`${report.source(whole)}\` fails if \`${name}\` is a bare number, as answers of tools are; q(${name}, '${unit.text}') gives it a unit`,
    );
  }
  return known === left ? known.type : ANY_NUMBER;
}

function literalTakesUnit(report: Report, whole: Node, literal: Node, value: number, other: Typed): Type {
  if (other.type.kind !== 'number') return BROKEN;
  const { unit } = other.type;
  const reads = `\`${report.source(whole)}\` reads ${report.source(literal)}`;
  if (unit === null) report.note(literal, `${reads} in the unit of \`${report.source(other.node)}\``);
  else if (!isPlainNumber(unit)) report.note(literal, `${reads} as ${value} ${unit.text}`);
  return other.type;
}

function mismatch(report: Report, whole: Node, left: Typed, right: Typed, a: Unit, b: Unit): Type {
  const leftText = report.source(left.node);
  const rightText = report.source(right.node);
  if (isPlainNumber(a)) {
    return report.problem(
      whole,
      `\`${leftText}\` is a bare number and \`${rightText}\` is in ${b.text}.`,
      `Give it a unit: q(${leftText}, '${b.text}').`,
    );
  }
  if (isPlainNumber(b)) {
    return report.problem(
      whole,
      `\`${leftText}\` is in ${a.text} and \`${rightText}\` is a bare number.`,
      `Give it a unit: q(${rightText}, '${a.text}').`,
    );
  }
  return report.problem(
    whole,
    `\`${leftText}\` is in ${a.text} and \`${rightText}\` in ${b.text}; they cannot be added or compared.`,
    'Check which of the two is meant.',
  );
}

/** 1 Hz is 1/s and 1 rpm is 2 pi/60 rad/s, so that a comparison of the two is off by 2 pi for most readers. */
function noteRevolutions(report: Report, whole: Node, a: Unit | null, b: Unit | null): void {
  const counts = (unit: Unit | null): boolean => unit?.factors.some(({ symbol }) => symbol.endsWith('Hz')) ?? false;
  const turns = (unit: Unit | null): boolean => (unit?.exact?.pi ?? 0) !== 0 || /rad/.test(unit?.text ?? '');
  if (!(counts(a) && turns(b)) && !(turns(a) && counts(b))) return;
  report.note(whole, `\`${report.source(whole)}\` takes 1 Hz as 1 rad/s (9.549 rpm); write rev/s for revolutions`);
}

/** The type of a product or quotient. */
export function productType(report: Report, whole: Node, operator: '*' | '/', left: Typed, right: Typed): Type {
  if (!requireNumbers(report, whole, left, right)) return BROKEN;
  if (left.type.kind !== 'number' || right.type.kind !== 'number') return ANY_NUMBER;
  const [a, b] = [left.type.unit, right.type.unit];
  if (a === null || b === null) return ANY_NUMBER;
  const product = unitOfProduct(operator, a, b);
  if (product !== null) return { kind: 'number', unit: product.unit };
  return report.problem(whole, `The unit of \`${report.source(whole)}\` is out of range.`, 'Use fewer factors.');
}

/** The type of x^exponent, for pow and sqrt. `exponent` is undefined if it is not a literal. */
export function powerType(report: Report, whole: Node, base: Typed, exponent: number | undefined): Type {
  if (!requireNumbers(report, whole, base)) return BROKEN;
  if (base.type.kind !== 'number' || base.type.unit === null) return ANY_NUMBER;
  const { unit } = base.type;
  if (isDimensionless(unit)) return PLAIN_NUMBER;
  if (exponent === undefined) {
    const message = `\`${report.source(whole)}\` raises a quantity to a power that is not a literal number, so its unit is not known.`;
    return report.problem(
      whole,
      message,
      'Write the power as a number, or divide the quantity by one of its unit first.',
    );
  }
  const raised = powerUnit(unit, exponent);
  if (raised !== null) return { kind: 'number', unit: raised };
  const message = `\`${report.source(whole)}\` has no unit: ${unit.text} cannot be raised to ${exponent}.`;
  return report.problem(whole, message, 'Powers of units are multiples of 1/2.');
}

/** A number without unit. With `folds`, `%`, `deg` and the like are taken as the numbers they stand for. */
export function plainType(report: Report, whole: Node, argument: Typed, folds: boolean): Type {
  if (!requireNumbers(report, whole, argument)) return BROKEN;
  if (argument.type.kind !== 'number' || argument.type.unit === null) return PLAIN_NUMBER;
  const { unit } = argument.type;
  if (isPlainNumber(unit) || (folds && isDimensionless(unit))) return PLAIN_NUMBER;
  const name = report.source(argument.node);
  const message = `\`${name}\` is ${describeType(argument.type)}, and \`${report.source(whole)}\` needs a number without unit.`;
  return report.problem(argument.node, message, `Divide by one first: ${name} / q(1, '${unit.text}').`);
}

/** The type of min and max: the unit of the first quantity. */
export function extremeType(report: Report, whole: Node, args: readonly Typed[]): Type {
  if (!requireNumbers(report, whole, ...args)) return BROKEN;
  if (args.some(({ type }) => type.kind !== 'number' || type.unit === null)) return ANY_NUMBER;
  const first = args.find(({ type }) => type.kind === 'number' && !isPlainNumber(type.unit ?? DIMENSIONLESS));
  if (first === undefined) return PLAIN_NUMBER;
  let fine = true;
  for (const arg of args) {
    if (arg !== first) fine = alignedType(report, whole, first, arg) !== BROKEN && fine;
  }
  return fine ? first.type : BROKEN;
}
