import type { Command } from 'commander';
import { ERROR_CODES, ExpctlError } from '../base/error.ts';
import { chainProblem, pointProblem } from '../provenance/holds.ts';
import { type TraceInput, traceMetric, tracePoint, traceRun, traceValue } from '../provenance/trace.ts';
import { traceObject } from '../provenance/trace-object.ts';
import { type AnyTrace, traceLines } from '../ui/run-status/trace-view.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import {
  command,
  type JsonOption,
  type StoreOption,
  storeFlag,
  usage,
  withExamples,
  withJson,
  withStore,
} from './options.ts';
import { lookAtRun, type OpenedRun, withReader, withRun } from './runs.ts';

type Options = StoreOption & JsonOption;

export function traceCommand(app: App): Command {
  const trace = withJson(withStore(command('trace', 'go from a number or file back to what made it')))
    .argument('[run]', 'id of the run, or its beginning (default: the latest)')
    .argument('[what]', 'a point (7), a metric (mass), its value (mass@7), or the beginning of a SHA-256')
    .action(async (first: string | undefined, second: string | undefined, options: Options) => {
      const { run, what } = await readArguments(app, options, first, second);
      await withRun(app, options, run, (opened) => showTrace(app, opened, { what, ...options }));
    });
  return withExamples(
    trace,
    'expctl trace',
    'expctl trace mass@7',
    'expctl trace beam-4f2a 7',
    'expctl trace beam-4f2a deflection@7',
    'expctl trace beam-4f2a mass --json',
    'expctl trace beam-4f2a 9f86d081',
  );
}

/** One word that is no run's beginning is asked of the latest run. */
async function readArguments(
  app: App,
  options: Options,
  first: string | undefined,
  second: string | undefined,
): Promise<{ readonly run: string | undefined; readonly what: string | undefined }> {
  if (first === undefined || second !== undefined) return { run: first, what: second };
  const runs = await withReader(app, options, (reader) => reader.runs());
  return runs.some(({ run }) => run.startsWith(first))
    ? { run: first, what: undefined }
    : { run: undefined, what: first };
}

async function showTrace(app: App, opened: OpenedRun, options: Options & { what: string | undefined }): Promise<void> {
  const { run, reader, store } = opened;
  const { program, lock } = await lookAtRun(app, store, run);
  const input: TraceInput = { run, program, reader, objects: await app.artifacts(store) };
  const traced = await traceOf(input, options.what);
  await tellBroken(app, opened, pointIn(traced));
  if (options.json === true) return app.terminal.out(JSON.stringify(traced, null, 2));
  app.terminal.out(traceLines(traced, { lock, style: styleFor(app.terminal.colour.out) }).join('\n'));
  if (traced.kind === 'run') {
    const [metric] = lock.metrics;
    app.terminal.note(`\nOne number: expctl trace ${run.run} ${metric?.name ?? 'METRIC'}@POINT${storeFlag(options)}`);
  } else app.terminal.note(`\nProve all of it: expctl replay ${run.run}${storeFlag(options)}`);
}

/**
 * Edited and lost rows show in the hash chains: status 6. Of what was asked for: for a point its own stream, the run's first row, and the
 * row with which the study closed the point; otherwise all rows. Only `replay` sees more.
 */
async function tellBroken(app: App, { run, reader }: OpenedRun, point: number | null): Promise<void> {
  const problem =
    point === null ? await chainProblem(reader.read(run.run)) : await pointProblem(reader, run.run, point);
  if (problem === null) return;
  app.exit(ERROR_CODES.EVIDENCE_BROKEN.exit);
  app.terminal.note(`${MARKS.failed} The journal does not hold, do not build on this: ${problem}`);
}

/** The point that an answer is about; null where it is about more. */
function pointIn(traced: AnyTrace): number | null {
  if (traced.kind === 'value') return traced.point.point;
  return traced.kind === 'point' ? traced.point : null;
}

async function traceOf(input: TraceInput, what: string | undefined): Promise<AnyTrace> {
  if (what === undefined) return traceRun(input);
  const value = /^([^@]+)@(\d{1,9})$/.exec(what);
  const isPoint = /^\d{1,9}$/.test(what);
  const found =
    value !== null
      ? await traceValue(input, value[1]!, Number(value[2]))
      : isPoint
        ? await tracePoint(input, Number(what))
        : await traceMetric(input, what);
  if (found !== null) return found;
  if (/^[0-9a-f]{6,64}$/.test(what)) {
    const object = await traceObject(input, what);
    if (object.objects.length > 0) return object;
  }
  throw notFound(input, what);
}

function notFound({ program, run }: TraceInput, what: string): ExpctlError {
  const { metrics, tables } = program.lock;
  const points = tables.reduce((sum, { rows }) => sum + rows, 0);
  const names = metrics.map(({ name }) => name).join(', ');
  const hint = `It has points 1 to ${points}, the metrics ${names}, and what begins with at least 6 digits of a SHA-256.`;
  if (/^[0-9a-f]{1,5}$/.test(what) && !/^\d+$/.test(what)) return usage(`${what} is too short for a SHA-256.`, hint);
  return new ExpctlError('NOT_FOUND', `Run ${run.run} has nothing that is called ${what}.`, { hint });
}
