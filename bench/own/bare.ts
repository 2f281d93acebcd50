import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { Load } from '../lib/contestant.ts';
import { declarationOf, type Kind } from './noop-tools.ts';
import { serve } from './program.ts';

/** Contestant: the same tools without expctl, as somebody would call them by hand. `bare KIND SERVER` */
const [kind = '', server = ''] = process.argv.slice(2);
const { mcp, process: program } = declarationOf(kind as Kind, server);
const call = mcp !== undefined ? await bareClient(mcp.command) : () => bareSpawn(program!.command);

await serve<Load>(async ({ width, workflows, steps }) => {
  let left = workflows * steps;
  const lane = async () => {
    while (left-- > 0) await call();
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: width }, lane));
  return { seconds: (performance.now() - begun) / 1000 };
});
process.exit(0);

/** The SDK's client, which checks answers by the tool's output schema once it has listed the tools. */
async function bareClient([command, ...args]: readonly string[]): Promise<() => Promise<unknown>> {
  const client = new Client({ name: 'bare', version: '1' });
  await client.connect(new StdioClientTransport({ command: command!, args }));
  await client.listTools();
  return () => client.callTool({ name: 'noop', arguments: { x: 1 } });
}

/** Starts the program and reads what it writes. */
function bareSpawn([command, ...args]: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command!, args);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', () => resolve(output));
    child.stdin.end('{"x":1}');
    child.stdin.on('error', () => undefined);
  });
}
