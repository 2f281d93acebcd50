import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/adapters/host.ts';
import { openSharedJournal } from '../../../src/adapters/sqlite/shared-journal.ts';
import { thisProcess } from '../../../src/adapters/sqlite/process-facts.ts';
import { listenersOf, LOOPBACK_HEX } from '../../../src/adapters/temporal/ports-of-machine.ts';
import { taskQueueOf } from '../../../src/engines/temporal/protocol.ts';
import { type Ended, runProcess } from '../../commands/support.ts';
import { findTemporal } from './dev-server.ts';

/* `expctl server` with the real program: a dev server that outlives the command that started it. */

const KEY = 'sk-temporal-1234567890';

interface Server {
  readonly pid: number;
  readonly address: string;
  readonly ui: string | null;
  readonly db: string | null;
  readonly version: string;
  readonly state: string;
  readonly was_running: boolean;
}

let folder: string;
let env: Readonly<Record<string, string>>;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-server-')));
  writeFileSync(join(folder, 'tools.yaml'), 'tools: {}\n');
  env = { HOME: folder, PATH: `${dirname(findTemporal())}:${process.env['PATH']}` };
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

function expctl(args: string, more: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return runProcess(args.split(' '), folder, { ...env, ...more });
}

/** Starts a server that is ended with the test, whatever comes of it. */
async function up(flags = ''): Promise<Server> {
  const store = /--store (\S+)/.exec(flags)?.[1] ?? '.expctl';
  onTestFinished(async () => {
    await expctl(`server down --store ${store}`);
  });
  const { status, stdout, stderr } = await expctl(`server up --json --headless ${flags}`.trim());
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Server;
}

async function statusOf(flags = ''): Promise<Readonly<Record<string, unknown>>> {
  const { status, stdout } = await expctl(`server status --json ${flags}`.trim());
  return { status, ...(JSON.parse(stdout) as Readonly<Record<string, unknown>>) };
}

/** Until a process is gone. */
async function gone(pid: number): Promise<void> {
  while (thisProcess().startedOf(pid) !== null) await new Promise((resolve) => setImmediate(resolve));
}

