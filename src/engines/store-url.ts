import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';

/*
 * Stores that lie behind a URL and not in a folder. What such a URL says may stand in logs, so it holds no secret.
 */

/** Names of PostgreSQL that need no quotes; what is longer is cut there, silently. */
const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;
const DEFAULT_SCHEMA = 'expctl';

/** Where runs are kept in a database. */
export interface DatabaseAddress {
  /** As it was given, without a password: for people, and for the driver. */
  readonly url: string;
  /** Namespace of the tables, `?schema=` of the URL. */
  readonly schema: string;
}

/** USAGE where it is no such URL, or holds a password. */
export function databaseAddress(text: string): Result<DatabaseAddress> {
  const url = urlIn(text);
  // A password is looked for in the text too: one that makes the URL unreadable must not be shown either.
  if (url === null || url.password !== '' || url.searchParams.has('password')) {
    if (/\/\/[^/@]*:[^/]*@/.test(text) || url?.searchParams.has('password') === true) return err(passwordInUrl());
  }
  if (url === null) return err(notAn('postgres://USER@HOST/DATABASE', 'The store is no URL of a PostgreSQL database.'));
  const schema = url.searchParams.get('schema') ?? DEFAULT_SCHEMA;
  if (!SCHEMA.test(schema)) {
    const hint = 'Give a name of at most 63 lower-case letters, digits and underscores: `?schema=expctl`.';
    return err(new ExpctlError('USAGE', `${JSON.stringify(schema)} is no name of a schema.`, { hint }));
  }
  return ok({ url: text, schema });
}

function urlIn(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function notAn(example: string, message: string): ExpctlError {
  return new ExpctlError('USAGE', message, { hint: `Give one such as ${example}` });
}

function passwordInUrl(): ExpctlError {
  const hint =
    'Leave it out: a URL is seen in process lists and logs. Put it into ~/.pgpass (or the file that PGPASSFILE names), or into ' +
    'PGPASSWORD.';
  return new ExpctlError('USAGE', 'The URL of the store holds a password.', { hint });
}
