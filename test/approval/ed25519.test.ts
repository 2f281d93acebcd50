import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/approval/bytes.ts';
import { generateBuiltInKey, isStrictPoint, readBuiltInKey, verifyEd25519 } from '../../src/approval/ed25519.ts';
import { unwrap } from '../../src/base/result.ts';
import { vectorFile } from './fixtures.ts';

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKey: { readonly pk: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly msg: string;
      readonly sig: string;
      readonly result: string;
    }[];
  }[];
}

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const reversed = (value: bigint) => new Uint8Array(Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse());
const file = vectorFile('wycheproof/ed25519_test.json');
const message = utf8('a message');
const { key, private_pem } = generateBuiltInKey();
const signature = key.sign(message);

test.skipIf(file === undefined)('all 151 cases of Wycheproof come out as they should', () => {
  const { testGroups } = JSON.parse(readFileSync(file!, 'utf8')) as Wycheproof;
  const cases = testGroups.flatMap((group) => group.tests.map((one) => ({ ...one, pk: group.publicKey.pk })));
  const wrong = cases.filter(
    (one) => verifyEd25519(hex(one.pk), hex(one.msg), hex(one.sig)) !== (one.result === 'valid'),
  );
  expect(wrong.map((one) => one.tcId)).toEqual([]);
  expect(cases).toHaveLength(151);
});

test('RFC 8032, section 7.1, test 2', () => {
  const publicKey = hex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
  const made = hex(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  );
  expect(verifyEd25519(publicKey, hex('72'), made)).toBe(true);
});

describe('a signature is refused', () => {
  test('when any bit of it is flipped', () => {
    for (let bit = 0; bit < 512; bit++) {
      const flipped = signature.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifyEd25519(key.raw, message, flipped), `bit ${bit}`).toBe(false);
    }
  });

  test('with S + L, the same number in another spelling', () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`);
    const other = new Uint8Array([...signature.subarray(0, 32), ...reversed(s + order)]);
    expect(verifyEd25519(key.raw, message, other)).toBe(false);
  });

  test('of another length, or with a key of another length', () => {
    expect(verifyEd25519(key.raw, message, signature.subarray(0, 63))).toBe(false);
    expect(verifyEd25519(key.raw, message, new Uint8Array([...signature, 0]))).toBe(false);
    expect(verifyEd25519(key.raw.subarray(1), message, signature)).toBe(false);
  });

  test('by the neutral element, which would sign every message', () => {
    const neutral = reversed(1n);
    const universal = new Uint8Array([...neutral, ...new Uint8Array(32)]);
    expect(verifyEd25519(neutral, message, universal)).toBe(false);
  });
});

describe('a point is refused', () => {
  const field = 2n ** 255n - 19n;
  const order8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;

  test('that is of small order, whatever its sign', () => {
    for (const y of [0n, 1n, field - 1n, order8, field - order8]) {
      expect(isStrictPoint(reversed(y))).toBe(false);
      expect(isStrictPoint(reversed(y + 2n ** 255n))).toBe(false);
    }
  });

  test('whose constant is right: it satisfies the equation of order 8', () => {
    const mod = (value: bigint) => ((value % field) + field) % field;
    const power = (base: bigint, exponent: bigint): bigint =>
      exponent === 0n ? 1n : mod(power(mod(base * base), exponent >> 1n) * (exponent & 1n ? base : 1n));
    const d = mod(-121665n * power(121666n, field - 2n));
    const y2 = mod(order8 * order8);
    expect(mod(d * y2 * y2 + 2n * y2 - 1n)).toBe(0n);
  });

  test('that is written with y ≥ p', () => {
    for (let extra = 0n; extra < 19n; extra++) expect(isStrictPoint(reversed(field + extra))).toBe(false);
    expect(isStrictPoint(key.raw)).toBe(true);
  });
});

describe('a built-in key', () => {
  test('is read from its PEM and signs the same', () => {
    const again = unwrap(readBuiltInKey(private_pem));
    expect(again.raw).toEqual(key.raw);
    expect(again.sign(message)).toEqual(signature);
  });

  test('does not show itself', () => {
    expect(`${inspect(key)}${JSON.stringify(key)}`).not.toMatch(/PRIVATE|KeyObject/);
  });

  test.each([
    [
      'of another type',
      generateKeyPairSync('x25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      'x25519',
    ],
    [
      'that is only the public half',
      generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }).toString(),
      'read',
    ],
    ['that is damaged', private_pem.replace('MC4', 'MC5'), 'read'],
    ['that is nothing', '', 'read'],
  ])('%s is refused without quoting it', (_, pem, reason) => {
    const result = readBuiltInKey(pem);
    expect(result).toMatchObject({ ok: false, error: { code: 'DATA_INVALID' } });
    if (result.ok) return;
    expect(result.error.message).toContain(reason);
    expect(result.error.cause).toBeUndefined();
  });
});
