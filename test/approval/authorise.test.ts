import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { authorise } from '../../src/approval/authorise.ts';
import { concatBytes, fromBase64, sha256Hex, toBase64, utf8 } from '../../src/approval/bytes.ts';
import { envelopeBytes, parseEnvelope, PAYLOAD_TYPE, preAuthenticationEncoding } from '../../src/approval/dsse.ts';
import { instantOf } from '../../src/approval/fields.ts';
import { NAMESPACES, rawMessage } from '../../src/approval/signature.ts';
import type { Namespace } from '../../src/approval/signature.ts';
import { signEnvelope } from '../../src/approval/signer.ts';
import type { Signer } from '../../src/approval/signer.ts';
import { buildApproval } from '../../src/approval/statement.ts';
import type { Json, JsonObject } from '../../src/base/json.ts';
import { ExpctlError } from '../../src/base/error.ts';
import { err, unwrap } from '../../src/base/result.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import {
  approvalBy,
  approvalOptions,
  BOB,
  DAY_MS,
  displayed,
  environment,
  facts,
  inputOf,
  limits,
  lock_sha256,
  lockBytes,
  NOON_MS,
  people,
  request,
  requestOf,
  trustJson,
  trustOf,
  verdictOf,
} from './fixtures.ts';

const { alice, alice2, bob, carol, mallory } = people;
const byAlice = await approvalBy(alice);
const byBob = await approvalBy(bob, BOB);

/** An approval whose statement is changed before it is signed. */
async function signedStatement(signer: Signer, change: (statement: JsonObject, predicate: JsonObject) => void) {
  const statement = JSON.parse(new TextDecoder().decode(unwrap(buildApproval(approvalOptions())))) as JsonObject;
  change(statement, statement['predicate'] as JsonObject);
  return unwrap(await signEnvelope(signer, NAMESPACES.approval, utf8(canonicalJson(statement))));
}

function changedRequest(change: (request: JsonObject) => void): Uint8Array {
  const copy = JSON.parse(new TextDecoder().decode(request.bytes)) as JsonObject;
  change(copy);
  return utf8(canonicalJson(copy));
}

/** The envelope with other fields in its JSON. */
function reEnveloped(envelope: Uint8Array, change: (envelope: JsonObject, signature: JsonObject) => void): Uint8Array {
  const copy = JSON.parse(new TextDecoder().decode(envelope)) as JsonObject;
  change(copy, (copy['signatures'] as JsonObject[])[0]!);
  return utf8(JSON.stringify(copy));
}

function needing(n: number) {
  return { trust: trustOf(trustJson({ n })) };
}

describe('a lock is approved', () => {
  test('by one person who may, and the verdict says who, what and in which bytes', () => {
    const approved = unwrap(authorise(inputOf([byAlice])));
    expect(approved.lock).toEqual({ expctl_lock: 1, name: 'beam', points: [1, 2, 3] });
    expect(approved.lock_sha256).toBe(sha256Hex(lockBytes));
    expect(approved.limits).toEqual(limits);
    expect(approved.request.max_runs).toBe(1);
    expect(approved.verdict).toEqual({
      purpose: 'start',
      lock_sha256,
      request_sha256: request.sha256,
      trust_sha256: inputOf([]).trust.sha256,
      approvals: [
        {
          principal: 'alice',
          role: 'pi',
          keyid: alice.publicKey.fingerprint,
          statement_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
          envelope_sha256: sha256Hex(byAlice),
          displayed_sha256: displayed.sha256,
          self_approved: false,
        },
      ],
      self_approved: false,
      max_runs: 1,
      ignored: [],
    });
  });

  test('by two people in any order, the same', () => {
    const one = unwrap(authorise(inputOf([byAlice, byBob], needing(2)))).verdict;
    const other = unwrap(authorise(inputOf([byBob, byAlice], needing(2)))).verdict;
    expect(one.approvals.map((approval) => approval.principal)).toEqual(['alice', 'bob']);
    expect(other).toEqual(one);
  });

  test('with a built-in key', async () => expect(verdictOf([await approvalBy(alice2)])).toBe('approved'));

  test('by anybody listed where the rule says *', async () => {
    const byCarol = await approvalBy(carol, { approver: { principal: 'carol', role: 'operator' } });
    expect(verdictOf([byCarol], { trust: trustOf(trustJson({ roles: ['*'] })) })).toBe('approved');
  });

  test('for the last of several runs, and for going on with one that has begun', () => {
    for (const purpose of ['resume', 'dispatch'] as const)
      expect(verdictOf([byAlice], { purpose, runs_used: 1 })).toBe('approved');
  });

  test('and cannot be changed afterwards', () => {
    const approved = unwrap(authorise(inputOf([byAlice])));
    expect(() => (approved.lock.points as number[]).push(4)).toThrow(TypeError);
    expect(() => ((approved.verdict.approvals as unknown[]).length = 0)).toThrow(TypeError);
    expect(() => Object.assign(approved, { lock: {} })).toThrow(TypeError);
    expect(Object.keys(approved)).toEqual([]);
  });
});

