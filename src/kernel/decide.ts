import type { Json, JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { evaluate } from '../ir/expression/evaluate.ts';
import type { Value } from '../ir/expression/value.ts';
import { parseUnit } from '../ir/quantity.ts';
import type { LockedAction } from '../ir/lock.ts';
import { type Lookup, withUnit } from './names.ts';
import type { Program, ProgramPhase } from './program.ts';
import type { FeasiblePoint, Tally } from './tally.ts';

export interface Choice {
  /** Number of the rule, from 1; 0 when none applied. */
  readonly rule: number;
  readonly action: LockedAction;
  readonly because: string;
}

/**
 * The first rule whose condition is true and that may still fire; `next` when there is none. An error in a condition ends the
 * run: a decision that cannot be told is not made.
 */
export function chooseRule(
  program: Program,
  phase: ProgramPhase,
  tally: Tally,
  fired: (rule: number) => number,
): Result<Choice, string> {
  const names = decideNames(program, tally);
  for (const [index, rule] of phase.rules.entries()) {
    if (rule.at_most !== null && fired(index + 1) >= rule.at_most) continue;
    if (rule.condition !== null) {
      const value = evaluate(rule.condition, names);
      if (!value.ok || typeof value.value !== 'boolean') {
        const why = value.ok ? 'is neither true nor false' : value.error.message;
        return err(`rule ${index + 1} of ${phase.locked.phase} cannot be told: \`${rule.condition.text}\`: ${why}`);
      }
      if (!value.value) continue;
    }
    return ok({ rule: index + 1, action: rule.action, because: rule.because });
  }
  return ok({ rule: 0, action: { do: 'next' }, because: 'no rule applied' });
}

/** points, succeeded, failed: counts; feasible: list of points; best: the best feasible point, or null; and the constants. */
function decideNames(program: Program, tally: Tally): Lookup {
  const units = new Map(program.variable_units);
  for (const metric of program.lock.metrics) {
    const unit = parseUnit(metric.unit);
    units.set(metric.name, unit.ok && unit.value.text !== '1' ? unit.value : null);
  }
  const shown = (point: FeasiblePoint): Value => {
    const fields = Object.entries({ ...point.values, ...point.metrics });
    return {
      point: point.point,
      ...Object.fromEntries(fields.map(([name, v]) => [name, withUnit(v, units.get(name) ?? null)])),
    };
  };
  const names: Readonly<Record<string, () => Value>> = {
    points: () => tally.succeeded + tally.failed + tally.cancelled,
    succeeded: () => tally.succeeded,
    failed: () => tally.failed,
    feasible: () =>
      program.keeps_feasible ? tally.feasible_points.map(shown) : new Array<Value>(tally.feasible).fill(null),
    best: () => (tally.best[0] === undefined ? null : shown(tally.best[0])),
  };
  return (name) => (Object.hasOwn(names, name) ? names[name]!() : program.constants.get(name));
}

/** What a gate's decision is about, as the kernel knows it. */
export function evidenceOf(tally: Tally): JsonObject {
  const { succeeded, failed, cancelled, feasible } = tally;
  const best = tally.best
    .slice(0, 5)
    .map(({ point, values, metrics }) => ({ point, values: { ...values }, metrics: { ...metrics } }));
  return { succeeded, failed, cancelled, feasible, best: best as unknown as Json };
}
