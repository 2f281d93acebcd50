import type { Command } from 'commander';
import { pointRows } from '../provenance/points.ts';
import { foldRun } from '../provenance/state.ts';
import { statusOf } from '../provenance/status.ts';
import { pointsTable } from '../ui/run-status/points-table.ts';
import { statusLines } from '../ui/run-status/status-view.ts';
import { styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { command, type JsonOption, type StoreOption, storeFlag, withExamples, withJson, withStore } from './options.ts';
import { lookAtRun, type OpenedRun, withRun } from './runs.ts';
import { foldStand } from './stand.ts';

interface Options extends StoreOption, JsonOption {
  readonly points?: boolean;
}

export function statusCommand(app: App): Command {
  const status = withJson(withStore(command('status', 'say where a run stands, and what it waits for')))
    .argument('[run]', 'id of the run, or its beginning (default: the latest)')
    .option('--points', 'every point, with its values and metrics')
    .action(async (run: string | undefined, options: Options) =>
      withRun(app, options, run, (opened) => showStatus(app, opened, options)),
    );
  return withExamples(status, 'expctl status', 'expctl status beam-4f2a --points', 'expctl status --json');
}

async function showStatus(app: App, opened: OpenedRun, options: Options): Promise<void> {
  const { reader, run, store } = opened;
  const { program, lock } = await lookAtRun(app, store, run);
  const whole = options.points === true;
  const fold = whole ? await foldRun(program, reader.read(run.run)) : await foldStand(program, run, reader);
  const inbox = (await reader.inbox(run.run)).map(({ kind }) => kind);
  const status = statusOf({ run, fold, holder: await reader.holder(run.run), inbox });
  const points = whole ? pointRows(fold) : null;
  if (options.json === true) {
    app.terminal.out(JSON.stringify(points === null ? status : { ...status, all_points: points }, null, 2));
    return;
  }
  const style = styleFor(app.terminal.colour.out);
  const lines = statusLines(status, { lock, style, now_ms: app.clock.now_ms() });
  if (points !== null) lines.push('', ...pointsTable(points, lock).map((line) => `  ${line}`));
  app.terminal.out(lines.join('\n'));
  if (status.ended_ms !== null)
    app.terminal.note(`\nWhere a number comes from: expctl trace ${run.run} POINT${storeFlag(options)}`);
}
