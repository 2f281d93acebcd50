import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { journalFile, openDatabase } from '../../../src/adapters/sqlite/database.ts';
import { openJournal, SqliteJournal } from '../../../src/adapters/sqlite/journal.ts';
import { openReader } from '../../../src/adapters/sqlite/reader.ts';
import type { JournalStore, Lease, NewEvent } from '../../../src/engines/ports.ts';
import {
  began,
  chainOf,
  commitsInLog,
  finished,
  granted,
  processFacts,
  rowsOf,
  runRow,
  STARTED,
  StillClock,
  temporaryFolder,
} from './support.ts';

const DEPS = { clock: new StillClock(), process: processFacts(1, [1]) };
const A: Lease = { run: 'a', fence: 1 };

async function runA(folder = temporaryFolder()): Promise<JournalStore> {
  const journal = openJournal(folder, DEPS);
  await journal.createRun(runRow('a'), 1, [STARTED]);
  return journal;
}

/** A journal with run `a` whose connection the test may put into trouble. */
async function troubled(): Promise<{ journal: JournalStore; database: Database.Database; folder: string }> {
  const folder = temporaryFolder();
  const database = openDatabase(folder, { busy_timeout_ms: 0 });
  const journal = new SqliteJournal(() => database, journalFile(folder), DEPS);
  await journal.createRun(runRow('a'), 1, [STARTED]);
  return { journal, database, folder };
}

describe('append', () => {
  test('returns the rows as they are read again, chained', async () => {
    const journal = await runA();
    const written = await journal.append(A, [began(1), granted(1), began(2)]);
    const rows = await rowsOf(journal, 'a');
    expect(rows.slice(1)).toEqual(written);
    expect(rows.map(({ stream, seq, position }) => [stream, seq, position])).toEqual([
      ['study', 1, 1],
      ['point/1', 1, 2],
      ['point/1', 2, 3],
      ['point/2', 1, 4],
    ]);
    expect(rows[1]).toMatchObject({ body: '{"point":1,"values":{"width":5.5}}', wall_ms: 1_700_000_000_000, fence: 1 });
    expect(await chainOf(journal, 'a')).toEqual({ ok: true, rows: 4, streams: 3 });
    expect(await journal.head('a', 'point/1')).toEqual({ seq: 2, hash: rows[2]!.hash });
    expect(await journal.head('a', 'point/3')).toBeNull();
  });

  test("adds the head of the point's stream to point.finished", async () => {
    const journal = await runA();
    const [, last] = await journal.append(A, [began(1), granted(1)]);
    const [done] = await journal.append(A, [finished(1)]);
    expect(JSON.parse(done!.observed)).toEqual({ head: last!.hash, host: 'bench' });
    const [inOne, end] = await journal.append(A, [began(2), finished(2)]);
    expect(JSON.parse(end!.observed)).toMatchObject({ head: inOne!.hash });
    const [never] = await journal.append(A, [finished(3)]);
    expect(JSON.parse(never!.observed)).toMatchObject({ head: null });
    expect(await chainOf(journal, 'a')).toMatchObject({ ok: true });
  });

  test('a point that finished can still be added to, in the same chain', async () => {
    const journal = await runA();
    await journal.append(A, [began(1), finished(1)]);
    const [late] = await journal.append(A, [granted(1)]);
    expect(late).toMatchObject({ stream: 'point/1', seq: 2 });
    expect(await chainOf(journal, 'a')).toMatchObject({ ok: true });
  });

  test('goes on with the chain after the journal was opened anew', async () => {
    const folder = temporaryFolder();
    const first = await runA(folder);
    await first.append(A, [began(1)]);
    await first.release(A);
    await first.close();
    const second = openJournal(folder, DEPS);
    const lease = await second.acquire('a');
    expect(lease.ok && (await second.append(lease.value, [granted(1)]))).toMatchObject([{ seq: 2, fence: 2 }]);
    expect(await chainOf(second, 'a')).toEqual({ ok: true, rows: 3, streams: 2 });
  });

  test('calls of one turn share a commit, and keep their order', async () => {
    const folder = temporaryFolder();
    const journal = await runA(folder);
    const before = commitsInLog(folder);
    const points = Array.from({ length: 100 }, (_, index) => index + 1);
    const rows = await Promise.all(points.map((point) => journal.append(A, [began(point), granted(point)])));
    expect(commitsInLog(folder) - before).toBe(1);
    expect(rows.flat().map(({ position }) => position)).toEqual(Array.from({ length: 200 }, (_, index) => index + 2));
    for (const point of points.slice(0, 5)) await journal.append(A, [granted(point)]);
    expect(commitsInLog(folder) - before).toBe(6);
  });

  test('an event that JSON cannot say is refused without harm to others', async () => {
    const journal = await runA();
    const nan: NewEvent = { ...began(1), observed: { rate: Number.NaN } };
    const [bad, good] = await Promise.allSettled([journal.append(A, [nan]), journal.append(A, [began(2)])]);
    expect(bad).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) });
    expect(good.status).toBe('fulfilled');
  });

  test('an empty list is no rows', async () => {
    expect(await (await runA()).append(A, [])).toEqual([]);
  });
});

