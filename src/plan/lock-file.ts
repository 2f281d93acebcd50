import type * as z from 'zod';
import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';
import { sha256Hex, utf8 } from '../base/sha256.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { DesignTable, Lock, type LockedTable } from '../ir/lock.ts';
import { LOCK_FORMAT } from '../ir/lock-format.ts';
import { parseStrictJson } from '../ir/strict-json.ts';
import { firstIssueText } from './check/schema-issues.ts';

const LIMITS = { max_bytes: 64 * 1024 * 1024, max_nodes: 2_000_000, max_depth: 200 } as const;
/** A table of a million points and sixty variables. */
const TABLE_LIMITS = { max_bytes: 2 ** 30, max_nodes: 100_000_000, max_depth: 4 } as const;

/**
 * Reads a lock. Only the canonical form of a lock is one: any other bytes would be shown as something that was not signed.
 *
 * @returns LOCK_INVALID
 */
export function parseLock(bytes: string): Result<Lock> {
  const parsed = parseStrictJson(bytes, LIMITS);
  if (!parsed.ok) {
    const { line, column, message } = parsed.error;
    return invalid(`The lock is no JSON that can be trusted: line ${line}, column ${column}: ${message}`);
  }
  const { value } = parsed.value;
  const format: unknown =
    typeof value === 'object' && value !== null && 'expctl_lock' in value ? value['expctl_lock'] : undefined;
  if (typeof format === 'number' && format > LOCK_FORMAT) {
    return invalid(`The lock is of format ${format}; this expctl reads format ${LOCK_FORMAT}.`, 'Use a newer expctl.');
  }
  const lock = Lock.safeParse(value);
  if (!lock.success) return invalid(`The lock is not a lock: ${issuesText(lock.error)}.`);
  if (canonicalJson(lock.data) !== bytes)
    return invalid('The lock is not in its canonical form: it was written or changed by something else.');
  const tables = tableOrderProblem(lock.data.tables);
  return tables === null ? ok(lock.data) : invalid(tables);
}

/** The points are numbered from 1 without gaps; otherwise two points would share a number. */
function tableOrderProblem(tables: readonly LockedTable[]): string | null {
  let next = 1;
  const ids = new Set<string>();
  for (const { id, rows, first_point } of tables) {
    if (ids.has(id)) return `The lock names the design table ${id} twice.`;
    if (first_point !== next || !Number.isSafeInteger(rows) || rows < 1)
      return `The points of the design table ${id} are misnumbered.`;
    ids.add(id);
    next += rows;
  }
  return null;
}

/**
 * The design tables of a lock, each proved to be the one that was locked.
 *
 * @param get the text of a table by its SHA-256
 * @returns tables by id; LOCK_CHANGED if a text is not what its digest says, LOCK_INVALID if it is missing or no table
 */
export function verifyTables(
  lock: Lock,
  get: (sha256: string) => string | undefined,
): Result<Map<string, DesignTable>> {
  const tables = new Map<string, DesignTable>();
  for (const locked of lock.tables) {
    const text = get(locked.sha256);
    if (text === undefined) {
      const hint = 'Keep the folder of design tables beside the lock, or lock again.';
      return invalid(`The design table ${locked.id} (${locked.sha256.slice(0, 12)}) is missing.`, hint);
    }
    if (sha256Hex(utf8(text)) !== locked.sha256) {
      const hint = 'Restore the file, or lock again and have the new lock approved.';
      return err(
        new ExpctlError('LOCK_CHANGED', `The design table ${locked.id} is not the one that was locked.`, { hint }),
      );
    }
    const table = parseTable(text);
    const problem = table === null ? 'is no table' : tableProblem(table, locked, lock);
    if (table === null || problem !== null) return invalid(`The design table ${locked.id} ${problem}.`);
    tables.set(locked.id, table);
  }
  return ok(tables);
}

/** A design table's text, whichever lock it may belong to; null where it is none. */
export function parseTable(text: string): DesignTable | null {
  const parsed = parseStrictJson(text, TABLE_LIMITS);
  const table = DesignTable.safeParse(parsed.ok ? parsed.value.value : undefined);
  return table.success ? table.data : null;
}

function tableProblem(table: DesignTable, locked: LockedTable, lock: Lock): string | null {
  const names = lock.variables.map(({ name }) => name);
  if (table.columns.length !== names.length || table.columns.some((column, at) => column !== names[at])) {
    return 'has other columns than the variables of the lock';
  }
  if (table.rows.length !== locked.rows) return `has ${table.rows.length} rows, not ${locked.rows}`;
  return table.rows.every((row) => row.length === names.length) ? null : 'has a row of the wrong length';
}

function issuesText(error: z.ZodError): string {
  const others = error.issues.length - 1;
  return `${firstIssueText(error)}${others > 0 ? ` (and ${others} more)` : ''}`;
}

function invalid(message: string, hint = 'Make it again with `expctl lock`, and have it approved.'): Result<never> {
  return err(new ExpctlError('LOCK_INVALID', message, { hint }));
}
