import { evaluate } from '../ir/expression/evaluate.ts';
import { renderValue } from '../ir/expression/value.ts';
import type { PointResult } from '../ir/events.ts';
import { holds, type Lookup, numberIn, withUnit } from './names.ts';
import type { PointState } from './point.ts';
import type { Program, ProgramMetric } from './program.ts';

/** The result of a point at whose end nothing is out: metrics and feasibility, or why there are none. */
export function resultOf(program: Program, state: PointState, names: Lookup): PointResult {
  const { calls, failure } = state;
  const nothing = { metrics: {}, feasible: null, calls };
  if (failure !== null) return { ...nothing, status: 'failed', failure };
  if (state.cancelled) return { ...nothing, status: 'cancelled', failure: null };
  const metrics: Record<string, number> = {};
  const scope = metricNames(program, metrics, names);
  for (const metric of program.metrics) {
    const value = measure(metric, scope);
    if (typeof value === 'string') {
      return {
        ...nothing,
        status: 'failed',
        failure: { step: `metric ${metric.name}`, class: 'bad_metric', message: value },
      };
    }
    metrics[metric.name] = value;
  }
  const feasible = program.outcome_constraints.every((constraint) => holds(constraint, scope) === true);
  return { status: 'succeeded', metrics, feasible, failure: null, calls };
}

/** A metric is a quantity in its unit. */
function metricNames(program: Program, metrics: Readonly<Record<string, number>>, outer: Lookup): Lookup {
  const units = new Map(program.metrics.map((metric) => [metric.name, metric.unit]));
  return (name) => {
    const value = Object.hasOwn(metrics, name) ? metrics[name] : undefined;
    if (value === undefined) return outer(name);
    const unit = units.get(name)!;
    return withUnit(value, unit.text === '1' ? null : unit);
  };
}

function measure(metric: ProgramMetric, scope: Lookup): number | string {
  const value = evaluate(metric.value, scope);
  if (!value.ok) return `\`${metric.value.text}\`: ${value.error.message}`;
  const number = numberIn(value.value, metric.unit);
  if (number === null || !Number.isFinite(number)) {
    return `\`${metric.value.text}\` is ${renderValue(value.value)}, not a number in ${metric.unit.text}`;
  }
  const [least, greatest] = metric.plausible ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  if (number >= least && number <= greatest) return number;
  return `${number} ${metric.unit.text} is outside of what is plausible, ${least} to ${greatest}`;
}
