import { ExpctlError } from '../../base/error.ts';
import type { Query } from './link.ts';
import { APPLICATION, MIGRATIONS, SCHEMA_VERSION } from './schema.ts';

/** Whoever makes or changes tables holds this lock of the database: "EXPC". */
const MIGRATION_LOCK = 0x45585043;

/** What a schema holds: a journal of some version, nothing yet, or what is not ours. */
export type Found = { readonly version: number } | 'nothing' | 'foreign';

export async function lookAt(query: Query, schema: string): Promise<Found> {
  const [there] = await query<{ ours: boolean; any: boolean }>(
    `SELECT to_regclass($1) IS NOT NULL AS ours, EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n
       ON n.oid = c.relnamespace WHERE n.nspname = $2 AND c.relkind = 'r') AS any`,
    [`${schema}.expctl_store`, schema],
  );
  if (there!.ours) {
    const [row] = await query<{ application: string; version: number }>(
      `SELECT application, version FROM ${schema}.expctl_store`,
    );
    return row?.application === APPLICATION ? { version: row.version } : 'foreign';
  }
  return there!.any ? 'foreign' : 'nothing';
}

/**
 * Makes the tables, or brings them to the present version: in one transaction for each step, so that a crash leaves the version before it
 * or the one behind it. Only one process does so at a time.
 *
 * @throws ExpctlError STORE_UNUSABLE as `assertOurs`
 */
export async function migrate(query: Query, schema: string, url: string): Promise<void> {
  for (let version = await versionNow(query, schema, url); version < SCHEMA_VERSION; ) {
    await query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE');
    try {
      await query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
      version = await versionNow(query, schema, url); // another process may have been faster
      if (version < SCHEMA_VERSION) await step(query, schema, version);
      await query('COMMIT');
      version += 1;
    } catch (error) {
      await query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }
}

async function step(query: Query, schema: string, version: number): Promise<void> {
  if (version === 0) {
    await query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    await query(`CREATE TABLE ${schema}.expctl_store (
      one boolean PRIMARY KEY DEFAULT true CHECK (one), application text NOT NULL, version bigint NOT NULL,
      identity text NOT NULL DEFAULT left(replace(gen_random_uuid()::text, '-', ''), 16))`);
    await query(`INSERT INTO ${schema}.expctl_store (application, version) VALUES ('${APPLICATION}', 0)`);
  }
  for (const statement of MIGRATIONS[version]!(schema)) await query(statement);
  await query(`UPDATE ${schema}.expctl_store SET version = ${version + 1}`);
}

async function versionNow(query: Query, schema: string, url: string): Promise<number> {
  const found = await lookAt(query, schema);
  return found === 'nothing' ? 0 : assertOurs(found, schema, url);
}

/** Refuses another program's tables, and newer ones. @throws ExpctlError STORE_UNUSABLE */
export function assertOurs(found: Exclude<Found, 'nothing'>, schema: string, url: string): number {
  if (found === 'foreign') {
    const hint = 'Give another schema, `?schema=NAME` in the URL, or another database.';
    throw new ExpctlError('STORE_UNUSABLE', `The schema ${schema} of ${url} is not a journal of expctl`, { hint });
  }
  if (found.version > SCHEMA_VERSION) {
    const message = `${url} has format ${found.version}; this expctl knows formats up to ${SCHEMA_VERSION}`;
    throw new ExpctlError('STORE_UNUSABLE', message, { hint: 'Use the newer expctl that wrote it.' });
  }
  return found.version;
}
