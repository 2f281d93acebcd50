import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

/**
 * Whether a write-ahead log works in a folder: two connections to a scratch database write, and read what the other wrote.
 *
 * SQLite may answer `wal` to the pragma and fail at the first write: where shared memory cannot be made, or not be mapped.
 */
export function holdsWriteAheadLog(folder: string): boolean {
  const file = join(folder, `probe-${process.pid}.sqlite`);
  const open: Database.Database[] = [];
  try {
    removeLeft(folder);
    const [first, second] = [0, 1].map(() => {
      const database = new Database(file, { timeout: 1_000 });
      open.push(database);
      return database;
    }) as [Database.Database, Database.Database];
    if (first.pragma('journal_mode = wal', { simple: true }) !== 'wal') return false;
    first.exec('CREATE TABLE probe (writer TEXT)');
    for (const [writer, reader] of [
      [first, second],
      [second, first],
    ] as const) {
      writer.prepare('INSERT INTO probe VALUES (?)').run(writer === first ? 'first' : 'second');
      const seen = reader.prepare('SELECT count(*) FROM probe').pluck().get();
      if (seen !== (writer === first ? 1 : 2)) return false;
    }
    return true;
  } catch {
    return false;
  } finally {
    for (const database of open) database.close();
    for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${file}${end}`, { force: true, recursive: true });
  }
}

/** What is left of trials whose processes were killed. */
function removeLeft(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = /^probe-(\d+)\.sqlite/.exec(name)?.[1];
    if (pid !== undefined && isGone(Number(pid))) rmSync(join(folder, name), { force: true, recursive: true });
  }
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