describe('a lock is denied', () => {
  const other = (text: string) => sha256Hex(utf8(text));

  test.each([
    ['without any approval', [], {}, 'NOT_APPROVED'],
    ['with fewer approvals than needed', [byAlice], needing(2), 'NOT_APPROVED'],
    ['without a rule for approvals', [byAlice], { trust: trustOf(trustJson({}, { rules: {} })) }, 'NOT_APPROVED'],
    ['when the policy lists nobody', [byAlice], { trust: trustOf(trustJson({}, { persons: {} })) }, 'NOT_APPROVED'],
    [
      'when the policy has expired',
      [byAlice],
      { trust: trustOf(trustJson({}, { expires: instantOf(NOON_MS + DAY_MS) })) },
      'TRUST_INVALID',
    ],
    [
      'with another environment on this machine',
      [byAlice],
      { environment: { ...environment, sha256: other('x') } },
      'INPUT_CHANGED',
    ],
    [
      'with an environment of another name',
      [byAlice],
      { environment: { ...environment, name: 'prod' } },
      'INPUT_CHANGED',
    ],
    ['on an engine that was not asked for', [byAlice], { engine: 'temporal' as const }, 'NOT_APPROVED'],
    ['for a second run of one', [byAlice], { runs_used: 1 }, 'APPROVAL_USED'],
    ['for going on beyond the last run', [byAlice], { runs_used: 2, purpose: 'resume' as const }, 'APPROVAL_USED'],
    ['when nobody knows how many runs there were', [byAlice], { runs_used: Number.NaN }, 'NOT_APPROVED'],
    ['when fewer than no runs were started', [byAlice], { runs_used: -1 }, 'NOT_APPROVED'],
    ['when nobody knows the time', [byAlice], { now_ms: Number.NaN }, 'NOT_APPROVED'],
    ['at the end of time', [byAlice], { now_ms: Number.POSITIVE_INFINITY }, 'NOT_APPROVED'],
    ['when a file among the approvals cannot be read', [byAlice, utf8('{}')], {}, 'APPROVAL_INVALID'],
    ['when a file among the approvals is empty', [byAlice, new Uint8Array()], {}, 'APPROVAL_INVALID'],
    ['when a file among the approvals is too long', [byAlice, new Uint8Array(65_537)], {}, 'APPROVAL_INVALID'],
    ['when there are more than 1000 files', Array(1001).fill(byAlice), {}, 'APPROVAL_INVALID'],
    ['when the request cannot be read', [byAlice], { request_bytes: utf8('{') }, 'APPROVAL_INVALID'],
    [
      'when the request is of version 0',
      [byAlice],
      { request_bytes: changedRequest((r) => (r['v'] = 0)) },
      'APPROVAL_INVALID',
    ],
    [
      'when the request has an unknown field',
      [byAlice],
      { request_bytes: changedRequest((r) => (r['x'] = 1)) },
      'APPROVAL_INVALID',
    ],
    [
      'when the request is not canonical',
      [byAlice],
      { request_bytes: concatBytes(request.bytes, utf8('\n')) },
      'APPROVAL_INVALID',
    ],
    ['for another request', [byAlice], { request_bytes: changedRequest((r) => (r['max_runs'] = 2)) }, 'NOT_APPROVED'],
    [
      'for a request of a smaller limit',
      [byAlice],
      { request_bytes: requestOf({ limits: { ...limits, points: 59 } }).bytes },
      'NOT_APPROVED',
    ],
    ['for a lock that is not the one asked for', [byAlice], { lock_bytes: utf8('{}') }, 'LOCK_CHANGED'],
  ])('%s', (_, envelopes, changes, code) => expect(verdictOf(envelopes as Uint8Array[], changes)).toBe(code));

  test.each([
    ['by nobody whom the policy knows', mallory, {}, 'NOT_APPROVED'],
    ['by a person in the name of another', bob, {}, 'APPROVAL_INVALID'],
    ['by a person without the role', carol, { approver: { principal: 'carol', role: 'operator' } }, 'NOT_APPROVED'],
    ['by a person who claims a role', carol, { approver: { principal: 'carol', role: 'pi' } }, 'NOT_APPROVED'],
    ['by a person who claims every role', carol, { approver: { principal: 'carol', role: '*' } }, 'NOT_APPROVED'],
    [
      'in a role of the person that may not approve',
      bob,
      { approver: { principal: 'bob', role: 'operator' } },
      'NOT_APPROVED',
    ],
    ['for another lock', alice, { lock_sha256: other('lock') }, 'NOT_APPROVED'],
    ['for another request', alice, { request_sha256: other('request') }, 'NOT_APPROVED'],
    ['by a rejection', alice, { decision: 'reject' as const }, 'NOT_APPROVED'],
    ['by a revocation', alice, { decision: 'revoke' as const }, 'NOT_APPROVED'],
    ['when the approver says it is their own', alice, { self_approved: true }, 'NOT_APPROVED'],
    ['when the approval has expired', alice, { not_after: instantOf(NOON_MS + DAY_MS - 60_001) }, 'APPROVAL_EXPIRED'],
    [
      'when the approval is not yet valid',
      alice,
      { not_before: instantOf(NOON_MS + DAY_MS + 60_001) },
      'APPROVAL_EXPIRED',
    ],
  ])('%s', async (_, signer, changes, code) => expect(verdictOf([await approvalBy(signer, changes)])).toBe(code));

  test.each([
    ['an unknown version', (s: JsonObject) => (s['predicateType'] = 'https://expctl.dev/attestation/plan-approval/v2')],
    ['version 0', (s: JsonObject) => (s['predicateType'] = 'https://expctl.dev/attestation/plan-approval/v0')],
    ['another type', (s: JsonObject) => (s['_type'] = 'https://in-toto.io/Statement/v0.1')],
    ['an unknown field', (s: JsonObject) => (s['extra'] = 1)],
    ['an unknown field of the predicate', (_: JsonObject, p: JsonObject) => (p['critical'] = true)],
    ['an unknown field that begins with x-', (_: JsonObject, p: JsonObject) => (p['x-note'] = '')],
    ['an unknown decision', (_: JsonObject, p: JsonObject) => (p['decision'] = 'approve-all')],
    ['no request', (_: JsonObject, p: JsonObject) => delete p['request']],
    ['no subject', (s: JsonObject) => (s['subject'] = [])],
    [
      'a second subject',
      (s: JsonObject) => (s['subject'] as Json[]).push({ name: 'b', digest: { sha256: other('b') } }),
    ],
    [
      'a second digest',
      (s: JsonObject) => (((s['subject'] as JsonObject[])[0]!['digest'] as JsonObject)['sha512'] = 'x'),
    ],
    ['a validity without end', (_: JsonObject, p: JsonObject) => delete (p['validity'] as JsonObject)['notAfter']],
    [
      'a date that does not exist',
      (_: JsonObject, p: JsonObject) =>
        (p['validity'] = { notBefore: '2026-02-30T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' }),
    ],
    [
      'a date with an offset',
      (_: JsonObject, p: JsonObject) =>
        (p['validity'] = { notBefore: '2026-01-01T00:00:00+02:00', notAfter: '2027-01-01T00:00:00Z' }),
    ],
    ['a comment of 3 kB', (_: JsonObject, p: JsonObject) => (p['comment'] = 'a'.repeat(3000))],
  ])('by a statement that is not understood, even beside a good one: %s', async (_, change) => {
    const strange = await signedStatement(bob, (statement, predicate) => {
      predicate['approver'] = BOB.approver;
      change(statement, predicate);
    });
    expect(verdictOf([byAlice, strange])).toBe('APPROVAL_INVALID');
  });

  test('when the request says of the lock what it does not say', async () => {
    const lies = [
      requestOf({ plan_name: 'other' }),
      requestOf({ environment: { ...environment, name: 'prod' } }),
      requestOf({ limits: { ...limits, points: 61 } }),
      requestOf({ limits: { ...limits, wall_time_s: 3601 } }),
      requestOf({ limits: { ...limits, pool_hours: { cores: 9 } } }),
      requestOf({ limits: { ...limits, pool_hours: { licences: 1 } } }),
    ];
    for (const lie of lies) {
      expect(verdictOf([await approvalBy(alice, {}, lie)], { request_bytes: lie.bytes })).toBe('APPROVAL_INVALID');
    }
  });

  test('when the request asks for less than the lock states: no engine keeps such limits yet', async () => {
    const { pool_hours: _pool_hours, ...without } = limits;
    for (const less of [{ ...limits, points: 59 }, { ...limits, failed_points: 3 }, without]) {
      const narrow = requestOf({ limits: less });
      expect(verdictOf([await approvalBy(alice, {}, narrow)], { request_bytes: narrow.bytes })).toBe('NOT_APPROVED');
    }
  });

  test('when the lock cannot be read', () => {
    const error = new ExpctlError('LOCK_INVALID', 'not a lock', { hint: '' });
    expect(verdictOf([byAlice], { read_lock: () => err(error) })).toBe('LOCK_INVALID');
  });

  test('before the lock is read, when its digest is another', () => {
    let reads = 0;
    const read_lock = () => {
      reads += 1;
      return { ok: true as const, value: { lock: { name: 'x', points: [] }, facts } };
    };
    expect(verdictOf([byAlice], { lock_bytes: utf8('{}'), read_lock })).toBe('LOCK_CHANGED');
    expect(reads).toBe(0);
  });
});

