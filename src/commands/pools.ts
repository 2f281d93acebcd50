import type { Command } from 'commander';
import type { PoolsView } from '../provenance/pools.ts';
import { poolsLines } from '../ui/run-status/pools-view.ts';
import { styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { command, type JsonOption, type StoreOption, storeFlag, withExamples, withJson, withStore } from './options.ts';
import { readPoolsView } from './pool-watch.ts';
import { findRun, withReader } from './runs.ts';

interface Options extends StoreOption, JsonOption {
  readonly run?: string;
}

export function poolsCommand(app: App): Command {
  const summary = 'show who holds the tokens of pools that runs of a store share, and who waits';
  const pools = withJson(withStore(command('pools', summary)))
    .option('--run <run>', 'list only what this run holds and waits for (its id, or its beginning)')
    .action(async (options: Options) => show(app, options, await viewOf(app, options)));
  return withExamples(
    pools,
    'expctl pools',
    'expctl pools --run beam-4f2a',
    'expctl pools --json --store /shared/store',
  );
}

async function viewOf(app: App, options: Options): Promise<PoolsView> {
  return withReader(app, options, async (reader) => {
    const only = options.run === undefined ? null : (await findRun(reader, options.run)).run;
    return readPoolsView(reader, only);
  });
}

function show(app: App, options: Options, view: PoolsView): void {
  const { out, note, colour } = app.terminal;
  if (options.json === true) return out(JSON.stringify(view, null, 2));
  if (view.pools.length === 0)
    return note('No run that uses pools is performed here, and nobody holds or waits for tokens.');
  out(poolsLines(view, { style: styleFor(colour.out), now_ms: app.clock.now_ms() }).join('\n'));
  const left = view.holders.find(({ next }) => next !== null);
  if (left === undefined) return;
  note(`\nNobody performs ${left.run}, which keeps its tokens: what it began may still be running.`);
  note(`  Next: ${left.next}${storeFlag(options)}   (to give up instead: expctl cancel ${left.run}, then resume it)`);
}
