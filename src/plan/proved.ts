import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { DesignTable, Lock } from '../ir/lock.ts';
import { LOCK_FORMAT } from '../ir/lock-format.ts';

/*
 * Reading again what was proved: lock and design tables of a run that has begun, whose digests were checked. They were parsed strictly
 * before the run could begin, in lock-file.ts; for commands that only look this is enough, and takes a thirtieth of the time.
 */

/** @param text canonical JSON, so that it holds exactly what was parsed strictly @returns LOCK_INVALID */
export function provedLock(text: string): Result<Lock> {
  const lock = parsed(text) as Lock | null;
  if (typeof lock?.expctl_lock !== 'number') return invalid('The lock is no lock.');
  if (lock.expctl_lock <= LOCK_FORMAT) return ok(lock);
  return invalid(
    `The lock is of format ${lock.expctl_lock}; this expctl reads format ${LOCK_FORMAT}.`,
    'Use a newer expctl.',
  );
}

/** @param get the text of a table by its SHA-256, which has been checked @returns tables by id; LOCK_INVALID */
export function provedTables(
  lock: Lock,
  get: (sha256: string) => string | undefined,
): Result<Map<string, DesignTable>> {
  const tables = new Map<string, DesignTable>();
  for (const { id, sha256, rows } of lock.tables) {
    const table = parsed(get(sha256) ?? '') as DesignTable | null;
    if (table?.rows?.length !== rows) return invalid(`The design table ${id} is no table of ${rows} rows.`);
    tables.set(id, table);
  }
  return ok(tables);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function invalid(message: string, hint = 'Restore the folder `cas` of the store from a backup.'): Result<never> {
  return err(new ExpctlError('LOCK_INVALID', message, { hint }));
}
