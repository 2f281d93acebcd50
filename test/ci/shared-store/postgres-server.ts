import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { AddressInfo } from 'node:net';

const PACKAGES = '/usr/lib/postgresql';

/** Who runs the server: it refuses to be root. */
function owner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function binaries(): string {
  const newest = readdirSync(PACKAGES).sort((one, other) => Number(other) - Number(one))[0];
  if (newest === undefined) throw new Error('PostgreSQL is not installed: apt-get install postgresql');
  return join(PACKAGES, newest, 'bin');
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A PostgreSQL server of its own, in a folder of its own, with nobody else in it. */
export class PostgresServer {
  readonly folder: string;
  readonly port: number;
  #process: ChildProcess | null = null;

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
  }

  static async start(settings: readonly string[] = []): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), 'expctl-postgres-'));
    const { uid, gid } = owner();
    if (uid !== undefined) chownSync(folder, uid, gid!);
    const argv = ['-D', join(folder, 'data'), '-U', 'expctl', '--auth=trust', '--encoding=UTF8', '--locale=C'];
    execFileSync(join(binaries(), 'initdb'), [...argv, '--no-sync', '--no-instructions'], {
      ...{ cwd: folder, stdio: 'ignore' },
      ...owner(),
    });
    const server = new PostgresServer(folder, await freePort());
    await server.up(settings);
    return server;
  }

  /** @param schema the store within the server: each test has one of its own */
  url(schema: string): string {
    return `postgres://expctl@127.0.0.1:${this.port}/postgres?schema=${schema}`;
  }

  get pid(): number {
    return this.#process!.pid!;
  }

  async up(settings: readonly string[] = []): Promise<void> {
    const fixed = [`port=${this.port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${this.folder}`];
    const argv = ['-D', join(this.folder, 'data')];
    for (const setting of [...fixed, ...settings]) argv.push('-c', setting);
    const child = spawn(join(binaries(), 'postgres'), argv, {
      ...{ cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] },
      ...owner(),
    });
    this.#process = child;
    const said: string[] = [];
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stderr! }).on('line', (line) => {
        said.push(line);
        if (line.includes('ready to accept connections')) resolve();
      });
      child.once('exit', () => reject(new Error(`PostgreSQL ended:\n${said.slice(-20).join('\n')}`)));
    });
  }

  /** @param how `fast` undoes what is open; `immediate` is a crash: the next start recovers */
  async down(how: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const child = this.#process!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await gone;
  }

  async remove(): Promise<void> {
    await this.down('immediate');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