describe('a refusal wins', () => {
  test.each(['reject', 'revoke'] as const)('%s, in any order and beside any number of approvals', async (decision) => {
    const no = await approvalBy(bob, { ...BOB, decision, comment: 'The mesh is too coarse.' });
    for (const envelopes of [
      [byAlice, no],
      [no, byAlice],
      [byAlice, byBob, no],
    ]) {
      const result = authorise(inputOf(envelopes));
      expect(result).toMatchObject({ ok: false, error: { code: 'NOT_APPROVED' } });
      expect(!result.ok && result.error.message).toMatch(/^bob (rejected|revoked).*too coarse/);
    }
  });

  test('when its own window is past or has not begun', async () => {
    const past = await approvalBy(bob, { ...BOB, decision: 'revoke', not_after: instantOf(NOON_MS + 1) });
    const future = await approvalBy(bob, { ...BOB, decision: 'reject', not_before: instantOf(NOON_MS + 9 * DAY_MS) });
    expect(verdictOf([byAlice, past])).toBe('NOT_APPROVED');
    expect(verdictOf([byAlice, future])).toBe('NOT_APPROVED');
  });

  test('when who requested it takes it back', async () => {
    const own = requestOf({ requested_by: 'bob' });
    const approval = await approvalBy(alice, {}, own);
    const withdrawn = await approvalBy(bob, { ...BOB, decision: 'revoke' }, own);
    expect(verdictOf([approval], { request_bytes: own.bytes })).toBe('approved');
    expect(verdictOf([approval, withdrawn], { request_bytes: own.bytes })).toBe('NOT_APPROVED');
  });

  test('but not by somebody who may not approve, nor of another request', async () => {
    const byCarol = await approvalBy(carol, { approver: { principal: 'carol', role: 'operator' }, decision: 'reject' });
    const elsewhere = await approvalBy(bob, { ...BOB, decision: 'reject' }, requestOf({ max_runs: 2 }));
    const result = unwrap(authorise(inputOf([byAlice, byCarol, elsewhere])));
    expect(result.verdict.ignored.map((one) => one.reason)).toEqual([
      'carol may not reject as operator',
      'it is about another request',
    ]);
  });
});

