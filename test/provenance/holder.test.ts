import { expect, test } from 'vitest';
import { openJournal } from '../../src/adapters/sqlite/journal.ts';
import { openReader } from '../../src/adapters/sqlite/reader.ts';
import type { ProcessFacts } from '../../src/adapters/sqlite/lease.ts';
import { unwrap } from '../../src/base/result.ts';
import { processFacts, runRow, STARTED, StillClock, temporaryFolder } from '../adapters/sqlite/support.ts';

test('a reader tells whether the process that performs a run lives', async () => {
  const folder = temporaryFolder();
  const journal = openJournal(folder, { clock: new StillClock(), process: processFacts(7, [7]) });
  const lease = unwrap(await journal.createRun(runRow('run-1'), 1, [STARTED]));
  const seenBy = async (here: ProcessFacts | null) => {
    const reader = unwrap(openReader(folder, here));
    const { state, pid } = await reader.holder('run-1');
    await reader.close();
    return `${state} ${pid}`;
  };
  expect(await seenBy(processFacts(8, [7, 8]))).toBe('live 7');
  expect(await seenBy(processFacts(8, [8]))).toBe('gone 7');
  expect(await seenBy(processFacts(8, [7, 8], { machine: 'elsewhere' }))).toBe('unknown 7');
  expect(await seenBy(null)).toBe('unknown 7');
  await journal.release(lease);
  expect(await seenBy(processFacts(8, [7, 8]))).toBe('nobody null');
  expect((await journal.holder('run-1')).state).toBe('nobody');
  await journal.close();
});