/** Another connection holds the lock until the test is finished; one that nobody refers to could be collected, and closed, before. */
function holdLock(folder: string): void {
  const other = new Database(journalFile(folder));
  other.exec('BEGIN IMMEDIATE');
  onTestFinished(() => void other.close());
}

describe('a failed transaction', () => {
  test.each<[string, (database: Database.Database, folder: string) => void, string]>([
    ['full disk', (database) => database.pragma('max_page_count = 1'), 'SQLITE_FULL'],
    ['lost lock', (_database, folder) => holdLock(folder), 'SQLITE_BUSY'],
  ])('(%s) refuses all that waits, and all that comes', async (_name, trouble, code) => {
    const { journal, database, folder } = await troubled();
    trouble(database, folder);
    const refusal = { code: 'STORE_UNUSABLE', message: expect.stringContaining(code) };
    const points = Array.from({ length: 200 }, (_, index) => index + 1);
    const outcomes = await Promise.allSettled(points.map((point) => journal.append(A, [began(point)])));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: refusal });
    database.pragma('max_page_count = 1000000');
    await expect(journal.append(A, [began(1)])).rejects.toMatchObject(refusal);
    await expect(journal.acquire('a')).rejects.toMatchObject(refusal);
    await expect(journal.runs()).rejects.toMatchObject(refusal);
    await journal.close();
    const reader = openReader(folder);
    expect(reader.ok && (await chainOf(reader.value, 'a'))).toEqual({ ok: true, rows: 1, streams: 1 });
  });

  test('a head that was changed on the disk is not built upon', async () => {
    const { journal, database } = await troubled();
    await journal.release(A);
    database.exec("DROP TRIGGER events_hold; UPDATE events SET body = '{}'");
    const lease = await journal.acquire('a');
    const append = journal.append({ run: 'a', fence: lease.ok ? lease.value.fence : 0 }, [finished(1)]);
    await expect(append).rejects.toMatchObject({ code: 'EVIDENCE_BROKEN' });
  });

  test('a question while another process writes to the file for long is told in words, and can be asked again', async () => {
    const folder = temporaryFolder();
    const nfs = 0x6969; // a rollback journal: while it is written, nobody reads
    const database = openDatabase(folder, { busy_timeout_ms: 0, file_system: nfs });
    const journal = new SqliteJournal(() => database, journalFile(folder), DEPS);
    await journal.createRun(runRow('a'), 1, [STARTED]);
    const other = new Database(journalFile(folder));
    onTestFinished(() => void other.close());
    other.exec('BEGIN EXCLUSIVE');
    const busy = { code: 'STORE_UNUSABLE', message: expect.stringContaining('SQLITE_BUSY') };
    await expect(journal.holds(A)).rejects.toMatchObject(busy);
    await expect(journal.smallArtifact('00')).rejects.toMatchObject(busy);
    other.exec('ROLLBACK');
    expect(await journal.holds(A)).toEqual({ ok: true, value: undefined });
    expect(await journal.append(A, [began(1)])).toHaveLength(1);
    await journal.close();
  });

  test('after close, everything is refused', async () => {
    const journal = await runA();
    await journal.close();
    await expect(journal.append(A, [began(1)])).rejects.toThrow('closed');
    await expect(journal.runs()).rejects.toThrow('closed');
  });
});