describe('self-approval', () => {
  const own = requestOf({ requested_by: 'alice' });
  const nobody = requestOf({ requested_by: null });
  const allowed = { trust: trustOf(trustJson({ allow_self: true })) };

  test('does not count, whatever the statement says and with whichever key', async () => {
    for (const signer of [alice, alice2]) {
      for (const self_approved of [true, false]) {
        const envelope = await approvalBy(signer, { self_approved }, own);
        expect(verdictOf([envelope], { request_bytes: own.bytes })).toBe('NOT_APPROVED');
      }
    }
  });

  test('may be anybody where nobody says who asked', async () => {
    expect(verdictOf([await approvalBy(alice, {}, nobody)], { request_bytes: nobody.bytes })).toBe('NOT_APPROVED');
  });

  test('counts where the policy allows it, and is marked', async () => {
    for (const document of [own, nobody]) {
      const envelope = await approvalBy(alice, {}, document);
      const approved = unwrap(authorise(inputOf([envelope], { ...allowed, request_bytes: document.bytes })));
      expect(approved.verdict).toMatchObject({ self_approved: true, approvals: [{ self_approved: true }] });
    }
  });

  test('is not the approval of another', async () => {
    expect(verdictOf([await approvalBy(bob, BOB, own)], { request_bytes: own.bytes })).toBe('approved');
  });
});

