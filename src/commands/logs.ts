import type { Command } from 'commander';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import type { ArtifactStore } from '../engines/ports.ts';
import { type PointHistory, pointHistory } from '../provenance/effects.ts';
import { type LogFilter, type LogPart, logParts } from '../provenance/logs.ts';
import { mayBePerformed } from '../provenance/state.ts';
import { shownTime } from '../ui/format.ts';
import { safeLines } from '../ui/safe-text.ts';
import { styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { command, integerAtLeast, type JsonOption, type StoreOption, usage, withExamples } from './options.ts';
import { withJson, withStore } from './options.ts';
import { loadRun, type LoadedRun, type OpenedRun, withRun } from './runs.ts';

interface Options extends StoreOption, JsonOption {
  readonly follow?: boolean;
  readonly stderr?: boolean;
  readonly stdout?: boolean;
  readonly attempt?: number;
  readonly raw?: boolean;
}

const LOOK_S = 0.5;

export function logsCommand(app: App): Command {
  const logs = withJson(withStore(command('logs', "show what tools wrote during a point's calls")))
    .argument('<run>', 'id of the run, or its beginning')
    .argument('<point>', 'number of the point', integerAtLeast(1))
    .argument('[step]', 'only this step, or a part of a job such as solve.submit')
    .option('-f, --follow', 'go on as calls end, until the point has ended')
    .option('--stdout', 'only standard output')
    .option('--stderr', 'only standard error')
    .option('--attempt <number>', 'only this attempt', integerAtLeast(1))
    .option('--raw', 'exactly the bytes, control characters too')
    .action(async (run: string, point: number, step: string | undefined, options: Options) =>
      withRun(app, options, run, (opened) => showLogs(app, opened, { point, step, options })),
    );
  return withExamples(
    logs,
    'expctl logs beam-4f2a 7',
    'expctl logs beam-4f2a 7 solve -f',
    'expctl logs beam-4f2a 7 --stderr',
  );
}

interface Asked {
  readonly point: number;
  readonly step: string | undefined;
  readonly options: Options;
}

/** A stream is kept when its call has ended: until then there is nothing to show of it. */
async function showLogs(app: App, opened: OpenedRun, asked: Asked): Promise<void> {
  const { run, reader, store } = opened;
  const { options, point } = asked;
  const loaded = await loadRun(app, store, run);
  const artifacts = await app.artifacts(store);
  const filter = filterOf(asked, loaded);
  const shown = new Set<string>();
  for (;;) {
    const holder = await reader.holder(run.run);
    const history = await pointHistory(point, reader.read(run.run, { stream: `point/${point}` }), loaded.lock);
    const parts = logParts(history.effects, filter);
    if (options.json === true) return app.terminal.out(JSON.stringify(await documentOf(parts, artifacts), null, 2));
    for (const part of parts) {
      const name = JSON.stringify([part.step, part.part, part.attempt, part.stream]);
      if (!shown.has(name)) await showPart(app, part, artifacts, options.raw === true);
      shown.add(name);
    }
    const goesOn = history.result === null && mayBePerformed(holder);
    if (options.follow !== true || !goesOn) {
      if (shown.size === 0) app.terminal.note(nothing(history, point));
      return;
    }
    await new Promise<void>((resolve) => void app.clock.after(LOOK_S, resolve));
  }
}

function filterOf({ point, step, options }: Asked, { lock }: LoadedRun): LogFilter {
  const points = lock.tables.reduce((sum, { rows }) => sum + rows, 0);
  if (point > points) {
    throw new ExpctlError('NOT_FOUND', `There is no point ${point}.`, { hint: `The lock has points 1 to ${points}.` });
  }
  const names = lock.pipeline.map(({ name }) => name);
  if (step !== undefined && !names.includes(step.split('.')[0]!)) {
    throw usage(`There is no step ${step}.`, `The steps are ${names.join(', ')}.`);
  }
  const one = options.stdout === true ? (['stdout'] as const) : (['stderr'] as const);
  const both = (options.stdout === true) === (options.stderr === true);
  const streams = both ? (['stdout', 'stderr'] as const) : one;
  return { step: step ?? null, attempt: options.attempt ?? null, streams };
}

async function showPart(app: App, part: LogPart, artifacts: ArtifactStore, raw: boolean): Promise<void> {
  const text = await textOf(part, artifacts);
  const { step, attempt, call, stream, ended_ms } = part;
  const name = part.part === 'call' ? step : `${step}.${part.part}`;
  const when = ended_ms === null ? '' : `, ended ${shownTime(ended_ms)}`;
  const title = `== ${name} (${call}), attempt ${attempt}, ${stream}${when}`;
  app.terminal.note(styleFor(app.terminal.colour.err).dim(title));
  app.terminal.out(raw ? text : safeLines(text).join('\n'));
}

async function documentOf(
  parts: readonly LogPart[],
  artifacts: ArtifactStore,
): Promise<(LogPart & { text: string })[]> {
  return Promise.all(parts.map(async (part) => ({ ...part, text: await textOf(part, artifacts) })));
}

async function textOf({ sha256 }: LogPart, artifacts: ArtifactStore): Promise<string> {
  return new TextDecoder().decode(unwrap(await artifacts.get(sha256)));
}

function nothing({ effects, began_ms }: PointHistory, point: number): string {
  if (began_ms === null) return `Point ${point} was not started.`;
  const out = effects.filter(({ outcome }) => outcome === null).length;
  const waiting = out === 0 ? '' : `; ${out} of its calls have not ended, what they write is kept then`;
  return `The calls of point ${point} wrote nothing that was kept${waiting}.`;
}
