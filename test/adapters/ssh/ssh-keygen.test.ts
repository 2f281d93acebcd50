import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseSign, publicKeyArgv, signArgv, sshSigner } from '../../../src/adapters/ssh/ssh-keygen.ts';
import { utf8 } from '../../../src/approval/bytes.ts';
import { parseEnvelope, PAYLOAD_TYPE, preAuthenticationEncoding } from '../../../src/approval/dsse.ts';
import { parseSshPublicKey, trustEntry } from '../../../src/approval/public-key.ts';
import { NAMESPACES, signerOf } from '../../../src/approval/signature.ts';
import { signEnvelope } from '../../../src/approval/signer.ts';
import { unwrap } from '../../../src/base/result.ts';
import { armoured, SshKey } from '../../approval/fixtures.ts';

const present = spawnSync('ssh-keygen', ['-?']).error === undefined;
if (!present && process.env['CI']) throw new Error('ssh-keygen is missing');
if (!present) console.log('skipped: ssh-keygen is not here');

const namespace = NAMESPACES.approval;
const message = utf8('a message\nof two lines');

test('the command lines', () => {
  expect(signArgv('/keys/id', namespace)).toEqual(['-Y', 'sign', '-n', 'approval.v1@expctl.dev', '-f', '/keys/id']);
  expect(publicKeyArgv('/keys/id')).toEqual(['-y', '-f', '/keys/id']);
});

describe('what ssh-keygen printed', () => {
  const key = new SshKey();
  const stdout = armoured(key.blob(namespace, message));

  test('becomes a signature', () => {
    const signature = unwrap(
      parseSign({ exitCode: 0, stdout, stderr: 'Signing data on standard input' }, key.publicKey),
    );
    expect(signature.keyid).toBe(key.publicKey.fingerprint);
    expect(signerOf(namespace, message, signature, [key.publicKey])).toBe(key.publicKey);
  });

  test.each([
    [
      'an exit status',
      { exitCode: 255, stdout, stderr: 'agent refused operation\n' },
      '(exit 255): agent refused operation',
    ],
    ['a signal', { exitCode: null, stdout, stderr: '' }, '(exit by signal): no message'],
    ['no signature', { exitCode: 0, stdout: 'hello', stderr: '' }, 'could not sign'],
  ])('is a failure that is shown: %s', (_, output, said) => {
    const result = parseSign(output, key.publicKey);
    expect(result).toMatchObject({ ok: false, error: { code: 'TOOL_UNAVAILABLE' } });
    expect(!result.ok && result.error.message).toContain(said);
  });
});

