import { join } from 'node:path';
import type { Connection, ConnectionOptions } from '@temporalio/client';
import type { ClientConfigProfile, ClientConfigTLS } from '@temporalio/envconfig';
import { ExpctlError, messageOf } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { exists, readWhole } from '../files/files.ts';
import { thisProcess } from '../sqlite/process-facts.ts';
import { temporalClient, temporalProfiles } from './packages.ts';
import { elsewhere, readServer } from './server-state.ts';
import { unanswered } from './unanswered.ts';

/** The options of the command line. */
export interface TemporalFlags {
  readonly address?: string | undefined;
  readonly namespace?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsCa?: string | undefined;
  /** The name of the environment variable that holds the API key. */
  readonly apiKeyEnv?: string | undefined;
}

/** What a TLS connection rests on, beside what the machine trusts. */
export interface TemporalTls {
  readonly ca?: Uint8Array;
  readonly cert?: Uint8Array;
  readonly key?: Uint8Array;
  readonly server_name?: string;
}

/** A Temporal server. The key, and the private half of a certificate, appear in no message, log or file. */
export interface TemporalPlace {
  readonly address: string;
  readonly namespace: string;
  readonly tls?: TemporalTls;
  readonly api_key?: string;
  /** Headers that a profile asks for. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What named the address. */
  readonly from: 'flag' | 'environment' | 'profile' | 'server' | 'default';
}

export interface TemporalSearch {
  readonly flags: TemporalFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly store: string;
}

const DEFAULT_ADDRESS = '127.0.0.1:7233';
const DEFAULT_NAMESPACE = 'default';
const CONNECT_TIMEOUT_S = 5;

/**
 * Where Temporal is: by the flags, else by the environment variables of Temporal's own tools, else by their profile (`temporal.toml`),
 * else the server that `expctl server up` started for this store, else the usual address. Starts nothing, and connects to nothing.
 */
export async function temporalConnection(search: TemporalSearch): Promise<Result<TemporalPlace>> {
  const { flags, store } = search;
  const variables = withFlags(search);
  if (!variables.ok) return variables;
  const configured = await configuredProfile(search, variables.value);
  if (!configured.ok) return configured;
  const profile = configured.value;
  const namespace = profile.namespace ?? DEFAULT_NAMESPACE;
  if (profile.address === undefined) {
    const own = await ownServer(store);
    if (!own.ok) return own;
    // It is ours, on this machine: no key and no certificate is meant for it.
    if (own.value !== null) return ok({ address: own.value, namespace, from: 'server' });
  }
  const secured = await security(profile);
  if (!secured.ok) return secured;
  const from = { from: originOf(flags, search.env, profile) };
  return ok({ address: profile.address ?? DEFAULT_ADDRESS, namespace, ...secured.value, ...from });
}

function originOf(
  flags: TemporalFlags,
  env: TemporalSearch['env'],
  profile: ClientConfigProfile,
): TemporalPlace['from'] {
  if (flags.address !== undefined) return 'flag';
  if (isSet(env['TEMPORAL_ADDRESS'])) return 'environment';
  return profile.address === undefined ? 'default' : 'profile';
}

/** The variables of Temporal's own tools, with what flags say in their place. One that is empty says nothing. */
function withFlags({ flags, env }: TemporalSearch): Result<Record<string, string>> {
  const temporal = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[0].startsWith('TEMPORAL_') && isSet(entry[1]),
  );
  const named: Record<string, string | undefined> = {
    TEMPORAL_ADDRESS: flags.address,
    TEMPORAL_NAMESPACE: flags.namespace,
    TEMPORAL_TLS_CLIENT_CERT_PATH: flags.tlsCert,
    TEMPORAL_TLS_CLIENT_KEY_PATH: flags.tlsKey,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: flags.tlsCa,
  };
  if (flags.apiKeyEnv !== undefined) {
    const key = env[flags.apiKeyEnv];
    if (!isSet(key)) {
      const hint = 'Give the name of a variable that holds the key, not the key itself.';
      return err(new ExpctlError('USAGE', 'The environment variable that --api-key-env names is not set.', { hint }));
    }
    named['TEMPORAL_API_KEY'] = key;
  }
  const given = Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return ok(Object.fromEntries([...temporal, ...given]));
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