describe('people are counted, not signatures', () => {
  const twice = (envelope: Uint8Array) => {
    const { payloadBytes, signatures } = unwrap(parseEnvelope(envelope));
    return envelopeBytes(payloadBytes, [...signatures, { keyid: 'another', sig: signatures[0]!.sig }]);
  };

  test('one file twice, one signature twice, two statements, two keys: one person', async () => {
    const again = await approvalBy(alice, { comment: 'again' });
    const otherKey = await approvalBy(alice2);
    const url = reEnveloped(byAlice, (_, s) => (s['sig'] = String(s['sig']).replaceAll('+', '-').replaceAll('/', '_')));
    for (const second of [byAlice, twice(byAlice), again, otherKey, url]) {
      expect(verdictOf([byAlice, second], needing(2))).toBe('NOT_APPROVED');
      expect(unwrap(authorise(inputOf([byAlice, second]))).verdict.approvals).toHaveLength(1);
    }
  });

  test('both keys of a person in one file: one person', async () => {
    const { payloadBytes, signatures } = unwrap(parseEnvelope(byAlice));
    const message = preAuthenticationEncoding(PAYLOAD_TYPE, payloadBytes);
    const second = unwrap(await alice2.sign(NAMESPACES.approval, message));
    expect(verdictOf([envelopeBytes(payloadBytes, [...signatures, second])], needing(2))).toBe('NOT_APPROVED');
  });

  test('the signature of another person in the same file does not make two', async () => {
    const { payloadBytes, signatures } = unwrap(parseEnvelope(byAlice));
    const message = preAuthenticationEncoding(PAYLOAD_TYPE, payloadBytes);
    const second = unwrap(await bob.sign(NAMESPACES.approval, message));
    const both = envelopeBytes(payloadBytes, [second, ...signatures]);
    expect(verdictOf([both])).toBe('approved');
    expect(verdictOf([both], needing(2))).toBe('NOT_APPROVED');
  });

  test('a keyid decides nothing: who signed is who the key says', () => {
    const swapped = reEnveloped(byBob, (_, s) => (s['keyid'] = alice.publicKey.fingerprint));
    const { approvals } = unwrap(authorise(inputOf([swapped]))).verdict;
    expect(approvals).toMatchObject([{ principal: 'bob', keyid: bob.publicKey.fingerprint }]);
    expect(verdictOf([byAlice, swapped], needing(2))).toBe('approved');
  });

  test('bad signatures beside a good one are passed over', () => {
    const { payloadBytes, signatures } = unwrap(parseEnvelope(byAlice));
    const bad = { keyid: alice.publicKey.fingerprint, sig: toBase64(new Uint8Array(64)) };
    expect(verdictOf([envelopeBytes(payloadBytes, [bad, { keyid: '', sig: '!' }, ...signatures])])).toBe('approved');
  });
});

