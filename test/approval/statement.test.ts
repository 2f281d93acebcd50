import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/approval/bytes.ts';
import { buildApproval, parseApproval, parseGateDecision, statementId } from '../../src/approval/statement.ts';
import { unwrap } from '../../src/base/result.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import { assertGolden } from '../golden.ts';
import { approvalOptions, countedBytes, NOON_MS } from './fixtures.ts';

const payload = unwrap(buildApproval(approvalOptions()));

test('an approval is an in-toto Statement', () => {
  const statement = unwrap(parseApproval(payload));
  assertGolden('approval/statement.json', `${JSON.stringify(statement, null, 2)}\n`);
  expect(new TextDecoder().decode(payload)).toBe(canonicalJson(statement));
});

test('an approval is not a gate decision', () => {
  expect(parseGateDecision(payload)).toMatchObject({ ok: false, error: { code: 'APPROVAL_INVALID' } });
});

describe('what cannot be signed', () => {
  test.each([
    ['a comment of 3 kB', { comment: 'a'.repeat(3_000) }],
    ['half a character', { comment: '\ud83d' }],
    ['a NUL', { comment: 'a\0b' }],
    ['a name that is none', { approver: { principal: 'Älice', role: 'pi' } }],
    ['a time that is none', { not_after: 'tomorrow' }],
    ['too little randomness', { random: (count: number) => new Uint8Array(count - 1) }],
  ])('%s', (_, changes) => {
    expect(buildApproval(approvalOptions(undefined, changes))).toMatchObject({ ok: false, error: { code: 'USAGE' } });
  });
});

test.each([
  ['not JSON', utf8('yes')],
  ['a key twice', utf8('{"_type":"a","_type":"b"}')],
  ['-0', utf8('{"_type":-0}')],
  ['a prototype', utf8('{"__proto__":{}}')],
  ['not UTF-8', new Uint8Array([0xff])],
])('a payload is refused: %s', (_, bytes) => {
  expect(parseApproval(bytes)).toMatchObject({ ok: false, error: { code: 'APPROVAL_INVALID' } });
});

test('a statement id is a UUID of version 7 that holds the time', () => {
  const id = statementId(NOON_MS, countedBytes());
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(NOON_MS);
  // RFC 9562, appendix A.6.
  const random = Uint8Array.from([0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f]);
  expect(statementId(0x017f22e279b0, () => random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
});
