import { performance } from 'node:perf_hooks';
import { systemClock } from '../../src/adapters/host.ts';
import { openJournal } from '../../src/adapters/sqlite/journal.ts';
import { thisProcess } from '../../src/adapters/sqlite/process-facts.ts';
import { ok, unwrap } from '../../src/base/result.ts';
import { type EngineDeps, startRun } from '../../src/engines/embedded/engine.ts';
import type { CallEnd, JournalStore, ToolHost } from '../../src/engines/ports.ts';
import { approvedLock } from '../../test/ci/temporal/approved.ts';
import type { Made } from '../../test/kernel/support.ts';

const NOTHING: CallEnd = { kind: 'answer', answer: { ok: true }, artifacts: [], observed: { tool: 'noop' } };

/** A tool in this process that answers at once, and does nothing. */
export const noopTools: ToolHost = {
  open: async () => ok({ call: async () => NOTHING, close: async () => undefined }),
};

export interface Performing extends Partial<Pick<EngineDeps, 'workFolder' | 'onRow'>> {
  readonly tools: ToolHost | ((journal: JournalStore) => ToolHost);
}

/**
 * Performs a study on the embedded engine, with the journal of an expctl on a disk: every event is on it before anything follows.
 *
 * @param folder of the store; a new one for each run
 * @returns seconds from the run's first event to its last; tools are started before and ended behind
 */
export async function performed({ lock, program }: Made, folder: string, performing: Performing): Promise<number> {
  const journal = openJournal(folder, { clock: systemClock, process: thisProcess() });
  await journal.runs(); // makes the file
  let [begun, ended] = [0, 0];
  const deps: EngineDeps = {
    journal,
    clock: systemClock,
    workFolder: async () => folder,
    host: {},
    verifyResolution: async () => {
      throw new Error('nothing is unresolved here');
    },
    verifyGate: () => Promise.reject(new Error('there is no gate')),
    onNotice: (text) => {
      throw new Error(text);
    },
    ...performing,
    tools: typeof performing.tools === 'function' ? performing.tools(journal) : performing.tools,
    onRow(row) {
      if (row.type === 'run.started') begun = performance.now();
      ended = performance.now();
      performing.onRow?.(row);
    },
  };
  const approved = await approvedLock(lock);
  const run = unwrap(await startRun(deps, { run: 'bench', approved, program, wait: false, by: 'bench' }));
  const end = unwrap(await run.end);
  if (end.kind !== 'finished' || end.status !== 'completed') throw new Error(`the run ended: ${JSON.stringify(end)}`);
  await journal.close();
  return (ended - begun) / 1000;
}
