import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/ir/canonical.ts';
import type { Lock } from '../../src/ir/lock.ts';
import { lockPlan } from '../../src/plan/lock.ts';
import { parseLock, verifyTables } from '../../src/plan/lock-file.ts';
import { assertGolden } from '../golden.ts';
import { beamText, beamTools, changed, check, lock } from './beam.ts';

const beam = lock(beamText);

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

test('the lock of the beam, whole', () => {
  assertGolden('lock/beam.lock.txt', `${JSON.stringify(beam.lock, null, 1)}\n`);
});

test('its bytes are canonical JSON without a line end, and the same each time', () => {
  expect(beam.bytes).toBe(canonicalJson(JSON.parse(beam.bytes)));
  expect(lock(beamText).bytes).toBe(beam.bytes);
  expect(lock(beamText.replaceAll('\n', '\r\n')).bytes).toBe(beam.bytes);
  expect(lock(`# a comment\n${beamText}`).bytes).toBe(beam.bytes);
});

test('the same plan as JSON locks to the same bytes', () => {
  const value = JSON.stringify(lockableJson());
  expect(lock(value).bytes).toBe(beam.bytes);
});

function lockableJson(): unknown {
  const { checked } = check(beamText);
  return checked!.plan;
}

test('every design table is named by its digest, and points are numbered through all of them', () => {
  expect([...beam.tables.keys()]).toEqual(beam.lock.tables.map((table) => table.sha256));
  for (const [digest, text] of beam.tables) expect(sha256(text)).toBe(digest);
  expect(beam.lock.tables.map(({ id, rows, first_point }) => [id, rows, first_point])).toEqual([
    ['explore', 16, 1],
    ['refine', 8, 17],
    ['judge.1#1', 8, 25],
    ['judge.1#2', 8, 33],
  ]);
});

test('a lock names only the calls that the plan uses, and the version probe', () => {
  const small = lock(
    changed(beamText, [
      '  post:\n    call: beam/post.extract',
      '  post:\n    when: load > 1\n    call: beam/post.extract',
    ]),
  );
  expect(Object.keys(small.lock.tools[0]!.pinned.calls)).toHaveLength(7);
  const unused = structuredClone(beamTools);
  unused.tools['beam']!.calls['extra'] = { ...unused.tools['beam']!.calls['version']! };
  unused.tools['other'] = unused.tools['beam']!;
  expect(lock(beamText, { tools: unused }).bytes).toBe(beam.bytes);
});

test('without pinned tools nothing is locked', () => {
  const { checked, problems } = check(beamText, { tools: null });
  expect(problems.map(({ code, severity }) => [code, severity])).toEqual([['TOOLS_NOT_PINNED', 'warning']]);
  const locked = lockPlan(checked!);
  expect(locked.ok ? 'locked' : locked.error.code).toBe('TOOLS_INVALID');
});

describe('parseLock', () => {
  const refused = (bytes: string): string => {
    const parsed = parseLock(bytes);
    return parsed.ok ? 'accepted' : `${parsed.error.code}: ${parsed.error.message} ${parsed.error.hint}`;
  };
  const altered = (change: (lock: Lock) => void): string => {
    const copy = structuredClone(beam.lock);
    change(copy);
    return canonicalJson(copy);
  };

  test('reads what lockPlan wrote', () => {
    const parsed = parseLock(beam.bytes);
    expect(parsed.ok && parsed.value).toEqual(beam.lock);
  });

  test('any other spelling of the same values is no lock', () => {
    expect(refused(`${beam.bytes}\n`)).toContain('not in its canonical form');
    expect(refused(JSON.stringify(JSON.parse(beam.bytes), null, 1))).toContain('not in its canonical form');
    expect(refused(beam.bytes.replace('"min":5', '"min":5.0'))).toContain('not in its canonical form');
  });

  test('a later format, a missing or unknown member, a doubled key, text that is no JSON', () => {
    expect(refused(altered((it) => Object.assign(it, { expctl_lock: 2 })))).toContain('Use a newer expctl');
    expect(refused(altered((it) => Reflect.deleteProperty(it, 'budget')))).toContain(
      'LOCK_INVALID: The lock is not a lock: budget',
    );
    expect(refused(altered((it) => Object.assign(it, { extra: 1 })))).toContain('LOCK_INVALID');
    expect(refused(beam.bytes.replace('{', '{"budget":1,'))).toContain('no JSON that can be trusted');
    expect(refused('not json')).toContain('no JSON that can be trusted');
  });

  test('points that share a number', () => {
    expect(refused(altered((it) => it.tables[1]!.first_point--))).toContain('misnumbered');
    expect(refused(altered((it) => it.tables.push({ ...it.tables[0]!, first_point: 41 })))).toContain('twice');
  });
});

describe('verifyTables', () => {
  const verdict = (get: (digest: string) => string | undefined): string => {
    const verified = verifyTables(beam.lock, get);
    return verified.ok ? `${verified.value.size} tables` : verified.error.code;
  };

  test('whole, changed, missing', () => {
    expect(verdict((digest) => beam.tables.get(digest))).toBe('4 tables');
    expect(verdict((digest) => beam.tables.get(digest)!.replace('"width"', '"widht"'))).toBe('LOCK_CHANGED');
    expect(verdict((digest) => `${beam.tables.get(digest)!} `)).toBe('LOCK_CHANGED');
    expect(verdict(() => undefined)).toBe('LOCK_INVALID');
  });
});
