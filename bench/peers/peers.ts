import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from 'node:net';
import type { Command } from '../lib/contestant.ts';
import { answers, freePort, type Server, startServer } from '../lib/server.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Another durable engine. How it is set, and where that was taken from, stands in its main program. */
export interface Peer {
  readonly name: string;
  /** What is missing on this machine, in a few words; null if nothing is. */
  missing(): string | null;
  /** Starts its server with its data in a folder; says how the contestant is started. */
  start(folder: string): Promise<{ readonly command: Command; readonly servers: readonly Server[] }>;
  version(): string;
}

export const INSTALL = 'bash bench/peers/setup.sh';

const restate: Peer = {
  name: 'Restate',
  missing: () => absent('restate/node_modules/.bin/restate-server'),
  version: () => npmVersion('restate/node_modules/@restatedev/restate-server'),
  async start(folder) {
    const [ingress, admin, node, port] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const env = {
      ...process.env,
      RESTATE_BASE_DIR: folder,
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
      RESTATE_LISTEN_MODE: 'tcp',
      RESTATE_DISABLE_TELEMETRY: 'true',
      RESTATE_LOG_FILTER: 'error',
    };
    const program = join(here, 'restate/node_modules/.bin/restate-server');
    const server = await startServer([program, '--no-logo', '--node-name', 'bench'], { env, cwd: folder }, async () =>
      (
        await Promise.all(
          [`${admin}/health`, `${ingress}/restate/health`].map((at) => answers(`http://127.0.0.1:${at}`)),
        )
      ).every(Boolean),
    );
    const urls = [`http://127.0.0.1:${ingress}`, `http://127.0.0.1:${admin}`, String(port)];
    // Its SDK wants a newer Node than expctl does.
    const argv = [join(here, 'restate/node_modules/.bin/node'), join(here, 'restate/main.mjs'), ...urls];
    return { command: { name: 'Restate', argv }, servers: [server] };
  },
};

/** DBOS with its default pool of 10 connections, or with as many as there are workflows at once. */
function dbos(pool: number | null): Peer {
  const name = pool === null ? 'DBOS' : `DBOS, pool of ${pool}`;
  return {
    name,
    missing: () => absent('dbos/node_modules/@dbos-inc/dbos-sdk') ?? (postgresBin() === null ? 'PostgreSQL' : null),
    version: () => npmVersion('dbos/node_modules/@dbos-inc/dbos-sdk'),
    async start(folder) {
      const { server, url } = await startPostgres(folder);
      const env = { DATABASE_URL: url, ...(pool === null ? {} : { POOL: String(pool) }) };
      return { command: { name, argv: [process.execPath, join(here, 'dbos/main.mjs')], env }, servers: [server] };
    },
  };
}

const prefect: Peer = {
  name: 'Prefect',
  missing: () => absent('prefect/.venv/bin/prefect'),
  version: () => /^prefect==(\S+)/m.exec(readFileSync(join(here, 'prefect/requirements.txt'), 'utf8'))![1]!,
  async start(folder) {
    const port = String(await freePort());
    const api = `http://127.0.0.1:${port}/api`;
    const settings = {
      PREFECT_HOME: folder,
      PREFECT_API_URL: api,
      PREFECT_SERVER_ANALYTICS_ENABLED: 'false',
      PREFECT_LOGGING_LEVEL: 'ERROR',
      PREFECT_SERVER_LOGGING_LEVEL: 'ERROR',
      DO_NOT_TRACK: '1',
    };
    const argv = [join(here, 'prefect/.venv/bin/prefect'), 'server', 'start', '--host', '127.0.0.1', '--port', port];
    const server = await startServer(argv, { env: { ...process.env, ...settings }, cwd: folder }, () =>
      answers(`${api}/health`),
    );
    const command = [join(here, 'prefect/.venv/bin/python'), join(here, 'prefect/main.py')];
    return { command: { name: 'Prefect', argv: command, env: settings }, servers: [server] };
  },
};

const temporal: Peer = {
  name: 'Temporal dev server',
  missing: () => (temporalProgram() === null ? 'the program temporal' : null),
  version: () => execFileSync(temporalProgram()!, ['--version'], { encoding: 'utf8' }).trim(),
  async start(folder) {
    const port = await freePort();
    const place = ['--ip', '127.0.0.1', '--port', String(port), '--db-filename', join(folder, 'temporal.db')];
    const argv = [temporalProgram()!, 'server', 'start-dev', '--headless', '--log-level', 'error', ...place];
    const server = await startServer(argv, {}, () => listens(port));
    const main = [process.execPath, join(here, 'temporal/main.mjs'), `127.0.0.1:${port}`];
    return { command: { name: 'Temporal dev server', argv: main }, servers: [server] };
  },
};

export const PEERS: readonly Peer[] = [restate, dbos(null), dbos(50), prefect, temporal];

function absent(path: string): string | null {
  return existsSync(join(here, path)) ? null : `bench/peers/${path}`;
}

function npmVersion(path: string): string {
  return (JSON.parse(readFileSync(join(here, path, 'package.json'), 'utf8')) as { version: string }).version;
}

function temporalProgram(): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), join(process.env['HOME'] ?? '', 'go', 'bin')];
  return folders.map((folder) => join(folder, 'temporal')).find((file) => existsSync(file)) ?? null;
}

const DEBIAN = '/usr/lib/postgresql';

/** The folder of PostgreSQL's programs. */
function postgresBin(): string | null {
  const debian = existsSync(DEBIAN) ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, 'bin')) : [];
  const folders = [...debian, ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders.find((folder) => ['initdb', 'postgres'].every((program) => existsSync(join(folder, program)))) ?? null;
}

/** A PostgreSQL of its own, as `initdb` sets it up; under the user `postgres` where this one is root, whom it refuses. */
async function startPostgres(folder: string): Promise<{ server: Server; url: string }> {
  const bin = postgresBin()!;
  const data = join(folder, 'data');
  const user = userFor();
  mkdirSync(data, { mode: 0o700 });
  if (user.uid !== undefined) chownSync(data, user.uid, user.gid!);
  const options = { ...user, cwd: data };
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'bench', '--auth=trust', '-E', 'UTF8', '--no-locale'], {
    ...options,
    stdio: 'ignore',
  });
  const port = await freePort();
  const argv = [join(bin, 'postgres'), '-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-k', data];
  const server = await startServer(argv, options, () => listens(port));
  return { server, url: `postgresql://bench@127.0.0.1:${port}/bench` };
}

function userFor(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
