import type { Lock, LockedCall, LockedStep } from '../../../ir/lock.ts';
import { plural } from '../../format.ts';
import type { ReviewLine, ReviewRow, ReviewSection } from '../model.ts';
import { argument, exact, line, row, seconds } from '../rows.ts';
import { described } from './variables.ts';

export function stepSections(lock: Lock): ReviewSection[] {
  const rows = lock.pipeline.map((step) => stepRow(lock, step));
  return [{ pane: 'steps', title: 'Steps that evaluate one point', heading: null, rows }];
}

function stepRow(lock: Lock, step: LockedStep): ReviewRow {
  const calls = [step.call, step.job?.submit, step.job?.poll, step.job?.fetch].filter(
    (call) => call !== null && call !== undefined,
  );
  const names = calls.map(({ call }) => call).join(', ');
  const once = calls.some(({ effect }) => effect === 'once');
  const details = [...described(lock, ['pipeline', step.name], step.description), ...stepLines(step)];
  const attempts = step.retry.attempts === 1 ? '' : `, ${step.retry.attempts} attempts`;
  return row(`${step.name}: ${step.job === null ? '' : 'job '}${names}${attempts}`, details, {
    mark: once ? '!' : '',
    open: true,
  });
}

function stepLines({ needs, when, uses, retry, call, job }: LockedStep): ReviewLine[] {
  const used = Object.entries(uses).map(([pool, tokens]) => `${exact(tokens)} ${pool}`);
  return [
    line(`needs    ${needs.length === 0 ? 'nothing' : needs.join(', ')}`),
    ...(when === null ? [] : [line(`when     ${when}`)]),
    line(`uses     ${used.length === 0 ? 'no pool' : used.join(', ')}`),
    line(`retry    ${retryText(retry)}`),
    ...(call === null ? [] : callLines('call', call)),
    ...(job === null ? [] : callLines('submit', job.submit)),
    ...(job === null
      ? []
      : [
          ...callLines('poll', job.poll),
          line(`  every  ${seconds(job.poll.every_s)}`),
          line(`  until  ${job.poll.until}`),
        ]),
    ...(job === null || job.fetch === null ? [] : callLines('fetch', job.fetch)),
  ];
}

function retryText({ attempts, backoff_s, on }: LockedStep['retry']): string {
  if (attempts === 1) return 'no second attempt';
  const classes = on.length === 0 ? 'nothing' : on.join(', ');
  return `${plural(attempts, 'attempt')}, first back-off ${seconds(backoff_s)}, on ${classes}`;
}

const EFFECTS: Readonly<Record<LockedCall['effect'], string>> = {
  pure: 'pure: no effect outside',
  by_key: 'by_key: same key, same effect',
  findable: 'findable: looked up by its key after a crash',
  once: 'once: CANNOT BE RECOVERED after a crash; a person decides',
};

function callLines(part: string, { call, with: given, timeout_s, expect, parse, effect }: LockedCall): ReviewLine[] {
  return [
    line(`${part.padEnd(9)}${call}`),
    line(`  effect ${EFFECTS[effect]}`),
    ...Object.entries(given).map(([name, value]) => line(`  with   ${name}: ${argument(value)}`)),
    line(`  limit  ${seconds(timeout_s)} for one attempt`),
    ...(parse === null ? [] : [line(`  parse  ${parse}`)]),
    ...expect.map((condition) => line(`  expect ${condition}`)),
  ];
}
