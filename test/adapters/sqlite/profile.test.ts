import { cpSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import {
  journalFile,
  openDatabase,
  openDatabaseForReading,
  setProfile,
} from '../../../src/adapters/sqlite/database.ts';
import { pragmasOf, profileFor, sqliteVersionProblem } from '../../../src/adapters/sqlite/profile.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from '../../../src/adapters/sqlite/schema.ts';
import { openReader } from '../../../src/adapters/sqlite/reader.ts';
import { openJournal } from '../../../src/adapters/sqlite/journal.ts';
import { processFacts, runRow, StillClock, temporaryFolder } from './support.ts';

const NFS = 0x6969;

describe('versions of SQLite', () => {
  test.each(['3.53.2', '3.53.0', '3.51.3', '3.50.7', '3.44.6', '3.60.0', '4.0.0'])('%s is sound', (version) => {
    expect(sqliteVersionProblem(version)).toBeNull();
  });

  test.each(['3.51.2', '3.51.0', '3.50.6', '3.49.9', '3.45.0', '3.44.5', '3.40.1', '3.7.0', '2.8.17'])(
    '%s is refused',
    (version) => expect(sqliteVersionProblem(version)).toContain('write-ahead log'),
  );

  test.each(['', '3.53', 'x', '3.53.2-beta'])('%j is refused, for nobody knows what it is', (version) => {
    expect(sqliteVersionProblem(version)).not.toBeNull();
  });
});

describe('file systems', () => {
  test.each([
    ['ext4', 0xef53, 'wal', 2],
    ['tmpfs', 0x01021994, 'wal', 2],
    ['overlay', 0x794c7630, 'wal', 2],
    ['unknown', null, 'wal', 2],
    ['nfs', NFS, 'delete', 3],
    ['lustre', 0x0bd00bd0, 'delete', 3],
    ['cifs', 0xff534d42, 'delete', 3],
    ['cifs, as a negative number', 0xff534d42 | 0, 'delete', 3],
    ['fuse', 0x65735546, 'delete', 3],
  ])('%s', (_name, type, journal_mode, synchronous) => {
    expect(profileFor(type)).toEqual({ journal_mode, synchronous });
  });

  test('synchronous is set after journal_mode, which would change it', () => {
    const names = pragmasOf(profileFor(null)).map(([name]) => name);
    expect(names.indexOf('synchronous')).toBeGreaterThan(names.indexOf('journal_mode'));
  });
});

describe('a journal that is opened', () => {
  test.each([
    ['on a local disk', null, 'wal', 2],
    ['on a shared file system', NFS, 'delete', 3],
  ])('has the whole profile %s', (_where, file_system, journal_mode, synchronous) => {
    const folder = join(temporaryFolder(), '.expctl');
    const database = openDatabase(folder, { file_system });
    const value = (name: string): unknown => database.pragma(name, { simple: true });
    expect(value('journal_mode')).toBe(journal_mode);
    expect(value('synchronous')).toBe(synchronous);
    expect(['foreign_keys', 'trusted_schema', 'cell_size_check', 'mmap_size', 'fullfsync'].map(value)).toEqual([
      1, 0, 1, 0, 1,
    ]);
    expect([value('application_id'), value('user_version')]).toEqual([APPLICATION_ID, SCHEMA_VERSION]);
    expect(value('busy_timeout')).toBe(10_000);
    database.close();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    openDatabase(folder, { file_system }).close();
  });

  test('is refused when a setting does not hold', () => {
    const inMemory = new Database(':memory:'); // has no write-ahead log, whatever is asked
    const message = expect.stringContaining('keeps journal_mode at memory');
    expect(() => setProfile(inMemory, profileFor(null), 0)).toThrowError(
      expect.objectContaining({ code: 'STORE_UNUSABLE', message }),
    );
  });

  test('is refused when the journal mode cannot be changed', () => {
    const folder = temporaryFolder();
    const other = openDatabase(folder);
    other.exec('BEGIN IMMEDIATE'); // in the way of leaving the write-ahead log
    const message = expect.stringContaining('SQLITE_BUSY');
    expect(() => openDatabase(folder, { file_system: NFS, busy_timeout_ms: 20 })).toThrowError(
      expect.objectContaining({ code: 'STORE_UNUSABLE', message }),
    );
    other.close();
  });

  test('is refused when a newer expctl wrote it', () => {
    const folder = temporaryFolder();
    const database = openDatabase(folder);
    database.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    database.close();
    const refusal = expect.objectContaining({
      code: 'STORE_UNUSABLE',
      message: expect.stringContaining(`has format ${SCHEMA_VERSION + 1}`),
    });
    expect(() => openDatabase(folder)).toThrowError(refusal);
    expect(() => openDatabaseForReading(folder)).toThrowError(refusal);
  });

  test("is refused when it is another program's database, or none at all", () => {
    const folder = temporaryFolder();
    const foreign = new Database(journalFile(folder));
    foreign.exec('CREATE TABLE songs (title TEXT)');
    foreign.close();
    const refusal = expect.objectContaining({ code: 'STORE_UNUSABLE' });
    expect(() => openDatabase(folder)).toThrowError(refusal);
    expect(() => openDatabaseForReading(folder)).toThrowError(refusal);
    writeFileSync(journalFile(folder), 'not a database, but long enough to be looked at. '.repeat(40));
    expect(() => openDatabase(folder)).toThrowError(refusal);
  });

  test('is refused when its folder cannot be made', () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    expect(() => openDatabase(join(file, '.expctl'))).toThrowError(expect.objectContaining({ code: 'STORE_UNUSABLE' }));
  });
});

