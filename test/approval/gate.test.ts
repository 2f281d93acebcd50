import { describe, expect, test } from 'vitest';
import { sha256Hex, utf8 } from '../../src/approval/bytes.ts';
import { instantOf } from '../../src/approval/fields.ts';
import { verifyGateDecision } from '../../src/approval/gate.ts';
import type { OpenGate } from '../../src/approval/gate.ts';
import { NAMESPACES } from '../../src/approval/signature.ts';
import type { Namespace } from '../../src/approval/signature.ts';
import { signEnvelope } from '../../src/approval/signer.ts';
import type { Signer } from '../../src/approval/signer.ts';
import { buildGateDecision } from '../../src/approval/statement.ts';
import type { GateDecisionOptions } from '../../src/approval/statement.ts';
import type { Trust } from '../../src/approval/trust.ts';
import type { Json, JsonObject } from '../../src/base/json.ts';
import { unwrap } from '../../src/base/result.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import {
  approvalBy,
  BOB,
  countedBytes,
  DAY_MS,
  lock_sha256,
  NOON_MS,
  people,
  request,
  trust,
  trustJson,
  trustOf,
} from './fixtures.ts';

const { alice, bob, carol, mallory } = people;
const hash = (text: string) => sha256Hex(utf8(text));

const gate: OpenGate = {
  lock_sha256,
  request_sha256: request.sha256,
  requested_by: 'dave',
  run_id: 'run-1',
  gate: 'pilot',
  occurrence: 1,
  role: 'lead',
  outcomes: ['continue', 'stop'],
  journal_head: { stream: 'study', seq: 42, hash: hash('head') },
  evidence_sha256: hash('evidence'),
};

function options(changes: Partial<GateDecisionOptions> = {}): GateDecisionOptions {
  return {
    lock_sha256,
    request_sha256: request.sha256,
    run_id: gate.run_id,
    gate: gate.gate,
    occurrence: gate.occurrence,
    outcome: 'continue',
    journal_head: gate.journal_head,
    evidence_sha256: gate.evidence_sha256,
    approver: BOB.approver,
    not_before: instantOf(NOON_MS),
    not_after: instantOf(NOON_MS + DAY_MS),
    comment: 'Looks right.',
    now_ms: NOON_MS,
    random: countedBytes(),
    ...changes,
  };
}

async function decisionBy(
  signer: Signer,
  changes: Partial<GateDecisionOptions> = {},
  namespace: Namespace = NAMESPACES.gate,
) {
  return unwrap(await signEnvelope(signer, namespace, unwrap(buildGateDecision(options(changes)))));
}

interface Circumstances {
  gate?: Partial<OpenGate>;
  trust?: Trust;
  now_ms?: number;
}

function verify(envelope: Uint8Array, changes: Circumstances = {}) {
  return verifyGateDecision({
    envelope,
    gate: { ...gate, ...changes.gate },
    trust: changes.trust ?? trust,
    now_ms: changes.now_ms ?? NOON_MS + 1000,
  });
}

test('a decision by who has the role opens the gate', async () => {
  const envelope = await decisionBy(bob);
  const decision = unwrap(verify(envelope));
  expect(decision.outcome).toBe('continue');
  expect(decision.details).toEqual({
    outcome: 'continue',
    principal: 'bob',
    role: 'lead',
    keyid: bob.publicKey.fingerprint,
    statement_id: expect.any(String),
    statement_sha256: sha256Hex(unwrap(buildGateDecision(options()))),
    envelope_sha256: sha256Hex(envelope),
    comment: 'Looks right.',
    self_approved: false,
  });
  expect(() => Object.assign(decision.details, { outcome: 'stop' })).toThrow(TypeError);
});

describe('a decision is denied that was made for another', () => {
  test.each([
    ['lock', { lock_sha256: hash('x') }],
    ['request', { request_sha256: hash('x') }],
    ['run', { run_id: 'run-2' }],
    ['gate', { gate: 'final' }],
    ['occurrence', { occurrence: 2 }],
    ['evidence', { evidence_sha256: hash('x') }],
    ['journal head', { journal_head: { ...gate.journal_head, seq: 43 } }],
    ['journal head', { journal_head: { ...gate.journal_head, hash: hash('rewritten') } }],
    ['journal head', { journal_head: { ...gate.journal_head, stream: 'point/1' } }],
  ])('%s', async (name, changes) => {
    const replayed = verify(await decisionBy(bob, changes));
    expect(replayed).toMatchObject({ ok: false, error: { code: 'APPROVAL_INVALID' } });
    expect(!replayed.ok && replayed.error.message).toBe(`The decision was made for another ${name}.`);
    expect(verify(await decisionBy(bob), { gate: changes }).ok).toBe(false);
  });
});

