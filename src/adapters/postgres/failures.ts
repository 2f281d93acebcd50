import { ExpctlError, messageOf } from '../../base/error.ts';

/** What PostgreSQL, or the system, says of a failure. */
export function failureCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** The server is about to take connections: it starts, or recovers from a crash. */
export function isStarting(error: unknown): boolean {
  return failureCode(error) === '57P03';
}

/** Nobody listens (any more): what a restart looks like from outside. */
export function isAway(error: unknown): boolean {
  return ['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE'].includes(failureCode(error));
}

/** The last thing that a connection says; the driver's own time limit leaves it in the middle of an answer. */
export function isLast(error: unknown): boolean {
  const { severity, message } = (error ?? {}) as { severity?: unknown; message?: unknown };
  return severity === 'FATAL' || severity === 'PANIC' || message === 'Query read timeout';
}

/** The transaction was undone for the sake of another one, and can be done again: deadlock, serialisation. */
export function isUndone(error: unknown): boolean {
  return ['40001', '40P01'].includes(failureCode(error));
}

const HINTS: readonly (readonly [codes: RegExp, hint: string])[] = [
  [/^53100$/, 'Free disk space on the server, then resume the run.'],
  [/^53300$/, 'The server takes no more connections: end some, or raise `max_connections`.'],
  [/^28/, 'Look at user and password (~/.pgpass, PGPASSFILE, PGPASSWORD) and at pg_hba.conf of the server.'],
  [/^3D000$/, 'Make the database: `createdb NAME`.'],
  [/^42501$/, 'Let the user make and use the schema: `GRANT CREATE ON DATABASE NAME TO USER`.'],
  [/^55P03$/, 'Another process holds the run, or the pools, for long; end it, then try again.'],
  [/^25006$/, 'Give the address of the primary server: this one only reads.'],
  [/^XX00[12]$/, 'Keep a copy of the server’s data, and restore the database from a backup.'],
];

const ELSE =
  'Look whether the server runs and can be reached, then do it again: what was written stays, and nothing is written twice.';

/** Any failure of the store as what a user meets; an ExpctlError stays what it is. */
export function storeError(error: unknown, url: string): ExpctlError {
  if (error instanceof ExpctlError) return error;
  const code = failureCode(error);
  const text = `The store ${url} cannot be used: ${messageOf(error)}${code === '' ? '' : ` (${code})`}`;
  const hint = HINTS.find(([codes]) => codes.test(code))?.[1] ?? ELSE;
  return new ExpctlError('STORE_UNUSABLE', text, { hint, cause: error });
}
