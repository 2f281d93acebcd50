import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { DesignTable, Lock } from '../ir/lock.ts';
import { LOCK_FORMAT } from '../ir/lock-format.ts';

/*
 * Reading again what was proved: lock and design tables of a run that has begun, whose digests were checked. They were parsed strictly
 * before the run could begin, in lock-file.ts: the same bytes hold the same, and this takes a thirtieth of the time.
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

/**
 * A table is parsed when a row of it is first looked at: who asks for one point of very many may need none.
 *
 * @param get the text of a table by its SHA-256, which has been checked
 * @returns tables by id; LOCK_INVALID where a text is missing
 */
export function provedTables(
  lock: Lock,
  get: (sha256: string) => string | undefined,
): Result<Map<string, DesignTable>> {
  const tables = new Map<string, DesignTable>();
  const columns = lock.variables.map(({ name }) => name);
  for (const { id, sha256, rows } of lock.tables) {
    const text = get(sha256);
    if (text === undefined) return invalid(`The design table ${id} is missing.`);
    tables.set(id, { columns, rows: whenLookedAt(rows, () => (JSON.parse(text) as DesignTable).rows) });
  }
  return ok(tables);
}

/** An array of known length whose items are made when the first is asked for. */
function whenLookedAt<T>(length: number, make: () => T[]): T[] {
  let made: T[] | null = null;
  return new Proxy<T[]>([], {
    get: (_, key) => {
      if (key === 'length') return length;
      made ??= make();
      return Reflect.get(made, key) as unknown;
    },
    // Else `map` and its like would find an array of holes.
    has: (_, key) => {
      made ??= make();
      return Reflect.has(made, key);
    },
  });
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
