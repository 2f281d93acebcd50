import { isJsonObject, type JsonObject } from '../base/json.ts';
import type { PointFact, StudyFact } from '../ir/events.ts';
import { ImpossibleFact } from './impossible.ts';

type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

const text: Check = (value) => typeof value === 'string';
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const object: Check = isJsonObject;
const texts: Check = (value) => Array.isArray(value) && value.every(text);
const part: Check = (value) => value === 'call' || value === 'submit' || value === 'poll' || value === 'fetch';
const values: Check = (value) =>
  isJsonObject(value) && Object.values(value).every((one) => typeof one === 'number' || typeof one === 'string');

const ANSWERED: Shape = {
  ok: (value) => value === true,
  answer: (value) => value !== undefined,
  artifacts: Array.isArray,
};
const FAILED: Shape = { ok: (value) => value === false, class: text, message: text };
const counts: Check = (value) => Array.isArray(value) && value.every(count);
const ended: Check = (value) => value === 'done' || value === 'failed' || value === 'not_done';
const outcome: Check = (value) => isJsonObject(value) && has(value, value['ok'] === true ? ANSWERED : FAILED);

const outcomeOrNull: Check = (value) => value === null || outcome(value);

const STUDY: Readonly<Record<StudyFact['type'], Shape>> = {
  'run.started': { semantics: count, lock_sha256: text, request_sha256: text, approvals: texts },
  'point.finished': { point: count, result: object },
  'gate.decided': { gate: text, occurrence: count, outcome: text, statement_sha256: text, by: text },
  'study.timer_fired': { timer: text },
  'run.paused': { by: text, reason: text },
  'run.resumed': { by: text },
  'run.cancelled': { by: text, reason: text },
  'points.cancelled': { where: text, by: text, reason: text },
  'phase.cancelled': { phase: text, by: text, reason: text },
  'points.retried': { points: counts, by: text },
};

const EFFECT: Shape = { step: text, part, attempt: count };
const POINT: Readonly<Record<PointFact['type'], Shape>> = {
  'point.began': { point: count, values },
  'step.granted': { step: text },
  'effect.answered': { ...EFFECT, outcome },
  'effect.resent': EFFECT,
  'effect.resolved': { ...EFFECT, as: ended, outcome: outcomeOrNull, statement_sha256: text, by: text },
  'point.timer_fired': { timer: text },
  'point.paused': {},
  'point.resumed': {},
  'point.cancelled': {},
  'point.retried': {},
};

const SHAPES: Readonly<Record<'study' | 'point', Readonly<Record<string, Shape>>>> = { study: STUDY, point: POINT };

/**
 * A journal is read as it lies on the disk, so its facts are looked at before the machines take them in. Records need none of
 * this: they are compared with those that the machines give.
 * @throws ImpossibleFact unless the fact belongs into such a stream and has exactly its fields
 */
export function assertFact(kind: 'study' | 'point', event: { readonly type: string }): void {
  const { type, ...fields } = event;
  const shape = Object.hasOwn(SHAPES[kind], type) ? SHAPES[kind][type] : undefined;
  if (shape === undefined) throw new ImpossibleFact(`${type} does not belong into the stream of a ${kind}`);
  if (!has(fields, shape)) throw new ImpossibleFact(`${type} has other fields than it must have`);
}

function has(fields: JsonObject, shape: Shape): boolean {
  const names = Object.keys(fields);
  if (names.length !== Object.keys(shape).length) return false;
  return names.every((name) => Object.hasOwn(shape, name) && shape[name]!(fields[name]));
}
