import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { journalFile, openDatabase } from '../../../src/adapters/sqlite/database.ts';
import { openJournal, SqliteJournal } from '../../../src/adapters/sqlite/journal.ts';
import { openReader } from '../../../src/adapters/sqlite/reader.ts';
import { openSharedJournal, SqliteSharedJournal } from '../../../src/adapters/sqlite/shared-journal.ts';
import { unwrap } from '../../../src/base/result.ts';
import type { Lease } from '../../../src/engines/ports.ts';
import type { SharedJournal } from '../../../src/engines/temporal/ports.ts';
import {
  A,
  answered,
  CLUSTER,
  exchange,
  intent,
  type SharedStore,
  tail,
  want,
} from '../../engines/shared-journal-steps.ts';
import { sharedJournalBehaves } from '../../engines/shared-journal-suite.ts';
import {
  began,
  chainOf,
  commitsInLog,
  granted,
  processFacts,
  rowsOf,
  runRow,
  STARTED,
  StillClock,
  temporaryFolder,
} from './support.ts';

function worker(folder: string, pid = 1, alive = [pid]): SharedJournal {
  return openSharedJournal(folder, { clock: new StillClock(), process: processFacts(pid, alive) });
}

/** A process that performs runs by itself; those in `alive` live. */
function embedded(folder: string, pid: number, alive = [pid]) {
  return openJournal(folder, { clock: new StillClock(), process: processFacts(pid, alive) });
}

/** Type of a network file system, on which there is no write-ahead log. */
const NFS = 0x6969;

for (const [name, options] of [
  ['SQLite', {}],
  ['SQLite with a rollback journal', { file_system: NFS }],
] as const) {
  sharedJournalBehaves(name, async (): Promise<SharedStore> => {
    const folder = temporaryFolder();
    const deps = (pid: number) => ({ clock: new StillClock(), process: processFacts(pid, [pid]) });
    const open = () => openDatabase(folder, options);
    const next = (pid: number) => new SqliteSharedJournal(open, journalFile(folder), deps(pid));
    const journals = [next(1)];
    const poster = new SqliteJournal(open, journalFile(folder), deps(100));
    return {
      journal: journals[0]!,
      another: async () => {
        const another = next(journals.length + 1);
        journals.push(another);
        return another;
      },
      post: (...message) => poster.post(...message),
      close: async () => {
        for (const journal of [...journals, poster]) await journal.close();
      },
    };
  });
}

async function withRun(folder = temporaryFolder()): Promise<{ folder: string; journal: SharedJournal }> {
  const journal = worker(folder);
  unwrap(await journal.createShared(runRow('a'), CLUSTER, 1, [STARTED], { licence: 1 }));
  return { folder, journal };
}

