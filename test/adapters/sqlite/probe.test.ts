import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { journalFile, openDatabase } from '../../../src/adapters/sqlite/database.ts';
import { openJournal } from '../../../src/adapters/sqlite/journal.ts';
import { holdsWriteAheadLog } from '../../../src/adapters/sqlite/probe.ts';
import { openReader } from '../../../src/adapters/sqlite/reader.ts';
import { began, chainOf, processFacts, runRow, STARTED, StillClock, temporaryFolder } from './support.ts';

/** As on a file system without shared memory: SQLite answers `wal`, and the first write fails. */
function withoutSharedMemory(folder: string, name: string): void {
  mkdirSync(join(folder, `${name}-shm`), { recursive: true });
}
const NFS = 0x6969;
const PROBE = `probe-${process.pid}.sqlite`;
const modeOf = (folder: string) => {
  const database = openDatabase(folder);
  const values = ['journal_mode', 'synchronous'].map((name) => database.pragma(name, { simple: true }));
  database.close();
  return values;
};

describe('a folder in which a store is made', () => {
  test('has a write-ahead log where one works, and nothing of the trial is left', () => {
    const folder = temporaryFolder();
    expect(holdsWriteAheadLog(folder)).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
    expect(modeOf(folder)).toEqual(['wal', 2]);
    expect(readdirSync(folder).filter((name) => name.startsWith('probe'))).toEqual([]);
  });

  test('without shared memory is one where SQLite answers `wal` and fails at the first write', () => {
    const folder = temporaryFolder();
    withoutSharedMemory(folder, 'x.sqlite');
    const database = new Database(join(folder, 'x.sqlite'));
    expect(database.pragma('journal_mode = wal', { simple: true })).toBe('wal');
    expect(() => database.exec('CREATE TABLE t (x)')).toThrow();
    database.close();
  });

  test('without shared memory has a rollback journal, for ever, and is as good a store', async () => {
    const folder = temporaryFolder();
    withoutSharedMemory(folder, PROBE);
    withoutSharedMemory(folder, 'journal.sqlite');
    expect(modeOf(folder)).toEqual(['delete', 3]);
    expect(existsSync(join(folder, `${PROBE}-shm`)), 'the trial tidies up').toBe(false);
    withoutSharedMemory(folder, PROBE);
    expect(modeOf(folder)).toEqual(['delete', 3]);
    withoutSharedMemory(folder, PROBE);
    const journal = openJournal(folder, { clock: new StillClock(), process: processFacts(1, [1]) });
    await journal.createRun(runRow('a'), 1, [STARTED]);
    await journal.append({ run: 'a', fence: 1 }, [began(1), began(2)]);
    expect(await chainOf(journal, 'a')).toMatchObject({ ok: true, rows: 3 });
    const reader = openReader(folder);
    expect(reader.ok && (await reader.value.last('a'))?.stream).toBe('point/2');
    await journal.close();
  });

  test('is rid of what a trial left whose process was killed, and of no other', () => {
    const folder = temporaryFolder();
    const { pid: gone } = spawnSync(process.execPath, ['--version']);
    const left = [`probe-${gone}.sqlite`, `probe-${gone}.sqlite-wal`, `probe-${process.ppid}.sqlite`];
    for (const name of left) writeFileSync(join(folder, name), '');
    openDatabase(folder).close();
    expect(readdirSync(folder).filter((name) => name.startsWith('probe'))).toEqual([left[2]]);
  });

  test('is not tried out again once the store has a write-ahead log', () => {
    const folder = temporaryFolder();
    openDatabase(folder).close();
    withoutSharedMemory(folder, PROBE);
    expect(modeOf(folder)).toEqual(['wal', 2]);
    expect(existsSync(join(folder, `${PROBE}-shm`))).toBe(true);
  });

  test('gets its write-ahead log once it works there: a store that was copied from elsewhere', () => {
    const folder = temporaryFolder();
    openDatabase(folder, { file_system: NFS }).close();
    expect(new Database(journalFile(folder), { readonly: true }).pragma('journal_mode', { simple: true })).toBe(
      'delete',
    );
    expect(modeOf(folder)).toEqual(['wal', 2]);
  });
});
