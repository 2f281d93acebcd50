import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromBase64, toBase64, utf8 } from '../../src/approval/bytes.ts';
import { envelopeBytes, parseEnvelope, PAYLOAD_TYPE, preAuthenticationEncoding } from '../../src/approval/dsse.ts';

const signature = { keyid: 'k', sig: toBase64(utf8('signature')) };

function envelope(changes: Record<string, unknown> = {}): Uint8Array {
  return utf8(
    JSON.stringify({ payload: toBase64(utf8('{}')), payloadType: PAYLOAD_TYPE, signatures: [signature], ...changes }),
  );
}

describe('the published vector of DSSE', () => {
  const type = 'http://example.com/HelloWorld';
  const encoded = preAuthenticationEncoding(type, utf8('hello world'));

  test('has this pre-authentication encoding', () => {
    expect(new TextDecoder().decode(encoded)).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });

  test('has a signature that verifies over it', () => {
    const part = (decimal: string) =>
      Buffer.from(BigInt(decimal).toString(16).padStart(64, '0'), 'hex').toString('base64url');
    const x = part('46950820868899156662930047687818585632848591499744589407958293238635476079160');
    const y = part('5640078356564379163099075877009565129882514886557779369047442380624545832820');
    const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
    const sig = 'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==';
    expect(verify('sha256', encoded, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(sig, 'base64'))).toBe(true);
  });
});

test('lengths are in bytes, not characters', () => {
  expect(new TextDecoder().decode(preAuthenticationEncoding('é', utf8('ü')))).toBe('DSSEv1 2 é 2 ü');
});

test('an envelope that was written is read again, canonical', () => {
  const bytes = envelopeBytes(utf8('{"a":1}'), [signature]);
  expect(parseEnvelope(bytes)).toEqual({ ok: true, value: { payloadBytes: utf8('{"a":1}'), signatures: [signature] } });
  expect(new TextDecoder().decode(bytes)).toMatch(/^\{"payload":"eyJhIjoxfQ==","payloadType":/);
});

describe('an envelope is read', () => {
  test.each([
    ['with unknown fields', envelope({ comment: 1, signatures: [{ ...signature, ext: { kind: 'x' } }] })],
    ['without a keyid', envelope({ signatures: [{ sig: signature.sig }] })],
    [
      'with URL-safe base64',
      envelope({ payload: toBase64(utf8('{"??>":1}')).replaceAll('+', '-').replaceAll('/', '_') }),
    ],
  ])('%s', (_, bytes) => expect(parseEnvelope(bytes).ok).toBe(true));
});

describe('an envelope is refused', () => {
  test.each([
    ['of another type', envelope({ payloadType: 'application/json' }), 'payloadType'],
    ['of a type in other letters', envelope({ payloadType: 'application/vnd.in-toto+JSON' }), 'payloadType'],
    ['without signatures', envelope({ signatures: [] }), 'signatures'],
    ['with 17 signatures', envelope({ signatures: Array(17).fill(signature) }), 'at most 16'],
    ['without a payload', envelope({ payload: undefined }), 'payload'],
    ['whose payload is not base64', envelope({ payload: 'e30' }), 'base64'],
    ['whose payload has unused bits', envelope({ payload: 'e31=' }), 'base64'],
    ['of more than 64 kB', envelope({ payload: toBase64(new Uint8Array(60_000)) }), 'longer than'],
    ['with a key twice', utf8('{"payload":"e30=","payload":"e30="}'), 'twice'],
    ['that is not JSON', utf8('approved!'), 'line 1'],
    ['that is not UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'UTF-8'],
    ['that begins with a byte-order mark', utf8(`\ufeff${new TextDecoder().decode(envelope())}`), 'byte order mark'],
    ['that is empty', new Uint8Array(), 'line 1'],
  ])('%s', (_, bytes, reason) => {
    const result = parseEnvelope(bytes);
    expect(result).toMatchObject({ ok: false, error: { code: 'APPROVAL_INVALID' } });
    expect(!result.ok && result.error.message).toContain(reason);
  });
});

describe('base64', () => {
  test('has one spelling', () => {
    expect(fromBase64('+/8=')).toEqual(new Uint8Array([0xfb, 0xff]));
    for (const text of ['+/8', '+/8= ', ' +/8=', '+/9=', '-_8=', '+_8=', '+/8==', '\n+/8='])
      expect(fromBase64(text)).toBeUndefined();
  });
  test('may be URL-safe where DSSE says so, but not half', () => {
    expect(fromBase64('-_8=', { urlSafe: true })).toEqual(new Uint8Array([0xfb, 0xff]));
    expect(fromBase64('+_8=', { urlSafe: true })).toBeUndefined();
  });
});
