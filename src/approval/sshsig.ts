import { createHash } from 'node:crypto';
import { err, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';
import { concatBytes, fromBase64, toBase64, utf8 } from './bytes.ts';
import { verifyEd25519 } from './ed25519.ts';
import { parseSshKeyBlob, refusedKeyType } from './public-key.ts';
import { SshReader, sshString } from './ssh-wire.ts';

/**
 * OpenSSH's signature format for files and other data (PROTOCOL.sshsig): what `ssh-keygen -Y sign` writes. The namespace is signed
 * with the message, so that a signature made for one purpose, such as a git commit, is worth nothing for another.
 */
export interface Sshsig {
  /** The Ed25519 public key inside, 32 bytes. Who it is, only the trust policy says. */
  readonly raw: Uint8Array;
  readonly namespace: string;
  readonly hash: 'sha256' | 'sha512';
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

const MAGIC = utf8('SSHSIG');
const VERSION = 1;

/** An Ed25519 blob has about 200 bytes; a limit before any work is done on one. */
const MAX_BYTES = 4_096;

export function isSshsig(blob: Uint8Array): boolean {
  return MAGIC.every((byte, i) => blob[i] === byte);
}

/** Reads a blob strictly: version 1, reserved empty, a known hash, one key type, nothing after the end. */
export function parseSshsig(blob: Uint8Array): Result<Sshsig, string> {
  if (blob.length > MAX_BYTES) return err(`the signature is longer than ${MAX_BYTES} bytes`);
  if (!isSshsig(blob)) return err('it is not an SSH signature');
  const reader = new SshReader(blob.subarray(MAGIC.length));
  const version = reader.uint32();
  if (version !== VERSION) return err(`version ${version ?? '(none)'} of SSH signatures is unknown`);
  const raw = parseSshKeyBlob(reader.string() ?? new Uint8Array());
  if (!raw.ok) return raw;
  const namespace = reader.name();
  if (namespace === undefined || namespace === '') return err('the namespace is missing');
  if (reader.string()?.length !== 0) return err('the reserved field is not empty');
  const hash = reader.name();
  if (hash !== 'sha256' && hash !== 'sha512') return err('the hash is neither sha256 nor sha512');
  const signature = parseSignature(reader.string() ?? new Uint8Array());
  if (!signature.ok) return signature;
  if (!reader.atEnd) return err('bytes follow the signature');
  return ok({ raw: raw.value, namespace, hash, signature: signature.value });
}

/** @returns whether the signature is one over this message and for this namespace, by the key inside it */
export function verifySshsig(sshsig: Sshsig, namespace: string, message: Uint8Array): boolean {
  if (sshsig.namespace !== namespace) return false;
  return verifyEd25519(sshsig.raw, signedBytes(namespace, sshsig.hash, message), sshsig.signature);
}

/** What the key signs: the magic, the namespace, nothing, the name of the hash, the message's hash. */
export function signedBytes(namespace: string, hash: Sshsig['hash'], message: Uint8Array): Uint8Array {
  const digest = new Uint8Array(createHash(hash).update(message).digest());
  return concatBytes(MAGIC, sshString(namespace), sshString(''), sshString(hash), sshString(digest));
}

const ARMOUR = /^-----BEGIN SSH SIGNATURE-----\r?\n([A-Za-z0-9+/=\r\n]+?)\r?\n-----END SSH SIGNATURE-----\r?\n?$/;

/** The blob inside the armoured form that `ssh-keygen` prints. */
export function parseArmouredSshsig(text: string): Result<Uint8Array, string> {
  if (text.length > 2 * MAX_BYTES) return err('the signature is too long');
  const blob = fromBase64(ARMOUR.exec(text)?.[1]?.replace(/\r?\n/g, '') ?? '');
  return blob === undefined || blob.length === 0 ? err('it is not an armoured SSH signature') : ok(blob);
}

/** The armoured form, as `ssh-keygen -Y verify` reads it. */
export function armourSshsig(blob: Uint8Array): string {
  const lines = toBase64(blob).match(/.{1,70}/g) ?? [];
  return `-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`;
}

function parseSignature(blob: Uint8Array): Result<Uint8Array, string> {
  const reader = new SshReader(blob);
  const refused = refusedKeyType(reader.name());
  if (refused !== undefined) return err(refused);
  const signature = reader.string();
  if (signature?.length !== 64 || !reader.atEnd) return err('the signature does not have 64 bytes');
  return ok(new Uint8Array(signature));
}
