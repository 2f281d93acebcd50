import { closest } from '../../ir/expression/suggest.ts';
import type { Plan, PlanVariable } from '../../ir/plan.ts';
import { DIMENSIONLESS, parseQuantity, parseUnit, type Unit } from '../../ir/quantity.ts';
import { type CheckContext, suggestion } from './context.ts';
import type { Path, Reporter } from './reporter.ts';

/** A constant as expressions see it: words and truth values have no unit. */
export interface CheckedConstant {
  readonly value: number | string | boolean;
  readonly unit: Unit | null;
}

/** Constants, as numbers with units. */
export function checkConstants({ plan, report }: CheckContext): Map<string, CheckedConstant> {
  const constants = new Map<string, CheckedConstant>();
  for (const [name, value] of Object.entries(plan.constants ?? {})) {
    if (typeof value === 'number') constants.set(name, { value: value + 0, unit: DIMENSIONLESS });
    else if (typeof value === 'boolean' || !/^\s*[-+]?\.?[0-9]/.test(value)) constants.set(name, { value, unit: null });
    else {
      const quantity = parseQuantity(value);
      if (quantity.ok) constants.set(name, { value: quantity.value.value, unit: quantity.value.unit });
      else report.error('UNIT', ['constants', name], quantity.error, 'Write a number and a unit, such as `100 N`.');
    }
  }
  return constants;
}

/** The units of variables and metrics, by name. A unit that cannot be read is missing here. */
export function checkUnits({ plan, report }: CheckContext): Map<string, Unit> {
  const units = new Map<string, Unit>();
  for (const section of ['variables', 'metrics'] as const) {
    for (const [name, { unit }] of Object.entries(plan[section])) {
      const parsed = parseUnit(unit ?? '');
      if (parsed.ok) units.set(name, parsed.value);
      else report.error('UNIT', [section, name, 'unit'], parsed.error, 'Write a unit such as `mm`, or none.');
    }
  }
  return units;
}

/** Variables: what each type needs, and nothing else. */
export function checkVariables({ plan, report }: CheckContext): void {
  if (Object.keys(plan.variables).length === 0) {
    report.error('NO_VARIABLES', ['variables'], 'The plan varies nothing.', 'Declare at least one variable.');
  }
  for (const [name, variable] of Object.entries(plan.variables)) {
    const path = ['variables', name];
    if (variable.type === 'real' || variable.type === 'integer') checkBounds(name, variable, path, report);
    else checkValues(name, variable, path, report);
    if (variable.scale !== undefined && variable.type !== 'real') {
      report.error(
        'VARIABLE',
        [...path, 'scale'],
        `Only a real has a scale; \`${name}\` is ${kind(variable)}.`,
        'Remove it.',
      );
    }
  }
}

function checkBounds(name: string, variable: PlanVariable, path: Path, report: Reporter): void {
  const { min, max, values, type, scale } = variable;
  if (values !== undefined) {
    const fix = 'Remove them, or use `type: ordered` (numbers) or `type: choice` (words).';
    report.error('VARIABLE', [...path, 'values'], `\`${name}\` is ${kind(variable)} and has values.`, fix);
  }
  for (const bound of ['min', 'max'] as const) {
    const value = variable[bound];
    if (value === undefined) {
      report.error('VARIABLE', path, `\`${name}\` is ${kind(variable)} without \`${bound}\`.`, `Add \`${bound}\`.`);
    } else if (type === 'integer' && !Number.isSafeInteger(value)) {
      report.error(
        'VARIABLE',
        [...path, bound],
        `\`${name}\` is an integer, but its ${bound} is ${value}.`,
        'Write a whole number.',
      );
    }
  }
  if (min === undefined || max === undefined) return;
  if (min >= max) {
    const fix = min === max ? 'Make it a constant, or widen it.' : 'Swap them.';
    report.error('VARIABLE', [...path, 'min'], `\`${name}\` has min ${min} and max ${max}.`, fix);
  } else if (scale === 'log' && min <= 0) {
    report.error(
      'VARIABLE',
      [...path, 'min'],
      `\`${name}\` has a log scale and min ${min}.`,
      'A log scale needs a min above 0.',
    );
  }
}

