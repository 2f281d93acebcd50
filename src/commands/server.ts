import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { ERROR_CODES, type ExpctlError } from '../base/error.ts';
import { type Result, unwrap } from '../base/result.ts';
import { plural } from '../ui/format.ts';
import { safeLines, safeText } from '../ui/safe-text.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { command, type JsonOption, type StoreOption, storeFlag, withExamples, withJson, withStore } from './options.ts';
import { projectHere, shownPath, storeOf } from './project.ts';
import { taskQueueIn } from './temporal-queue.ts';
import { temporalFlags, type TemporalFlags, withTemporal } from './temporal-options.ts';
import type { TemporalAccess, TemporalFacts, TemporalPlace, TemporalServer } from './temporal-port.ts';

type Options = StoreOption & JsonOption;

interface UpOptions extends Options {
  readonly port?: number;
  readonly uiPort?: number;
  readonly headless?: boolean;
  readonly ephemeral?: boolean;
}

export function serverCommand(app: App): Command {
  const start = withJson(withStore(command('up', 'start a Temporal server for this store, unless it runs already')))
    .option('--port <port>', 'where it listens (default: 7233 if that is free, else any)', portNumber)
    .option('--ui-port <port>', 'where its Web UI listens (default: 8233 if that is free, else any)', portNumber)
    .option('--headless', 'without the Web UI')
    .option('--ephemeral', 'keep nothing: what it holds ends with it')
    .action((options: UpOptions) => up(app, options));
  const end = withJson(withStore(command('down', 'end the server that was started for this store')));
  const say = command('status', 'say whether Temporal can be reached, and how many workers wait for it');
  const server = command('server', 'start, end and look at a Temporal server on this machine')
    .addCommand(withExamples(start, 'expctl server up', 'expctl server up --ephemeral --headless --port 7300'))
    .addCommand(withExamples(end, 'expctl server down').action((options: Options) => down(app, options)))
    .addCommand(
      withExamples(
        withTemporal(withJson(withStore(say))),
        'expctl server status',
        'expctl server status --json --address temporal.example.org:7233 --namespace beams',
      ).action((options: Options & TemporalFlags) => status(app, options)),
    );
  server.addHelpText(
    'after',
    `
The server listens on 127.0.0.1 only, survives this terminal, and keeps what it
holds in the store (temporal/dev.db): end it and start it, nothing is lost. It
is for one machine; a cluster has a Temporal server of its own (--address, the
variables TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and
TEMPORAL_TLS_*, or a profile in temporal.toml).

The program \`temporal\` is taken from PATH, or from Go's bin folder; where there
is none, Go builds it once. It is never downloaded ready-made.`,
  );
  return withExamples(server, 'expctl server up', 'expctl server status', 'expctl server down');
}

function portNumber(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new InvalidArgumentError('It is a port, from 1 to 65535.');
}

async function up(app: App, options: UpOptions): Promise<void> {
  const temporal = await app.temporal();
  const interrupt = new AbortController();
  let signal: 'SIGINT' | 'SIGTERM' | null = null;
  const stop = app.onInterrupt((which) => {
    signal ??= which;
    interrupt.abort();
  });
  const started = await temporal.up({
    ...{ store: await storeHere(app, options), port: options.port, ui_port: options.uiPort },
    ...{ headless: options.headless === true, ephemeral: options.ephemeral === true, signal: interrupt.signal },
  });
  stop();
  if (!started.ok && signal !== null) {
    if (options.json === true) app.terminal.out(document({ error: errorDocument(started.error) }));
    app.terminal.note(started.error.message);
    return app.exit(signal === 'SIGINT' ? 130 : 143);
  }
  const { server, was_running } = unwrap(started);
  if (options.json === true) return app.terminal.out(document({ state: 'running', was_running, ...shown(server) }));
  const { out, note } = app.terminal;
  note(was_running ? `It runs already (process ${server.pid}).` : `Temporal ${server.version} runs.`);
  out(`address  ${server.address}`);
  out(`Web UI   ${server.ui ?? 'none'}`);
  if (server.db === null) note('  It keeps nothing: what it holds ends with it.');
  note(`  End it with: expctl server down${storeFlag(options)}`);
}