describe('a reader', () => {
  test('of a store that does not exist creates nothing', () => {
    const folder = temporaryFolder();
    const reader = openReader(join(folder, '.expctl'));
    expect(reader).toMatchObject({
      ok: false,
      error: { code: 'NOT_FOUND', hint: expect.stringContaining('expctl run') },
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('of a store that cannot be looked at does not say that there is none', () => {
    const folder = temporaryFolder();
    symlinkSync('loop', join(folder, 'loop'));
    expect(() => openReader(join(folder, 'loop'))).toThrowError(expect.objectContaining({ code: 'STORE_UNUSABLE' }));
  });

  test('of an empty file, as a full disk leaves one, finds no journal and makes none of it', () => {
    const folder = temporaryFolder();
    writeFileSync(journalFile(folder), '');
    expect(openReader(folder)).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } });
    expect(statSync(journalFile(folder)).size).toBe(0);
    openDatabase(folder).close(); // a writer makes one
    expect(openReader(folder)).toMatchObject({ ok: true });
  });

  test('takes back what a crash left half written in a rollback journal', () => {
    const folder = temporaryFolder();
    const file_system = NFS;
    const writer = openDatabase(folder, { file_system });
    writer.pragma('cache_size = 1'); // so that a transaction is in the file before it is committed
    writer.pragma('cache_spill = 1');
    writer.exec('BEGIN IMMEDIATE; CREATE TABLE scratch (text TEXT) STRICT;');
    const insert = writer.prepare('INSERT INTO scratch VALUES (?)');
    for (let row = 0; row < 200; row += 1) insert.run('x'.repeat(4_000));
    const crashed = join(temporaryFolder(), 'store');
    cpSync(folder, crashed, { recursive: true });
    writer.close();
    const [before] = readdirSync(crashed).filter((name) => name.endsWith('-journal'));
    expect(before).toBeDefined();
    expect(openReader(crashed)).toMatchObject({ ok: true });
    expect(readdirSync(crashed).filter((name) => name.endsWith('-journal'))).toEqual([]);
  });

  test('reads after the writer closed, and cannot write', async () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder, { clock: new StillClock(), process: processFacts(1, [1]) });
    await journal.createRun(runRow('a'), 1, []);
    await journal.close();
    const reader = openReader(folder);
    expect(reader.ok && (await reader.value.runs())).toEqual([runRow('a')]);
    const database = openDatabaseForReading(folder);
    expect(
      () => database.ok && database.value.exec("INSERT INTO inbox (run, kind, body) VALUES ('a', 'pause', '{}')"),
    ).toThrow('readonly');
  });

  test('neither waits for a writer nor makes it wait', async () => {
    const folder = temporaryFolder();
    const writer = openDatabase(folder, { busy_timeout_ms: 0 });
    const reader = openReader(folder);
    writer.exec('BEGIN IMMEDIATE');
    expect(reader.ok && (await reader.value.runs())).toEqual([]);
    writer.exec('COMMIT');
    writer.close();
  });
});
