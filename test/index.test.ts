import { describe, expect, test } from 'vitest';
import * as expctl from '../src/index.ts';
import { utf8 } from '../src/approval/bytes.ts';
import { lockFacts } from '../src/approval/lock-facts.ts';
import { unwrap } from '../src/base/result.ts';
import { approvalBy, DAY_MS, NOON_MS, people, requestOf, trustJson } from './approval/fixtures.ts';
import { beamText, beamToolsBytes } from './plan/beam.ts';

/** The library as its page shows it: nothing but what src/index.ts exports. */
function checked(text: string): expctl.CheckOutput {
  const source = expctl.readSource('beam.plan.yaml', utf8(text));
  if (!source.ok) throw new Error(source.error[0]?.message);
  const tools = unwrap(expctl.parseToolsLock(beamToolsBytes));
  return expctl.checkPlan({ plan: source.value, tools, environment: expctl.LOCAL_ENVIRONMENT, file: () => undefined });
}

function locked(text: string): expctl.LockedPlan {
  return unwrap(expctl.lockPlan(checked(text).checked!));
}

test('check, lock and compare plans', () => {
  const { problems } = checked(beamText.replace('max: 20', 'max: 2, step: 1'));
  expect(problems.map(({ code, pointer }) => [code, pointer])).toEqual([
    ['VARIABLE', '/variables/width/min'],
    ['UNKNOWN_KEY', '/variables/width/step'],
  ]);
  const before = locked(beamText);
  const after = locked(beamText.replace('max: 20', 'max: 25'));
  expect(unwrap(expctl.parseLock(before.bytes))).toEqual(before.lock);
  expect(expctl.diffPlans(before.lock, before.lock)).toEqual([]);
  expect(expctl.diffPlans(before.lock, after.lock)[0]).toEqual({
    kind: 'changed',
    section: 'variables',
    name: 'width.max',
    before: '20 mm',
    after: '25 mm',
    effect: 'widened',
  });
});

test('canonicalJson is RFC 8785', () => {
  expect(expctl.canonicalJson({ b: 1e21, a: [-0, 'é'] })).toBe('{"a":[0,"é"],"b":1e+21}');
  expect(() => expctl.canonicalJson({ a: Number.NaN })).toThrow(TypeError);
});

test('drawDesign draws the same points each time', () => {
  const variables: expctl.DesignVariable[] = [{ name: 'x', kind: 'real', min: 0, max: 1 }];
  const generator = { kind: 'sobol', points: 4, seed: 0, scramble: false, skip: 0 } as const;
  const { points } = unwrap(expctl.drawDesign(generator, variables));
  expect(points.map(({ x }) => x)).toEqual([0, 0.5, 0.75, 0.25]);
});

describe('verifyApproval', async () => {
  const { bytes, lock } = locked(beamText);
  const lock_sha256 = (await import('../src/approval/bytes.ts')).sha256Hex(utf8(bytes));
  const { environment, limits } = lockFacts(lock);
  const request = requestOf({ lock_sha256, environment, limits });
  const approval = await approvalBy(people.alice, { lock_sha256 }, request);
  const refusal = await approvalBy(people.alice2, { lock_sha256, decision: 'reject' }, request);
  const trust = utf8(JSON.stringify(trustJson()));
  const input = { lock: utf8(bytes), request: request.bytes, envelopes: [approval], trust, now_ms: NOON_MS + DAY_MS };
  const verdict = (changes: Partial<expctl.VerifyInput>): string => {
    const verified = expctl.verifyApproval({ ...input, ...changes });
    return verified.ok ? verified.value.approvals.map(({ principal }) => principal).join() : verified.error.code;
  };

  test('says who approved', () => expect(verdict({})).toBe('alice'));

  test.each<[string, Partial<expctl.VerifyInput>, string]>([
    ['nobody signed', { envelopes: [] }, 'NOT_APPROVED'],
    ['somebody refused', { envelopes: [approval, refusal] }, 'NOT_APPROVED'],
    ['another lock', { lock: utf8(locked(beamText.replace('seed: 7', 'seed: 8')).bytes) }, 'LOCK_CHANGED'],
    ['a byte that is no text', { lock: Uint8Array.of(0xff) }, 'LOCK_INVALID'],
    ['after its time', { now_ms: NOON_MS + 15 * DAY_MS }, 'APPROVAL_EXPIRED'],
    ['all runs used', { runs_used: 1 }, 'APPROVAL_USED'],
    ['another engine', { engine: 'prefect' }, 'NOT_APPROVED'],
    ['a trust policy that is none', { trust: utf8('{}') }, 'TRUST_INVALID'],
  ])('%s', (_, changes, code) => expect(verdict(changes)).toBe(code));
});
