import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, toBase64, utf8 } from '../../src/approval/bytes.ts';
import { parseSshPublicKey } from '../../src/approval/public-key.ts';
import { NAMESPACES, signerOf } from '../../src/approval/signature.ts';
import { parseArmouredSshsig, parseSshsig, verifySshsig } from '../../src/approval/sshsig.ts';
import { sshString } from '../../src/approval/ssh-wire.ts';
import { unwrap } from '../../src/base/result.ts';
import { armoured, SshKey } from './fixtures.ts';
import type { SshsigParts } from './fixtures.ts';

const key = new SshKey();
const message = utf8('a message');
const namespace = NAMESPACES.approval;

function typed(type: string): Uint8Array {
  return concatBytes(sshString(type), sshString(key.publicKey.raw));
}

describe('a proper signature', () => {
  test.each(['sha256', 'sha512'])('with %s verifies, for its message and namespace only', (hash) => {
    const sshsig = unwrap(parseSshsigOrThrow(key.blob(namespace, message, { hash })));
    expect(sshsig).toMatchObject({ namespace, hash, raw: key.publicKey.raw });
    expect(verifySshsig(sshsig, namespace, message)).toBe(true);
    expect(verifySshsig(sshsig, namespace, utf8('another'))).toBe(false);
    for (const other of [NAMESPACES.gate, 'git', 'file', '']) expect(verifySshsig(sshsig, other, message)).toBe(false);
  });

  test('is found among keys by its key, not by a hint', () => {
    const keys = [new SshKey().publicKey, key.publicKey];
    expect(signerOf(namespace, message, { sig: toBase64(key.blob(namespace, message)) }, keys)).toBe(key.publicKey);
    expect(
      signerOf(namespace, message, { sig: toBase64(key.blob(namespace, message)) }, keys.slice(0, 1)),
    ).toBeUndefined();
  });

  test('with a namespace exchanged for the right one does not verify', () => {
    const blob = key.blob('git', message, { namespace });
    expect(signerOf(namespace, message, { sig: toBase64(blob) }, [key.publicKey])).toBeUndefined();
  });

  test('with the key of another does not verify', () => {
    const mallory = new SshKey();
    const blob = mallory.blob(namespace, message, { key: typed('ssh-ed25519') });
    expect(signerOf(namespace, message, { sig: toBase64(blob) }, [key.publicKey, mallory.publicKey])).toBeUndefined();
  });

  test('that says sha256 of a sha512 signature does not verify', () => {
    const signature = key.blob(namespace, message).slice(-64);
    const blob = key.blob(namespace, message, { hash: 'sha256', signature });
    expect(parseSshsig(blob).ok).toBe(true);
    expect(signerOf(namespace, message, { sig: toBase64(blob) }, [key.publicKey])).toBeUndefined();
  });
});

