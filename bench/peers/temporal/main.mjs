/*
 * Temporal: workflows of activities, each step of which is in the server's history before the next one begins.
 *
 * Settings: `temporal server start-dev --db-filename FILE`, the server that its documentation starts with, here with its database in a
 * file. One worker with the SDK's defaults (100 activities at once), in this process. Workflows are started by the client and
 * waited for. Usage: main.mjs ADDRESS
 */
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { atOnce, serve } from '../serve.mjs';

const [address = ''] = process.argv.slice(2);
const taskQueue = 'bench';
Runtime.install({ logger: new DefaultLogger('ERROR') });
const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  taskQueue,
  workflowsPath: fileURLToPath(new URL('workflows.mjs', import.meta.url)),
  activities: { noop: async (x) => ({ ok: true, x }) },
});
const running = worker.run();
const client = new Client({ connection: await Connection.connect({ address }) });

let started = 0;
await serve((load) =>
  atOnce(load, async (x) => {
    started += 1;
    await client.workflow.execute('workflow', {
      taskQueue,
      workflowId: `w-${process.pid}-${started}`,
      args: [x, load.steps],
    });
  }),
);
worker.shutdown();
await running;
process.exit(0);