describe('purposes are separate', () => {
  test.each(['gate', 'request', 'checkpoint'] as const)('a signature for %s approves nothing', async (purpose) => {
    for (const signer of [alice, alice2]) {
      expect(verdictOf([await approvalBy(signer, {}, request, NAMESPACES[purpose])])).toBe('NOT_APPROVED');
    }
  });

  test.each(['git', 'file'])('neither does one of ssh for %s', async (namespace) => {
    const { payloadBytes } = unwrap(parseEnvelope(byAlice));
    const blob = alice.blob(namespace, preAuthenticationEncoding(PAYLOAD_TYPE, payloadBytes));
    expect(verdictOf([envelopeBytes(payloadBytes, [{ keyid: '', sig: toBase64(blob) }])])).toBe('NOT_APPROVED');
  });

  test('raw messages of two purposes are never the same bytes', () => {
    const pair = fc.tuple(fc.constantFrom<Namespace>(...Object.values(NAMESPACES)), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(pair, pair, ([a, x], [b, y]) => {
        fc.pre(a !== b);
        expect(Buffer.compare(rawMessage(a, x), rawMessage(b, y))).not.toBe(0);
      }),
    );
  });
});

describe('the clock may be wrong by a minute', () => {
  const begin_ms = NOON_MS;
  const end_ms = NOON_MS + 14 * DAY_MS;
  const short = { not_before: instantOf(NOON_MS + DAY_MS), not_after: instantOf(NOON_MS + 2 * DAY_MS) };

  test.each([
    ['request begins', begin_ms, -61, false],
    ['request begins', begin_ms, -59, true],
    ['request begins', begin_ms, 59, true],
    ['request ends', end_ms, -59, true],
    ['request ends', end_ms, 59, true],
    ['request ends', end_ms, 61, false],
  ])('%s, %d: %d s', (_, edge_ms, seconds, inside) => {
    expect(verdictOf([byAlice], { now_ms: edge_ms + seconds * 1000 })).toBe(inside ? 'approved' : 'APPROVAL_EXPIRED');
  });

  test.each([
    ['approval begins', NOON_MS + DAY_MS, -61, false],
    ['approval begins', NOON_MS + DAY_MS, -59, true],
    ['approval ends', NOON_MS + 2 * DAY_MS, 59, true],
    ['approval ends', NOON_MS + 2 * DAY_MS, 61, false],
  ])('%s, %d: %d s', async (_, edge_ms, seconds, inside) => {
    const envelope = await approvalBy(alice, short);
    const now_ms = edge_ms + seconds * 1000;
    expect(verdictOf([envelope], { now_ms })).toBe(inside ? 'approved' : 'APPROVAL_EXPIRED');
    // The cheap check between two full ones answers the same.
    const approved = unwrap(authorise(inputOf([envelope], { now_ms: NOON_MS + 1.5 * DAY_MS })));
    expect(approved.checkTime(now_ms).ok).toBe(inside);
  });

  test('an approval is checked cheaply against all of its windows', () => {
    const approved = unwrap(authorise(inputOf([byAlice])));
    for (const now_ms of [begin_ms - 61_000, end_ms + 61_000, Number.NaN])
      expect(approved.checkTime(now_ms).ok).toBe(false);
  });
});