describe('the database itself refuses', () => {
  const insert = (fence: number, run = 'a'): string =>
    `INSERT INTO events (run, stream, seq, type, body, observed, wall_ms, fence, prev, hash)
     VALUES ('${run}', 'study', 9, 'run.paused', '{}', '{}', 0, ${fence}, '', '')`;
  test.each([
    ['an edit of an event', "UPDATE events SET body = '{}'", 'append-only'],
    ['the loss of an event', 'DELETE FROM events', 'append-only'],
    ['a replaced event', insert(1).replace('INSERT', 'INSERT OR REPLACE').replace('9', '1'), 'append-only'],
    ['an edit of a run', "UPDATE runs SET lock_sha256 = 'x'", 'append-only'],
    ['a use that is given back', 'DELETE FROM approval_uses', 'append-only'],
    ['a use counted twice', "INSERT INTO approval_uses VALUES ('request-1', 1, 'b')", 'UNIQUE'],
    ['a falling fence', 'UPDATE leases SET fence = 1', 'never falls'],
    ['a lost lease', 'DELETE FROM leases', 'never deleted'],
    ['an event under a lower fence', insert(1), 'does not hold the lease'],
    ['an event under a higher fence', insert(3), 'does not hold the lease'],
    ['an event of no run', insert(2, 'z'), 'does not hold the lease'],
    ['an event under a released lease', `UPDATE leases SET pid = NULL; ${insert(2)}`, 'does not hold the lease'],
    ['a message for no run', "INSERT INTO inbox (run, kind, body) VALUES ('z', 'pause', '{}')", 'FOREIGN KEY'],
    ['a text for a number', "INSERT INTO runs VALUES ('c', 'beam', '', '', 'today')", 'cannot store TEXT'],
  ])('%s', async (_what, statement, message) => {
    const { database } = await troubled();
    database.exec('UPDATE leases SET fence = 2');
    // With fence 1 the replaced event would stop at the fence, not at the row that it replaces.
    const text = statement.startsWith('INSERT OR REPLACE') ? statement.replace('0, 1,', '0, 2,') : statement;
    expect(() => database.exec(text)).toThrow(message);
  });
});

describe('runs and uses', () => {
  test('a request has no more runs than it allows, and each counts', async () => {
    const journal = openJournal(temporaryFolder(), DEPS);
    expect(await journal.usesOf('request-1')).toBe(0);
    expect(await journal.createRun(runRow('a'), 2, [STARTED])).toEqual({ ok: true, value: A });
    expect(await journal.createRun(runRow('b'), 2, [STARTED])).toMatchObject({ ok: true });
    expect(await journal.createRun(runRow('c'), 2, [STARTED])).toMatchObject({
      ok: false,
      error: { code: 'APPROVAL_USED', message: 'The request allows 2 runs, and 2 began already' },
    });
    expect(await journal.createRun(runRow('d', 'request-2'), 1, [])).toMatchObject({ ok: true });
    expect(await journal.usesOf('request-1')).toBe(2);
    expect((await journal.runs()).map(({ run }) => run)).toEqual(['a', 'b', 'd']);
    expect(await rowsOf(journal, 'c')).toEqual([]);
  });

  test('a run whose first events fail leaves no trace, nor a use', async () => {
    const folder = temporaryFolder();
    const journal = await runA(folder);
    const unwritable = { ...STARTED, stream: null as unknown as string };
    await expect(journal.createRun(runRow('b', 'request-2'), 1, [unwritable])).rejects.toMatchObject({
      code: 'STORE_UNUSABLE',
    });
    const reader = openReader(folder);
    expect(reader.ok && (await reader.value.usesOf('request-2'))).toBe(0);
  });

  test('a run of an id that is taken is refused, and counts no use', async () => {
    const journal = await runA();
    expect(await journal.createRun(runRow('a', 'request-2'), 1, [STARTED])).toMatchObject({
      ok: false,
      error: { code: 'USAGE' },
    });
    expect(await journal.usesOf('request-2')).toBe(0);
  });

  test('nothing is opened or made before it is needed', async () => {
    const folder = join(temporaryFolder(), '.expctl');
    const journal = openJournal(folder, DEPS);
    expect(existsSync(folder)).toBe(false);
    await journal.close();
    expect(existsSync(folder)).toBe(false);
  });
});

describe('read', () => {
  test('gives all rows over several pages, of one run or stream, behind a position, up to a limit', async () => {
    const journal = await runA();
    await journal.createRun(runRow('b', 'request-2'), 1, [STARTED]);
    await journal.append(
      A,
      Array.from({ length: 2_100 }, () => granted(1)),
    );
    await journal.append(A, [granted(2)]);
    const positions = async (options?: Parameters<JournalStore['read']>[1]): Promise<number[]> => {
      const found: number[] = [];
      for await (const { position } of journal.read('a', options)) found.push(position);
      return found;
    };
    const all = await positions();
    expect(all).toEqual([1, ...Array.from({ length: 2_101 }, (_, index) => index + 3)]);
    expect(await positions({ stream: 'point/1' })).toEqual(all.slice(1, -1));
    expect(await positions({ stream: 'point/1', after_position: 1_000, limit: 1_050 })).toEqual(
      Array.from({ length: 1_050 }, (_, index) => index + 1_001),
    );
    expect(await positions({ after_position: 2_102 })).toEqual([2_103]);
    expect(await positions({ limit: 1_000 })).toEqual(all.slice(0, 1_000));
    expect(await positions({ limit: 1_001 })).toEqual(all.slice(0, 1_001));
    expect(await positions({ stream: 'point/9' })).toEqual([]);
  });
});