/** By Temporal's own reader; where nobody has configured anything it is not even loaded. */
async function configuredProfile(
  { env, home }: TemporalSearch,
  variables: Record<string, string>,
): Promise<Result<ClientConfigProfile>> {
  const named = variables['TEMPORAL_CONFIG_FILE'];
  const file = named ?? join(configFolder(env, home), 'temporalio', 'temporal.toml');
  const is_there = await exists(file);
  if (!is_there && Object.keys(variables).length === 0) return ok({});
  const envconfig = await temporalProfiles();
  if (!envconfig.ok) return envconfig;
  const bytes = is_there || named !== undefined ? await readWhole(file, 1024 * 1024) : ok(new Uint8Array());
  if (!bytes.ok) return bytes;
  const text = Buffer.from(bytes.value).toString('utf8');
  // A file without a profile is as none; Temporal's reader takes it for a defect.
  const data = /^\s*\[?\s*["']?profile\b/m.test(text) ? text : `${text}\n[profile]\n`;
  try {
    return ok(envconfig.value.loadClientConfigProfile({ configSource: { data }, overrideEnvVars: variables }));
  } catch (cause) {
    // The first line only: the ones behind it quote the file, in which there may be a key.
    const said = messageOf(cause).split('\n')[0] ?? '';
    const { line } = cause as { line?: unknown };
    const where = typeof line === 'number' ? `, line ${line}` : '';
    const hint = 'Look at that file, and at the variables TEMPORAL_PROFILE and TEMPORAL_TLS_*.';
    const message = `The profile of Temporal (${file}${where}) cannot be used: ${concealed(said, variables['TEMPORAL_API_KEY'])}`;
    return err(new ExpctlError('DATA_INVALID', message, { hint }));
  }
}

function configFolder(env: TemporalSearch['env'], home: string): string {
  if (process.platform === 'darwin') return join(home, 'Library', 'Application Support');
  const config = env['XDG_CONFIG_HOME'];
  return isSet(config) ? config : join(home, '.config');
}

/** The address of the store's own server; a server that has ended is no reason to take another one silently. */
async function ownServer(store: string): Promise<Result<string | null>> {
  const server = await readServer(store, thisProcess());
  if (!server.ok) return server;
  if (server.value === null) return ok(null);
  const { state, life } = server.value;
  if (life === 'live') return ok(state.address);
  if (life === 'unknown') return err(elsewhere(state));
  const message = `The Temporal server of this store (${state.address}) has ended: process ${state.pid} is gone.`;
  const hint = 'Start it again with `expctl server up`: what it kept is still there.';
  return err(new ExpctlError('ENGINE_UNAVAILABLE', message, { hint, details: { address: state.address } }));
}

type Security = Pick<TemporalPlace, 'tls' | 'api_key' | 'metadata'>;

async function security({ tls, apiKey, grpcMeta }: ClientConfigProfile): Promise<Result<Security>> {
  const parts = tls === undefined || tls.disabled === true ? ok(undefined) : await tlsParts(tls);
  if (!parts.ok) return parts;
  if (tls?.disabled === true && apiKey !== undefined) {
    const hint = 'Leave TLS on, or take the API key away: it would be readable on its way.';
    return err(new ExpctlError('USAGE', 'There is an API key for Temporal, and TLS is turned off.', { hint }));
  }
  const secured = parts.value ?? (apiKey === undefined ? undefined : {});
  return ok({
    ...(secured === undefined ? {} : { tls: secured }),
    ...(apiKey === undefined ? {} : { api_key: apiKey }),
    ...(grpcMeta === undefined ? {} : { metadata: grpcMeta }),
  });
}

async function tlsParts(tls: ClientConfigTLS): Promise<Result<TemporalTls>> {
  const { clientCert, clientKey, serverCACert, serverName } = tls;
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    const message = `TLS has a client's ${clientCert === undefined ? 'key without its certificate' : 'certificate without its key'}.`;
    const hint = 'Give both (--tls-cert and --tls-key), or neither.';
    return err(new ExpctlError('USAGE', message, { hint }));
  }
  const found: { ca?: Uint8Array; cert?: Uint8Array; key?: Uint8Array; server_name?: string } = {};
  for (const [name, source] of [
    ['ca', serverCACert],
    ['cert', clientCert],
    ['key', clientKey],
  ] as const) {
    if (source === undefined) continue;
    const bytes = 'path' in source ? await readWhole(source.path, 1024 * 1024) : ok(Buffer.from(source.data));
    if (!bytes.ok) return bytes;
    found[name] = bytes.value;
  }
  if (serverName !== undefined) found.server_name = serverName;
  return ok(found);
}

/** A place as the packages of Temporal take it, for clients and workers alike. */
export function connectionOptions({ address, tls, api_key, metadata }: TemporalPlace) {
  const { ca, cert, key, server_name } = tls ?? {};
  return {
    address,
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...(ca === undefined ? {} : { serverRootCACertificate: Buffer.from(ca) }),
            ...(cert === undefined || key === undefined
              ? {}
              : { clientCertPair: { crt: Buffer.from(cert), key: Buffer.from(key) } }),
            ...(server_name === undefined ? {} : { serverNameOverride: server_name }),
          },
        }),
    ...(api_key === undefined ? {} : { apiKey: api_key }),
    ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
  } satisfies ConnectionOptions;
}

