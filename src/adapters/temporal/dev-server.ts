import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { exists, readWhole, writeWhole } from '../files/files.ts';
import { holderState } from '../sqlite/lease.ts';
import { thisProcess } from '../sqlite/process-facts.ts';
import { freePort, isFree, listenersOf } from './ports-of-machine.ts';
import { isReady, SEARCH_ATTRIBUTES, untilReady } from './probe.ts';
import { type ProgramSearch, temporalProgram } from './program.ts';
import { elsewhere, forgetServer, readServer, serverFolder, type ServerState, writeServer } from './server-state.ts';

export interface UpOptions extends ProgramSearch {
  readonly store: string;
  readonly port?: number | undefined;
  readonly ui_port?: number | undefined;
  /** Without a Web UI. */
  readonly headless: boolean;
  /** Without a file: what the server holds ends with it. */
  readonly ephemeral: boolean;
}

export interface Up {
  readonly server: ServerState;
  readonly was_running: boolean;
}

const DEFAULT_PORT = 7233;
const DEFAULT_UI_PORT = 8233;
const START_TIMEOUT_S = 60;
const END_TIMEOUT_S = 10;

/**
 * Starts a Temporal dev server for a store, unless it runs already. It outlives this process and its terminal, listens on 127.0.0.1
 * only, and keeps what it holds in the store.
 */
export async function up(options: UpOptions): Promise<Result<Up>> {
  const running = await runningServer(options.store);
  if (running !== null) return running;
  const program = await temporalProgram(options);
  if (!program.ok) return program;
  await mkdir(serverFolder(options.store), { recursive: true });
  const claimed = await claim(options.store);
  if (!claimed.ok) return claimed;
  try {
    const other = await runningServer(options.store); // another `up` may have come first
    return other ?? (await startOnFreePorts(options, program.value));
  } finally {
    await rm(claimed.value, { force: true });
  }
}

/** The server that runs already, or why that cannot be told; null if there is none. */
async function runningServer(store: string): Promise<Result<Up> | null> {
  const known = await readServer(store, thisProcess());
  if (!known.ok) return known;
  if (known.value?.life === 'unknown') return err(elsewhere(known.value.state));
  return known.value?.life === 'live' ? ok({ server: known.value.state, was_running: true }) : null;
}

/** A file that one `up` of a store makes at a time: two servers must not share a database. */
async function claim(store: string): Promise<Result<string>> {
  const file = join(serverFolder(store), 'starting.json');
  const { startedOf: _, ...self } = thisProcess();
  for (let tries = 0; ; tries += 1) {
    const made = await writeWhole(file, `${JSON.stringify(self)}\n`, { mode: 0o600, exclusive: true });
    if (made.ok) return ok(file);
    if (tries > 0 || !(await exists(file))) return made;
    const holder = await claimant(file);
    if (holder !== null && holderState(holder, thisProcess()) !== 'dead') {
      const message = `Another \`expctl server up\` is starting the server of this store: process ${holder.pid}.`;
      const hint = `Wait for it, then ask with \`expctl server status\`. If it is gone, remove ${file}.`;
      return err(new ExpctlError('ENGINE_UNAVAILABLE', message, { hint }));
    }
    await rm(file, { force: true });
  }
}

type Claimant = Parameters<typeof holderState>[0];

async function claimant(file: string): Promise<Claimant | null> {
  const bytes = await readWhole(file, 64 * 1024);
  try {
    return bytes.ok ? (JSON.parse(Buffer.from(bytes.value).toString('utf8')) as Claimant) : null;
  } catch {
    return null;
  }
}

/** A port that was free may be taken before the server listens: then on others. */
async function startOnFreePorts(options: UpOptions, program: string): Promise<Result<Up>> {
  for (let tries = 1; ; tries += 1) {
    const started = await startServer(options, program);
    if (started.ok || started.error.details['port_taken'] !== true || tries === 3) return started;
  }
}

