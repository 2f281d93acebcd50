import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ExpctlError } from '../base/error.ts';
import { err, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';

/** SubjectPublicKeyInfo of an Ed25519 key is this prefix and the 32 bytes of the key (RFC 8410, section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** 2^255 - 19, the field of the curve; and the order of its base point (RFC 8032, section 5.1). */
const FIELD = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** An ordinate of the points of order 8; the other is its negative. Both roots of d·y⁴ + 2·y² - 1 = 0, which is where y² = -x². */
const Y_OF_ORDER_8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
const SMALL_ORDER_Y = new Set([0n, 1n, FIELD - 1n, Y_OF_ORDER_8, FIELD - Y_OF_ORDER_8]);

/**
 * A 32-byte encoding of a point that is canonical (y < p) and not of small order. A point of small order as a key verifies one
 * signature for many messages; encodings with y ≥ p are second spellings of a point.
 */
export function isStrictPoint(encoding: Uint8Array): boolean {
  if (encoding.length !== 32) return false;
  const y = littleEndian(encoding) & (2n ** 255n - 1n);
  return y < FIELD && !SMALL_ORDER_Y.has(y);
}

/**
 * Verifies an Ed25519 signature (RFC 8032, section 5.1.7), and refuses what has a second spelling: S ≥ L, and points that are not
 * canonical or of small order, as key or as R. False on any input that is not a signature; never throws.
 *
 * @param publicKey 32 bytes
 * @param signature 64 bytes, R and S
 */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64 || !isStrictPoint(publicKey) || !isStrictPoint(signature.subarray(0, 32))) return false;
  if (littleEndian(signature.subarray(32)) >= ORDER) return false;
  try {
    const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
    return verify(null, message, key, signature);
  } catch {
    return false; // not a point of the curve
  }
}

/** A private key of expctl's own kind. Holds the key without showing it: it prints as nothing. */
export class BuiltInKey {
  readonly #key: KeyObject;
  /** The public key, 32 bytes. */
  readonly raw: Uint8Array;

  constructor(key: KeyObject) {
    this.#key = key;
    this.raw = new Uint8Array(
      createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length),
    );
  }

  /** The 64 bytes of RFC 8032 over exactly these bytes; callers separate purposes (`rawMessage`). */
  sign(message: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, message, this.#key));
  }
}

/** Draws a new key. @returns its PKCS #8 PEM, for a file of mode 0600, and the key */
export function generateBuiltInKey(): { readonly private_pem: string; readonly key: BuiltInKey } {
  const { privateKey } = generateKeyPairSync('ed25519');
  return {
    private_pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    key: new BuiltInKey(privateKey),
  };
}

export function readBuiltInKey(private_pem: string): Result<BuiltInKey> {
  const hint = 'Give a key that `expctl keys` made (PKCS #8 PEM, Ed25519), or an SSH key.';
  try {
    const key = createPrivateKey({ key: private_pem, format: 'pem' });
    if (key.asymmetricKeyType === 'ed25519') return ok(new BuiltInKey(key));
    return err(
      new ExpctlError('DATA_INVALID', `The private key is of type ${key.asymmetricKeyType}, not ed25519.`, { hint }),
    );
  } catch {
    // The cause is left out: a parser's message may quote the key.
    return err(new ExpctlError('DATA_INVALID', 'The private key cannot be read.', { hint }));
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}