/** A connection that has answered once. Its user closes it. ENGINE_UNAVAILABLE says why there is none. */
export async function connect(place: TemporalPlace, timeout_s = CONNECT_TIMEOUT_S): Promise<Result<Connection>> {
  const client = await temporalClient();
  if (!client.ok) return client;
  const refused = await unanswered(place.address, timeout_s);
  if (refused !== null) return err(unreachable(place, refused));
  let connection: Connection | undefined;
  try {
    connection = client.value.Connection.lazy({ ...connectionOptions(place), connectTimeout: timeout_s * 1000 });
    await connection.ensureConnected();
    return ok(connection);
  } catch (cause) {
    await connection?.close().catch(() => undefined);
    return err(unreachable(place, causeOf(cause, timeout_s)));
  }
}

/** What a failed connection says; the services of Temporal put the reason into the cause. */
function causeOf(error: unknown, timeout_s: number): string {
  const { details } = ((error as { cause?: unknown }).cause ?? error) as { details?: unknown };
  const said = typeof details === 'string' && details !== '' ? details : messageOf(error);
  return said === 'Failed to connect before the deadline' ? `it has not answered within ${timeout_s} s` : said;
}

/** What a call of a server failed with, without any secret. */
export function callFailed(place: TemporalPlace, cause: unknown): ExpctlError {
  return unreachable(place, causeOf(cause, CONNECT_TIMEOUT_S));
}

function unreachable({ address, from, api_key, tls }: TemporalPlace, why: string): ExpctlError {
  const named = {
    flag: 'named by --address',
    environment: 'named by TEMPORAL_ADDRESS',
    profile: "named by Temporal's profile",
    server: 'the server of this store',
    default: 'the usual address',
  }[from];
  const message = `Temporal cannot be reached at ${address} (${named}): ${concealed(why, api_key)}.`;
  const secured = tls === undefined ? '' : ' Look at the certificates and the key too.';
  const start = 'Start one on this machine with `expctl server up`';
  const hint =
    from === 'default'
      ? `${start}, or name one with --address.`
      : `Is it running, and is the address right?${secured} ${start}.`;
  return new ExpctlError('ENGINE_UNAVAILABLE', message, { hint, details: { address, from } });
}

/** Whatever a library says, it does not say the key. */
function concealed(text: string, key: string | undefined): string {
  const whole = text.replace(/\.$/, '');
  return key === undefined || key === '' ? whole : whole.replaceAll(key, '…');
}
