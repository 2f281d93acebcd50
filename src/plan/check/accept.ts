import type { PointValues } from '../../design/draw.ts';
import { evaluate } from '../../ir/expression/evaluate.ts';
import { QuantityValue, type Value } from '../../ir/expression/value.ts';
import { isPlainNumber, type Unit } from '../../ir/quantity.ts';
import type { CheckContext } from './context.ts';
import type { Expressions, Written } from './expressions.ts';
import type { CheckedConstant } from './values.ts';

/** What the constraints say of points; undefined where there are none. A constraint that fails at a point is a problem. */
export function acceptance(
  context: CheckContext,
  constants: ReadonlyMap<string, CheckedConstant>,
  units: ReadonlyMap<string, Unit>,
  expressions: Expressions,
): ((point: PointValues) => boolean) | undefined {
  const { plan, report } = context;
  const constraints = (plan.constraints ?? []).map((text, at) => expressions.condition(['constraints', at], text)!);
  if (constraints.length === 0) return undefined;
  const derived = new Map(
    Object.entries(plan.derived ?? {}).map(([name, text]) => [name, expressions.condition(['derived', name], text)!]),
  );
  const fixed = new Map([...constants].map(([name, { value, unit }]) => [name, withUnit(value, unit ?? undefined)]));
  const reported = new Set<Written>(); // one that fails at one point mostly fails at many
  return (point) => {
    const names = new PointNames(fixed, derived, point, units);
    return constraints.every((constraint) => {
      const holds = evaluate(constraint.expression, names.lookup);
      if (holds.ok) return holds.value === true;
      if (reported.has(constraint)) return false;
      reported.add(constraint);
      const at = Object.entries(point)
        .map(([name, value]) => `${name} = ${value}`)
        .join(', ');
      const message = `This constraint has no value at ${at}: ${names.failure ?? holds.error.message}`;
      report.error('CONSTRAINT', constraint.path, message, 'Narrow the variables, or rewrite the constraint.');
      return false;
    });
  };
}

/** The names of one point; derived values are computed when they are first asked for. */
class PointNames {
  failure: string | undefined;
  readonly #fixed: ReadonlyMap<string, Value>;
  readonly #derived: ReadonlyMap<string, Written>;
  readonly #point: PointValues;
  readonly #units: ReadonlyMap<string, Unit>;
  readonly #known = new Map<string, Value>();

  constructor(
    fixed: ReadonlyMap<string, Value>,
    derived: ReadonlyMap<string, Written>,
    point: PointValues,
    units: ReadonlyMap<string, Unit>,
  ) {
    this.#fixed = fixed;
    this.#derived = derived;
    this.#point = point;
    this.#units = units;
  }

  readonly lookup = (name: string): Value | undefined => {
    const fixed = this.#fixed.get(name);
    if (fixed !== undefined) return fixed;
    const given = this.#point[name];
    if (given !== undefined) return withUnit(given, this.#units.get(name));
    return this.#known.get(name) ?? this.#compute(name);
  };

  #compute(name: string): Value | undefined {
    const derived = this.#derived.get(name);
    if (derived === undefined) return undefined;
    const result = evaluate(derived.expression, this.lookup);
    if (!result.ok) {
      this.failure ??= `${name}: ${result.error.message}`;
      return undefined;
    }
    this.#known.set(name, result.value);
    return result.value;
  }
}

function withUnit(value: number | string | boolean, unit: Unit | undefined): Value {
  return typeof value !== 'number' || unit === undefined || isPlainNumber(unit)
    ? value
    : new QuantityValue(value, unit);
}
