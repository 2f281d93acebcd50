import { renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { syncPath } from './files.ts';
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from './schema.ts';

/** The copy that is kept of a store before it is brought from a version to the next ones. */
export function backupFile(file: string, version: number): string {
  return `${file}.v${version}`;
}

/**
 * Brings a store to the present version, in one transaction: a crash leaves the old version or the new one. Before that, the store as
 * it was is copied beside it; nobody can write between the copy and the change.
 */
export function migrate(database: Database.Database, file: string): void {
  if (versionOf(database) === SCHEMA_VERSION) return;
  const steps = database.transaction(() => {
    const version = versionOf(database);
    if (version === SCHEMA_VERSION) return; // another process was faster
    if (version > 0) keepBackup(file, version);
    for (const statement of MIGRATIONS.slice(version).flat()) database.exec(statement);
    database.pragma(`application_id = ${APPLICATION_ID}`);
    database.pragma(`user_version = ${SCHEMA_VERSION}`);
  });
  steps.immediate();
}

/** Another connection copies what was committed last: the one that migrates is within a transaction, and VACUUM wants none. */
function keepBackup(file: string, version: number): void {
  const backup = backupFile(file, version);
  const unfinished = `${backup}.unfinished`;
  rmSync(unfinished, { force: true });
  const reader = new Database(file, { readonly: true, fileMustExist: true });
  try {
    reader.prepare('VACUUM INTO ?').run(unfinished);
  } finally {
    reader.close();
  }
  syncPath(unfinished);
  renameSync(unfinished, backup);
  syncPath(dirname(backup));
}

function versionOf(database: Database.Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}
