import type { Command } from 'commander';
import { ExpctlError } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import type { InboxMessage, RunRow } from '../engines/ports.ts';
import { pointCondition } from '../plan/point-condition.ts';
import type { App } from './app.ts';
import {
  collect,
  command,
  type JsonOption,
  sameFlags,
  type StoreOption,
  usage,
  withExamples,
  withJson,
  withStore,
} from './options.ts';
import { userName } from './perform.ts';
import { hasPointsToRetry, loadRun, type OpenedRun, withRun } from './runs.ts';
import { foldStand } from './stand.ts';

interface PauseOptions extends StoreOption, JsonOption {
  readonly reason?: string;
  readonly now?: boolean;
}

interface CancelOptions extends StoreOption, JsonOption {
  readonly reason?: string;
  readonly phase?: string;
  readonly points?: string;
}

interface RetryOptions extends StoreOption, JsonOption {
  readonly failed?: boolean;
  readonly point?: readonly string[];
}

export function pauseCommand(app: App): Command {
  const pause = ofRun('pause', 'send nothing new; what is out is waited for, and jobs go on outside')
    .option('--reason <text>', 'why, for the journal')
    .option('--now', 'do not wait for what is out: `resume` finds it again, or asks what became of it')
    .action((prefix: string | undefined, options: PauseOptions) =>
      withRun(app, options, prefix, async (opened) => {
        await assertGoesOn(opened);
        const { reason = '', now = false } = options;
        await order(app, opened, options, { kind: 'pause', body: { by: userName(app), reason, now }, what: 'pause' });
      }),
    );
  return withExamples(
    pause,
    'expctl pause beam-4f2a9c10 --reason "the licences are needed elsewhere"',
    'expctl pause beam-4f2a9c10 --now',
  );
}

export function cancelCommand(app: App): Command {
  const cancel = ofRun('cancel', 'end a run, a phase or points in good order: what is out is waited for')
    .option('--reason <text>', 'why, for the journal')
    .option('--phase <name>', 'only this design phase; the study goes on behind it')
    .option('--points <condition>', 'only points for which this is true, begun or not: `width > 12`, `point in [3, 5]`')
    .action((prefix: string | undefined, options: CancelOptions) =>
      withRun(app, options, prefix, (opened) => cancelPart(app, opened, options)),
    );
  return withExamples(
    cancel,
    'expctl cancel beam-4f2a9c10 --reason "wrong load case"',
    'expctl cancel beam-4f2a9c10 --phase explore',
    'expctl cancel beam-4f2a9c10 --points "point >= 40"',
  );
}

export function retryCommand(app: App): Command {
  const retry = ofRun('retry', 'try failed points again, from the step that failed')
    .option('--failed', 'all that have failed')
    .option('--point <number>', 'only this one (may be given several times)', collect)
    .action((prefix: string | undefined, options: RetryOptions) =>
      withRun(app, options, prefix, (opened) => retryPoints(app, opened, options)),
    );
  return withExamples(
    retry,
    'expctl retry beam-4f2a9c10 --failed && expctl resume beam-4f2a9c10',
    'expctl retry beam-4f2a9c10 --point 3 --point 7',
  );
}

function ofRun(name: string, summary: string): Command {
  return withJson(withStore(command(name, summary))).argument(
    '[run]',
    'id of a run, or its beginning (default: the latest)',
  );
}

async function cancelPart(app: App, opened: OpenedRun, options: CancelOptions): Promise<void> {
  const { phase, points: where, reason = '' } = options;
  await assertGoesOn(opened);
  if (phase !== undefined && where !== undefined) {
    throw usage('--phase and --points were both given.', 'Cancel one, then the other.');
  }
  const by = userName(app);
  const base = { by, reason };
  if (phase === undefined && where === undefined) {
    return order(app, opened, options, { kind: 'cancel', body: base, what: 'cancel' });
  }
  const { lock } = await loadRun(app, opened.store, opened.run);
  if (lock.semantics < 2) throw tooOld(opened.run);
  if (where !== undefined) {
    const problem = pointCondition(lock, where);
    if (problem !== null)
      throw usage(`--points ${where}: ${problem}`, 'It is a condition over variables, constants and `point`.');
    return order(app, opened, options, { kind: 'cancel', body: { ...base, where }, what: 'cancel of points' });
  }
  const designs = lock.study.filter(({ design }) => design !== null).map((locked) => locked.phase);
  if (!designs.includes(phase!))
    throw usage(`${phase} is no design phase of this run.`, `These are: ${designs.join(', ')}.`);
  await order(app, opened, options, { kind: 'cancel', body: { ...base, phase: phase! }, what: `cancel of ${phase}` });
}

