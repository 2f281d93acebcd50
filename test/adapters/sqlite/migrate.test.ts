import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { journalFile, openDatabase } from '../../../src/adapters/sqlite/database.ts';
import { openJournal } from '../../../src/adapters/sqlite/journal.ts';
import { backupFile, migrate } from '../../../src/adapters/sqlite/migrate.ts';
import { MIGRATIONS, SCHEMA_VERSION } from '../../../src/adapters/sqlite/schema.ts';
import { openReader } from '../../../src/adapters/sqlite/reader.ts';
import { unwrap } from '../../../src/base/result.ts';
import { makeOldStore } from './old-store.ts';
import { chainOf, granted, processFacts, StillClock, temporaryFolder } from './support.ts';

const CHILD = fileURLToPath(new URL('./migrate-child.ts', import.meta.url));

/** Versions that stores were brought from, and are for ever. */
const OLD_VERSIONS = [1, 2];

/** What a file holds, whichever way it came to it. */
function stateOf(file: string): { version: unknown; schema: unknown[]; events: unknown } {
  const database = new Database(file, { readonly: true });
  const state = {
    version: database.pragma('user_version', { simple: true }),
    schema: database.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name').all(),
    events: database.prepare('SELECT count(*), max(position), max(hash) FROM events').get(),
  };
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  database.close();
  return state;
}

/** A database whose n-th statement of the migration fails. */
function failingAt(database: Database.Database, at: number): Database.Database {
  let count = 0;
  const exec = database.exec.bind(database);
  database.exec = (text) => {
    count += 1;
    if (count === at) throw new Error('so the test wants it');
    return exec(text);
  };
  return database;
}

describe.each(OLD_VERSIONS)('a store of version %i', (version) => {
  const newer = MIGRATIONS.slice(version).flat();

  function oldStore(): string {
    const folder = temporaryFolder();
    makeOldStore(folder, version);
    return folder;
  }

  test('is read as it is', async () => {
    const folder = oldStore();
    const reader = unwrap(openReader(folder));
    expect(await reader.runs()).toMatchObject([{ run: 'finished' }, { run: 'interrupted' }]);
    expect(await reader.holder('interrupted')).toMatchObject({ state: 'unknown', machine: 'lab' });
    expect((await reader.pools()).claims).toHaveLength(version < 2 ? 0 : 1);
    expect(await chainOf(reader, 'interrupted')).toMatchObject({ ok: true });
    await reader.close();
    expect(stateOf(journalFile(folder)).version).toBe(version);
  });

  test('has the same tables as a new one once it was migrated', () => {
    const [old, fresh] = [oldStore(), temporaryFolder()];
    for (const folder of [old, fresh]) openDatabase(folder).close();
    const [migrated, made] = [stateOf(journalFile(old)), stateOf(journalFile(fresh))];
    expect(migrated.schema).toEqual(made.schema);
    expect([migrated.version, made.version]).toEqual([SCHEMA_VERSION, SCHEMA_VERSION]);
    expect(existsSync(backupFile(journalFile(fresh), version))).toBe(false);
  });

  test('is not copied again once it was migrated', () => {
    const folder = oldStore();
    openDatabase(folder).close();
    const before = stateOf(backupFile(journalFile(folder), version));
    openDatabase(folder).close();
    expect(stateOf(backupFile(journalFile(folder), version))).toEqual(before);
  });

  test.each(newer.map((_, index) => index + 1))(
    'stays what it is when statement %i of the migration fails, and is migrated the next time',
    (at) => {
      const folder = oldStore();
      const file = journalFile(folder);
      const before = stateOf(file);
      const database = failingAt(new Database(file), at);
      expect(() => migrate(database, file)).toThrow('so the test wants it');
      database.close();
      expect(stateOf(file)).toEqual(before);
      openDatabase(folder).close();
      expect(stateOf(file)).toMatchObject({ version: SCHEMA_VERSION, events: before.events });
      expect(stateOf(backupFile(file, version))).toEqual(before);
    },
  );

  test('stays what it is when the copy cannot be made', () => {
    const folder = oldStore();
    const file = journalFile(folder);
    const before = stateOf(file);
    const database = new Database(file);
    expect(() => migrate(database, `${folder}/no/such/place`)).toThrow();
    database.close();
    expect(stateOf(file)).toEqual(before);
  });

  test('is old or new, and never without its copy, wherever the process is killed', () => {
    const untouched = oldStore();
    const before = stateOf(journalFile(untouched));
    const ended = spawnSync(process.execPath, ['--import', 'tsx', CHILD, untouched, 'before', '0'], {
      encoding: 'utf8',
    });
    const statements = Number(ended.stdout);
    expect(statements).toBeGreaterThan(newer.length + 4);
    const versions = new Set<unknown>();
    // Behind one statement is before the next.
    const kills = Array.from({ length: statements }, (_, index) => ['before', index + 1] as const);
    for (const [when, at] of [...kills, ['behind', statements] as const]) {
      const folder = oldStore();
      const file = journalFile(folder);
      const { signal } = spawnSync(process.execPath, ['--import', 'tsx', CHILD, folder, when, String(at)]);
      expect(signal, `${when} statement ${at}`).toBe('SIGKILL');
      const { version: found, events } = stateOf(file);
      versions.add(found);
      expect(events).toEqual(before.events);
      if (found === SCHEMA_VERSION) expect(stateOf(backupFile(file, version))).toEqual(before);
      openDatabase(folder).close();
      expect(stateOf(file)).toMatchObject({ version: SCHEMA_VERSION, events: before.events });
      expect(stateOf(backupFile(file, version))).toEqual(before);
      expect(existsSync(`${backupFile(file, version)}.unfinished`)).toBe(false);
    }
    expect([...versions].sort()).toEqual([version, SCHEMA_VERSION]);
  }, 180_000);

  test('that an older process writes into meanwhile is not disturbed', async () => {
    const folder = oldStore();
    const older = new Database(journalFile(folder));
    older.exec("UPDATE leases SET pid = 1, fence = 2 WHERE run = 'interrupted'");
    const last = older.prepare<[], { hash: string; seq: number }>(
      "SELECT hash, seq FROM events WHERE run = 'interrupted' AND stream = 'study' ORDER BY seq DESC LIMIT 1",
    );
    const insert = older.prepare(
      `INSERT INTO events (run, stream, seq, type, body, observed, wall_ms, fence, prev, hash)
       VALUES ('interrupted', 'study', ?, 'run.paused', '{}', '{}', 0, 2, ?, 'hash')`,
    );
    const { hash, seq } = last.get()!;
    openDatabase(folder).close();
    insert.run(seq + 1, hash);
    expect(last.get()).toEqual({ hash: 'hash', seq: seq + 1 });
    older.close();
  });

  test('opened by many processes at once is migrated once, and goes on', async () => {
    const folder = oldStore();
    const before = stateOf(journalFile(folder));
    const journals = Array.from({ length: 5 }, (_, index) =>
      openJournal(folder, { clock: new StillClock(), process: processFacts(index + 1, [index + 1]) }),
    );
    await Promise.all(journals.map((journal) => journal.runs()));
    expect(stateOf(backupFile(journalFile(folder), version))).toEqual(before);
    const lease = await journals[0]!.acquire('interrupted', { take_over: true });
    expect(lease.ok && (await journals[0]!.append(lease.value, [granted(9)]))).toMatchObject([{ fence: 2 }]);
    expect(await chainOf(journals[1]!, 'interrupted')).toMatchObject({ ok: true });
    for (const journal of journals) await journal.close();
  });
});