async function withClient<T>(address: string, ask: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await ask(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

test('up, up again, status, down, down again', async () => {
  const server = await up();
  expect(server).toMatchObject({ state: 'running', was_running: false, db: join(folder, '.expctl/temporal/dev.db') });
  const again = await expctl('server up');
  expect(again).toMatchObject({ status: 0, stderr: expect.stringContaining(`runs already (process ${server.pid})`) });
  expect(again.stdout).toContain(server.address);
  expect(await statusOf()).toMatchObject({
    ...{ status: 0, state: 'running', reachable: true, from: 'server', address: server.address, pid: server.pid },
    ...{ namespace: 'default', namespace_exists: true, missing_search_attributes: [], workers: 0, error: null },
    version: server.version,
  });
  const down = await expctl('server down');
  expect(down).toMatchObject({ status: 0, stderr: expect.stringContaining('has ended') });
  expect(thisProcess().startedOf(server.pid)).toBe(null);
  expect(existsSync(join(folder, '.expctl/temporal/server.json'))).toBe(false);
  expect(await expctl('server down')).toMatchObject({ status: 0, stderr: 'No server was started for .expctl.\n' });
});

test('it is in a process group of its own, and listens on this machine only, with its Web UI', async () => {
  const { pid, address } = await up();
  const group = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[2];
  expect(Number(group)).toBe(pid);
  const listeners = listenersOf(pid)!;
  expect(listeners.map(({ port }) => port)).toContain(Number(address.split(':')[1]));
  expect(listeners.filter(({ address_hex }) => address_hex !== LOOPBACK_HEX)).toEqual([]);
  await expctl('server down');
  const { stdout } = await expctl('server up --json');
  const { ui } = JSON.parse(stdout) as Server;
  expect((await fetch(ui!)).status).toBe(200);
  const { pid: with_ui } = JSON.parse(stdout) as Server;
  expect(listenersOf(with_ui)!.filter(({ address_hex }) => address_hex !== LOOPBACK_HEX)).toEqual([]);
});

test('what it holds survives down and up; of one that is ephemeral nothing is left', async () => {
  const started = (client: Client) =>
    client.workflow.start('any', { taskQueue: 'expctl', workflowId: 'kept', args: [] }).then(() => undefined);
  const found = (client: Client) =>
    client.workflow
      .getHandle('kept')
      .describe()
      .then(({ status }) => status.name as string)
      .catch((error: Error) => error.name);
  await withClient((await up()).address, started);
  await expctl('server down');
  expect(await withClient((await up()).address, found)).toBe('RUNNING');
  await expctl('server down');
  const ephemeral = await up('--ephemeral');
  expect(ephemeral.db).toBe(null);
  expect(await withClient(ephemeral.address, found)).toBe('WorkflowNotFoundError');
});

test('a server that was killed: status says so with 7, doctor too, and up starts it again', async () => {
  const server = await up();
  process.kill(server.pid, 'SIGKILL');
  await gone(server.pid);
  const said = await expctl('server status');
  expect(said.status).toBe(7);
  expect(said.stdout).toContain(`has ended: process ${server.pid} is gone.`);
  expect(said.stderr).toContain('expctl server up');
  expect(await statusOf()).toMatchObject({
    status: 7,
    state: 'ended',
    reachable: false,
    error: { code: 'ENGINE_UNAVAILABLE' },
  });
  expect((await expctl('doctor')).stdout).toMatch(/· Temporal: missing: .*has ended/);
  const again = await up();
  expect(again).toMatchObject({ was_running: false });
  expect(again.pid).not.toBe(server.pid);
  expect(await statusOf()).toMatchObject({ status: 0, state: 'running' });
});

test('two stores have two servers, also when both are started at once', async () => {
  const [one, two] = await Promise.all([up('--store one'), up('--store two')]);
  expect(one.address).not.toBe(two.address);
  expect(await statusOf('--store one')).toMatchObject({ status: 0, pid: one.pid });
  await expctl('server down --store one');
  expect(await statusOf('--store two')).toMatchObject({ status: 0, pid: two.pid, address: two.address });
});

test('two `up` of one store start one server', async () => {
  const both = await Promise.all([expctl('server up --headless'), up().catch(() => null)]);
  const server = await up();
  expect(server.was_running).toBe(true);
  expect(both[0].status === 0 || both[1] !== null).toBe(true);
});

test('one that does not heed SIGTERM is killed after ten seconds', async () => {
  const server = await up();
  process.kill(server.pid, 'SIGSTOP');
  const down = await expctl('server down --json');
  expect(JSON.parse(down.stdout)).toEqual({ state: 'stopped', was: 'running', killed: true, pid: server.pid });
  expect(thisProcess().startedOf(server.pid)).toBe(null);
});

test('workers are counted; doctor says what waits for them, and which namespace there is none of', async () => {
  const { address } = await up();
  const doctor = async (flags = '') => (await expctl(`doctor ${flags}`.trim())).stdout;
  expect(await doctor()).toMatch(/Temporal: missing: .*no worker of this store waits for tasks/);
  expect(await doctor('--namespace beams')).toMatch(/Temporal: broken: .*there is no such namespace/);
  const connection = await NativeConnection.connect({ address });
  const activities = { nothing: () => Promise.resolve() };
  const worker = await Worker.create({ connection, taskQueue: await queueOfStore(), activities });
  await worker.runUntil(async () => {
    while ((await statusOf())['workers'] === 0);
    expect(await statusOf()).toMatchObject({ workers: 1 });
    expect(await doctor()).toMatch(/✔ Temporal: Temporal \S+ at 127.0.0.1:\d+, namespace default, workers: 1/);
  });
  await connection.close();
});

async function queueOfStore(): Promise<string> {
  const journal = openSharedJournal(join(folder, '.expctl'), { clock: systemClock, process: thisProcess() });
  const identity = await journal.identity();
  await journal.close();
  return taskQueueOf(identity!);
}

/** Certificates of an authority of this test, for a server called temporal.test and for a client; PEM files in the folder. */
function makeCertificates(): void {
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...made, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=authority');
  for (const name of ['server', 'client']) {
    const host = ['-addext', 'subjectAltName=DNS:temporal.test'];
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key'];
    openssl(
      'req',
      '-x509',
      ...made,
      ...signed,
      ...host,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      `/CN=${name}`,
    );
  }
}

/** Listens for TLS, wants a certificate of the authority, and passes on what it hears. */
function behindTls(address: string): Promise<number> {
  const file = (name: string) => readFileSync(join(folder, name));
  const own = { key: file('server.key'), cert: file('server.pem'), ca: file('ca.pem') };
  const server = createTlsServer({ ...own, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['h2'] });
  server.on('secureConnection', (socket) => {
    const plain = connectTcp(Number(address.split(':')[1]), '127.0.0.1');
    plain.on('error', () => socket.destroy());
    socket.on('error', () => plain.destroy());
    socket.pipe(plain).pipe(socket);
  });
  onTestFinished(() => void server.close());
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

test('by TLS, with a certificate of its own, by flags or by a profile; not without', async () => {
  const { address, version } = await up();
  makeCertificates();
  const port = await behindTls(address);
  const there = `--address 127.0.0.1:${port}`;
  const named = { TEMPORAL_TLS_SERVER_NAME: 'temporal.test', TEMPORAL_API_KEY: KEY };
  const flags = `${there} --tls-ca ca.pem --tls-cert client.pem --tls-key client.key`;
  expect(await expctl(`server status ${flags}`, named)).toMatchObject({
    status: 0,
    stdout: expect.stringContaining(`Temporal ${version} answers at 127.0.0.1:${port}`),
  });
  const path = (name: string) => JSON.stringify(join(folder, name));
  const tls = [`server_name = "temporal.test"`, `server_ca_cert_path = ${path('ca.pem')}`];
  const client = [`client_cert_path = ${path('client.pem')}`, `client_key_path = ${path('client.key')}`];
  const profile = ['[profile.default]', `address = "127.0.0.1:${port}"`, '[profile.default.tls]', ...tls, ...client];
  writeFileSync(join(folder, 'temporal.toml'), profile.join('\n'));
  const of_profile = await expctl('server status --json', { TEMPORAL_CONFIG_FILE: join(folder, 'temporal.toml') });
  expect(JSON.parse(of_profile.stdout)).toMatchObject({ from: 'profile', reachable: true, version });
  for (const wrong of [there, `${there} --tls-ca ca.pem`, `${there} --tls-cert client.pem --tls-key client.key`]) {
    const { status, stdout } = await expctl(`server status ${wrong}`, wrong === there ? {} : named);
    expect({ status, stdout }).toEqual({ status: 7, stdout: expect.stringContaining('cannot be reached') });
  }
});

test('a key is in no output and no file', async () => {
  const secret = { TEMPORAL_API_KEY: KEY };
  onTestFinished(async () => {
    await expctl('server down');
  });
  const said = [
    await expctl('server up --headless', secret),
    await expctl('server status --json', secret),
    await expctl('server status --address 127.0.0.1:9', secret),
    await expctl('doctor --json --address 127.0.0.1:9', secret),
    await expctl(`server status --api-key-env ${KEY}`, secret),
  ];
  const files = ['server.json', 'server.log'].map((name) =>
    readFileSync(join(folder, '.expctl/temporal', name), 'utf8'),
  );
  expect(said.map(({ status }) => status)).toEqual([0, 0, 7, 7, 2]);
  expect([...said.flatMap(({ stdout, stderr }) => [stdout, stderr]), ...files].join('\n')).not.toContain(KEY);
});
