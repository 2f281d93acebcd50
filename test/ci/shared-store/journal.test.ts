import { afterAll, beforeAll } from 'vitest';
import type { PostgresSharedJournal } from '../../../src/adapters/postgres/shared-journal.ts';
import type { SharedStore } from '../../engines/shared-journal-steps.ts';
import { sharedJournalBehaves } from '../../engines/shared-journal-suite.ts';
import { PostgresServer } from './postgres-server.ts';
import { newSchema, worker } from './support.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.remove());

sharedJournalBehaves('PostgreSQL', async (): Promise<SharedStore> => {
  const url = server.url(newSchema());
  const journals: PostgresSharedJournal[] = [];
  const next = () => {
    journals.push(worker(url, journals.length + 1));
    return journals[journals.length - 1]!;
  };
  const poster = next();
  return {
    journal: next(),
    another: async () => next(),
    post: (...message) => poster.post(...message),
    close: async () => {
      for (const journal of journals) await journal.close();
    },
  };
});
