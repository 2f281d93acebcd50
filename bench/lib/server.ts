import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MS = 90_000;
const STOP_MS = 15_000;

/** A server that a peer needs, started for a benchmark and ended with it. */
export interface Server {
  stop(): Promise<void>;
}

/** Starts a program and waits until it can be used. */
export async function startServer(
  argv: readonly string[],
  options: SpawnOptions,
  isUp: () => Promise<boolean>,
): Promise<Server> {
  const [program, ...args] = argv;
  const child = spawn(program!, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
  }
  let failure: string | null = null;
  child.once('error', ({ message }) => {
    failure = message;
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = async () => {
    await stopped(child);
    process.off('exit', kill);
  };
  for (const end = Date.now() + START_MS; ; await sleep(100)) {
    if (child.exitCode !== null) failure ??= `it ended with ${child.exitCode}`;
    if (failure === null && Date.now() > end) failure = 'it does not come up';
    if (failure !== null) {
      await stop();
      throw new Error(`${program}: ${failure}\n${said}`);
    }
    if (await isUp().catch(() => false)) return { stop };
  }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

/** Whether a server answers a GET with success. */
export async function answers(url: string): Promise<boolean> {
  return (await fetch(url)).ok;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(server)));
    });
  });
}
