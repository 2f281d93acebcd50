import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  connect,
  connectionOptions,
  type TemporalFlags,
  type TemporalPlace,
} from '../../../src/adapters/temporal/connection.ts';
import { temporalPackage } from '../../../src/adapters/temporal/packages.ts';
import { type Result, unwrap } from '../../../src/base/result.ts';
import { PROFILE_FILE, surroundings, writeState } from './place.ts';

const KEY = 'sk-temporal-1234567890';
const PROFILES = `
[profile.default]
address = "profile.example.org:7233"
namespace = "of-profile"
[profile.other]
address = "other.example.org:7233"
api_key = "${KEY}"
`;

function messageOf(place: Result<unknown>): string {
  if (place.ok) throw new Error('a failure was expected');
  return `${place.error.code}: ${place.error.message} | ${place.error.hint}`;
}

/** Everything that a person or a program might print of a failure. */
function printed(place: Result<unknown>): string {
  if (place.ok) throw new Error('a failure was expected');
  const { message, hint, details, stack, cause } = place.error;
  return [message, hint, JSON.stringify(details), stack, String(cause), JSON.stringify(cause)].join('\n');
}

interface Row {
  readonly name: string;
  readonly flags?: TemporalFlags;
  readonly env?: Readonly<Record<string, string>>;
  readonly profile?: boolean;
  readonly server?: boolean;
  readonly is: readonly [address: string, namespace: string, from: TemporalPlace['from']];
}

const ENV = { TEMPORAL_ADDRESS: 'env.example.org:7233', TEMPORAL_NAMESPACE: 'of-env' };
const FLAGS = { address: 'flag.example.org:7233', namespace: 'of-flag' };
const ROWS: readonly Row[] = [
  {
    name: 'a flag before all',
    flags: FLAGS,
    env: ENV,
    profile: true,
    server: true,
    is: [FLAGS.address, 'of-flag', 'flag'],
  },
  {
    name: 'the environment before a profile',
    env: ENV,
    profile: true,
    server: true,
    is: [ENV.TEMPORAL_ADDRESS, 'of-env', 'environment'],
  },
  {
    name: 'a profile before the own server',
    profile: true,
    server: true,
    is: ['profile.example.org:7233', 'of-profile', 'profile'],
  },
  { name: 'the own server before the usual address', server: true, is: ['127.0.0.1:7299', 'default', 'server'] },
  { name: 'the usual address', is: ['127.0.0.1:7233', 'default', 'default'] },
  {
    name: 'each field by itself',
    flags: { namespace: 'of-flag' },
    profile: true,
    is: ['profile.example.org:7233', 'of-flag', 'profile'],
  },
  {
    name: 'a namespace of the environment, on the own server',
    env: { TEMPORAL_NAMESPACE: 'of-env' },
    server: true,
    is: ['127.0.0.1:7299', 'of-env', 'server'],
  },
  {
    name: 'an empty variable says nothing',
    env: { TEMPORAL_ADDRESS: '' },
    profile: true,
    is: ['profile.example.org:7233', 'of-profile', 'profile'],
  },
  {
    name: 'the profile that is named',
    env: { TEMPORAL_PROFILE: 'other' },
    profile: true,
    is: ['other.example.org:7233', 'default', 'profile'],
  },
];

describe('where Temporal is', () => {
  test.each(ROWS)('$name', async ({ flags, env, profile, server, is }) => {
    const at = surroundings();
    if (profile === true) at.write(PROFILE_FILE, PROFILES);
    if (server === true) writeState(at.store);
    const { address, namespace, from } = unwrap(await at.place(flags, env));
    expect([address, namespace, from]).toEqual(is);
  });

  test('the file that TEMPORAL_CONFIG_FILE names, and the one in XDG_CONFIG_HOME', async () => {
    const at = surroundings();
    const file = at.write('elsewhere.toml', PROFILES);
    expect(unwrap(await at.place({}, { TEMPORAL_CONFIG_FILE: file })).from).toBe('profile');
    at.write('xdg/temporalio/temporal.toml', PROFILES);
    expect(unwrap(await at.place({}, { XDG_CONFIG_HOME: `${at.folder}/xdg` })).from).toBe('profile');
    const none = await at.place({}, { TEMPORAL_CONFIG_FILE: `${at.folder}/none.toml` });
    expect(messageOf(none)).toMatch(/^FILE_UNREADABLE: .*none\.toml cannot be read/);
  });

  test('a file without a profile is as none; a profile that is named has to be there', async () => {
    const at = surroundings();
    at.write(PROFILE_FILE, '# nothing yet\n');
    expect(unwrap(await at.place()).from).toBe('default');
    expect(messageOf(await at.place({}, { TEMPORAL_PROFILE: 'other' }))).toMatch(
      /^DATA_INVALID: .*temporal\.toml.*'other' not found/,
    );
  });
});