describe('inbox', () => {
  test('messages wait in order until they are acknowledged; their numbers are not used again', async () => {
    const journal = await runA();
    const first = await journal.post('a', 'pause', { by: 'alice', reason: 'lunch' });
    const second = await journal.post('a', 'cancel', {});
    expect(await journal.inbox('a')).toEqual([
      { id: first, run: 'a', kind: 'pause', body: { by: 'alice', reason: 'lunch' } },
      { id: second, run: 'a', kind: 'cancel', body: {} },
    ]);
    await journal.acknowledge(A, second);
    await journal.acknowledge(A, first);
    expect(await journal.inbox('a')).toEqual([]);
    const third = await journal.post('a', 'resume', {});
    expect(third).toBeGreaterThan(second);
    await expect(journal.acknowledge({ ...A, fence: 7 }, third)).rejects.toMatchObject({ code: 'RUN_LOCKED' });
    expect(await journal.inbox('a'), 'who lost the run removes nothing').toHaveLength(1);
  });

  test.each(['not json', '[1]', 'null', ''])('a message that holds %j says nothing, and stops nobody', async (body) => {
    const folder = temporaryFolder();
    const database = openDatabase(folder);
    const journal = new SqliteJournal(() => database, journalFile(folder), DEPS);
    await journal.createRun(runRow('a'), 1, []);
    database.prepare("INSERT INTO inbox (run, kind, body) VALUES ('a', 'gate', ?)").run(body);
    expect(await journal.inbox('a')).toMatchObject([{ kind: 'gate', body: {} }]);
  });

  test('a message for a run that is not there is refused, and the journal stays usable', async () => {
    const journal = await runA();
    await expect(journal.post('b', 'pause', {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await journal.post('a', 'pause', {})).toBe(1);
  });

  test('the performer is told of messages: old ones, those of other processes and its own', async () => {
    const folder = temporaryFolder();
    const clock = new StillClock();
    const journal = openJournal(folder, { ...DEPS, clock });
    await journal.createRun(runRow('a'), 1, [STARTED]);
    await journal.createRun(runRow('b', 'request-2'), 1, [STARTED]);
    const other = openJournal(folder, DEPS);
    let calls = 0;
    await other.post('a', 'pause', {});
    const stop = journal.onInbox(A, () => {
      calls += 1;
    });
    const callsAfterTick = (): number => {
      clock.tick();
      return calls;
    };
    expect(callsAfterTick()).toBe(1);
    expect(callsAfterTick()).toBe(1);
    const id = await other.post('a', 'resume', {});
    expect(callsAfterTick()).toBe(2);
    await journal.post('a', 'cancel', {});
    expect(callsAfterTick()).toBe(3);
    await other.post('b', 'cancel', {});
    await other.acknowledge(A, id);
    await journal.append(A, [began(1)]);
    expect(callsAfterTick()).toBe(3);
    stop();
    await other.post('a', 'pause', {});
    expect(callsAfterTick()).toBe(3);
  });

  test('a performer that only waits is told that its run was taken', async () => {
    const folder = temporaryFolder();
    const clock = new StillClock();
    const journal = openJournal(folder, { ...DEPS, clock });
    await journal.createRun(runRow('a'), 1, [STARTED]);
    let calls = 0;
    journal.onInbox(A, () => {
      calls += 1;
    });
    clock.tick();
    expect(await journal.holds(A)).toEqual({ ok: true, value: undefined });
    const other = openJournal(folder, { ...DEPS, process: { ...processFacts(2, [2]), machine: 'another' } });
    expect(await other.acquire('a', { take_over: true })).toMatchObject({ ok: true, value: { fence: 2 } });
    clock.tick();
    expect(calls).toBe(1);
    expect(await journal.holds(A)).toMatchObject({ ok: false, error: { code: 'RUN_LOCKED' } });
  });

  test('a store that breaks while nobody appends is told as well', async () => {
    const clock = new StillClock();
    const folder = temporaryFolder();
    const database = openDatabase(folder);
    const journal = new SqliteJournal(() => database, journalFile(folder), { ...DEPS, clock });
    await journal.createRun(runRow('a'), 1, []);
    let calls = 0;
    journal.onInbox(A, () => {
      calls += 1;
    });
    database.exec('DROP TABLE inbox');
    clock.tick();
    clock.tick();
    expect(calls).toBe(1);
    await expect(journal.inbox('a')).rejects.toMatchObject({ code: 'STORE_UNUSABLE' });
  });
});
