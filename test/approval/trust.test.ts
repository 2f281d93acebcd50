import { describe, expect, test } from 'vitest';
import { toBase64, utf8 } from '../../src/approval/bytes.ts';
import { instantOf } from '../../src/approval/fields.ts';
import { sshKeyBlob, trustEntry } from '../../src/approval/public-key.ts';
import { checkTrustFile, checkTrustTime, hasRole, maySign, parseTrust, trustInit } from '../../src/approval/trust.ts';
import type { SigningPurpose } from '../../src/approval/trust.ts';
import type { Json, JsonObject } from '../../src/base/json.ts';
import { unwrap } from '../../src/base/result.ts';
import { NOON_MS, people, trust, trustJson, trustOf } from './fixtures.ts';

const { alice, alice2, bob, carol, mallory } = people;

function changed(change: (policy: JsonObject, persons: { [name: string]: JsonObject }) => void): Uint8Array {
  const policy = structuredClone(trustJson()) as JsonObject;
  change(policy, policy['persons'] as { [name: string]: JsonObject });
  return utf8(JSON.stringify(policy));
}

test('a policy says whose key it is', () => {
  expect(trust.owners.get(alice.publicKey.fingerprint)).toBe('alice');
  expect(trust.owners.get(alice2.publicKey.fingerprint)).toBe('alice');
  expect(trust.owners.get(mallory.publicKey.fingerprint)).toBeUndefined();
});

describe('a policy is refused', () => {
  const rsa = `ssh-rsa ${toBase64(sshKeyBlob(alice.publicKey.raw))}`;
  const aliceEntry = trustEntry(alice.publicKey);
  const line = 'ssh' in aliceEntry ? aliceEntry.ssh : '';

  test.each<[string, (policy: JsonObject, persons: { [name: string]: JsonObject }) => void, RegExp]>([
    ['of version 0', (p) => (p['v'] = 0), /version/],
    ['of version 2', (p) => (p['v'] = 2), /version/],
    ['without a version', (p) => delete p['v'], /v: /],
    ['with an unknown field', (p) => (p['root'] = {}), /root/],
    ['with an unknown rule', (p) => ((p['rules'] as JsonObject)['deny'] = []), /deny/],
    [
      'with an unknown condition',
      (p) => (((p['rules'] as JsonObject)['approve'] as JsonObject)['humanPresence'] = 'touch'),
      /humanPresence/,
    ],
    ['that needs nobody', (p) => (((p['rules'] as JsonObject)['approve'] as JsonObject)['n'] = 0), /approve\.n/],
    [
      'that needs half a person',
      (p) => (((p['rules'] as JsonObject)['approve'] as JsonObject)['n'] = 0.5),
      /approve\.n/,
    ],
    ['whose end is no time', (p) => (p['expires'] = 'never'), /expires/],
    [
      'with a key of two people',
      (_, all) => (all['bob']!['keys'] as Json[]).push(aliceEntry),
      /listed twice, at alice and at bob/,
    ],
    [
      'with a key of two people, once as SSH and once as built-in',
      (_, all) => (all['bob']!['keys'] as Json[]).push({ ed25519: toBase64(alice.publicKey.raw) }),
      /listed twice/,
    ],
    [
      'with a key of two people, with another comment',
      (_, all) => (all['bob']!['keys'] as Json[]).push({ ssh: `${line} bob@lab` }),
      /listed twice/,
    ],
    [
      'with a key twice',
      (_, all) => (all['alice']!['keys'] as Json[]).push(aliceEntry),
      /listed twice, at alice and at alice/,
    ],
    [
      'with a key of a type not supported yet',
      (_, all) => (all['bob']!['keys'] = [{ ssh: rsa }]),
      /ssh-rsa are not supported yet/,
    ],
    [
      'with a certificate authority',
      (_, all) => (all['bob']!['keys'] = [{ ssh: `cert-authority ${line}` }]),
      /bob.*unknown/,
    ],
    ['with a damaged key', (_, all) => (all['bob']!['keys'] = [{ ed25519: 'AAAA' }]), /bob/],
    [
      'with a key of small order',
      (_, all) => (all['bob']!['keys'] = [{ ed25519: toBase64(new Uint8Array(32)) }]),
      /bob/,
    ],
    ['with a key in two forms', (_, all) => (all['bob']!['keys'] = [{ ssh: line, ed25519: 'AAAA' }]), /bob/],
    ['with a person without a key', (_, all) => (all['bob']!['keys'] = []), /bob\.keys/],
    ['with a person without a role', (_, all) => (all['bob']!['roles'] = []), /bob\.roles/],
    ['with a pattern for a person', (_, all) => (all['*@lab'] = all['bob']!), /persons/],
    [
      'with a person who looks like another',
      (_, all) => (all['аlice'] = { keys: [trustEntry(mallory.publicKey)], roles: ['pi'] }),
      /persons/,
    ],
  ])('%s', (_, change, reason) => {
    const result = parseTrust(changed(change));
    expect(result).toMatchObject({ ok: false, error: { code: 'TRUST_INVALID' } });
    expect(!result.ok && result.error.message).toMatch(reason);
  });

  test.each([
    ['empty', ''],
    ['not JSON', 'v: 1'],
    ['with a person twice', '{"v":1,"persons":{"a":{},"a":{}},"rules":{}}'],
    ['of 2 MB', ' '.repeat(2_000_000)],
  ])('that is %s', (_, text) => expect(parseTrust(utf8(text))).toMatchObject({ error: { code: 'TRUST_INVALID' } }));
});

