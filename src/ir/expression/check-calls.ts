import { parseUnit } from '../quantity.ts';
import type { Typed } from './check-numbers.ts';
import { extremeType, plainType, powerType, requireNumbers } from './check-numbers.ts';
import { FUNCTIONS, METHODS, refusedCall } from './functions.ts';
import type { Report } from './report.ts';
import { BROKEN } from './report.ts';
import { closest } from './suggest.ts';
import type { NodeOf } from './tree.ts';
import { literalNumber } from './tree.ts';
import type { Type } from './type.ts';
import { BOOLEAN, describeType, PLAIN_NUMBER } from './type.ts';

/** The type of a function's result; `args` are checked already. */
export function callType(report: Report, node: NodeOf<'call'>, args: readonly Typed[]): Type {
  const usage = Object.hasOwn(FUNCTIONS, node.name) ? FUNCTIONS[node.name] : undefined;
  if (usage === undefined) {
    const near = closest(node.name, Object.keys(FUNCTIONS));
    const known =
      near === undefined ? `The functions are ${Object.keys(FUNCTIONS).join(', ')}, has.` : `Did you mean \`${near}\`?`;
    return report.problem(node, `There is no function \`${node.name}\`.`, refusedCall(node.name) ?? known);
  }
  if (args.length < usage.least || args.length > usage.most) {
    const wanted = usage.least === usage.most ? `${usage.least}` : `${usage.least} to ${usage.most}`;
    const plural = usage.most === 1 ? 'argument' : 'arguments';
    const message = `\`${node.name}\` takes ${wanted} ${plural}, and here are ${args.length}.`;
    return report.problem(node, message, `Write \`${usage.usage}\`.`);
  }
  const [first, second] = args as [Typed, Typed];
  switch (node.name) {
    case 'q':
      return quantityType(report, node, first);
    case 'min':
    case 'max':
      return extremeOf(report, node, args);
    case 'pow':
      if (plainType(report, node, second, true) === BROKEN) return BROKEN;
      return powerType(report, node, first, literalNumber(second.node));
    case 'sqrt':
      return powerType(report, node, first, 0.5);
    case 'abs':
      return requireNumbers(report, node, first) ? first.type : BROKEN;
    case 'exp':
    case 'log':
      return plainType(report, node, first, true);
    case 'size':
      return sizeType(report, first);
    default:
      return plainType(report, node, first, false);
  }
}

function extremeOf(report: Report, node: NodeOf<'call'>, args: readonly Typed[]): Type {
  const [only] = args as [Typed];
  if (args.length > 1 || only.type.kind !== 'list') return extremeType(report, node, args);
  return extremeType(report, node, [{ node: only.node, type: only.type.item }]);
}

function quantityType(report: Report, node: NodeOf<'call'>, number: Typed): Type {
  const text = node.args[1]!;
  if (text.kind !== 'literal' || typeof text.value !== 'string') {
    return report.problem(text, 'The unit of `q` is not text.', "Write it out, as in q(2, 'kN').");
  }
  const unit = parseUnit(text.value);
  if (!unit.ok) return report.problem(text, unit.error, 'docs/expressions.md lists the units.');
  const { type } = number;
  if (type.kind === 'number' && type.unit !== null && type.unit.factors.length > 0) {
    const message = `\`${report.source(number.node)}\` is ${describeType(type)} already, and \`q\` gives a unit to a bare number.`;
    return report.problem(node, message, 'Leave `q` out; units are converted where they meet.');
  }
  return requireNumbers(report, node, number) ? { kind: 'number', unit: unit.value } : BROKEN;
}

function sizeType(report: Report, of: Typed): Type {
  if (['list', 'map', 'string', 'any'].includes(of.type.kind)) return PLAIN_NUMBER;
  const message = `\`${report.source(of.node)}\` is ${describeType(of.type)}, and \`size\` needs a list, a map or text.`;
  return report.problem(of.node, message, 'Use `size` on a list.');
}

/** The type of a call on a receiver; `object` and `args` are checked already. */
export function methodType(report: Report, node: NodeOf<'method'>, object: Typed, args: readonly Typed[]): Type {
  const usage = Object.hasOwn(METHODS, node.name) ? METHODS[node.name] : undefined;
  if (usage === undefined) {
    const hint = refusedCall(node.name) ?? `These can be called on a value: ${Object.keys(METHODS).join(', ')}.`;
    return report.problem(node, `There is no \`.${node.name}()\`.`, hint);
  }
  if (args.length !== usage.arguments) {
    const message = `\`.${node.name}()\` takes ${usage.arguments} arguments, and here are ${args.length}.`;
    return report.problem(node, message, `Write \`${usage.usage}\`.`);
  }
  if (node.name === 'size') return sizeType(report, object);
  for (const { node: part, type } of [object, ...args]) {
    if (type.kind === 'string' || type.kind === 'any') continue;
    const message = `\`${report.source(part)}\` is ${describeType(type)}, and \`.${node.name}()\` needs text.`;
    const hint = type.kind === 'list' ? 'Write `x in list` to look in a list.' : `Write \`${usage.usage}\`.`;
    report.problem(part, message, hint);
  }
  return BOOLEAN;
}