describe('a run that a cluster performs', () => {
  test.each([{}, { take_over: true }])('is not taken by a process (%o)', async (options) => {
    const { folder } = await withRun();
    expect(await embedded(folder, 2).acquire('a', options)).toMatchObject({
      ok: false,
      error: {
        code: 'RUN_LOCKED',
        message: 'Run a is performed on Temporal at localhost:7233/default',
        hint: 'Follow it with `expctl watch a`; `expctl pause a` stops it.',
      },
    });
  });

  test('is performed, whoever asks', async () => {
    const { folder } = await withRun();
    for (const here of [null, processFacts(2, [2]), processFacts(2, [2], { machine: 'other' })]) {
      const reader = unwrap(openReader(folder, here));
      expect(await reader.holder('a')).toEqual({
        ...{ state: 'live', pid: null },
        ...{ machine: 'localhost:7233/default', engine: 'temporal' },
      });
      await reader.close();
    }
  });

  test('goes on in a process once it was given back, and on a cluster again', async () => {
    const { folder, journal } = await withRun();
    await journal.commit(A, { tails: [tail(1, began(1))] });
    await journal.release(A);
    const process = embedded(folder, 2);
    const lease = unwrap(await process.acquire('a'));
    expect(await process.append(lease, [granted(1)])).toMatchObject([{ seq: 2, fence: 2 }]);
    const late = journal.commit(A, { tails: [tail(3, granted(1))] });
    await expect(late).rejects.toMatchObject({
      code: 'RUN_LOCKED',
      message: 'Run a was taken from this process; process 2 on bench performs it now',
    });
    await process.release(lease);
    const again = unwrap(await journal.acquireShared('a', CLUSTER));
    expect((await journal.commit(again, { tails: [tail(3, granted(1))] })).rows).toMatchObject([{ fence: 3 }]);
    await expect(process.append(lease, [granted(1)])).rejects.toMatchObject({
      message: 'Run a was taken from this process; Temporal at localhost:7233/default performs it now',
    });
    expect(await chainOf(journal, 'a')).toEqual({ ok: true, rows: 4, streams: 2 });
  });

  test('is taken from a process only when that is gone', async () => {
    const folder = temporaryFolder();
    await embedded(folder, 7).createRun(runRow('a'), 1, [STARTED]);
    const seeing = (alive: number[], other = {}) =>
      openSharedJournal(folder, { clock: new StillClock(), process: processFacts(1, alive, other) });
    const refused = {
      ok: false,
      error: { code: 'RUN_LOCKED', message: expect.stringContaining('process 7 on bench') },
    };
    expect(await seeing([7]).acquireShared('a', CLUSTER)).toMatchObject(refused);
    expect(await seeing([7]).sharedRun('a')).toMatchObject(refused);
    expect(await seeing([], { machine: 'other' }).acquireShared('a', CLUSTER)).toMatchObject(refused);
    expect(await seeing([]).acquireShared('a', CLUSTER)).toEqual({ ok: true, value: { run: 'a', fence: 2 } });
  });

  test('keeps what it was granted, and is granted what a process gives back', async () => {
    const { folder } = await withRun();
    const journal = worker(folder, 1, [1, 2]);
    const process = embedded(folder, 2);
    const other = unwrap(await process.createRun(runRow('b', 'request-2'), 1, [STARTED], { licence: 1 }));
    await journal.commit(A, { tails: [tail(1, began(1))], exchange: exchange({ wanted: [want(1)] }) });
    expect(await process.exchangeTokens(other, exchange({ wanted: [want(5)] }))).toEqual([]);
    await journal.exchangeTokens(A, exchange({ released: [{ point: 1, step: 'solve' }], wanted: [want(2)] }));
    const held = async () => (await journal.pools()).claims.filter(({ held_ms }) => held_ms !== null);
    expect(await held()).toMatchObject([{ run: 'b', point: 5 }]);
    await process.exchangeTokens(other, exchange({ released: [{ point: 5, step: 'solve' }] }));
    expect(await held()).toMatchObject([{ run: 'a', point: 2, taken: false }]);
  });
});

describe('calls of one turn', () => {
  test('share a commit', async () => {
    const { folder, journal } = await withRun();
    const before = commitsInLog(folder);
    const points = Array.from({ length: 50 }, (_, index) => index + 1);
    await Promise.all(
      points.map((point) => journal.commit(A, { tails: [tail(1, began(point))], intent: intent(point) })),
    );
    expect(commitsInLog(folder) - before).toBe(1);
    await Promise.all(points.map((point) => journal.answer(A, `key-${point}`, answered('yes'))));
    expect(commitsInLog(folder) - before).toBe(2);
  });

  test('are all refused where the disk is at fault, and so is all that comes', async () => {
    const { folder, journal } = await withRun();
    const other = new Database(journalFile(folder));
    other.exec('CREATE TRIGGER full BEFORE INSERT ON effects BEGIN SELECT RAISE(ABORT, "so the test wants it"); END');
    other.close();
    const outcomes = await Promise.allSettled([
      journal.commit(A, { tails: [tail(1, began(1))] }),
      journal.commit(A, { tails: [tail(1, began(2))], intent: intent(2) }),
    ]);
    const refusal = { status: 'rejected', reason: { code: 'STORE_UNUSABLE' } };
    expect(outcomes).toMatchObject([refusal, refusal]);
    await expect(journal.commit(A, { tails: [] })).rejects.toMatchObject({ code: 'STORE_UNUSABLE' });
    expect(await rowsOf(worker(folder, 2), 'a')).toHaveLength(1);
  });
});

