import { closeSync, fsyncSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import Database from 'better-sqlite3';

/*
 * What is left where a process ended without closing its write-ahead log, perhaps since a sync had failed.
 *
 * After a sync that failed, Linux takes the pages for written: the next sync of them succeeds, and what every process reads is what was
 * to be written; but on the disk there is a hole (fsync(2), notes on errors; "fsyncgate", 2018). Whatever is appended behind the hole is
 * synced, and lost with the hole at the next power cut, since a log is read up to the first frame that does not fit.
 */

const CHUNK_BYTES = 1 << 20;

/** Connections that could not be closed; kept, for one that nothing refers to is closed all the same. */
const left: Database.Database[] = [];

/**
 * Closes a connection after a failure, and leaves the log to whoever opens the store next: the last connection that closes takes the
 * log into the database, and would trust what could not be synced. So another one, which cannot write, closes last.
 */
export function closeAsItIs(database: Database.Database): void {
  try {
    const last = new Database(database.name, { readonly: true, fileMustExist: true, timeout: 0 });
    last.pragma('user_version'); // connects it
    database.close();
    last.close();
  } catch {
    left.push(database);
  }
}

/**
 * Before a store is opened for writing: writes the log that an unclean end left once more, so that its pages are written for certain,
 * and takes it into the database. Whoever else is connected prevents that; then `false`.
 */
export function renewLog(file: string): boolean {
  const log = `${file}-wal`;
  if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) === 0) return true;
  const database = new Database(file, { fileMustExist: true, timeout: 0 });
  try {
    database.pragma('locking_mode = EXCLUSIVE');
    database.prepare('SELECT 1 FROM sqlite_schema').get(); // takes the lock
    writeAgain(log);
    database.pragma('wal_checkpoint(TRUNCATE)');
    return true;
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return false;
    throw error;
  } finally {
    database.close();
  }
}

function writeAgain(path: string): void {
  const file = openSync(path, 'r+');
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let at = 0; ; ) {
      const length = readSync(file, chunk, 0, CHUNK_BYTES, at);
      if (length === 0) break;
      for (let done = 0; done < length; ) done += writeSync(file, chunk, done, length - done, at + done);
      at += length;
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
