import { canonicalJson } from '../ir/canonical.ts';
import { ExpctlError } from '../base/error.ts';
import { err, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';
import { z } from 'zod';
import { concatBytes, fromBase64, toBase64, utf8 } from './bytes.ts';
import { decodeJson } from './decode.ts';
import type { Signature } from './signature.ts';

/** The one type of payload that is taken: an in-toto Statement. */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

const MAX_ENVELOPE_BYTES = 64 * 1024;
const MAX_SIGNATURES = 16;

/** A DSSE envelope (github.com/secure-systems-lab/dsse, envelope.md) whose payload is decoded and nothing more: not yet verified. */
export interface Envelope {
  /** The exact bytes that were signed over; what is read later is read from these. */
  readonly payloadBytes: Uint8Array;
  readonly signatures: readonly Signature[];
}

/** Pre-authentication encoding (DSSE, protocol.md): `DSSEv1`, and type and payload, each after its length in bytes. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = utf8(payloadType);
  return concatBytes(utf8(`DSSEv1 ${type.length} `), type, utf8(` ${payload.length} `), payload);
}

/** Unknown fields are ignored here, as DSSE demands; nothing in them is signed. */
const EnvelopeFields = z.object({
  payload: z.string(),
  payloadType: z.literal(PAYLOAD_TYPE, `must be ${PAYLOAD_TYPE}`),
  signatures: z
    .array(z.object({ keyid: z.string().max(256).default(''), sig: z.string() }))
    .min(1, 'must hold a signature')
    .max(MAX_SIGNATURES, `must hold at most ${MAX_SIGNATURES} signatures`),
});

/** Reads an envelope of at most 64 kB: strict JSON, the exact payload type, 1 to 16 signatures. `APPROVAL_INVALID` otherwise. */
export function parseEnvelope(bytes: Uint8Array): Result<Envelope> {
  const envelope = decodeJson(bytes, { schema: EnvelopeFields, max_bytes: MAX_ENVELOPE_BYTES });
  if (!envelope.ok) return err(unreadable(envelope.error));
  const payloadBytes = fromBase64(envelope.value.payload, { urlSafe: true });
  if (payloadBytes === undefined) return err(unreadable('payload is not base64'));
  return ok({ payloadBytes, signatures: envelope.value.signatures });
}

/** The envelope's file: canonical JSON. */
export function envelopeBytes(payload: Uint8Array, signatures: readonly Signature[]): Uint8Array {
  const plain = signatures.map(({ keyid, sig }) => ({ keyid, sig }));
  return utf8(canonicalJson({ payload: toBase64(payload), payloadType: PAYLOAD_TYPE, signatures: plain }));
}

function unreadable(reason: string): ExpctlError {
  const hint = 'Ask for the file again, or remove it and approve anew; a damaged approval counts as a refusal.';
  return new ExpctlError('APPROVAL_INVALID', `The envelope cannot be read: ${reason}.`, { hint });
}
