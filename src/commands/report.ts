import { resolve } from 'node:path';
import type { Command } from 'commander';
import { unwrap } from '../base/result.ts';
import { pointRows } from '../provenance/points.ts';
import type { ReportData } from '../provenance/report.ts';
import { foldRun } from '../provenance/state.ts';
import { statusOf } from '../provenance/status.ts';
import { traceStudy } from '../provenance/trace.ts';
import { reportPage } from '../ui/report/page.ts';
import { divergenceMessage } from '../ui/run-status/replay-view.ts';
import { safeLines } from '../ui/safe-text.ts';
import type { App } from './app.ts';
import {
  command,
  type JsonOption,
  type StoreOption,
  type TrustOption,
  usage,
  withExamples,
  withJson,
  withStore,
  withTrust,
} from './options.ts';
import { shownPath } from './project.ts';
import { loadEvidence, replayOpened, trustFor } from './replay.ts';
import { type OpenedRun, withRun } from './runs.ts';

interface Options extends StoreOption, TrustOption, JsonOption {
  readonly output?: string;
}

export function reportCommand(app: App): Command {
  const report = withJson(withTrust(withStore(command('report', 'write a run as one HTML page'))))
    .argument('[run]', 'id of the run, or its beginning (default: the latest)')
    .option('-o, --output <file>', 'file to write (default: RUN.html here); `-` is standard output')
    .action(async (run: string | undefined, options: Options) =>
      withRun(app, options, run, (opened) => writeReport(app, opened, options)),
    );
  return withExamples(report, 'expctl report', 'expctl report beam-4f2a -o beam.html --trust ~/trust.json');
}

/** A run whose evidence does not hold gets its page too, which says so; the status is 6 then. */
async function writeReport(app: App, opened: OpenedRun, options: Options): Promise<void> {
  if (options.json === true && options.output === '-') {
    throw usage('--json and the page both want standard output.', 'Give a file: -o FILE.');
  }
  const data = await reportData(app, opened, options);
  const { run } = opened.run;
  const { divergence } = data.verdict;
  if (divergence !== null) {
    app.exit(6);
    app.terminal.note(safeLines(divergenceMessage(run, divergence)).join('\n'));
  }
  if (options.output === '-') return app.terminal.out(reportPage(data));
  const path = resolve(app.cwd, options.output ?? `${run}.html`);
  unwrap(await app.files.write(path, reportPage(data)));
  if (options.json === true) {
    app.terminal.out(JSON.stringify({ run, file: path, holds: divergence === null, divergence }, null, 2));
  }
  app.terminal.note(`The report is ${shownPath(app, path)}: open it in a browser.`);
}

async function reportData(app: App, opened: OpenedRun, options: Options): Promise<ReportData> {
  const { run, reader, store } = opened;
  const trust = await trustFor(app, options.trust, store);
  const loaded = await loadEvidence(app, opened);
  const { program, lock } = loaded;
  const verdict = await replayOpened(app, opened, loaded, trust);
  const fold = await foldRun(program, reader.read(run.run));
  const inbox = (await reader.inbox(run.run)).map(({ kind }) => kind);
  return {
    lock,
    trace: await traceStudy({ run, program, objects: await app.artifacts(store) }, fold.study),
    status: statusOf({ run, fold, holder: await reader.holder(run.run), inbox }),
    points: pointRows(fold),
    verdict,
    trusted: trust !== null,
    made_ms: app.clock.now_ms(),
    version: app.version,
  };
}
