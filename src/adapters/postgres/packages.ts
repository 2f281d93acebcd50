import { ExpctlError } from '../../base/error.ts';

const INSTALL = 'npm install pg@8.23.1';

/** The driver of PostgreSQL, which only those have, and load, who keep runs there. @throws ExpctlError STORE_UNUSABLE */
export async function postgresDriver(): Promise<typeof import('pg').default> {
  try {
    return (await import('pg')).default;
  } catch (cause) {
    const message = 'The npm package pg, which a store in PostgreSQL needs, cannot be loaded.';
    throw new ExpctlError('STORE_UNUSABLE', message, { hint: `Install it beside expctl: ${INSTALL}`, cause });
  }
}
