import type { Lock, LockedCall, LockedStep } from '../../ir/lock.ts';
import {
  byName,
  countChanges,
  leafChanges,
  type LockChange,
  namedChanges,
  numberChange,
  secondsText,
  setChanges,
  textChange,
} from './change.ts';

const SECTION = 'pipeline';

/** Steps by name. Their order in the file means nothing: `needs` does. */
export function pipelineChanges(before: Lock, after: Lock): LockChange[] {
  return namedChanges(SECTION, byName(before.pipeline), byName(after.pipeline), stepText, stepChanges);
}

function stepText({ call, job, needs }: LockedStep): string {
  const what = call === null ? `job ${job?.submit.call ?? ''}` : call.call;
  return needs.length === 0 ? what : `${what}, after ${needs.join(', ')}`;
}

function stepChanges(name: string, old: LockedStep, now: LockedStep): LockChange[] {
  return [
    ...callChanges(name, old.call, now.call),
    ...callChanges(`${name}.submit`, old.job?.submit ?? null, now.job?.submit ?? null),
    ...callChanges(`${name}.poll`, old.job?.poll ?? null, now.job?.poll ?? null),
    ...pollChanges(`${name}.poll`, old.job?.poll ?? null, now.job?.poll ?? null),
    ...callChanges(`${name}.fetch`, old.job?.fetch ?? null, now.job?.fetch ?? null),
    ...setChanges(SECTION, `${name}.needs`, old.needs, now.needs),
    ...textChange(SECTION, `${name}.when`, old.when, now.when),
    ...countChanges(SECTION, `${name}.uses.`, old.uses, now.uses),
    ...numberChange(SECTION, `${name}.retry.attempts`, old.retry.attempts, now.retry.attempts),
    ...numberChange(SECTION, `${name}.retry.backoff`, old.retry.backoff_s, now.retry.backoff_s, secondsText),
    ...setChanges(SECTION, `${name}.retry.on`, old.retry.on, now.retry.on, { added: 'more', removed: 'fewer' }),
    ...textChange(SECTION, `${name}.description`, old.description, now.description),
  ];
}

function callChanges(path: string, old: LockedCall | null, now: LockedCall | null): LockChange[] {
  if (old === null || now === null) return textChange(SECTION, `${path}.call`, old?.call ?? null, now?.call ?? null);
  return [
    ...textChange(SECTION, `${path}.call`, old.call, now.call),
    ...textChange(SECTION, `${path}.effect`, old.effect, now.effect),
    ...leafChanges(SECTION, `${path}.with`, old.with, now.with),
    ...numberChange(SECTION, `${path}.timeout`, old.timeout_s, now.timeout_s, secondsText),
    ...setChanges(SECTION, `${path}.expect`, old.expect, now.expect, { added: 'narrowed', removed: 'widened' }),
    ...textChange(SECTION, `${path}.parse`, old.parse, now.parse),
  ];
}

type Poll = NonNullable<LockedStep['job']>['poll'];

function pollChanges(path: string, old: Poll | null, now: Poll | null): LockChange[] {
  if (old === null || now === null) return [];
  return [
    ...numberChange(SECTION, `${path}.every`, old.every_s, now.every_s, secondsText),
    ...textChange(SECTION, `${path}.until`, old.until, now.until),
  ];
}
