import { ExpctlError } from '../base/error.ts';
import { err, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';
import { sha256Hex } from './bytes.ts';
import { parseEnvelope, PAYLOAD_TYPE, preAuthenticationEncoding } from './dsse.ts';
import type { Envelope } from './dsse.ts';
import type { PublicKey } from './public-key.ts';
import { signerOf } from './signature.ts';
import type { Namespace } from './signature.ts';
import type { Trust } from './trust.ts';

/** More files than this beside one request are an accident or an attack. */
const MAX_ENVELOPES = 1_000;

/** An envelope that at least one trusted key signed for the purpose at hand. What it says is not read yet. */
export interface SignedPayload {
  readonly payload: Uint8Array;
  /** Keys that signed, by the person whose key each is. Several keys of a person are one person. */
  readonly signers: ReadonlyMap<string, PublicKey>;
  readonly envelope_sha256: string;
}

/** Why an envelope does not count, for people and the journal. */
export interface Ignored {
  readonly envelope_sha256: string;
  readonly reason: string;
}

/**
 * Verifies envelopes before anything in them is believed. One that cannot be read fails everything, for it may have been a refusal;
 * one that no trusted key signed for this purpose says nothing and is set aside.
 */
export function verifyEnvelopes(
  envelopes: readonly Uint8Array[],
  namespace: Namespace,
  trust: Trust,
): Result<{ readonly signed: SignedPayload[]; readonly ignored: Ignored[] }> {
  if (envelopes.length > MAX_ENVELOPES) {
    const hint = 'Look at what lies in the folder of approvals.';
    return err(new ExpctlError('APPROVAL_INVALID', `There are more than ${MAX_ENVELOPES} envelopes.`, { hint }));
  }
  const signed: SignedPayload[] = [];
  const ignored: Ignored[] = [];
  for (const bytes of envelopes) {
    const envelope = parseEnvelope(bytes);
    if (!envelope.ok) return envelope;
    const envelope_sha256 = sha256Hex(bytes);
    const signers = signersOf(envelope.value, namespace, trust);
    if (signers.size > 0) signed.push({ payload: envelope.value.payloadBytes, signers, envelope_sha256 });
    else ignored.push({ envelope_sha256, reason: 'no key of the trust policy signed it for this purpose' });
  }
  return ok({ signed, ignored });
}

function signersOf(envelope: Envelope, namespace: Namespace, trust: Trust): Map<string, PublicKey> {
  const message = preAuthenticationEncoding(PAYLOAD_TYPE, envelope.payloadBytes);
  const signers = new Map<string, PublicKey>();
  for (const signature of envelope.signatures) {
    const key = signerOf(namespace, message, signature, trust.keys);
    const owner = key === undefined ? undefined : trust.owners.get(key.fingerprint);
    if (key !== undefined && owner !== undefined && !signers.has(owner)) signers.set(owner, key);
  }
  return signers;
}

/** The key of the person whom the statement names. A statement in another's name is ambiguous, and so refused. */
export function namedSigner(signed: SignedPayload, principal: string): Result<PublicKey> {
  const key = signed.signers.get(principal);
  if (key !== undefined) return ok(key);
  const hint = 'Remove that file, and ask the person to sign in their own name.';
  const message = `A statement names ${principal} but was signed by ${[...signed.signers.keys()].join(', ')}.`;
  return err(new ExpctlError('APPROVAL_INVALID', message, { hint }));
}
