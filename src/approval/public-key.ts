import { createHash } from 'node:crypto';
import { ExpctlError } from '../base/error.ts';
import { err, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';
import { concatBytes, fromBase64, toBase64 } from './bytes.ts';
import { isStrictPoint } from './ed25519.ts';
import { SshReader, sshString } from './ssh-wire.ts';

/**
 * A public key that may be trusted. `kind` says how it signs: an `ssh` key makes SSHSIG blobs, an `ed25519` (built-in) key raw
 * signatures. The fingerprint is OpenSSH's of the same point for both, so one key has one name.
 */
export interface PublicKey {
  readonly kind: 'ssh' | 'ed25519';
  /** 32 bytes. */
  readonly raw: Uint8Array;
  /** `SHA256:` and 43 letters, as `ssh-keygen -l` prints. */
  readonly fingerprint: string;
}

const SSH_ED25519 = 'ssh-ed25519';

/** Key types that OpenSSH has and expctl will take later; `ssh-rsa` signatures with SHA-1 are never taken. */
const NOT_YET = new Set([
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
  'rsa-sha2-256',
  'rsa-sha2-512',
]);

/** Why a key or signature type is refused; undefined for the one that is taken. */
export function refusedKeyType(type: string | undefined): string | undefined {
  if (type === SSH_ED25519) return undefined;
  if (type !== undefined && NOT_YET.has(type)) return `keys of type ${type} are not supported yet`;
  return 'the key type is unknown';
}

/** The wire form of an SSH Ed25519 public key: string "ssh-ed25519", string of 32 bytes (RFC 8709, section 4). */
export function sshKeyBlob(raw: Uint8Array): Uint8Array {
  return concatBytes(sshString(SSH_ED25519), sshString(raw));
}

/** @returns the 32 bytes of the key, or why the blob is not a key that is taken */
export function parseSshKeyBlob(blob: Uint8Array): Result<Uint8Array, string> {
  const reader = new SshReader(blob);
  const refused = refusedKeyType(reader.name());
  if (refused !== undefined) return err(refused);
  const raw = reader.string();
  if (raw === undefined || !reader.atEnd) return err('the key is damaged');
  return isStrictPoint(raw) ? ok(new Uint8Array(raw)) : err('the key is not a proper Ed25519 point');
}

/** A key line as in `id_ed25519.pub`: type, base64, comment. Options before the type, such as cert-authority, are refused. */
export function parseSshPublicKey(line: string): Result<PublicKey> {
  const parts = /^(\S+) +(\S+)(?: +[^\r\n]*)?$/.exec(line.trim());
  const type = parts?.[1];
  const refused = refusedKeyType(type);
  if (refused !== undefined) return err(keyError(`This is not a usable SSH public key: ${refused}.`));
  const blob = fromBase64(parts?.[2] ?? '');
  const raw = blob === undefined ? err('its base64 is damaged') : parseSshKeyBlob(blob);
  if (!raw.ok) return err(keyError(`This is not a usable SSH public key: ${raw.error}.`));
  return ok(publicKey('ssh', raw.value));
}

/** A built-in key in base64 of its 32 bytes. */
export function parseBuiltInPublicKey(text: string): Result<PublicKey> {
  const raw = fromBase64(text);
  if (raw !== undefined && isStrictPoint(raw)) return ok(publicKey('ed25519', raw));
  return err(keyError('This is not a built-in Ed25519 public key (base64 of 32 bytes).'));
}

export function publicKey(kind: PublicKey['kind'], raw: Uint8Array): PublicKey {
  const digest = createHash('sha256').update(sshKeyBlob(raw)).digest('base64').replace(/=+$/, '');
  return { kind, raw, fingerprint: `SHA256:${digest}` };
}

/** The key as the trust policy writes it. */
export function trustEntry(key: PublicKey): { ssh: string } | { ed25519: string } {
  if (key.kind === 'ed25519') return { ed25519: toBase64(key.raw) };
  return { ssh: `${SSH_ED25519} ${toBase64(sshKeyBlob(key.raw))}` };
}

function keyError(message: string): ExpctlError {
  const hint = 'Give the line of a file such as ~/.ssh/id_ed25519.pub, or make a key with `expctl keys`.';
  return new ExpctlError('DATA_INVALID', message, { hint });
}