describe.skipIf(!present)('with the real ssh-keygen', () => {
  let folder: string;
  const at = (name: string) => join(folder, name);

  function keygen(args: readonly string[], input?: Uint8Array) {
    return spawnSync('ssh-keygen', args, { input: input ?? '', encoding: 'utf8' });
  }

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'expctl-ssh-'));
    keygen(['-q', '-t', 'ed25519', '-N', '', '-C', 'alice@lab', '-f', at('id')]);
    keygen(['-q', '-t', 'ed25519', '-N', '', '-f', at('other')]);
    keygen(['-q', '-t', 'ecdsa', '-N', '', '-f', at('ecdsa')]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('what it signs, we verify, for this purpose only', async () => {
    const signer = unwrap(await sshSigner({ key_path: at('id') }));
    for (const bytes of [message, new Uint8Array(), new Uint8Array(100_000).fill(7)]) {
      const signature = unwrap(await signer.sign(namespace, bytes));
      expect(signerOf(namespace, bytes, signature, [signer.publicKey])).toBe(signer.publicKey);
      expect(signerOf(NAMESPACES.gate, bytes, signature, [signer.publicKey])).toBeUndefined();
      expect(signerOf(namespace, utf8('another'), signature, [signer.publicKey])).toBeUndefined();
    }
  });

  test('what our format makes, it verifies', () => {
    const key = new SshKey();
    const entry = trustEntry(key.publicKey);
    writeFileSync(at('allowed'), `alice namespaces="${namespace}" ${'ssh' in entry ? entry.ssh : ''}\n`);
    const verify = (signature: Uint8Array, bytes: Uint8Array, purpose: string = namespace) => {
      writeFileSync(at('sig'), armoured(signature));
      return keygen(['-Y', 'verify', '-f', at('allowed'), '-I', 'alice', '-n', purpose, '-s', at('sig')], bytes).status;
    };
    expect(verify(key.blob(namespace, message), message)).toBe(0);
    expect(verify(key.blob(namespace, message, { hash: 'sha256' }), message)).toBe(0);
    expect(verify(key.blob(namespace, message), utf8('another'))).not.toBe(0);
    expect(verify(key.blob('git', message), message, 'git')).not.toBe(0);
  });

  test('anybody can verify an envelope with it', async () => {
    const signer = unwrap(await sshSigner({ key_path: at('id') }));
    const envelope = unwrap(parseEnvelope(unwrap(await signEnvelope(signer, namespace, utf8('{"a":1}')))));
    writeFileSync(at('allowed'), `alice ${readFileSync(at('id.pub'), 'utf8')}`);
    writeFileSync(at('sig'), armoured(Buffer.from(envelope.signatures[0]!.sig, 'base64')));
    const args = ['-Y', 'verify', '-f', at('allowed'), '-I', 'alice', '-n', namespace, '-s', at('sig')];
    expect(keygen(args, preAuthenticationEncoding(PAYLOAD_TYPE, envelope.payloadBytes)).stdout).toContain('Good');
  });

  test('fingerprints are the same', () => {
    const printed = keygen(['-lf', at('id.pub')]).stdout.split(' ')[1];
    expect(unwrap(parseSshPublicKey(readFileSync(at('id.pub'), 'utf8'))).fingerprint).toBe(printed);
  });

  test('a key without its .pub file signs too', async () => {
    copyFileSync(at('id'), at('alone'));
    chmodSync(at('alone'), 0o600);
    const signer = unwrap(await sshSigner({ key_path: at('alone') }));
    const signature = unwrap(await signer.sign(namespace, message));
    expect(signerOf(namespace, message, signature, [signer.publicKey])).toBe(signer.publicKey);
  });

  test('a key whose .pub file is of another key makes no envelope', async () => {
    copyFileSync(at('id'), at('mixed'));
    chmodSync(at('mixed'), 0o600);
    copyFileSync(at('other.pub'), at('mixed.pub'));
    const signer = unwrap(await sshSigner({ key_path: at('mixed') }));
    expect(await signEnvelope(signer, namespace, utf8('{}'))).toMatchObject({ ok: false });
  });

  test('a .pub file whose private half no agent holds fails with what ssh-keygen says', async () => {
    copyFileSync(at('other.pub'), at('agentless.pub'));
    const notices: string[] = [];
    const signer = unwrap(await sshSigner({ key_path: at('agentless.pub'), notice: (text) => notices.push(text) }));
    const result = await signer.sign(namespace, message);
    expect(result).toMatchObject({ ok: false, error: { code: 'TOOL_UNAVAILABLE' } });
    expect(!result.ok && result.error.message).toMatch(/exit 255\): .*(agent|private key)/s);
    expect(notices.join('')).not.toBe('');
  });

  test('a .pub file whose private half an agent holds signs', async () => {
    const socket = at('agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    const before = process.env['SSH_AUTH_SOCK'];
    try {
      await new Promise((resolve) => agent.stdout.once('data', resolve));
      process.env['SSH_AUTH_SOCK'] = socket;
      expect(spawnSync('ssh-add', ['-q', at('other')]).status).toBe(0);
      copyFileSync(at('other.pub'), at('held.pub'));
      const signer = unwrap(await sshSigner({ key_path: at('held.pub') }));
      const signature = unwrap(await signer.sign(namespace, message));
      expect(signerOf(namespace, message, signature, [signer.publicKey])).toBe(signer.publicKey);
    } finally {
      if (before === undefined) delete process.env['SSH_AUTH_SOCK'];
      else process.env['SSH_AUTH_SOCK'] = before;
      agent.kill();
    }
  });

  test('a key of another type is refused by name', async () => {
    const result = await sshSigner({ key_path: at('ecdsa') });
    expect(!result.ok && result.error.message).toContain('ecdsa-sha2-nistp256 are not supported yet');
  });

  test('a key that is not there is refused', async () => {
    expect(await sshSigner({ key_path: at('nowhere') })).toMatchObject({
      ok: false,
      error: { code: 'FILE_UNREADABLE' },
    });
  });
});

test('a machine without ssh-keygen is told what to do', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'expctl-ssh-'));
  const entry = trustEntry(new SshKey().publicKey);
  writeFileSync(join(folder, 'id.pub'), `${'ssh' in entry ? entry.ssh : ''}\n`);
  const signer = unwrap(await sshSigner({ key_path: join(folder, 'id.pub'), program: join(folder, 'ssh-keygen') }));
  const result = await signer.sign(namespace, message);
  expect(result).toMatchObject({ ok: false, error: { code: 'TOOL_UNAVAILABLE' } });
  rmSync(folder, { recursive: true });
});