describe('a service', () => {
  const key = (byte: number) => ({ ed25519: toBase64(new Uint8Array(32).fill(byte)) });
  const withServices = (services: Json) => parseTrust(changed((policy) => (policy['services'] = services)));

  test('has keys that sign checkpoints, and is nobody who could approve', () => {
    const policy = unwrap(withServices({ 'engine@lab': { keys: [key(5), key(9)], may: ['checkpoint'] } }));
    expect(policy.checkpoint_keys.map(({ service }) => service)).toEqual(['engine@lab', 'engine@lab']);
    const own = policy.checkpoint_keys.map(({ key: { fingerprint } }) => fingerprint);
    expect(policy.keys.filter(({ fingerprint }) => own.includes(fingerprint))).toEqual([]);
    expect(own.map((fingerprint) => policy.owners.get(fingerprint))).toEqual([undefined, undefined]);
    expect(trust.checkpoint_keys).toEqual([]);
  });

  test.each<[string, Json, RegExp]>([
    [
      'with a key that it has twice',
      { e: { keys: [key(5), key(5)], may: ['checkpoint'] } },
      /listed twice, at e and at e/,
    ],
    [
      'with the key of a person',
      { e: { keys: [{ ed25519: toBase64(alice.publicKey.raw) }], may: ['checkpoint'] } },
      /at alice and at e/,
    ],
    ['that may something else', { e: { keys: [key(5)], may: ['approve'] } }, /may/],
    ['with an SSH key', { e: { keys: [trustEntry(bob.publicKey)], may: ['checkpoint'] } }, /keys/],
    ['without a key', { e: { keys: [], may: ['checkpoint'] } }, /keys/],
  ])('%s is refused', (_name, services, reason) => {
    const refused = withServices(services);
    expect(refused.ok ? '' : refused.error.message).toMatch(reason);
  });
});

test('a policy ends at its end, without allowance', () => {
  const ends = trustOf(trustJson({}, { expires: instantOf(NOON_MS) }));
  expect(checkTrustTime(ends, NOON_MS - 1).ok).toBe(true);
  expect(checkTrustTime(ends, NOON_MS).ok).toBe(false);
  expect(checkTrustTime(ends, Number.NaN).ok).toBe(false);
  expect(checkTrustTime(trust, NOON_MS).ok).toBe(true);
});

test('roles are of the people listed only', () => {
  expect(hasRole(trust, 'alice', 'pi')).toBe(true);
  expect(hasRole(trust, 'alice', '*')).toBe(false);
  for (const name of ['mallory', 'constructor', '__proto__', 'toString'])
    expect(hasRole(trust, name, 'pi')).toBe(false);
  const boss = trustOf(trustJson({}, { persons: { boss: { keys: [trustEntry(mallory.publicKey)], roles: ['*'] } } }));
  expect(hasRole(boss, 'boss', 'anything')).toBe(true);
});

