import type { Lock } from '../ir/lock.ts';
import {
  countChanges,
  leafChanges,
  type LockChange,
  namedChanges,
  numberChange,
  secondsText,
  setChanges,
  textChange,
} from './diff/change.ts';
import { pipelineChanges } from './diff/pipeline.ts';
import { studyChanges, tableChanges, type TablesOfBoth } from './diff/study.ts';
import { lockedToolChanges } from './diff/tools.ts';
import {
  conditionChanges,
  constantChanges,
  derivedChanges,
  metricChanges,
  objectiveChanges,
  variableChanges,
} from './diff/values.ts';

export type { LockChange } from './diff/change.ts';
export type { TablesOfBoth } from './diff/study.ts';

/**
 * What differs between two locks, by meaning: by names and quantities, never by position. Sections come in the order of the lock.
 *
 * Left out is only what changes nothing: another unit of the same quantity where no tool gets the bare number, and the order of
 * things whose order means nothing.
 *
 * @param tables design tables of both locks; without them, tables are compared by digest
 */
export function diffLocks(before: Lock, after: Lock, tables?: TablesOfBoth): readonly LockChange[] {
  return [
    ...planChanges(before, after),
    ...environmentChanges(before, after),
    ...constantChanges(before, after),
    ...variableChanges(before, after),
    ...derivedChanges(before, after),
    ...conditionChanges(before, after, 'constraints'),
    ...pipelineChanges(before, after),
    ...metricChanges(before, after),
    ...objectiveChanges(before, after),
    ...conditionChanges(before, after, 'outcome_constraints'),
    ...studyChanges(before, after),
    ...tableChanges(before, after, tables),
    ...countChanges('pools', '', before.pools, after.pools),
    ...numberChange('pools', 'in_flight', before.in_flight, after.in_flight),
    ...budgetChanges(before, after),
    ...lockedToolChanges(before, after),
    ...setChanges('notes', 'note', before.notes, after.notes),
    ...forecastChanges(before, after),
  ];
}

function planChanges(before: Lock, after: Lock): LockChange[] {
  const questions = (lock: Lock): Map<string, string> =>
    new Map(
      lock.questions.map(({ text, answer, by }) => [`question: ${text}`, by === '' ? answer : `${answer} (${by})`]),
    );
  const assumptions = (lock: Lock): string[] =>
    lock.assumptions.map(({ text, by }) => (by === '' ? text : `${text} (${by})`));
  return [
    ...textChange('plan', 'name', before.name, after.name),
    ...textChange('plan', 'goal', before.goal, after.goal),
    ...numberChange('plan', 'semantics', before.semantics, after.semantics),
    ...setChanges('plan', 'assumption', assumptions(before), assumptions(after)),
    ...namedChanges('plan', questions(before), questions(after), String, (name, old, now) =>
      textChange('plan', name, old, now),
    ),
    ...leafChanges('plan', 'drafted', before.drafted ?? {}, after.drafted ?? {}),
  ];
}

function environmentChanges({ environment: before }: Lock, { environment: after }: Lock): LockChange[] {
  return [
    ...textChange('environment', 'name', before.name, after.name),
    ...textChange('environment', 'class', before.class, after.class),
    ...countChanges('environment', 'pools.', before.pools, after.pools),
  ];
}

function budgetChanges({ budget: before }: Lock, { budget: after }: Lock): LockChange[] {
  return [
    ...numberChange('budget', 'points', before.points, after.points),
    ...numberChange('budget', 'calls', before.calls, after.calls),
    ...numberChange('budget', 'wall_time', before.wall_time_s, after.wall_time_s, secondsText),
    ...numberChange('budget', 'failed_points', before.failed_points, after.failed_points),
  ];
}

function forecastChanges({ forecast: before }: Lock, { forecast: after }: Lock): LockChange[] {
  const hours = (value: number): string => `${Number(value.toPrecision(6))} h`;
  return [
    ...numberChange('forecast', 'points', before.points, after.points),
    ...numberChange('forecast', 'calls', before.calls, after.calls),
    ...numberChange('forecast', 'calls_per_point', before.calls_per_point, after.calls_per_point),
    ...numberChange('forecast', 'jobs', before.jobs, after.jobs),
    ...numberChange('forecast', 'gates', before.gates, after.gates),
    ...countChanges('forecast', 'pool_hours.', before.pool_hours, after.pool_hours, hours),
  ];
}