describe('one byte', () => {
  test('of the lock, changed to any neighbour, denies', () => {
    for (let at = 0; at < lockBytes.length; at++) {
      for (const mask of [1, 0x20, 0x80]) {
        const changed = lockBytes.slice();
        changed[at]! ^= mask;
        expect(verdictOf([byAlice], { lock_bytes: changed }), `byte ${at}`).toBe('LOCK_CHANGED');
      }
    }
  });

  test('of the signed statement denies', () => {
    const { payloadBytes, signatures } = unwrap(parseEnvelope(byAlice));
    for (let at = 0; at < payloadBytes.length; at++) {
      const changed = payloadBytes.slice();
      changed[at]! ^= 1;
      expect(verdictOf([envelopeBytes(changed, signatures)]), `byte ${at}`).toBe('NOT_APPROVED');
    }
  });

  test.each([
    ['an SSH key', alice],
    ['a built-in key', alice2],
  ])('of the signature by %s denies', async (_, signer) => {
    const { payloadBytes, signatures } = unwrap(parseEnvelope(await approvalBy(signer)));
    const blob = Buffer.from(signatures[0]!.sig, 'base64');
    for (let at = 0; at < blob.length; at++) {
      const changed = Buffer.from(blob);
      changed[at]! ^= 1;
      expect(verdictOf([envelopeBytes(payloadBytes, [{ keyid: '', sig: toBase64(changed) }])]), `byte ${at}`).toBe(
        'NOT_APPROVED',
      );
    }
  });

  test('of the request denies', () => {
    for (let at = 0; at < request.bytes.length; at++) {
      const changed = request.bytes.slice();
      changed[at]! ^= 1;
      expect(verdictOf([byAlice], { request_bytes: changed }), `byte ${at}`).not.toBe('approved');
    }
  });
});

test('no mutation of an envelope crashes, and none approves what was not signed', () => {
  // The hint and unknown fields are not signed; so that any change is one of meaning, the envelope here has neither.
  const bare = reEnveloped(byAlice, (_, signature) => delete signature['keyid']);
  const meaning = (bytes: Uint8Array) => {
    const envelope = unwrap(parseEnvelope(bytes));
    return [envelope.payloadBytes, ...envelope.signatures.map((one) => fromBase64(one.sig, { urlSafe: true }))].map(
      String,
    );
  };
  const change = fc.record({ at: fc.nat(bare.length), remove: fc.nat(6), insert: fc.uint8Array({ maxLength: 6 }) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      let mutated: Uint8Array = bare;
      for (const { at, remove, insert } of changes) {
        mutated = concatBytes(mutated.subarray(0, at), insert, mutated.subarray(at + remove));
      }
      if (verdictOf([mutated]) === 'approved') expect(meaning(mutated)).toEqual(meaning(bare));
    }),
    { numRuns: 3_000 },
  );
});
