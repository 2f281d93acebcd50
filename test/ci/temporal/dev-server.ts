import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Connection } from '@temporalio/client';

const INSTALL = 'go install github.com/temporalio/cli/cmd/temporal@v1.5.1';

/** The Temporal command line, which holds the dev server. It is not part of the npm packages. */
export function findTemporal(folders: readonly string[] = [...pathFolders(), goBin()]): string {
  for (const folder of folders) {
    const file = join(folder, 'temporal');
    if (folder !== '' && isExecutable(file)) return file;
  }
  throw new Error(`temporal is neither on PATH nor in the bin folder of Go. Install it: ${INSTALL}`);
}

function pathFolders(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter);
}

function goBin(): string {
  try {
    return join(execFileSync('go', ['env', 'GOPATH'], { encoding: 'utf8' }).trim(), 'bin');
  } catch {
    return '';
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface DevServer {
  readonly address: string;
  readonly connection: Connection;
  stop(): Promise<void>;
}

/** A dev server on a free port of this machine, with its data in a folder that is removed at the end. */
export async function startDevServer(): Promise<DevServer> {
  const program = findTemporal();
  const folder = mkdtempSync(join(tmpdir(), 'expctl-temporal-'));
  const port = String(await freePort());
  const place = ['--ip', '127.0.0.1', '--port', port, '--db-filename', join(folder, 'temporal.db')];
  const argv = ['server', 'start-dev', '--headless', '--log-level', 'error', ...place];
  const server = spawn(program, argv, { stdio: 'ignore' });
  const kill = () => server.kill('SIGKILL');
  process.once('exit', kill);
  const address = `127.0.0.1:${port}`;
  const connection = await connect(address, server);
  return {
    address,
    connection,
    async stop() {
      await connection.close();
      await stopped(server, 'SIGKILL');
      process.off('exit', kill);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function connect(address: string, server: ChildProcess): Promise<Connection> {
  for (const end_ms = Date.now() + 30_000; ; ) {
    try {
      return await Connection.connect({ address, connectTimeout: '2s' });
    } catch (error) {
      if (server.exitCode !== null) throw new Error(`temporal ended with status ${server.exitCode}`);
      if (Date.now() > end_ms) throw error;
    }
  }
}

/** Ends a process that this one has started, and waits until it is gone. */
export function stopped(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject()));
    });
  });
}
