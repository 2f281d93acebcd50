import { ExpctlError } from '../base/error.ts';
import { err, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';
import { toBase64 } from './bytes.ts';
import { envelopeBytes, PAYLOAD_TYPE, preAuthenticationEncoding } from './dsse.ts';
import { readBuiltInKey } from './ed25519.ts';
import { publicKey } from './public-key.ts';
import type { PublicKey } from './public-key.ts';
import { rawMessage, signerOf } from './signature.ts';
import type { Namespace, Signature } from './signature.ts';

/** Something that holds a person's key, or can ask for its use (an agent, a token), and signs for one purpose. */
export interface Signer {
  readonly publicKey: PublicKey;
  sign(namespace: Namespace, message: Uint8Array): Promise<Result<Signature>>;
}

/** Signs with a built-in key. @param private_pem PKCS #8 PEM */
export function builtInSigner(private_pem: string): Result<Signer> {
  const key = readBuiltInKey(private_pem);
  if (!key.ok) return key;
  const own = publicKey('ed25519', key.value.raw);
  return ok({
    publicKey: own,
    sign: async (namespace, message) =>
      ok({ keyid: own.fingerprint, sig: toBase64(key.value.sign(rawMessage(namespace, message))) }),
  });
}

/**
 * Signs a statement and returns the bytes of its DSSE envelope. The signature is verified before it leaves: one by another key than
 * the signer's public half, or over other bytes, is an error here and not a refusal days later.
 */
export async function signEnvelope(
  signer: Signer,
  namespace: Namespace,
  payload: Uint8Array,
): Promise<Result<Uint8Array>> {
  const message = preAuthenticationEncoding(PAYLOAD_TYPE, payload);
  const signature = await signer.sign(namespace, message);
  if (!signature.ok) return signature;
  if (signerOf(namespace, message, signature.value, [signer.publicKey]) !== undefined) {
    return ok(envelopeBytes(payload, [signature.value]));
  }
  const hint = 'The public and the private half of the key may not belong together; give the private key itself.';
  return err(
    new ExpctlError('APPROVAL_INVALID', `The signature is not one by ${signer.publicKey.fingerprint}.`, { hint }),
  );
}
