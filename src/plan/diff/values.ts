import type { Lock, LockedVariable } from '../../ir/lock.ts';
import { convert, parseUnit, sameDimension } from '../../ir/quantity.ts';
import { byName, type Effect, jsonText, type LockChange, namedChanges, setChanges, textChange } from './change.ts';

type Constant = Lock['constants'][number];
type Metric = Lock['metrics'][number];

/**
 * Constants by quantity: 10 mm and 1 cm are the same. Where a tool gets the bare number, which then differs, the change is told.
 */
export function constantChanges(before: Lock, after: Lock): LockChange[] {
  const passed = passedBare(after);
  return namedChanges(
    'constants',
    byName(before.constants),
    byName(after.constants),
    constantText,
    (name, old, now) => {
      const [was, is] = [constantText(old), constantText(now)];
      if (!sameQuantity(old, now)) return textChange('constants', name, was, is);
      if (was === is || !passed.has(name)) return [];
      return textChange('constants', name, was, `${is} (the same quantity, but tools get the number ${now.value})`);
    },
  );
}

function constantText({ value, unit }: Constant): string {
  return unit === null || unit === '1' ? String(value) : `${value} ${unit}`;
}

function sameQuantity(a: Constant, b: Constant): boolean {
  if (typeof a.value !== 'number' || typeof b.value !== 'number') return a.value === b.value;
  return compareQuantities(a.value, a.unit ?? '1', b.value, b.unit ?? '1') === 0;
}

/** Negative, 0 or positive as numbers compare in the second unit; NaN where the units measure different things. */
function compareQuantities(a: number, a_unit: string, b: number, b_unit: string): number {
  if (a_unit === b_unit) return a - b;
  const [from, to] = [parseUnit(a_unit), parseUnit(b_unit)];
  if (!from.ok || !to.ok || !sameDimension(from.value, to.value)) return Number.NaN;
  const difference = convert(a, from.value, to.value) - b;
  // A conversion may round: 0.1 in is 2.54 mm, whatever the last bit says.
  return Math.abs(difference) <= 4 * Number.EPSILON * Math.abs(b) ? 0 : difference;
}

/** Names whose number, and not the quantity, reaches a tool: in arguments that ask for no unit, and in what those use. */
function passedBare(lock: Lock): Set<string> {
  const texts = lock.pipeline.flatMap(({ call, job }) => {
    const calls = [call, job?.submit, job?.poll, job?.fetch].flatMap((one) => one ?? []);
    return calls.flatMap(({ with: args }) => bareExpressions(args));
  });
  const derived = new Map(lock.derived.map(({ name, value }) => [name, value]));
  const names = new Set<string>();
  const queue = texts.flatMap(wordsOf);
  for (let word = queue.pop(); word !== undefined; word = queue.pop()) {
    if (names.has(word)) continue;
    names.add(word);
    queue.push(...wordsOf(derived.get(word) ?? ''));
  }
  return names;
}

function bareExpressions(value: unknown): string[] {
  if (typeof value === 'string') return value.startsWith('=') && !value.startsWith('==') ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  const keys = Object.keys(value);
  const asksForUnit = keys.length === 2 && keys.includes('value') && keys.includes('unit');
  return asksForUnit ? [] : Object.values(value).flatMap(bareExpressions);
}

function wordsOf(text: string): string[] {
  return text.match(/[A-Za-z][A-Za-z0-9_]*/g) ?? [];
}

export function variableChanges(before: Lock, after: Lock): LockChange[] {
  return namedChanges(
    'variables',
    byName(before.variables),
    byName(after.variables),
    variableText,
    (name, old, now) => [
      ...textChange('variables', `${name}.type`, old.type, now.type),
      ...textChange('variables', `${name}.unit`, old.unit, now.unit),
      ...boundChange('variables', `${name}.min`, old.min, old.unit, now.min, now.unit, 'lower'),
      ...boundChange('variables', `${name}.max`, old.max, old.unit, now.max, now.unit, 'upper'),
      ...valuesChange(name, old.values, now.values),
      ...textChange('variables', `${name}.scale`, old.scale, now.scale),
      ...textChange('variables', `${name}.description`, old.description, now.description),
    ],
  );
}

