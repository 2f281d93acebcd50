/*
 * DBOS Transact for TypeScript: workflows of steps, each checkpointed in PostgreSQL before the next one begins.
 *
 * Settings: those of its documentation's quickstart, `DBOS.setConfig({ name, systemDatabaseUrl })`; everything else at its default
 * (connection pool of 10). Workflows are started with `DBOS.startWorkflow` and not through a queue, which would cost more. PostgreSQL
 * as `initdb` sets it up: fsync and synchronous_commit are on. Usage: main.mjs, with DATABASE_URL and optionally POOL
 */
import { DBOS } from '@dbos-inc/dbos-sdk';
import { atOnce, serve } from '../serve.mjs';

const noop = async (x) => ({ ok: true, x });

const workflow = DBOS.registerWorkflow(
  async (x, steps) => {
    for (let step = 0; step < steps; step += 1) await DBOS.runStep(() => noop(x), { name: 'noop' });
    return x;
  },
  { name: 'workflow' },
);

const { DATABASE_URL, POOL } = process.env;
DBOS.setConfig({
  name: 'bench',
  systemDatabaseUrl: DATABASE_URL,
  logLevel: 'warn',
  ...(POOL === undefined ? {} : { systemDatabasePoolSize: Number(POOL) }),
});
await DBOS.launch();
await serve((load) =>
  atOnce(load, async (x) => {
    const handle = await DBOS.startWorkflow(workflow)(x, load.steps);
    await handle.getResult();
  }),
);
await DBOS.shutdown();
process.exit(0);
