import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { journalFile } from '../../../src/adapters/sqlite/database.ts';

/** Makes the store of an old version that is kept for ever (test/journals/store-v1.sql) in a folder. */
export function makeOldStore(folder: string, version = 1): void {
  const database = new Database(journalFile(folder));
  database.pragma('journal_mode = wal');
  database.exec(readFileSync(new URL(`../../journals/store-v${version}.sql`, import.meta.url), 'utf8'));
  database.close();
}
