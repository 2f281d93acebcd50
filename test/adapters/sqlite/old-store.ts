import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { journalFile } from '../../../src/adapters/sqlite/database.ts';

/** Makes the store of version 1 that is kept for ever (test/journals/store-v1.sql) in a folder. */
export function makeOldStore(folder: string): void {
  const database = new Database(journalFile(folder));
  database.pragma('journal_mode = wal');
  database.exec(readFileSync(new URL('../../journals/store-v1.sql', import.meta.url), 'utf8'));
  database.close();
}