describe('the server of the store', () => {
  test('a number that another process has now is not taken for it', async () => {
    const at = surroundings();
    writeState(at.store, { started: '1' });
    expect(messageOf(await at.place())).toMatch(/^ENGINE_UNAVAILABLE: .*has ended.*expctl server up/);
  });

  test('one of an earlier boot has ended; one of another machine is not asked', async () => {
    const at = surroundings();
    writeState(at.store, { boot: 'an earlier one' });
    expect(messageOf(await at.place())).toContain('has ended');
    writeState(at.store, { machine: 'other 0123' });
    expect(messageOf(await at.place())).toMatch(/started on another machine.*process \d+ of other/);
  });

  test('a state file that is none is said', async () => {
    const at = surroundings();
    writeState(at.store, { pid: 'x' });
    expect(messageOf(await at.place())).toMatch(/^DATA_INVALID: .*server\.json is not what/);
  });

  test('it gets no key and no certificate that is meant for another one', async () => {
    const at = surroundings();
    writeState(at.store);
    const place = unwrap(await at.place({}, { TEMPORAL_API_KEY: KEY, TEMPORAL_TLS: 'true' }));
    expect(place).toEqual({ address: '127.0.0.1:7299', namespace: 'default', from: 'server' });
  });
});

describe('TLS and API keys', () => {
  test('certificates of flags and of the environment are read; a certificate needs its key', async () => {
    const at = surroundings();
    const [cert, key, ca] = ['cert', 'key', 'ca'].map((name) => at.write(`${name}.pem`, name)) as [
      string,
      string,
      string,
    ];
    const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();
    const place = unwrap(
      await at.place(
        { tlsCert: cert, tlsKey: key },
        { TEMPORAL_TLS_SERVER_CA_CERT_PATH: ca, TEMPORAL_TLS_SERVER_NAME: 'x' },
      ),
    );
    expect([text(place.tls?.cert), text(place.tls?.key), text(place.tls?.ca)]).toEqual(['cert', 'key', 'ca']);
    expect(connectionOptions(place).tls).toEqual({
      serverRootCACertificate: Buffer.from('ca'),
      clientCertPair: { crt: Buffer.from('cert'), key: Buffer.from('key') },
      serverNameOverride: 'x',
    });
    expect(messageOf(await at.place({ tlsCert: cert }))).toMatch(/^USAGE: .*certificate without its key/);
    expect(messageOf(await at.place({ tlsCa: `${at.folder}/none` }))).toMatch(/^FILE_UNREADABLE/);
  });

  test('a key goes by TLS only', async () => {
    const at = surroundings();
    const place = unwrap(await at.place({ address: 'a:1' }, { TEMPORAL_API_KEY: KEY }));
    expect(connectionOptions(place)).toEqual({ address: 'a:1', tls: {}, apiKey: KEY });
    expect(messageOf(await at.place({}, { TEMPORAL_API_KEY: KEY, TEMPORAL_TLS: 'false' }))).toMatch(
      /^USAGE: .*TLS is turned off/,
    );
  });

  test('--api-key-env names a variable', async () => {
    const at = surroundings();
    expect(unwrap(await at.place({ apiKeyEnv: 'MINE' }, { MINE: KEY, TEMPORAL_API_KEY: 'x' })).api_key).toBe(KEY);
    const mistaken = await at.place({ apiKeyEnv: KEY });
    expect(messageOf(mistaken)).toMatch(/^USAGE: .*not set/);
    expect(printed(mistaken)).not.toContain(KEY);
  });

  test('no failure says the key: neither of a file that cannot be read, nor of a server that cannot be reached', async () => {
    const at = surroundings();
    at.write(PROFILE_FILE, `[profile.default]\napi_key = "${KEY}\n`);
    const unreadable = await at.place();
    expect(messageOf(unreadable)).toMatch(/temporal\.toml, line \d+\) cannot be used/);
    expect(printed(unreadable)).not.toContain(KEY);
    const place = { address: await silentServer(), namespace: 'x', api_key: KEY, tls: {}, from: 'flag' } as const;
    const unreachable = await connect(place, 1);
    expect(messageOf(unreachable)).toMatch(/^ENGINE_UNAVAILABLE: .*Look at the certificates/);
    expect(printed(unreachable)).not.toContain(KEY);
  });
});

/** Takes connections, and never says a word. */
function silentServer(): Promise<string> {
  const server = createServer((socket) => socket.resume().on('error', () => undefined));
  onTestFinished(() => void server.close());
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve(`127.0.0.1:${(server.address() as AddressInfo).port}`)),
  );
}

describe('a connection', () => {
  test('where nothing listens, that is said at once, with what to do', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
    );
    await new Promise((resolve) => server.close(resolve));
    const at = surroundings();
    const place = unwrap(await at.place({ address: `127.0.0.1:${port}` }));
    const said = messageOf(await connect(place, 60));
    expect(said).toContain(`cannot be reached at 127.0.0.1:${port} (named by --address): nothing listens there.`);
    expect(said).toContain('expctl server up');
  });

  test('one that does not answer is given up', async () => {
    const place = { address: await silentServer(), namespace: 'default', from: 'environment' } as const;
    expect(messageOf(await connect(place, 1))).toContain(
      '(named by TEMPORAL_ADDRESS): it has not answered within 1 s.',
    );
  });

  test('without the packages, what to install is said', async () => {
    const name: string = '@temporalio/not-there';
    const loaded = await temporalPackage(name, () => import(name) as Promise<unknown>);
    expect(messageOf(loaded)).toMatch(
      /^ENGINE_UNAVAILABLE: .*not-there.*is not installed.*npm install @temporalio\/client@\d/,
    );
    const broken = await temporalPackage('x', () => Promise.reject(new Error('wrong libc')));
    expect(messageOf(broken)).toContain('cannot be loaded: Error: wrong libc');
  });
});
