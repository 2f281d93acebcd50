import { hash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { journalFile, openDatabase, openDatabaseForReading } from '../../src/adapters/sqlite/database.ts';
import { backupFile } from '../../src/adapters/sqlite/migrate.ts';
import { SCHEMA_VERSION } from '../../src/adapters/sqlite/schema.ts';
import { unwrap } from '../../src/base/result.ts';
import { type Ended, TestApp } from '../commands/support.ts';

/*
 * Stores of old versions stay usable for ever: these were written by the expctl of their time (record-store.ts), with one run that
 * ended and one whose process was killed. They are never written anew. See README.md.
 */

const STORES: Readonly<Record<string, { readonly version: number; readonly sql: string; readonly files: string }>> = {
  'store-v1': {
    version: 1,
    sql: 'be88c3201e4fdfc0c3ab2b76f78605f0136c5c12a5f6d7b9947cc7c092b1b268',
    files: '0492eba43017f3eb16163f924f0ae33291434b33b2be7e1c0e9a7aeaff914fd1',
  },
  'store-v2': {
    version: 2,
    sql: '06c4c17c6ea9c577e26abfc0f5e73bc503c1c12d5a4ad2d6f138720313ed7bff',
    files: '80ed7781c410863768d119c789c0bd60f7f78af9004b64594bfa15036b299404',
  },
};

const text = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');

interface Files {
  readonly recorded_ms: number;
  readonly files: Readonly<Record<string, string>>;
}

/** The project with the store in it, an hour after it was recorded. */
class Restored {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-store-')));
  readonly store = join(this.root, 'project', '.expctl');
  readonly #now_ms: number;

  constructor(name: string) {
    onTestFinished(() => rmSync(this.root, { recursive: true, force: true }));
    const { recorded_ms, files } = JSON.parse(text(`${name}.files.json`)) as Files;
    this.#now_ms = recorded_ms + 3_600_000;
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      writeFileSync(join(this.root, path), content, { mode: 0o600 });
    }
    const database = new Database(journalFile(this.store));
    database.pragma('journal_mode = wal');
    database.exec(text(`${name}.sql`));
    database.close();
  }

  run(...args: readonly string[]): Promise<Ended> {
    const circumstances = { cwd: join(this.root, 'project'), env: { USER: 'tester' }, now_ms: this.#now_ms };
    return new TestApp(circumstances, join(this.root, 'home')).run([...args, '--json']);
  }

  async document(...args: readonly string[]): Promise<unknown> {
    const { stdout, stderr } = await this.run(...args);
    return JSON.parse(stdout === '' ? stderr : stdout);
  }

  /** Trust policy of whoever approved it. */
  get trust(): readonly string[] {
    return ['--trust', join(this.root, 'trust.json')];
  }

  get version(): unknown {
    const database = unwrap(openDatabaseForReading(this.store));
    const version = database.pragma('user_version', { simple: true });
    database.close();
    return version;
  }
}

/** All rows of the events that a file holds. */
function eventsIn(file: string): unknown[] {
  const database = new Database(file, { readonly: true });
  const rows = database.prepare('SELECT * FROM events ORDER BY position').all();
  database.close();
  return rows;
}

for (const [name, { version, sql, files }] of Object.entries(STORES)) {
  describe(name, () => {
    test('is the file that was recorded', () => {
      expect([hash('sha256', text(`${name}.sql`)), hash('sha256', text(`${name}.files.json`))]).toEqual([sql, files]);
    });

    test('is read as it is', async () => {
      const store = new Restored(name);
      expect(await store.document('list')).toMatchObject([{ run: 'finished' }, { run: 'interrupted' }]);
      expect(await store.document('status', 'finished')).toMatchObject({ state: 'stopped', points: { succeeded: 6 } });
      expect(await store.document('status', 'interrupted')).toMatchObject({ points: { done: 5 }, best: { point: 1 } });
      expect(await store.document('trace', 'finished', 'y@4')).toMatchObject({ value: 256 });
      expect(await store.document('replay', 'finished', ...store.trust)).toMatchObject({ holds: true });
      for (const run of ['finished', 'interrupted']) {
        expect(await store.document('verify', run)).toMatchObject({ holds: true });
      }
      expect(store.version).toBe(version);
    });

    test('is brought to the present version, with a copy of what it was', () => {
      const store = new Restored(name);
      const before = eventsIn(journalFile(store.store));
      expect(before.length).toBeGreaterThan(100);
      openDatabase(store.store).close();
      expect(store.version).toBe(SCHEMA_VERSION);
      expect(eventsIn(journalFile(store.store))).toEqual(before);
      expect(eventsIn(backupFile(journalFile(store.store), version))).toEqual(before);
      const copy = new Database(backupFile(journalFile(store.store), version), { readonly: true });
      expect(copy.pragma('user_version', { simple: true })).toBe(version);
      expect(copy.pragma('integrity_check', { simple: true })).toBe('ok');
      copy.close();
    });

    test('goes on where its run was interrupted, and everything holds', async () => {
      const store = new Restored(name);
      // Who held the run lived on another machine: a person says that it is gone.
      expect((await store.run('resume', 'interrupted', ...store.trust)).stderr).toContain('--take-over');
      const resumed = await store.run('resume', 'interrupted', '--take-over', ...store.trust);
      expect(JSON.parse(resumed.stdout)).toMatchObject({ state: 'stopped', exit: 0 });
      expect(store.version).toBe(SCHEMA_VERSION);
      expect(existsSync(backupFile(journalFile(store.store), version))).toBe(true);
      const results = (run: string) => store.document('status', run, '--points');
      const [old, gone_on] = await Promise.all([results('finished'), results('interrupted')]);
      const metrics = (status: unknown) =>
        (status as { all_points: { metrics: unknown }[] }).all_points.map((point) => point.metrics);
      expect(metrics(gone_on)).toEqual(metrics(old));
      for (const run of ['finished', 'interrupted']) {
        expect(await store.document('replay', run, ...store.trust)).toMatchObject({ holds: true });
        expect(await store.document('verify', run)).toMatchObject({ holds: true });
      }
    });
  });
}