describe('a row that was changed in the store', () => {
  test('is not built upon, and other calls of the turn are written', async () => {
    const { folder, journal } = await withRun();
    await journal.commit(A, { tails: [tail(1, began(1)), tail(1, began(2))] });
    const other = new Database(journalFile(folder));
    other.exec(`DROP TRIGGER events_hold; UPDATE events SET observed = '{"a":1}' WHERE stream = 'point/1'`);
    other.close();
    const outcomes = await Promise.allSettled([
      journal.commit(A, { tails: [tail(2, granted(1))] }),
      journal.commit(A, { tails: [tail(2, granted(2))] }),
    ]);
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'EVIDENCE_BROKEN', message: expect.stringContaining('was changed') } },
      { status: 'fulfilled' },
    ]);
  });
});

describe('the table of effects', () => {
  const COLUMNS = '(run, key, point, step, part, attempt, sendings, intended_ms, answer, answered_ms)';
  const ROW = "'a', 'new', 1, 'solve', 'call', 1";

  async function tableOf(): Promise<Database.Database> {
    const { folder, journal } = await withRun();
    for (const point of [1, 2]) await journal.commit(A, { tails: [], intent: intent(point) });
    await journal.answer(A, 'key-2', answered('yes'));
    await journal.close();
    return new Database(journalFile(folder));
  }

  test.each([
    ['is deleted', "DELETE FROM effects WHERE key = 'key-1'"],
    ['is replaced', `REPLACE INTO effects ${COLUMNS} SELECT * FROM effects WHERE key = 'key-1'`],
    ['begins with many sendings', `INSERT INTO effects ${COLUMNS} VALUES (${ROW}, 2, 0, NULL, NULL)`],
    ['begins with none', `INSERT INTO effects ${COLUMNS} VALUES (${ROW}, 0, 0, NULL, NULL)`],
    ['begins answered', `INSERT INTO effects ${COLUMNS} VALUES (${ROW}, 1, 0, '{}', 0)`],
    ['is of no run', `INSERT INTO effects ${COLUMNS} VALUES ('none', 'x', 1, 's', 'call', 1, 1, 0, NULL, NULL)`],
    ['was sent less often', "UPDATE effects SET sendings = 0 WHERE key = 'key-1'"],
    ['is sent once it was answered', "UPDATE effects SET sendings = 2 WHERE key = 'key-2'"],
    ['has another answer', "UPDATE effects SET answer = '{}' WHERE key = 'key-2'"],
    ['was answered at another time', "UPDATE effects SET answered_ms = 1 WHERE key = 'key-2'"],
    ['has no answer any more', "UPDATE effects SET answer = NULL, answered_ms = NULL WHERE key = 'key-2'"],
    ['is answered at no time', "UPDATE effects SET answer = '{}' WHERE key = 'key-1'"],
    ...['run', 'key', 'point', 'step', 'part', 'attempt', 'intended_ms'].map((column) => [
      `has another ${column}`,
      `UPDATE effects SET ${column} = ${column === 'run' ? "'b'" : '77'} WHERE key = 'key-1'`,
    ]),
  ])('holds no effect that %s', async (_what, statement) => {
    const database = await tableOf();
    const all = database.prepare('SELECT * FROM effects ORDER BY key');
    const before = all.all();
    expect(() => database.exec(statement!)).toThrow();
    expect(all.all()).toEqual(before);
    database.close();
  });

  test('lets an effect be sent again, and answered', async () => {
    const database = await tableOf();
    database.exec("UPDATE effects SET sendings = 2 WHERE key = 'key-1'");
    database.exec("UPDATE effects SET sendings = 3, answer = '{}', answered_ms = 1 WHERE key = 'key-1'");
    expect(database.prepare("SELECT sendings, answer FROM effects WHERE key = 'key-1'").get()).toEqual({
      ...{ sendings: 3, answer: '{}' },
    });
    database.close();
  });
});

test('a lease of a cluster is no lease of a process, whatever the machine is called', async () => {
  const folder = temporaryFolder();
  const odd = openJournal(folder, {
    clock: new StillClock(),
    process: processFacts(3, [3], { machine: 'temporal:x' }),
  });
  const lease: Lease = unwrap(await odd.createRun(runRow('a'), 1, [STARTED]));
  const journal = worker(folder);
  expect(await journal.holder('a')).toEqual({ state: 'unknown', pid: 3, machine: 'temporal:x' });
  expect(await journal.sharedRuns()).toEqual([]);
  await odd.release(lease);
});