async function startServer(options: UpOptions, program: string): Promise<Result<Up>> {
  const ports = await chosenPorts(options);
  if (!ports.ok) return ports;
  const { port, ui_port } = ports.value;
  const folder = serverFolder(options.store);
  const db = options.ephemeral ? null : join(resolve(folder), 'dev.db');
  const log_file = join(folder, 'server.log');
  const child = launch(options, program, argvOf({ port, ui_port, db }), log_file);
  const spawned = await child.spawned;
  if (!spawned.ok) return spawned;
  const { startedOf, machine, boot, namespace } = thisProcess();
  const state: ServerState = {
    ...{ pid: spawned.value, started: startedOf(spawned.value) ?? 'gone', machine, boot, namespace },
    address: `127.0.0.1:${port}`,
    ui: ui_port === null ? null : `http://127.0.0.1:${ui_port}`,
    ...{ db, version: null },
  };
  const written = await writeServer(options.store, state);
  const start = { state, port, ended: child.ended, log_file, signal: options.signal };
  const version = written.ok ? await versionOf(start) : written;
  if (!version.ok) {
    await endProcess(state);
    await forgetServer(options.store);
    return version;
  }
  const server = { ...state, version: version.value };
  const kept = await writeServer(options.store, server);
  return kept.ok ? ok({ server, was_running: false }) : kept;
}

/** The ports that were named, which have to be free; the usual ones, or any. */
async function chosenPorts(options: UpOptions): Promise<Result<{ port: number; ui_port: number | null }>> {
  const { port, ui_port, headless } = options;
  const named = [
    ['--port', port],
    ['--ui-port', headless ? undefined : ui_port],
  ] as const;
  for (const [flag, wished] of named) {
    if (wished !== undefined && !(await isFree(wished))) return err(taken(flag, wished));
  }
  const chosen = port ?? (await freePort(DEFAULT_PORT));
  if (headless) return ok({ port: chosen, ui_port: null });
  const chosen_ui = ui_port ?? (await freePort(DEFAULT_UI_PORT));
  return chosen === chosen_ui ? err(taken('--ui-port', chosen_ui)) : ok({ port: chosen, ui_port: chosen_ui });
}

function taken(flag: string, port: number): ExpctlError {
  const hint = `Leave ${flag} out to take a free port, name another one, or end what listens there (\`ss -ltnp\`).`;
  return new ExpctlError('ENGINE_UNAVAILABLE', `Port ${port} of 127.0.0.1 is taken (${flag}).`, { hint });
}

function argvOf({ port, ui_port, db }: { port: number; ui_port: number | null; db: string | null }): string[] {
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port)],
    ...(ui_port === null ? ['--headless'] : ['--ui-ip', '127.0.0.1', '--ui-port', String(ui_port)]),
    ...(db === null ? [] : ['--db-filename', db]),
    ...['--log-level', 'error', '--color', 'never', '--disable-config-file', '--disable-config-env'],
    ...Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
  ];
}

/** Detached, in a group of its own, and without what is meant for clients: the server needs no key of another one. */
function launch(options: UpOptions, program: string, argv: readonly string[], log_file: string) {
  const env = Object.fromEntries(Object.entries(options.env).filter(([name]) => !name.startsWith('TEMPORAL_')));
  const log = openSync(log_file, 'w', 0o600);
  const child = spawn(program, argv, {
    env,
    detached: true,
    stdio: ['ignore', log, log],
    cwd: serverFolder(options.store),
  });
  closeSync(log);
  const ended = () => child.exitCode ?? child.signalCode;
  const spawned = new Promise<Result<number>>((done) => {
    child.once('spawn', () => {
      child.unref();
      done(ok(child.pid!));
    });
    child.once('error', (cause) => {
      const hint = 'Look at that program, or take it out of PATH: expctl then looks for another one.';
      done(
        err(new ExpctlError('ENGINE_UNAVAILABLE', `${program} cannot be started: ${cause.message}`, { hint, cause })),
      );
    });
  });
  return { spawned, ended };
}

