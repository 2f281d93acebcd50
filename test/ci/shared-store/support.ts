import pg from 'pg';
import {
  openPostgresSharedJournal,
  type PostgresSharedJournal,
} from '../../../src/adapters/postgres/shared-journal.ts';
import type { LinkOptions } from '../../../src/adapters/postgres/link.ts';
import { unwrap } from '../../../src/base/result.ts';
import { databaseAddress } from '../../../src/engines/store-url.ts';
import { processFacts, StillClock } from '../../adapters/sqlite/support.ts';
import type { PostgresServer } from './postgres-server.ts';

let stores = 0;

/** A name for a store that no other test has. */
export function newSchema(): string {
  stores += 1;
  return `store_${stores}`;
}

export function worker(url: string, pid = 1, options: LinkOptions = {}): PostgresSharedJournal {
  const address = unwrap(databaseAddress(url));
  return openPostgresSharedJournal(address, { clock: new StillClock(), process: processFacts(pid, [pid]), options });
}

/** A connection beside expctl, as an administrator has it. */
export async function admin(server: PostgresServer, schema?: string): Promise<pg.Client> {
  const client = new pg.Client({ host: '127.0.0.1', port: server.port, user: 'expctl', database: 'postgres' });
  client.on('error', () => undefined);
  await client.connect();
  if (schema !== undefined) await client.query(`SET search_path = ${schema}`);
  return client;
}
