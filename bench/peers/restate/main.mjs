/*
 * Restate: a handler that runs its steps by `ctx.run`, each of which is in the server's log before the next one begins.
 *
 * Settings: a single node of restate-server with its default configuration, in which the log is synced
 * (`bifrost.local.rocksdb-disable-wal-fsync = false` in `restate-server --dump-config`). Invocations are sent as its documentation's
 * examples do, by HTTP to the ingress. Usage: main.mjs INGRESS_URL ADMIN_URL PORT
 */
import { Agent, request as httpRequest } from 'node:http';
import * as restate from '@restatedev/restate-sdk';
import { atOnce, serve } from '../serve.mjs';

const [ingress, admin, port] = process.argv.slice(2);

const noop = async (x) => ({ ok: true, x });

const service = restate.service({
  name: 'bench',
  handlers: {
    workflow: async (ctx, { x, steps }) => {
      for (let step = 0; step < steps; step += 1) await ctx.run('noop', () => noop(x));
      return x;
    },
  },
});
await restate.serve({ services: [service], port: Number(port) });

const agent = new Agent({ keepAlive: true, maxSockets: 100 });

/** Sends JSON and waits for the answer. */
function post(url, body) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sent = httpRequest(url, { method: 'POST', headers, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('end', () => {
        if (response.statusCode < 300) resolve(text);
        else reject(new Error(`${url} answered ${response.statusCode}: ${text}`));
      });
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

await post(`${admin}/deployments`, { uri: `http://127.0.0.1:${port}` });
await serve((load) => atOnce(load, (x) => post(`${ingress}/bench/workflow`, { x, steps: load.steps })));
process.exit(0);