function checkValues(name: string, variable: PlanVariable, path: Path, report: Reporter): void {
  const { values, type } = variable;
  for (const bound of ['min', 'max'] as const) {
    if (variable[bound] === undefined) continue;
    report.error(
      'VARIABLE',
      [...path, bound],
      `\`${name}\` is ${kind(variable)} and has a ${bound}.`,
      'List its `values` instead.',
    );
  }
  if (type === 'choice' && variable.unit !== undefined) {
    report.error(
      'VARIABLE',
      [...path, 'unit'],
      `\`${name}\` is a choice of words and has a unit.`,
      'Remove it, or use `type: ordered`.',
    );
  }
  if (values === undefined) {
    report.error(
      'VARIABLE',
      path,
      `\`${name}\` is ${kind(variable)} without values.`,
      'Add `values`, such as `[1, 2, 4]`.',
    );
    return;
  }
  for (const [at, value] of values.entries()) {
    const here = [...path, 'values', at];
    if (typeof value === 'number' && type === 'choice') {
      report.error(
        'VARIABLE',
        here,
        `\`${name}\` is a choice of words, but ${value} is a number.`,
        'Use `type: ordered`, or quote it.',
      );
    } else if (typeof value === 'string' && type === 'ordered') {
      report.error(
        'VARIABLE',
        here,
        `\`${name}\` is ordered, but "${value}" is no number.`,
        'Use `type: choice` for words.',
      );
    } else if (values.indexOf(value) < at) {
      report.error('VARIABLE', here, `\`${name}\` has the value ${value} twice.`, 'Remove one.');
    } else if (type === 'ordered' && at > 0 && value < values[at - 1]!) {
      report.error(
        'VARIABLE',
        here,
        `The values of \`${name}\` do not rise: ${value} follows ${values[at - 1]}.`,
        'Sort them.',
      );
    }
  }
}

function kind({ type }: PlanVariable): string {
  return { real: 'a real', integer: 'an integer', ordered: 'ordered', choice: 'a choice' }[type];
}

/** Believable ranges the right way round; objectives that name metrics, each once. */
export function checkMetrics({ plan, report, unknown }: CheckContext): void {
  if (Object.keys(plan.metrics).length === 0 && unknown.size === 0) {
    report.error('NO_METRICS', ['metrics'], 'The plan measures nothing.', 'Declare at least one metric.');
  }
  for (const [name, { plausible }] of Object.entries(plan.metrics)) {
    if (plausible === undefined || plausible[0] < plausible[1]) continue;
    const message = `\`${name}\` is believed from ${plausible[0]} to ${plausible[1]}, which holds nothing.`;
    report.error('METRIC', ['metrics', name, 'plausible'], message, 'Write the least value first.');
  }
  const seen = new Set<string>();
  for (const [at, objective] of (plan.objectives ?? []).entries()) {
    const path = ['objectives', at];
    const metric = objectiveMetric(objective);
    if (metric === null) {
      report.error('OBJECTIVE', path, 'An objective is either `minimize` or `maximize`.', 'Write one of the two.');
      continue;
    }
    const known = Object.keys(plan.metrics);
    if (!known.includes(metric) && !unknown.has(metric)) {
      report.error(
        'OBJECTIVE',
        path,
        `There is no metric \`${metric}\`.`,
        suggestion(closest(metric, known), 'metric', known),
      );
    } else if (seen.has(metric)) {
      report.error('OBJECTIVE', path, `\`${metric}\` is an objective twice.`, 'Keep one.');
    }
    seen.add(metric);
  }
}

function objectiveMetric({ minimize, maximize }: NonNullable<Plan['objectives']>[number]): string | null {
  if ((minimize === undefined) === (maximize === undefined)) return null;
  return minimize ?? maximize ?? null;
}

/** An open question is no error, but nobody can approve it. */
export function checkQuestions({ plan, report }: CheckContext): void {
  for (const [at, question] of (plan.questions ?? []).entries()) {
    if (question.answer !== undefined) continue;
    const message = `This question is open: ${question.text}`;
    report.warning(
      'OPEN_QUESTION',
      ['questions', at],
      message,
      'Add its `answer`; until then the plan cannot be approved.',
    );
  }
}