describe('who may sign', () => {
  const approve: SigningPurpose = { purpose: 'approve', decision: 'approve', requested_by: 'dave' };
  const circumstances = { terminal: true, now_ms: NOON_MS };

  test('approves in the first role of the rule that they have', () => {
    const may = maySign(trust, bob.publicKey, { ...approve, ...circumstances });
    expect(may).toEqual({ ok: true, value: { principal: 'bob', role: 'lead', self_approved: false } });
  });

  test('approves in their own first role where the rule takes everybody', () => {
    const everybody = trustOf(trustJson({ roles: ['*'] }));
    expect(maySign(everybody, carol.publicKey, { ...approve, ...circumstances })).toMatchObject({
      value: { role: 'operator' },
    });
  });

  test('may reject what they requested', () => {
    const options = {
      purpose: 'approve' as const,
      decision: 'reject' as const,
      requested_by: 'alice',
      ...circumstances,
    };
    expect(maySign(trust, alice.publicKey, options)).toMatchObject({
      value: { principal: 'alice', self_approved: true },
    });
  });

  test('decides a gate in its role', () => {
    const options = { purpose: 'gate' as const, role: 'lead', requested_by: 'dave', ...circumstances };
    expect(maySign(trust, bob.publicKey, options)).toMatchObject({ value: { principal: 'bob', role: 'lead' } });
    expect(maySign(trust, alice.publicKey, options)).toMatchObject({
      error: { message: 'alice has no role that may decide a gate for the role lead.' },
    });
    expect(maySign(trust, bob.publicKey, { ...options, role: 'pi' }).ok).toBe(false);
  });

  test.each([
    ['a stranger', mallory.publicKey, approve, circumstances, /nobody's/],
    [
      'a key in another form than listed',
      { ...alice.publicKey, kind: 'ed25519' as const },
      approve,
      circumstances,
      /nobody's/,
    ],
    ['a person without the role', carol.publicKey, approve, circumstances, /carol has no role that may approve/],
    [
      'who requested it',
      alice.publicKey,
      { ...approve, requested_by: 'alice' },
      circumstances,
      /alice made the request/,
    ],
    [
      'anybody, where nobody says who requested it',
      alice.publicKey,
      { ...approve, requested_by: null },
      circumstances,
      /does not say who asked/,
    ],
    [
      'anybody without a terminal',
      alice.publicKey,
      approve,
      { ...circumstances, terminal: false },
      /without a terminal/,
    ],
  ])('is not %s', (_, key, purpose, more, reason) => {
    const result = maySign(trust, key, { ...purpose, ...more });
    expect(result).toMatchObject({ ok: false, error: { code: 'NOT_APPROVED' } });
    expect(!result.ok && result.error.message).toMatch(reason);
  });

  test('is, where nobody signs for themselves, another person, or another one asks', () => {
    const result = maySign(trust, alice.publicKey, { ...approve, requested_by: 'alice', ...circumstances });
    expect(result).toMatchObject({ error: { hint: expect.stringContaining('expctl request LOCK --by PERSON') } });
  });

  test('is nobody under an expired policy', () => {
    const ends = trustOf(trustJson({}, { expires: instantOf(NOON_MS) }));
    expect(maySign(ends, alice.publicKey, { ...approve, ...circumstances })).toMatchObject({
      error: { code: 'TRUST_INVALID' },
    });
  });

  test('is anybody with the role where the policy allows no terminal', () => {
    const relaxed = trustOf(trustJson({ allow_without_terminal: true }));
    expect(maySign(relaxed, alice.publicKey, { ...approve, ...circumstances, terminal: false }).ok).toBe(true);
  });
});

describe('a first policy', () => {
  const init = { person: 'alice@lab.org', key: alice.publicKey };

  test('of a team denies self-approval', () => {
    const made = trustOf(unwrap(trustInit({ ...init, solo: false })) as Json);
    expect(made.owners.get(alice.publicKey.fingerprint)).toBe('alice@lab.org');
    expect(made.policy.rules.approve).toEqual({ roles: ['*'], n: 1, allow_self: false, allow_without_terminal: false });
    expect(made.policy.rules.gates).toEqual({ '*': { allow_self: false, allow_without_terminal: false } });
  });

  test('of a team of one allows it, and without a terminal only when told', () => {
    const solo = unwrap(trustInit({ ...init, key: alice2.publicKey, solo: true }));
    expect(solo.rules.approve).toMatchObject({ allow_self: true, allow_without_terminal: false });
    const told = unwrap(trustInit({ ...init, solo: true, allow_without_terminal: true }));
    expect(told.rules.gates['*']).toEqual({ allow_self: true, allow_without_terminal: true });
  });

  test.each(['', 'a b', 'alice\n', '*', '__proto__', 'Älice'])('needs a proper name, not %j', (person) => {
    expect(trustInit({ ...init, person, solo: true })).toMatchObject({ ok: false, error: { code: 'USAGE' } });
  });
});

describe('a trust file', () => {
  const sound = {
    path_real: '/home/alice/.config/expctl/trust.json',
    project_root_real: '/home/alice/beam',
    mode: 0o100600,
    is_symlink: false,
    is_file: true,
    owner_is_safe: true,
  };

  test.each([
    ['of the user alone', {}],
    ['that others can read', { mode: 0o100644 }],
    ['beside a project of a similar name', { path_real: '/home/alice/beam-trust.json' }],
    ['without a project', { project_root_real: null }],
  ])('is sound: %s', (_, changes) => expect(checkTrustFile({ ...sound, ...changes }).ok).toBe(true));

  test.each([
    ['a link', { is_symlink: true }, 'symbolic link'],
    ['a folder or pipe', { is_file: false }, 'regular file'],
    ['inside the project', { path_real: '/home/alice/beam/trust.json' }, 'inside the project'],
    ['deep inside the project', { path_real: '/home/alice/beam/a/b/trust.json' }, 'inside the project'],
    ['in a project that is the root', { project_root_real: '/' }, 'inside the project'],
    ['that the group can write', { mode: 0o100620 }, 'written by others'],
    ['that all can write', { mode: 0o100602 }, 'written by others'],
    ['of another user', { owner_is_safe: false }, 'another user'],
  ])('is not: %s', (_, changes, reason) => {
    const result = checkTrustFile({ ...sound, ...changes });
    expect(result).toMatchObject({ ok: false, error: { code: 'TRUST_INVALID' } });
    expect(!result.ok && result.error.message).toContain(reason);
  });
});
