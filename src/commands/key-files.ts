import { resolve } from 'node:path';
import { utf8Text } from '../approval/bytes.ts';
import { parseBuiltInPublicKey, parseSshPublicKey, type PublicKey } from '../approval/public-key.ts';
import { ExpctlError } from '../base/error.ts';
import { err, type Result } from '../base/result.ts';
import { parseStrictJson } from '../ir/strict-json.ts';
import type { App } from './app.ts';

/** More bytes than this are no key. */
const MOST_BYTES = 64 * 1024;

/**
 * The public half of whatever file a person has: a built-in key or its `.pub`, an SSH private key, or an SSH `.pub`. For an SSH private
 * key without its `.pub` beside it, `ssh-keygen` is asked.
 */
export async function readPublicKey(app: App, path: string): Promise<Result<PublicKey>> {
  const whole = resolve(app.cwd, path);
  const bytes = await app.files.read(whole);
  if (!bytes.ok) return bytes;
  const text = bytes.value.length > MOST_BYTES ? undefined : utf8Text(bytes.value);
  if (text === undefined) return err(noKey(path));
  if (text.includes('PRIVATE KEY')) {
    const signer = await app.signer(whole);
    return signer.ok ? { ok: true, value: signer.value.publicKey } : signer;
  }
  return text.trimStart().startsWith('{') ? parseTrustEntry(path, text) : parseSshPublicKey(text);
}

/** The form in which the trust policy holds a key, and `keys new` writes the public half. */
function parseTrustEntry(path: string, text: string): Result<PublicKey> {
  const json = parseStrictJson(text, { max_bytes: MOST_BYTES });
  const entry = json.ok ? Object.entries(json.value.value ?? {}) : [];
  const [kind, value] = entry.length === 1 ? entry[0]! : [];
  if (typeof value !== 'string' || (kind !== 'ed25519' && kind !== 'ssh')) return err(noKey(path));
  return kind === 'ed25519' ? parseBuiltInPublicKey(value) : parseSshPublicKey(value);
}

function noKey(path: string): ExpctlError {
  const hint = 'Give a key that `expctl keys new` made, or an SSH key such as ~/.ssh/id_ed25519.pub.';
  return new ExpctlError('DATA_INVALID', `${path} holds no key.`, { hint });
}
