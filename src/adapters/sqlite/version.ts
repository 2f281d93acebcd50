import { ExpctlError, messageOf } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { sqliteVersionProblem } from './profile.ts';

/** The version of SQLite that journals are written with. STORE_UNUSABLE where it cannot be loaded or can lose commits. */
export async function sqliteVersion(): Promise<Result<string>> {
  try {
    const { default: Database } = await import('better-sqlite3');
    const database = new Database(':memory:');
    const version = String(database.prepare('SELECT sqlite_version()').pluck().get());
    database.close();
    const problem = sqliteVersionProblem(version);
    return problem === null ? ok(version) : err(unusable(`${problem}.`));
  } catch (cause) {
    return err(unusable(`SQLite cannot be loaded: ${messageOf(cause)}`, cause));
  }
}

function unusable(message: string, cause?: unknown): ExpctlError {
  const hint = 'Install expctl again: `npm ci` builds better-sqlite3 for this machine and this Node.';
  return new ExpctlError('STORE_UNUSABLE', message, { hint, cause });
}
