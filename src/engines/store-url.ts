import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';

/*
 * Stores and artifacts that lie behind a URL and not in a folder. What such a URL says may stand in logs, so it holds no secret.
 */

const DATABASE = /^postgres(?:ql)?:\/\//;
const BUCKET = /^s3:\/\//;
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

/** Where artifacts are kept. */
export interface BucketAddress {
  readonly url: string;
  readonly bucket: string;
  /** Ends with `/`, or is empty. */
  readonly prefix: string;
  /** Of a server that is not Amazon's. */
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
}

/** Whether a store lies in a database, and in no folder. */
export function isDatabaseUrl(store: string): boolean {
  return DATABASE.test(store);
}

export function isBucketUrl(place: string): boolean {
  return BUCKET.test(place);
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

/** USAGE where it is no such URL, or holds credentials. */
export function bucketAddress(text: string): Result<BucketAddress> {
  const url = urlIn(text);
  if (url === null || url.hostname === '') {
    return err(notAn('s3://BUCKET/PREFIX?endpoint=http://HOST:PORT', 'The artifacts are at no URL of a bucket.'));
  }
  const unknown = [...url.searchParams.keys()].filter((name) => !['endpoint', 'region'].includes(name));
  const endpoint = url.searchParams.get('endpoint') ?? undefined;
  const isSecret = (one: URL | null) => one !== null && (one.username !== '' || one.password !== '');
  if (isSecret(url) || isSecret(endpoint === undefined ? null : urlIn(endpoint)) || unknown.length > 0) {
    const hint =
      'Such a URL takes `endpoint` and `region` only. Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ' +
      'AWS_PROFILE, or the role of the machine.';
    return err(new ExpctlError('USAGE', 'The URL of the bucket says more than where it is.', { hint }));
  }
  if (endpoint !== undefined && !/^https?:\/\/./.test(endpoint)) {
    return err(notAn('?endpoint=https://HOST', `${JSON.stringify(endpoint)} is no endpoint.`));
  }
  const path = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '');
  const prefix = path === '' ? '' : `${path}/`;
  return ok({ url: text, bucket: url.hostname, prefix, endpoint, region: url.searchParams.get('region') ?? undefined });
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
