import { checkExpression, type Scope } from '../ir/expression/check.ts';
import { parseExpression } from '../ir/expression/parse.ts';
import { ANY, BOOLEAN, describeType, PLAIN_NUMBER, STRING, type Type } from '../ir/expression/type.ts';
import type { Lock } from '../ir/lock.ts';
import { parseUnit } from '../ir/quantity.ts';

/**
 * What is wrong with a condition that is to choose points of a lock, as a sentence; null where nothing is. It sees constants, variables,
 * derived values, and `point`, the point's number.
 */
export function pointCondition(lock: Lock, text: string): string | null {
  const parsed = parseExpression(text);
  if (!parsed.ok) return parsed.error.message;
  const { type, problems } = checkExpression(parsed.value, scopeOf(lock));
  const [problem] = problems;
  if (problem !== undefined) return [problem.message, problem.hint].filter(Boolean).join(' ');
  if (type.kind === 'boolean' || type.kind === 'any') return null;
  return `It is ${describeType(type)}, and a condition is true or false.`;
}

function scopeOf(lock: Lock): Scope {
  const types = new Map<string, Type>([['point', PLAIN_NUMBER]]);
  for (const { name, value, unit } of lock.constants) types.set(name, typeOf(value, unit ?? ''));
  for (const { name, unit, values } of lock.variables) types.set(name, typeOf(values?.[0] ?? 0, unit));
  const scope = { lookup: (name: string) => types.get(name), names: [...types.keys()] };
  // In the order of the lock: one may use those before it.
  for (const { name, value } of lock.derived) {
    const parsed = parseExpression(value);
    types.set(name, parsed.ok ? checkExpression(parsed.value, scope).type : ANY);
    scope.names.push(name);
  }
  return scope;
}

function typeOf(value: number | string | boolean, unit: string): Type {
  if (typeof value === 'string') return STRING;
  if (typeof value === 'boolean') return BOOLEAN;
  const parsed = parseUnit(unit);
  return parsed.ok ? { kind: 'number', unit: parsed.value } : ANY;
}
