import { resolve } from 'node:path';
import type { Command } from 'commander';
import { ERROR_CODES } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import { exportCsv, exportRun } from '../provenance/export.ts';
import { foldRun } from '../provenance/state.ts';
import { plural } from '../ui/format.ts';
import type { App } from './app.ts';
import { command, type JsonOption, type StoreOption, usage, withExamples, withJson, withStore } from './options.ts';
import { shownPath } from './project.ts';
import { loadRun, type OpenedRun, withRun } from './runs.ts';

interface Options extends StoreOption, JsonOption {
  readonly csv?: boolean;
  readonly output?: string;
}

export function exportCommand(app: App): Command {
  const exported = withJson(withStore(command('export', 'write all points of a run as a table')))
    .argument('[run]', 'id of the run, or its beginning (default: the latest)')
    .option('--csv', 'comma-separated values, units in the header (the default)')
    .option('-o, --output <file>', 'write a file instead of standard output')
    .action(async (run: string | undefined, options: Options) =>
      withRun(app, options, run, (opened) => writeExport(app, opened, options)),
    );
  return withExamples(exported, 'expctl export --csv -o points.csv', 'expctl export beam-4f2a --json');
}

async function writeExport(app: App, { run, reader, store }: OpenedRun, options: Options): Promise<void> {
  if (options.csv === true && options.json === true) throw usage('It is one table.', 'Give --csv or --json, not both.');
  const { program } = await loadRun(app, store, run);
  const fold = await foldRun(program, reader.read(run.run));
  const exported = exportRun(run, fold);
  const text = options.json === true ? `${JSON.stringify(exported, null, 2)}\n` : exportCsv(exported);
  if (fold.broken !== null) {
    app.exit(ERROR_CODES.EVIDENCE_BROKEN.exit);
    app.terminal.note(`The journal does not hold; do not build on these numbers: expctl replay ${run.run}`);
  } else if (!exported.ended) app.terminal.note('The run has not ended: these are its points so far.');
  if (options.output === undefined) return app.terminal.out(text);
  const path = resolve(app.cwd, options.output);
  unwrap(await app.files.write(path, text));
  app.terminal.note(`${plural(exported.points.length, 'point')} in ${shownPath(app, path)}`);
}
