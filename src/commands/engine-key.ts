import { join, resolve } from 'node:path';
import { utf8Text } from '../approval/bytes.ts';
import { type BuiltInKey, generateBuiltInKey, readBuiltInKey } from '../approval/ed25519.ts';
import { parseBuiltInPublicKey, publicKey, type PublicKey, trustEntry } from '../approval/public-key.ts';
import { ExpctlError } from '../base/error.ts';
import { type Result, unwrap } from '../base/result.ts';
import { isJsonObject } from '../base/json.ts';
import { parseStrictJson } from '../ir/strict-json.ts';
import type { App } from './app.ts';

/*
 * The engine's service key signs checkpoints. It is not a person's: it says that an engine that could read it had these rows before it.
 * Whoever can write the store can use it, unless it is given from elsewhere.
 */

const MOST_BYTES = 1024 * 1024;

/** Where the public halves of all keys stand with which a store's checkpoints were signed: a line for each. */
function publicFile(store: string): string {
  return join(store, 'engine.pub');
}

/** The key that was given, else the store's own, which is made when it is first needed. Its public half is in the store afterwards. */
export async function engineKey(app: App, store: string, flag: string | undefined): Promise<BuiltInKey> {
  const given = flag ?? app.env['EXPCTL_ENGINE_KEY'];
  const key =
    given === undefined || given === '' ? await ownKey(app, store) : await readKey(app, resolve(app.cwd, given));
  const own = publicKey('ed25519', key.raw);
  const known = await storeKeys(app, store);
  if (!known.some(({ fingerprint }) => fingerprint === own.fingerprint)) {
    unwrap(await app.files.append(publicFile(store), `${JSON.stringify(trustEntry(own))}\n`));
  }
  return key;
}

/** The keys with which a store says that its checkpoints were signed; none where it says nothing that can be read. */
export async function storeKeys(app: App, store: string): Promise<readonly PublicKey[]> {
  const bytes = await app.files.read(publicFile(store), MOST_BYTES);
  const lines = bytes.ok ? (utf8Text(bytes.value) ?? '').split('\n') : [];
  return lines.flatMap((line) => {
    const json = parseStrictJson(line, { max_bytes: MOST_BYTES });
    const entry = json.ok && isJsonObject(json.value.value) ? json.value.value['ed25519'] : undefined;
    const key = typeof entry === 'string' ? parseBuiltInPublicKey(entry) : null;
    return key?.ok === true ? [key.value] : [];
  });
}

async function ownKey(app: App, store: string): Promise<BuiltInKey> {
  const path = join(store, 'engine.key');
  if (!(await app.files.exists(path))) {
    const { private_pem } = generateBuiltInKey();
    // Two runs may begin at the same time in a new store: the first one's key is everybody's.
    const written = await app.files.write(path, private_pem, { mode: 0o600, exclusive: true });
    if (!written.ok && !(await app.files.exists(path))) throw written.error;
    if (written.ok) await keepFromGit(app, store);
  }
  return readKey(app, path);
}

/** A store may lie in a repository; whatever else of it is committed, the key is not to be. */
async function keepFromGit(app: App, store: string): Promise<void> {
  await app.files.write(join(store, '.gitignore'), 'engine.key\n', { exclusive: true });
}

async function readKey(app: App, path: string): Promise<BuiltInKey> {
  const bytes = unwrap(await app.files.read(path, MOST_BYTES));
  const key: Result<BuiltInKey> = readBuiltInKey(utf8Text(bytes) ?? '');
  if (key.ok) return key.value;
  const hint = 'Give a built-in key that `expctl keys new` made: SSH keys sign in another form.';
  throw new ExpctlError(key.error.code, `${path}: ${key.error.message}`, { hint });
}
