import type { JournalReader, PoolReader, RunHolder } from '../engines/ports.ts';
import { type PoolsView, poolsView } from '../provenance/pools.ts';
import { safeText } from '../ui/safe-text.ts';
import type { App } from './app.ts';

/** How often it is looked whether a run stands still. */
const LOOK_S = 5;

type PoolsOfStore = PoolReader & Pick<JournalReader, 'holder'>;

/** Who holds tokens in a store and who waits. @param only null, or the run of which claims are listed */
export async function readPoolsView(reader: PoolsOfStore, only: string | null): Promise<PoolsView> {
  const { runs, claims } = await reader.pools();
  const holders = new Map<string, RunHolder>();
  for (const { run } of claims) if (!holders.has(run)) holders.set(run, await reader.holder(run));
  return poolsView({ runs, claims, holders, only });
}

/** Tells, once for each reason, why a run that is performed here stands still: others hold the tokens that it waits for. */
export function tellOfStandstill(
  app: Pick<App, 'clock'>,
  { run, journal }: { readonly run: string; readonly journal: PoolsOfStore },
  tell: (text: string) => void,
): { stop(): void } {
  let told = '';
  const look = async (): Promise<void> => {
    const text = standstillText(await readPoolsView(journal, null), run);
    if (text !== null && text !== told) tell(text);
    told = text ?? '';
  };
  // A store that breaks is told of by whoever performs the run.
  const next = (): (() => void) => app.clock.after(LOOK_S, () => void look().then(again, () => undefined));
  const again = (): void => {
    if (!stopped) cancel = next();
  };
  let stopped = false;
  let cancel = next();
  return {
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}

/** Why a run that holds nothing gets nothing; null while it holds something, or wants nothing. */
export function standstillText({ holders, waiting }: PoolsView, run: string): string | null {
  const own = waiting.filter((want) => want.run === run);
  if (own.length === 0 || holders.some((holder) => holder.run === run)) return null;
  const behind = new Set(own.flatMap((want) => want.behind));
  const before = holders.filter((holder) => behind.has(`${holder.run} ${holder.point} ${holder.step}`));
  const left = before.find(({ next }) => next !== null);
  if (left !== undefined) {
    const why = `It waits for tokens that ${safeText(left.run)} holds, which nobody performs: what that began may still be running.`;
    return `${why} Go on with it: ${safeText(left.next!)}`;
  }
  const runs = [...new Set(before.map((holder) => holder.run))];
  if (runs.length === 0) return null;
  return `It waits for tokens that ${runs.slice(0, 3).map(safeText).join(', ')}${runs.length > 3 ? ', …' : ''} ${runs.length === 1 ? 'holds' : 'hold'}; expctl pools shows more.`;
}
