import {
  openPostgresSharedJournal,
  type PostgresSharedJournal,
} from '../../../src/adapters/postgres/shared-journal.ts';
import type { LinkOptions } from '../../../src/adapters/postgres/link.ts';
import { unwrap } from '../../../src/base/result.ts';
import { databaseAddress } from '../../../src/engines/store-url.ts';
import { processFacts, StillClock } from '../../adapters/sqlite/support.ts';

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
