import { concatBytes, fromBase64, sameBytes, utf8 } from './bytes.ts';
import { verifyEd25519 } from './ed25519.ts';
import type { PublicKey } from './public-key.ts';
import { isSshsig, parseSshsig, verifySshsig } from './sshsig.ts';

/** What a signature is for. It is signed with the message: an approval can never be passed off as a gate decision. */
export const NAMESPACES = {
  approval: 'approval.v1@expctl.dev',
  gate: 'gate.v1@expctl.dev',
  resolution: 'resolution.v1@expctl.dev',
  request: 'request.v1@expctl.dev',
  checkpoint: 'checkpoint.v1@expctl.dev',
} as const;

export type Namespace = (typeof NAMESPACES)[keyof typeof NAMESPACES];

/** A signature as it stands in a DSSE envelope. */
export interface Signature {
  /** A hint for people and for look-up; it decides nothing. */
  readonly keyid: string;
  /** Base64 of an SSHSIG blob (SSH keys), or of the 64 bytes of RFC 8032 over `rawMessage` (built-in keys). */
  readonly sig: string;
}

/**
 * What a built-in key signs: `expctl-ed25519-v1`, NUL, the namespace, NUL, the message. Names hold no NUL, so no two pairs of
 * namespace and message give the same bytes; neither an SSHSIG (`SSHSIG`) nor a bare DSSE signature (`DSSEv1`) begins like it.
 */
export function rawMessage(namespace: Namespace, message: Uint8Array): Uint8Array {
  return concatBytes(utf8(`expctl-ed25519-v1\0${namespace}\0`), message);
}

/**
 * Which of these keys made the signature, or undefined. The signature's `keyid` is not looked at. A key signs in its own form only:
 * an SSH key in SSHSIG, a built-in key raw.
 */
export function signerOf(
  namespace: Namespace,
  message: Uint8Array,
  signature: Pick<Signature, 'sig'>,
  keys: Iterable<PublicKey>,
): PublicKey | undefined {
  const blob = fromBase64(signature.sig, { urlSafe: true });
  if (blob === undefined) return undefined;
  if (!isSshsig(blob)) return signerOfRaw(rawMessage(namespace, message), blob, keys);
  const sshsig = parseSshsig(blob);
  if (!sshsig.ok) return undefined;
  for (const key of keys) {
    if (key.kind !== 'ssh' || !sameBytes(key.raw, sshsig.value.raw)) continue;
    return verifySshsig(sshsig.value, namespace, message) ? key : undefined;
  }
  return undefined;
}

function signerOfRaw(message: Uint8Array, signature: Uint8Array, keys: Iterable<PublicKey>): PublicKey | undefined {
  for (const key of keys) {
    if (key.kind === 'ed25519' && verifyEd25519(key.raw, message, signature)) return key;
  }
  return undefined;
}