/** Says at once what could not be: the same rule as that of whoever performs the run. */
async function retryPoints(app: App, opened: OpenedRun, options: RetryOptions): Promise<void> {
  const { store, run, reader } = opened;
  const given = options.point ?? [];
  if ((options.failed === true) === given.length > 0) {
    if (given.length > 0) throw usage('--failed and --point were both given.', '--failed is all that have failed.');
    throw usage('Which points are to be tried again?', 'Give --failed for all that have failed, or --point N.');
  }
  const { program } = await loadRun(app, store, run);
  if (program.lock.semantics < 2) throw tooOld(run);
  const { study } = (await foldStand(program, run, reader)).machine;
  const failed = Object.keys(study?.failed ?? {}).map(Number);
  const points = given.length > 0 ? [...new Set(given.map(pointNumber))].sort((a, b) => a - b) : failed;
  const { retryRefusal } = await import('../kernel/study.ts');
  const refusal = study === null ? 'The run has not begun.' : retryRefusal(program, study, points);
  if (refusal !== null) throw usage(refusal, `\`expctl status ${run.run}\` says where the run stands.`);
  const body = { by: userName(app), points: [...points] };
  await order(app, opened, options, { kind: 'retry', body, what: `second try of ${points.length} points` });
}

function pointNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw usage(`${text} is no point.`, 'Points are whole numbers from 1.');
}

/** Leaves the message, and says who will obey it. */
async function order(
  app: App,
  { store, run, reader }: OpenedRun,
  options: StoreOption & JsonOption,
  { kind, body, what }: { readonly kind: InboxMessage['kind']; readonly body: JsonObject; readonly what: string },
): Promise<void> {
  const holder = await reader.holder(run.run);
  await postMessage(app, store, run, kind, body);
  const performed = holder.state === 'live';
  const by = holder.engine === undefined ? `Process ${holder.pid}, which performs the run, obeys` : 'Its workers obey';
  if (options.json === true) app.terminal.out(JSON.stringify({ run: run.run, posted: kind, performed }, null, 2));
  app.terminal.note(`Run ${run.run}: ${what} is asked for.`);
  const later =
    kind === 'pause'
      ? 'Nobody performs the run now, so it stands already; it goes on with'
      : 'Nobody performs the run now; whoever does next obeys:';
  const flags = sameFlags(options);
  app.terminal.note(
    performed
      ? `  ${by} at once. Look: expctl watch ${run.run}${flags}`
      : `  ${later} expctl resume ${run.run}${flags}`,
  );
}

async function assertGoesOn({ reader, run }: OpenedRun): Promise<void> {
  const last = await reader.last(run.run, 'study');
  if (last?.type !== 'run.finished') return;
  const again = hasPointsToRetry(last);
  const retry = again ? `Failed points can be tried again: \`expctl retry ${run.run} --failed\`. ` : '';
  const hint = `${retry}Its results: \`expctl status ${run.run}\`.${again ? '' : ' Start another run with `expctl run`.'}`;
  throw new ExpctlError('USAGE', `Run ${run.run} has ended.`, { hint });
}

function tooOld({ run }: RunRow): ExpctlError {
  const hint = 'Lock the plan again, and have it approved, for runs that can.';
  return new ExpctlError('USAGE', `Run ${run} was signed under semantics 1, which does not know this.`, { hint });
}

/** Leaves a message for whoever performs the run. */
export async function postMessage(
  app: App,
  store: string,
  { run }: Pick<RunRow, 'run'>,
  kind: InboxMessage['kind'],
  body: JsonObject,
): Promise<void> {
  const journal = await app.openJournal(store);
  try {
    await journal.post(run, kind, body);
  } finally {
    await journal.close();
  }
}
