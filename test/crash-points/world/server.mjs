// An MCP server over stdio, by hand so that it starts at once. What it does in the world it writes to `ledger.jsonl` beside its
// folder, synced before it answers: a line for each sending, and one for each effect, with the process that it works for. Jobs go on
// as long as there is a file `hold` beside it.
import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const WORLD = fileURLToPath(new URL('../', import.meta.url));

/** Whoever started it: later, when that process has died, nobody could tell. */
const BY = process.ppid;

const input = (...names) => ({
  type: 'object',
  properties: Object.fromEntries(
    names.map((name) => [name, { type: name === 'idempotency_key' ? 'string' : 'number' }]),
  ),
});

const TOOLS = {
  /** By key: makes a part, and hands its drawing over. */
  make: {
    takes: ['x', 'idempotency_key'],
    call: ({ x, idempotency_key: key }) => {
      once('make', key);
      const text = `part of ${x}\n`.repeat(100);
      return { answer: { part: x + 100 }, files: [{ uri: 'part:drawing.txt', text }] };
    },
  },
  /** By key: begins a job, which ends by itself. */
  submit: {
    takes: ['x', 'idempotency_key'],
    call: ({ x, idempotency_key: key }) => {
      once('submit', key);
      return { answer: { job: x + 1000 } };
    },
  },
  /** Pure: how a job is getting on. */
  wait: { takes: ['job'], call: () => ({ answer: { status: existsSync(`${WORLD}hold`) ? 'running' : 'done' } }) },
  /** Pure: what became of a job. */
  fetch: { takes: ['job'], call: ({ job }) => ({ answer: { result: job * 2 } }) },
};

/** An effect by key happens once, however often it is sent: whoever makes the key's file is the one that does it. */
function once(call, key) {
  write({ sent: call, key });
  try {
    closeSync(openSync(`${WORLD}keys/${key}`, 'wx'));
  } catch (error) {
    if (error.code === 'EEXIST') return;
    throw error;
  }
  write({ did: call, key });
}

function write(line) {
  const file = openSync(`${WORLD}ledger.jsonl`, 'a');
  writeSync(file, `${JSON.stringify({ ...line, by: BY })}\n`);
  fsyncSync(file);
  closeSync(file);
}

function resultOf(method, params) {
  if (method === 'initialize') {
    const serverInfo = { name: 'world', version: '1' };
    return { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo };
  }
  if (method === 'tools/list') {
    return { tools: Object.entries(TOOLS).map(([name, { takes }]) => ({ name, inputSchema: input(...takes) })) };
  }
  if (method !== 'tools/call') return {};
  const { answer, files = [] } = TOOLS[params.name].call(params.arguments);
  const content = files.map((resource) => ({ type: 'resource', resource }));
  return { content, structuredContent: answer };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method, params) })}\n`);
}