describe('a blob is refused', () => {
  const cases: [string, SshsigParts, string][] = [
    ['with other magic', { magic: 'SSHSIX' }, 'not an SSH signature'],
    ['of version 0', { version: 0 }, 'version 0'],
    ['of version 2', { version: 2 }, 'version 2'],
    ['with something reserved', { reserved: 'x' }, 'reserved'],
    ['with sha1', { hash: 'sha1' }, 'neither sha256 nor sha512'],
    ['with SHA512', { hash: 'SHA512' }, 'neither'],
    ['without a namespace', { namespace: '' }, 'namespace'],
    ['with a namespace that holds a NUL', { namespace: `${namespace}\0` }, 'namespace'],
    ['with bytes after it', { trailing: utf8('\n') }, 'bytes follow'],
    ['with bytes after the inner signature', { after: utf8('x') }, '64 bytes'],
    ['with 63 bytes of signature', { signature: new Uint8Array(63) }, '64 bytes'],
    ['with 65 bytes of signature', { signature: new Uint8Array(65) }, '64 bytes'],
    [
      'of a security key, by name',
      { key: typed('sk-ssh-ed25519@openssh.com') },
      'sk-ssh-ed25519@openssh.com are not supported yet',
    ],
    ['of RSA, by name', { key: typed('ssh-rsa') }, 'ssh-rsa are not supported yet'],
    ['of ECDSA in the signature', { algorithm: 'ecdsa-sha2-nistp256' }, 'ecdsa-sha2-nistp256 are not supported yet'],
    ['of a certificate', { key: typed('ssh-ed25519-cert-v01@openssh.com') }, 'unknown'],
    ['of an unknown type', { key: typed('ssh-dss') }, 'unknown'],
    ['with a short key', { key: concatBytes(sshString('ssh-ed25519'), sshString(new Uint8Array(31))) }, 'proper'],
    ['with bytes after the key', { key: concatBytes(typed('ssh-ed25519'), utf8('x')) }, 'damaged'],
    [
      'whose key is the neutral element',
      { key: concatBytes(sshString('ssh-ed25519'), sshString(Uint8Array.from({ length: 32 }, (_, i) => +(i === 0)))) },
      'proper',
    ],
  ];
  test.each(cases)('%s', (_, parts, reason) => {
    const result = parseSshsig(key.blob(namespace, message, parts));
    expect(result.ok).toBe(false);
    expect(!result.ok && result.error).toContain(reason);
  });

  test('wherever it is cut off', () => {
    const blob = key.blob(namespace, message);
    for (let length = 0; length < blob.length; length++)
      expect(parseSshsig(blob.subarray(0, length)).ok, `${length}`).toBe(false);
  });

  test('when a length says more than there is', () => {
    const blob = key.blob(namespace, message).slice();
    blob.set([0xff, 0xff, 0xff, 0xff], 10);
    expect(parseSshsig(blob).ok).toBe(false);
  });

  test('of 10 MB, before it is read', () => {
    const blob = concatBytes(key.blob(namespace, message), new Uint8Array(10_000_000));
    expect(parseSshsig(blob)).toEqual({ ok: false, error: 'the signature is longer than 4096 bytes' });
  });

  test('after any change of one byte', () => {
    const blob = key.blob(namespace, message);
    for (let at = 0; at < blob.length; at++) {
      const changed = blob.slice();
      changed[at]! ^= 0x01;
      expect(signerOf(namespace, message, { sig: toBase64(changed) }, [key.publicKey]), `byte ${at}`).toBeUndefined();
    }
  });

  test('after any mutation: it never throws and never verifies', () => {
    const blob = key.blob(namespace, message);
    const change = fc.record({
      at: fc.nat(blob.length - 1),
      remove: fc.nat(8),
      insert: fc.uint8Array({ maxLength: 8 }),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let mutated: Uint8Array = blob;
        for (const { at, remove, insert } of changes) {
          mutated = concatBytes(mutated.subarray(0, at), insert, mutated.subarray(at + remove));
        }
        fc.pre(Buffer.compare(mutated, blob) !== 0);
        expect(signerOf(namespace, message, { sig: toBase64(mutated) }, [key.publicKey])).toBeUndefined();
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('armour', () => {
  const blob = key.blob(namespace, message);
  test('is taken off', () => {
    expect(unwrap(parseArmouredOrThrow(armoured(blob)))).toEqual(new Uint8Array(blob));
    expect(parseArmouredSshsig(armoured(blob).replaceAll('\n', '\r\n')).ok).toBe(true);
  });
  test.each([
    ['nothing', ''],
    ['no end', armoured(blob).replace('-----END', '----END')],
    ['words before it', `x${armoured(blob)}`],
    ['words after it', `${armoured(blob)}x`],
    ['another kind of armour', armoured(blob).replaceAll('SSH', 'PGP')],
    ['damaged base64', armoured(blob).replace('U1NI', 'U1N=')],
    ['an empty body', '-----BEGIN SSH SIGNATURE-----\n\n-----END SSH SIGNATURE-----\n'],
    ['10 MB', armoured(new Uint8Array(10_000_000))],
  ])('is refused: %s', (_, text) => expect(parseArmouredSshsig(text).ok).toBe(false));
});

describe('a public key line', () => {
  // A pinned pair of line and fingerprint, as `ssh-keygen -l` prints it.
  const line = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAID1AF8PoQ4laksK3qk0bfryclIzPLsSWjMDNVfEq9GYM';
  test('gives the fingerprint that ssh-keygen prints', () => {
    const parsed = unwrap(parseSshPublicKey(`${line} alice@lab\n`));
    expect(parsed.fingerprint).toBe('SHA256:FrZMe4pW8VJBAdaQB90xSigtUrtPZJ+XQGbhMY8YwsA');
    expect(unwrap(parseSshPublicKey(line))).toEqual(parsed);
  });
  test.each([
    ['with options before it', `cert-authority ${line}`, 'unknown'],
    ['of RSA', line.replace('ssh-ed25519', 'ssh-rsa'), 'ssh-rsa are not supported yet'],
    ['of another type inside', `ssh-ed25519 ${toBase64(typed('ssh-rsa'))}`, 'ssh-rsa are not supported yet'],
    ['without a key', 'ssh-ed25519', 'unknown'],
    ['with damaged base64', `${line}=`, 'base64'],
    ['of two lines', `${line}\n${line}`, 'unknown'],
    ['that is empty', '', 'unknown'],
  ])('%s is refused', (_, text, reason) => {
    const result = parseSshPublicKey(text);
    expect(!result.ok && result.error.message).toContain(reason);
  });
});

function parseSshsigOrThrow(blob: Uint8Array) {
  const result = parseSshsig(blob);
  return result.ok ? result : { ok: false as const, error: new Error(result.error) };
}

function parseArmouredOrThrow(text: string) {
  const result = parseArmouredSshsig(text);
  return result.ok ? result : { ok: false as const, error: new Error(result.error) };
}