interface Start {
  readonly state: ServerState;
  readonly port: number;
  readonly ended: () => number | string | null;
  readonly log_file: string;
  readonly signal: AbortSignal | undefined;
}

/** The server's version, once it is ready; that may take a while on a machine under load. */
async function versionOf({ state, port, ended, log_file, signal }: Start): Promise<Result<string>> {
  const place = { address: state.address, namespace: 'default', from: 'server' } as const;
  const interrupted = () => signal?.aborted === true;
  // Another server may have taken the port, and answer in the place of this one.
  const is_other = () => listenersOf(state.pid)?.some((listener) => listener.port === port) === false;
  const given_up = () => interrupted() || ended() !== null;
  const facts = await untilReady(place, { timeout_s: START_TIMEOUT_S, given_up });
  if (facts?.ok === true && isReady(facts.value) && !is_other()) return ok(facts.value.version);
  if (interrupted()) {
    const hint = 'Start it again with `expctl server up`.';
    return err(new ExpctlError('ENGINE_UNAVAILABLE', 'The start of the Temporal server was interrupted.', { hint }));
  }
  const why = reasonOf(facts, ended(), is_other());
  const said = (await readFile(log_file, 'utf8').catch(() => '')).trim().split('\n').slice(-5).join('\n');
  const hint = `Its log is ${log_file}. Try again; another port may help (--port).`;
  const port_taken = is_other() || (ended() !== null && !(await isFree(port)));
  const message = `The Temporal server of this store did not start: ${why}.${said === '' ? '' : `\n${said}`}`;
  return err(new ExpctlError('ENGINE_UNAVAILABLE', message, { hint, details: { port_taken } }));
}

function reasonOf(facts: Awaited<ReturnType<typeof untilReady>>, status: number | string | null, is_other: boolean) {
  if (status !== null) return `it ended at once (${status})`;
  if (is_other) return 'another program answers on its port';
  if (facts?.ok === false) return `it has not answered within ${START_TIMEOUT_S} s`;
  return 'it has not made the namespace and the search attributes';
}

export interface Down {
  /** `none`: there was no such server; `gone`: it had ended by itself. */
  readonly was: 'running' | 'gone' | 'none';
  readonly server: ServerState | null;
  /** It did not end in good order, and was killed. */
  readonly killed: boolean;
}

/** Ends the server that was started for a store: that very process, and none that has its number now. */
export async function down(store: string): Promise<Result<Down>> {
  const known = await readServer(store, thisProcess());
  if (!known.ok) return known;
  if (known.value === null) return ok({ was: 'none', server: null, killed: false });
  const { state, life } = known.value;
  if (life === 'unknown') return err(elsewhere(state));
  const killed = life === 'live' && (await endProcess(state));
  await forgetServer(store);
  return ok({ was: life === 'live' ? 'running' : 'gone', server: state, killed });
}

/** SIGTERM, and SIGKILL if that is not heeded; whether it came to that. Its number is checked each time. */
async function endProcess(state: ServerState): Promise<boolean> {
  signalTo(state, 'SIGTERM');
  if (await hasEnded(state, END_TIMEOUT_S)) return false;
  signalTo(state, 'SIGKILL');
  await hasEnded(state, END_TIMEOUT_S);
  return true;
}

function signalTo(state: ServerState, signal: NodeJS.Signals): void {
  if (holderState(state, thisProcess()) !== 'live') return;
  try {
    process.kill(state.pid, signal);
  } catch {
    // It has ended since.
  }
}

async function hasEnded(state: ServerState, timeout_s: number): Promise<boolean> {
  for (const end_ms = performance.now() + timeout_s * 1000; ; ) {
    if (holderState(state, thisProcess()) !== 'live') return true;
    if (performance.now() > end_ms) return false;
    await new Promise((resume) => setTimeout(resume, 50));
  }
}
