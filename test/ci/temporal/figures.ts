import type { Execution } from './temporal-run.ts';

type Events = NonNullable<Execution['history']['events']>;

/** What a run costs on the server. */
export function figuresOf(executions: { study: Execution[]; points: Execution[] }, bundle: string): object {
  const points = executions.points.length;
  const count = (list: Execution[]) => sum(list.map(({ history }) => history.events?.length ?? 0)) / points;
  const size = (list: Execution[]) => Math.round(sum(list.map(({ bytes }) => bytes)) / points);
  return {
    bundle_bytes: bundle.length,
    executions_of_study: executions.study.length,
    events_per_point: { point: count(executions.points), study: count(executions.study) },
    bytes_per_point: { point: size(executions.points), study: size(executions.study) },
    input_bytes: { study: executions.study.map(inputBytes), point: inputBytes(executions.points[0]!) },
    step_ms: median(executions.points.flatMap(stepTimes)),
  };
}

function inputBytes({ history }: Execution): number {
  const payloads = history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  return sum(payloads.map(({ data }) => data?.length ?? 0));
}

/** From the scheduling of `fetch`, whose call takes no time, to that of the step behind it. */
function stepTimes({ history }: Execution): number[] {
  const scheduled = (history.events ?? []).filter((event) => event.activityTaskScheduledEventAttributes);
  const [fetch, post] = scheduled.slice(-2);
  return fetch === undefined || post === undefined ? [] : [timeOf(post) - timeOf(fetch)];
}

function timeOf(event: Events[number]): number {
  return Number(event.eventTime?.seconds ?? 0) * 1000 + (event.eventTime?.nanos ?? 0) / 1e6;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
