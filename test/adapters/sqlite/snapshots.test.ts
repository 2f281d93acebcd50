import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { journalFile } from '../../../src/adapters/sqlite/database.ts';
import { openJournal } from '../../../src/adapters/sqlite/journal.ts';
import { openReader } from '../../../src/adapters/sqlite/reader.ts';
import { unwrap } from '../../../src/base/result.ts';
import type { JournalReader } from '../../../src/engines/ports.ts';
import { makeOldStore } from './old-store.ts';
import {
  began,
  chainOf,
  commitsInLog,
  granted,
  processFacts,
  runRow,
  STARTED,
  StillClock,
  temporaryFolder,
} from './support.ts';

const A = { run: 'a', fence: 1 };
const SNAPSHOT = { position: 2, body: '{"état":1}' };

async function runA(folder = temporaryFolder()) {
  const journal = openJournal(folder, { clock: new StillClock(), process: processFacts(1, [1]) });
  await journal.createRun(runRow('a'), 1, [STARTED]);
  return journal;
}

function readerOf(folder: string): JournalReader {
  return unwrap(openReader(folder));
}

describe('a snapshot', () => {
  test('is read as it was kept, by any process', async () => {
    const folder = temporaryFolder();
    const journal = await runA(folder);
    expect(await journal.snapshot('a')).toBeNull();
    await journal.keepSnapshot(A, SNAPSHOT);
    expect(await journal.snapshot('a')).toEqual(SNAPSHOT);
    expect(await readerOf(folder).snapshot('a')).toEqual(SNAPSHOT);
    expect(await journal.snapshot('b')).toBeNull();
  });

  test('takes the place of the one before', async () => {
    const journal = await runA();
    await journal.keepSnapshot(A, SNAPSHOT);
    await journal.keepSnapshot(A, { position: 9, body: '{}' });
    expect(await journal.snapshot('a')).toEqual({ position: 9, body: '{}' });
  });

  test('shares the commit of the appends around it', async () => {
    const folder = temporaryFolder();
    const journal = await runA(folder);
    const before = commitsInLog(folder);
    const first = journal.append(A, [began(1)]);
    const kept = journal.keepSnapshot(A, SNAPSHOT);
    const second = journal.append(A, [granted(1)]);
    await Promise.all([first, kept, second]);
    expect(commitsInLog(folder) - before).toBe(1);
    expect(await chainOf(journal, 'a')).toMatchObject({ ok: true, rows: 3 });
  });

  test('is not kept by a process that has lost the run, and its appends alone are refused', async () => {
    const folder = temporaryFolder();
    const lost = await runA(folder);
    const other = openJournal(folder, { clock: new StillClock(), process: processFacts(2, [2]) });
    const lease = unwrap(await other.acquire('a'));
    await other.keepSnapshot(lease, SNAPSHOT);
    const outcomes = await Promise.allSettled([
      lost.keepSnapshot(A, { position: 1, body: 'stale' }),
      lost.append(A, [began(1)]),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await other.snapshot('a')).toEqual(SNAPSHOT);
  });

  test.each([
    ['its body was changed', "UPDATE snapshots SET body = replace(body, '1', '2')"],
    ['its digest was changed', "UPDATE snapshots SET sha256 = 'x'"],
  ])('is none when %s', async (_what, change) => {
    const folder = temporaryFolder();
    const journal = await runA(folder);
    await journal.keepSnapshot(A, SNAPSHOT);
    const database = new Database(journalFile(folder));
    expect(database.prepare(change).run().changes).toBe(1);
    database.close();
    expect(await readerOf(folder).snapshot('a')).toBeNull();
    expect(await journal.snapshot('a')).toBeNull();
  });

  test('is none in a store of version 1, which a reader leaves as it is', async () => {
    const folder = temporaryFolder();
    makeOldStore(folder);
    expect(await readerOf(folder).snapshot('interrupted')).toBeNull();
  });

  test('is refused once the journal is broken', async () => {
    const journal = await runA();
    await journal.close();
    await expect(journal.keepSnapshot(A, SNAPSHOT)).rejects.toThrow('closed');
  });
});