function variableText({ type, unit, min, max, values, scale }: LockedVariable): string {
  const range = values === null ? `${min} to ${max}` : values.map(String).join(', ');
  return `${type}, ${range}${unit === '1' ? '' : ` ${unit}`}${scale === 'log' ? ', log' : ''}`;
}

function boundChange(
  section: string,
  name: string,
  before: number | null,
  before_unit: string,
  after: number | null,
  after_unit: string,
  side: 'lower' | 'upper',
): LockChange[] {
  const text = (value: number | null, unit: string): string | null =>
    value === null ? null : `${value}${unit === '1' ? '' : ` ${unit}`}`;
  const order =
    before === null || after === null ? Number.NaN : compareQuantities(before, before_unit, after, after_unit);
  if (order === 0) return [];
  const grew = side === 'lower' ? order > 0 : order < 0;
  const effect: Effect | null = Number.isNaN(order) ? null : grew ? 'widened' : 'narrowed';
  return textChange(section, name, text(before, before_unit), text(after, after_unit), effect);
}

function valuesChange(
  name: string,
  before: readonly (number | string)[] | null,
  after: readonly (number | string)[] | null,
): LockChange[] {
  const [old, now] = [new Set(before ?? []), new Set(after ?? [])];
  const lost = [...old].some((value) => !now.has(value));
  const won = [...now].some((value) => !old.has(value));
  const effect: Effect | null = lost === won ? null : won ? 'widened' : 'narrowed';
  const text = (values: readonly (number | string)[] | null): string | null =>
    values === null ? null : values.map((value) => jsonText(value)).join(', ');
  return textChange('variables', `${name}.values`, text(before), text(after), effect);
}

export function metricChanges(before: Lock, after: Lock): LockChange[] {
  return namedChanges('metrics', byName(before.metrics), byName(after.metrics), metricText, (name, old, now) => [
    ...textChange('metrics', `${name}.value`, old.value, now.value),
    ...textChange('metrics', `${name}.unit`, old.unit, now.unit),
    ...plausibleChange(name, old, now),
    ...textChange('metrics', `${name}.description`, old.description, now.description),
  ]);
}

function metricText({ value, unit, plausible }: Metric): string {
  const range = plausible === null ? '' : `, ${plausible[0]} to ${plausible[1]}`;
  return `${value}${unit === '1' ? '' : ` in ${unit}`}${range}`;
}

/** No range at all is the widest. */
function plausibleChange(name: string, old: Metric, now: Metric): LockChange[] {
  const path = `${name}.plausible`;
  const [was, is] = [old.plausible, now.plausible];
  if (was !== null && is !== null) {
    return [
      ...boundChange('metrics', `${path}.min`, was[0], old.unit, is[0], now.unit, 'lower'),
      ...boundChange('metrics', `${path}.max`, was[1], old.unit, is[1], now.unit, 'upper'),
    ];
  }
  const text = (range: Metric['plausible'], unit: string): string | null =>
    range === null ? null : `${range[0]} to ${range[1]}${unit === '1' ? '' : ` ${unit}`}`;
  const effect = was === null ? 'narrowed' : 'widened';
  return textChange('metrics', path, text(was, old.unit), text(is, now.unit), effect);
}

export function derivedChanges(before: Lock, after: Lock): LockChange[] {
  const text = ({ value }: Lock['derived'][number]): string => value;
  return namedChanges('derived', byName(before.derived), byName(after.derived), text, (name, old, now) =>
    textChange('derived', name, old.value, now.value),
  );
}

export function objectiveChanges(before: Lock, after: Lock): LockChange[] {
  const of = (lock: Lock): Map<string, string> => new Map(lock.objectives.map(({ metric, sense }) => [metric, sense]));
  return namedChanges('objectives', of(before), of(after), String, (name, old, now) =>
    textChange('objectives', name, old, now),
  );
}

/** A condition more leaves fewer points; one less, more. */
export function conditionChanges(
  before: Lock,
  after: Lock,
  section: 'constraints' | 'outcome_constraints',
): LockChange[] {
  const effects = { added: 'narrowed', removed: 'widened' } as const;
  return setChanges(section, 'condition', before[section], after[section], effects);
}