async function down(app: App, options: Options): Promise<void> {
  const temporal = await app.temporal();
  const store = await storeHere(app, options);
  const { was, server, killed } = unwrap(await temporal.down(store));
  if (options.json === true)
    return app.terminal.out(document({ state: 'stopped', was, killed, pid: server?.pid ?? null }));
  const { note } = app.terminal;
  if (server === null) return note(`No server was started for ${shownPath(app, store)}.`);
  if (was === 'gone') return note(`It had ended already (process ${server.pid}).`);
  note(`Temporal at ${server.address} ${killed ? 'did not end in good order, and was killed' : 'has ended'}.`);
  if (server.db !== null) note(`  What it held is in ${shownPath(app, server.db)}.`);
}

async function storeHere(app: App, { store }: StoreOption): Promise<string> {
  return storeOf(app, await projectHere(app), store);
}

/** What is known of a server before and after it was asked. */
interface Status {
  /** `running`, `ended`: the store's own; `elsewhere`: one that expctl did not start, or cannot see. */
  readonly state: 'running' | 'ended' | 'elsewhere';
  readonly place: TemporalPlace | null;
  readonly server: TemporalServer | null;
  readonly facts: Result<TemporalFacts>;
}

async function status(app: App, options: Options & TemporalFlags): Promise<void> {
  const found = await statusOf(app, await app.temporal(), temporalFlags(options), await storeHere(app, options));
  if (!found.facts.ok) app.exit(ERROR_CODES.ENGINE_UNAVAILABLE.exit);
  if (options.json === true) app.terminal.out(document(statusDocument(found)));
  else tell(app, found);
}

async function statusOf(app: App, temporal: TemporalAccess, flags: TemporalFlags, store: string): Promise<Status> {
  const place = await temporal.place(flags, store);
  if (!place.ok && place.error.code !== 'ENGINE_UNAVAILABLE') throw place.error;
  const is_own = !place.ok || place.value.from === 'server';
  const own = is_own ? unwrap(await temporal.server(store)) : null;
  const state = own === null || own.life === 'unknown' ? 'elsewhere' : own.life === 'live' ? 'running' : 'ended';
  if (!place.ok) return { state, place: null, server: own?.state ?? null, facts: place };
  const facts = await temporal.probe(place.value, await taskQueueIn(app, store));
  return { state, place: place.value, server: own?.state ?? null, facts };
}

function statusDocument({ state, place, server, facts }: Status): Record<string, unknown> {
  return {
    state,
    address: place?.address ?? server?.address ?? null,
    namespace: place?.namespace ?? null,
    from: place?.from ?? 'server',
    reachable: facts.ok,
    version: facts.ok ? facts.value.version : null,
    namespace_exists: facts.ok ? facts.value.namespace_exists : null,
    missing_search_attributes: facts.ok ? facts.value.missing_search_attributes : null,
    workers: facts.ok ? facts.value.workers : null,
    ...{ ui: server?.ui ?? null, db: server?.db ?? null, pid: server?.pid ?? null },
    error: facts.ok ? null : errorDocument(facts.error),
  };
}

function errorDocument({ code, message, hint, details }: ExpctlError): Record<string, unknown> {
  return { code, message, hint, details };
}

function tell(app: App, { state, place, server, facts }: Status): void {
  const { out, note, colour } = app.terminal;
  const style = styleFor(colour.out);
  if (!facts.ok) {
    const [first = '', ...rest] = safeLines(facts.error.message);
    out([`${style.bad(MARKS.failed)} ${first}`, ...rest.map((line) => `  ${line}`)].join('\n'));
    return note(`  ${safeText(facts.error.hint)}`);
  }
  const { version, namespace_exists, missing_search_attributes, workers } = facts.value;
  out(`${style.good(MARKS.done)} Temporal ${safeText(version)} answers at ${place?.address ?? ''}.`);
  out(`  namespace  ${safeText(place?.namespace ?? '')}${namespace_exists ? '' : ' (there is none of that name)'}`);
  out(
    `  workers    ${workers === 0 ? 'none polls' : `${plural(workers, 'worker')} poll${workers === 1 ? 's' : ''}`} the task queue expctl`,
  );
  if (state === 'running') out(`  started by expctl server up, process ${server?.pid}; Web UI ${server?.ui ?? 'none'}`);
  if (missing_search_attributes !== null && missing_search_attributes.length > 0) {
    note(
      `  Without search attributes (${missing_search_attributes.join(', ')}) runs cannot be searched for in its Web UI.`,
    );
  }
}

function shown({ pid, address, ui, db, version }: TemporalServer): Record<string, unknown> {
  return { pid, address, ui, db, version };
}

function document(value: Record<string, unknown>): string {
  return JSON.stringify(value, null, 2);
}
