import { hash } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { unwrap } from '../../src/base/result.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import { compileProgram } from '../../src/kernel/program.ts';
import { valuesOf } from '../../src/kernel/study.ts';
import { parseLock, verifyTables } from '../../src/plan/lock-file.ts';
import { provedLock, provedTables } from '../../src/plan/proved.ts';
import { richLock } from '../kernel/locks.ts';

/** The rich lock of the kernel's tests with tables that have digests, as files. */
function files() {
  const { lock, tables } = richLock();
  const texts = new Map<string, string>();
  const named = lock.tables.map((locked) => {
    const text = canonicalJson(tables.get(locked.id)!);
    const sha256 = hash('sha256', text);
    texts.set(sha256, text);
    return { ...locked, sha256 };
  });
  return { text: canonicalJson({ ...lock, tables: named }), get: (sha256: string) => texts.get(sha256), texts };
}

describe('what was proved and is looked at', () => {
  test('is what strict parsing gives', () => {
    const { text, get } = files();
    const [strict, looked] = [unwrap(parseLock(text)), unwrap(provedLock(text))];
    expect(looked).toEqual(strict);
    const programs = [verifyTables, provedTables].map((tablesOf) =>
      unwrap(compileProgram(looked, unwrap(tablesOf(looked, get)))),
    );
    const points = looked.tables.reduce((sum, { rows }) => sum + rows, 0);
    expect(points).toBeGreaterThan(10);
    for (let point = 1; point <= points; point += 1) {
      expect(valuesOf(programs[1]!, point)).toEqual(valuesOf(programs[0]!, point));
    }
    expect([...programs[1]!.tables.values()].map(({ rows }) => [...rows])).toEqual(
      [...programs[0]!.tables.values()].map(({ rows }) => rows),
    );
  });

  test('has no holes for whoever maps over its rows', () => {
    const { text, get } = files();
    const lock = unwrap(provedLock(text));
    const mapped = [...unwrap(provedTables(lock, get)).values()].map(({ rows }) => rows.map((row) => row.length));
    expect(mapped.flat()).toHaveLength(lock.tables.reduce((sum, { rows }) => sum + rows, 0));
    expect(JSON.stringify(mapped)).not.toContain('null');
  });

  test('parses a table once a row is asked for, and once', () => {
    const { text, get, texts } = files();
    const lock = unwrap(provedLock(text));
    const parse = vi.spyOn(JSON, 'parse');
    const tables = unwrap(provedTables(lock, get));
    const program = unwrap(compileProgram(lock, tables));
    expect(parse).not.toHaveBeenCalled();
    for (const point of [1, 2, 3]) valuesOf(program, point);
    expect(parse.mock.calls).toEqual([[texts.get(lock.tables[0]!.sha256)]]);
    parse.mockRestore();
  });

  test.each([
    ['no JSON', '{', 'no lock'],
    ['another document', '[]', 'no lock'],
    ['a newer lock', '{"expctl_lock":99}', 'format 99'],
  ])('is refused where it is %s', (_what, text, message) => {
    const lock = provedLock(text);
    expect(lock.ok ? 'read' : lock.error).toMatchObject({
      code: 'LOCK_INVALID',
      message: expect.stringContaining(message),
    });
  });

  test('is refused where a table is missing', () => {
    const lock = unwrap(provedLock(files().text));
    expect(provedTables(lock, () => undefined)).toMatchObject({ ok: false, error: { code: 'LOCK_INVALID' } });
  });
});
