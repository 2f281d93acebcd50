import type { ApprovalRequest } from '../../../approval/request.ts';
import type { Forecast, Lock } from '../../../ir/lock.ts';
import { plural, shownDuration, shownNumber } from '../../format.ts';
import type { ReviewRow, ReviewSection } from '../model.ts';
import { exact, fact, line, orNone, prose, proseRow, row, seconds } from '../rows.ts';
import { type Writer, writerOf } from '../writers.ts';
import type { ReviewInput } from '../view.ts';

/** What is asked, in short: the pane that a reviewer sees first. */
export function summarySections(input: ReviewInput): ReviewSection[] {
  const { lock } = input;
  return [
    { pane: 'summary', title: 'What will run', heading: null, rows: whatRuns(input) },
    { pane: 'summary', title: 'Request', heading: null, rows: requestRows(input) },
    { pane: 'summary', title: 'Who drafted it', heading: null, rows: draftedRows(lock) },
    { pane: 'summary', title: 'Assumptions', heading: null, rows: orNone(assumptionRows(lock), 'none stated') },
    { pane: 'summary', title: 'Questions', heading: null, rows: orNone(questionRows(lock), 'none') },
  ];
}

function whatRuns({ lock, lock_sha256 }: ReviewInput): ReviewRow[] {
  const goal = writerOf(lock, '/goal');
  const { environment, forecast, budget } = lock;
  const production = environment.class === 'production';
  return [
    fact('plan', lock.name),
    proseRow('goal'.padEnd(goal.untrusted ? 0 : 13), lock.goal, goal),
    fact('lock', `SHA-256 ${lock_sha256}`),
    fact('format', `${lock.expctl_lock}, semantics ${lock.semantics}`),
    fact('environment', `${environment.name}, class ${environment.class}`, production ? '!' : ''),
    fact('at most', effort(forecast)),
    fact('wall time', wallTime(budget.wall_time_s), budget.wall_time_s === null ? '!' : ''),
    fact('in flight', `at most ${plural(lock.in_flight, 'point')} at once`),
  ];
}

/** `32 points, 640 calls (20 for each point), 96 jobs, 1 gate, 5.3 token-hours of cores`. */
export function effort(forecast: Forecast): string {
  const pools = Object.entries(forecast.pool_hours).map(
    ([pool, hours]) => `${shownNumber(hours)} token-hours of ${pool}`,
  );
  return [
    plural(forecast.points, 'point'),
    `${plural(forecast.calls, 'call')} (${exact(forecast.calls_per_point)} for each point)`,
    plural(forecast.jobs, 'job'),
    plural(forecast.gates, 'gate'),
    ...pools,
  ].join(', ');
}

function wallTime(limit_s: number | null): string {
  return limit_s === null ? 'no limit' : `at most ${seconds(limit_s)}`;
}

function requestRows(input: ReviewInput): ReviewRow[] {
  const { request, request_is_new, request_sha256 } = input;
  const { environment, requested_by, limits } = request;
  const about = request_is_new
    ? [fact('request', 'none yet: signing makes one, with these terms')]
    : [
        fact('request', `SHA-256 ${request_sha256}`),
        fact('asked by', requested_by === null ? 'nobody is named' : requested_by),
        fact('asked at', request.created_at),
      ];
  return [
    ...about,
    fact('runs', `at most ${request.max_runs}`, request.max_runs > 1 ? '!' : ''),
    fact('valid', validity(input)),
    fact('engines', request.engines.join(', ')),
    fact('environment', `${environment.name}, SHA-256 ${environment.sha256}`),
    ...limitRows(limits),
  ];
}

/** Of a request that is not made yet, only the length is known: it begins when it is signed. */
function validity({ request, request_is_new }: ReviewInput): string {
  const { not_before, not_after } = request.validity;
  if (!request_is_new) return `${not_before} to ${not_after}`;
  return `${shownDuration((Date.parse(not_after) - Date.parse(not_before)) / 1000)} from the signature`;
}

function limitRows(limits: ApprovalRequest['limits']): ReviewRow[] {
  const { points, calls, jobs, failed_points, wall_time_s, pool_hours } = limits;
  const words = [`${plural(points, 'point')}`, `${plural(calls, 'call')}`];
  if (jobs !== undefined) words.push(plural(jobs, 'job'));
  if (failed_points !== undefined) words.push(plural(failed_points, 'failed point'));
  if (wall_time_s !== undefined) words.push(`wall time ${seconds(wall_time_s)}`);
  for (const [pool, hours] of Object.entries(pool_hours ?? {})) words.push(`${exact(hours)} token-hours of ${pool}`);
  return [fact('limits', words.join(', '))];
}

function draftedRows(lock: Lock): ReviewRow[] {
  const { drafted } = lock;
  if (drafted === null) return [row('by a person: the plan names no model')];
  const fields = Object.entries(drafted.fields).map(([pointer, by]) => line(`${pointer}  ${by}`));
  return [
    fact('model', drafted.model, '!'),
    fact('prompt', `SHA-256 ${drafted.prompt_sha256}`),
    row(`${plural(fields.length, 'field')} with a writer of their own; all else is the model's`, fields),
  ];
}

function assumptionRows(lock: Lock): ReviewRow[] {
  return lock.assumptions.map(({ text, by }, at) => {
    const writer = remarkWriter(lock, `/assumptions/${at}`, by);
    return proseRow(`${at + 1}.`, text, writer);
  });
}

function questionRows(lock: Lock): ReviewRow[] {
  return lock.questions.map(({ text, answer, by }, at) => {
    const asked = writerOf(lock, `/questions/${at}/text`);
    const answered = remarkWriter(lock, `/questions/${at}/answer`, by);
    const [question, ...more] = prose(`${at + 1}.`, text, asked);
    const reply = answer === '' ? [line('NOT ANSWERED')] : prose('answer', answer, answered);
    return row(question!.text, [...more, ...reply], { open: true, mark: answer === '' ? '!' : '' });
  });
}

/** The remark itself may say who made it. */
function remarkWriter(lock: Lock, pointer: string, by: string): Writer {
  if (by === '') return writerOf(lock, pointer);
  return { name: by, untrusted: by === 'model' || writerOf(lock, pointer).untrusted };
}