describe('a decision is denied', () => {
  test.each<[string, Signer, Partial<GateDecisionOptions>, Circumstances, string]>([
    ['by nobody whom the policy knows', mallory, {}, {}, 'NOT_APPROVED'],
    ['in the name of another', alice, {}, {}, 'APPROVAL_INVALID'],
    ['without the role', carol, { approver: { principal: 'carol', role: 'lead' } }, {}, 'NOT_APPROVED'],
    [
      'in another role than the gate asks for',
      bob,
      { approver: { principal: 'bob', role: 'operator' } },
      {},
      'NOT_APPROVED',
    ],
    ['with an outcome that the plan does not list', bob, { outcome: 'set(x=999)' }, {}, 'NOT_APPROVED'],
    [
      'when the gate asks for a role without a rule',
      alice,
      { approver: { principal: 'alice', role: 'pi' } },
      { gate: { role: 'pi' } },
      'NOT_APPROVED',
    ],
    ['by who requested the run', bob, {}, { gate: { requested_by: 'bob' } }, 'NOT_APPROVED'],
    ['when nobody knows who requested the run', bob, {}, { gate: { requested_by: null } }, 'NOT_APPROVED'],
    ['before it is valid', bob, {}, { now_ms: NOON_MS - 61_000 }, 'APPROVAL_EXPIRED'],
    ['after it was valid', bob, {}, { now_ms: NOON_MS + DAY_MS + 61_000 }, 'APPROVAL_EXPIRED'],
    ['when nobody knows the time', bob, {}, { now_ms: Number.NaN }, 'APPROVAL_EXPIRED'],
    [
      'under a policy that has expired',
      bob,
      {},
      { trust: trustOf(trustJson({}, { expires: instantOf(NOON_MS) })) },
      'TRUST_INVALID',
    ],
  ])('%s', async (_, signer, changes, circumstances, code) => {
    const result = verify(await decisionBy(signer, changes), circumstances);
    expect(result.ok ? 'verified' : result.error.code).toBe(code);
  });

  test.each(['approval', 'request', 'checkpoint'] as const)('signed for %s', async (purpose) => {
    expect(verify(await decisionBy(bob, {}, NAMESPACES[purpose]))).toMatchObject({ error: { code: 'NOT_APPROVED' } });
  });

  test('that is an approval of the plan, whatever it was signed for', async () => {
    expect(verify(await approvalBy(bob, BOB)).ok).toBe(false);
    const result = verify(await approvalBy(bob, BOB, request, NAMESPACES.gate));
    expect(result).toMatchObject({ error: { code: 'APPROVAL_INVALID' } });
  });

  test('that cannot be read', () => expect(verify(utf8('{}'))).toMatchObject({ error: { code: 'APPROVAL_INVALID' } }));

  test.each([
    [
      'of an unknown version',
      (s: JsonObject) => (s['predicateType'] = 'https://expctl.dev/attestation/gate-decision/v2'),
    ],
    ['with an unknown field', (s: JsonObject) => ((s['predicate'] as JsonObject)['limits'] = {})],
    ['without a journal head', (s: JsonObject) => delete (s['predicate'] as JsonObject)['journalHead']],
  ])('%s', async (_, change) => {
    const statement = JSON.parse(new TextDecoder().decode(unwrap(buildGateDecision(options())))) as JsonObject;
    change(statement);
    const envelope = unwrap(await signEnvelope(bob, NAMESPACES.gate, utf8(canonicalJson(statement))));
    expect(verify(envelope)).toMatchObject({ ok: false, error: { code: 'APPROVAL_INVALID' } });
  });
});

describe('a rule for gates', () => {
  const rule = (changes: { [key: string]: Json }): Json => ({
    allow_self: false,
    allow_without_terminal: false,
    ...changes,
  });
  const withGates = (gates: { [role: string]: Json }) => trustOf(trustJson({}, { rules: { gates } }));

  test('of * is for every role that has none', async () => {
    expect(verify(await decisionBy(bob), { trust: withGates({ '*': rule({}) }) }).ok).toBe(true);
    const own = { gate: { requested_by: 'bob' } };
    const trusted = withGates({ '*': rule({ allow_self: true }), lead: rule({}) });
    expect(verify(await decisionBy(bob), { ...own, trust: trusted }).ok).toBe(false);
  });

  test('may allow who requested the run; the decision then says so', async () => {
    const trusted = withGates({ lead: rule({ allow_self: true }) });
    for (const requested_by of ['bob', null]) {
      const decision = unwrap(verify(await decisionBy(bob), { gate: { requested_by }, trust: trusted }));
      expect(decision.details.self_approved).toBe(true);
    }
  });
});
