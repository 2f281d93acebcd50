import { isJsonObject } from '../../base/json.ts';
import type { GateView, Place, StudySummary } from '../../ir/study-summary.ts';
import type { PoolState } from '../../kernel/pools.ts';
import type { StudyState } from '../../kernel/study.ts';

/*
 * Whether the parts of a snapshot have the form of what they stand for. One that another build wrote under the same number, or that
 * somebody made, may have any; whether what it says is true is judged elsewhere.
 */

type Kind =
  | 'text'
  | 'number'
  | 'boolean'
  | 'numbers'
  | 'texts'
  | 'objects'
  | 'object'
  | 'number or null'
  | 'object or null';
/** Of every field, so that a new one cannot be forgotten here. */
type Shape<T> = { readonly [Key in keyof T]-?: Kind };
type Fields<T> = { [Key in keyof T as T[Key] extends (...args: never) => unknown ? never : Key]: T[Key] };

const STUDY: Shape<StudyState> = {
  ...{ status: 'text', phase: 'number', visits: 'object', fired: 'object', cursor: 'object or null' },
  ...{ in_flight: 'numbers', started: 'number', tally: 'object', paused: 'boolean', timers: 'texts' },
  ...{ ending: 'object or null', concluded: 'object or null', done: 'boolean', gate_again: 'boolean' },
  ...{ wall_time_over: 'boolean', cancelled_where: 'texts', cancelled_phases: 'texts', cancelling: 'numbers' },
  ...{ failed: 'object', retryable: 'number', to_retry: 'numbers', calls_before: 'object' },
};

const TALLY: Shape<StudyState['tally']> = {
  ...{ succeeded: 'number', failed: 'number', infeasible: 'number', cancelled: 'number', feasible: 'number' },
  ...{ calls: 'number', best: 'objects', feasible_points: 'objects' },
};

const FEASIBLE: Shape<StudyState['tally']['best'][number]> = { point: 'number', values: 'object', metrics: 'object' };

const POOLS: Shape<PoolState> = { free: 'object', held: 'object', waiting: 'objects' };

const WANT: Shape<PoolState['waiting'][number]> = { point: 'number', step: 'text', uses: 'object' };

/** Without what is reckoned from the others. */
const SUMMARY: Shape<Omit<Fields<StudySummary>, 'open_gate' | 'phase' | 'done'>> = {
  ...{ started: 'object or null', finished: 'object or null', phases: 'objects', gates: 'objects' },
  ...{ decisions: 'objects', pauses: 'objects', counts: 'object', failures: 'object', tables: 'texts' },
  ...{ points_started: 'number', phase_tables: 'texts', done_in_phase: 'number', first_began_ms: 'number or null' },
  ...{ last_ended_ms: 'number or null', paused: 'boolean', last: 'object or null', failed_class: 'object' },
};

const COUNTS: Shape<StudySummary['counts']> = {
  ...{ succeeded: 'number', failed: 'number', cancelled: 'number', feasible: 'number' },
};

const PLACE: Shape<Place> = { seq: 'number', hash: 'text', wall_ms: 'number' };

const GATE: Shape<Omit<GateView, 'closed'>> = {
  ...{ gate: 'text', occurrence: 'number', role: 'text', ask: 'text', outcomes: 'texts', evidence: 'object' },
  ...{ opened: 'object', decided: 'object or null' },
};

/** @throws Error where a study's state, or the pools of its run, have not the form that the kernel gives them */
export function assertMachineShape(study: StudyState | null, pools: PoolState): void {
  assertShape('pools', pools, POOLS);
  for (const want of pools.waiting) assertShape('pools', want, WANT);
  if (study === null) return;
  assertShape('study', study, STUDY);
  assertShape('tally', study.tally, TALLY);
  for (const point of [...study.tally.best, ...study.tally.feasible_points]) assertShape('tally', point, FEASIBLE);
}

/** @throws Error where it has not the form of a summary's fields */
export function assertSummaryShape(summary: StudySummary): void {
  assertShape('summary', summary, SUMMARY);
  const { counts, gates, started, finished, last } = summary;
  assertShape('counts', counts, COUNTS);
  for (const gate of gates) assertShape('gate', gate, GATE);
  const events = [started, finished].flatMap((event) => (event === null ? [] : [event.at]));
  const places = [...events, ...gates.map(({ opened }) => opened), ...(last === null ? [] : [last])];
  for (const place of places) assertShape('places', place, PLACE);
}

function assertShape(what: string, value: unknown, shape: Readonly<Record<string, Kind>>): void {
  if (!isJsonObject(value)) throw new Error(`its ${what} is none`);
  for (const [key, kind] of Object.entries(shape)) {
    if (!isKind(value[key], kind)) throw new Error(`${key} of its ${what} is no ${kind}`);
  }
}

function isKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'number':
      return Number.isFinite(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'numbers':
      return Array.isArray(value) && value.every(Number.isFinite);
    case 'texts':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'objects':
      return Array.isArray(value) && value.every(isJsonObject);
    case 'object':
      return isJsonObject(value);
    case 'number or null':
      return value === null || Number.isFinite(value);
    case 'object or null':
      return value === null || isJsonObject(value);
  }
}
