import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { down, up } from '../../../src/adapters/temporal/dev-server.ts';
import { listenersOf, LOOPBACK_HEX } from '../../../src/adapters/temporal/ports-of-machine.ts';
import { serverStateFile } from '../../../src/adapters/temporal/server-state.ts';
import { thisProcess } from '../../../src/adapters/sqlite/process-facts.ts';
import { surroundings, type Surroundings, writeState } from './place.ts';

/* What goes wrong before there is a server; the real program is started in test/ci/temporal/server.test.ts. */

function options(
  at: Surroundings,
  program: string,
  more: Partial<Parameters<typeof up>[0]> = {},
): Parameters<typeof up>[0] {
  at.write('bin/temporal', `#!/bin/sh\n${program}\n`, 0o755);
  const env = { PATH: `${join(at.folder, 'bin')}:/bin:/usr/bin`, ...more.env };
  return { store: at.store, home: at.home, note: () => undefined, headless: true, ephemeral: true, ...more, env };
}

function listening(): Promise<number> {
  const server = createServer();
  onTestFinished(() => void server.close());
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

/** A process that does nothing, until the test ends. */
async function idle(): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((resolve) => child.once('spawn', resolve));
  return child as ChildProcess & { readonly pid: number };
}

async function failure(result: ReturnType<typeof up>): Promise<string> {
  const ended = await result;
  if (ended.ok) throw new Error('a failure was expected');
  return `${ended.error.code}: ${ended.error.message} | ${ended.error.hint}`;
}

test('a port that was named and is taken', async () => {
  const at = surroundings();
  const port = await listening();
  const said = await failure(up(options(at, 'exit 9', { port })));
  expect(said).toMatch(
    new RegExp(`^ENGINE_UNAVAILABLE: Port ${port} of 127.0.0.1 is taken \\(--port\\).*Leave --port out`),
  );
  const ui = await failure(up(options(at, 'exit 9', { ui_port: port, headless: false })));
  expect(ui).toContain(`Port ${port} of 127.0.0.1 is taken (--ui-port)`);
  expect(existsSync(serverStateFile(at.store))).toBe(false);
});

test('a program that ends at once: what it said, and nothing is left', async () => {
  const at = surroundings();
  const said = await failure(up(options(at, 'echo "unknown flag: --search-attribute"; exit 3')));
  expect(said).toMatch(/did not start: it ended at once \(3\)\.\nunknown flag: --search-attribute/);
  expect(existsSync(serverStateFile(at.store))).toBe(false);
  expect(existsSync(join(at.store, 'temporal/starting.json'))).toBe(false);
});

test('the program gets no key of another server, and listens on this machine only', async () => {
  const at = surroundings();
  const env = { TEMPORAL_API_KEY: 'sk-secret', TEMPORAL_ADDRESS: 'x:1' };
  await failure(up(options(at, `env > ${at.folder}/env; echo "$@" > ${at.folder}/args; exit 3`, { env })));
  expect(readFileSync(join(at.folder, 'env'), 'utf8')).not.toMatch(/TEMPORAL_|sk-secret/);
  const args = readFileSync(join(at.folder, 'args'), 'utf8');
  expect(args).toContain('server start-dev --ip 127.0.0.1 --port');
  expect(args).toContain('--search-attribute ExpctlApprover=KeywordList');
});

test('an interruption ends what was started', async () => {
  const at = surroundings();
  const interrupt = new AbortController();
  const started = up(options(at, `echo $$ > ${at.folder}/pid; exec sleep 600`, { signal: interrupt.signal }));
  const watch = setInterval(() => existsSync(serverStateFile(at.store)) && interrupt.abort(), 10);
  const said = await failure(started);
  clearInterval(watch);
  expect(said).toContain('was interrupted');
  expect(existsSync(serverStateFile(at.store))).toBe(false);
  expect(thisProcess().startedOf(Number(readFileSync(join(at.folder, 'pid'), 'utf8')))).toBe(null);
});

test('while another `up` starts it, one waits; a claim of a process that is gone is none', async () => {
  const at = surroundings();
  const { startedOf, ...self } = thisProcess();
  const other = await idle();
  const claim = { ...self, pid: other.pid, started: startedOf(other.pid) };
  at.write('store/temporal/starting.json', JSON.stringify(claim));
  expect(await failure(up(options(at, 'exit 3')))).toContain(
    `is starting the server of this store: process ${other.pid}`,
  );
  at.write('store/temporal/starting.json', JSON.stringify({ ...claim, started: '1' }));
  expect(await failure(up(options(at, 'exit 3')))).toContain('it ended at once');
});

test('down leaves a process alone that has the number of a server that is gone', async () => {
  const at = surroundings();
  const other = await idle();
  writeState(at.store, { pid: other.pid, started: '1' });
  expect(await down(at.store)).toMatchObject({ ok: true, value: { was: 'gone', killed: false } });
  expect(other.signalCode).toBe(null);
  expect(thisProcess().startedOf(other.pid)).not.toBe(null);
  expect(await down(at.store)).toMatchObject({ ok: true, value: { was: 'none' } });
});

test('down ends that very process', async () => {
  const at = surroundings();
  const server = await idle();
  const gone = new Promise((resolve) => server.once('exit', (_status, signal) => resolve(signal)));
  writeState(at.store, { pid: server.pid, started: thisProcess().startedOf(server.pid) });
  expect(await down(at.store)).toMatchObject({ ok: true, value: { was: 'running', killed: false } });
  expect(await gone).toBe('SIGTERM');
});

test('neither up nor down touches a server of another machine', async () => {
  const at = surroundings();
  writeState(at.store, { machine: 'other 0123' });
  expect(await failure(up(options(at, 'exit 3')))).toContain('on another machine');
  expect(await down(at.store)).toMatchObject({ ok: false, error: { code: 'ENGINE_UNAVAILABLE' } });
  expect(existsSync(serverStateFile(at.store))).toBe(true);
});

test('where a process listens can be told', async () => {
  const port = await listening();
  expect(listenersOf(process.pid)).toContainEqual({ address_hex: LOOPBACK_HEX, port });
  expect(listenersOf((await idle()).pid)).toEqual([]);
});
