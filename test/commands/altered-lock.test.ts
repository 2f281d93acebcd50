import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AuthoriseWishes, authoriseLock, decideOn, gatherEvidence } from '../../src/commands/authorised.ts';
import { type LockFile, readLockFile, sha256Of } from '../../src/commands/locks.ts';
import { unwrap } from '../../src/base/result.ts';
import { type ApprovalProject, LOCK, makeApprovalProject, verdict } from './approval-project.ts';

/*
 * What was signed is what runs: no lock and no design table that differs in one byte from what was approved is ever authorised, and
 * every refusal ends with status 3.
 */

let at: ApprovalProject;
let lock_path: string;
let lock: Uint8Array;

beforeAll(async () => {
  at = await makeApprovalProject();
  lock_path = join(at.project, LOCK);
  await at.approve();
  lock = new Uint8Array(readFileSync(lock_path));
});
afterAll(() => at.remove());

const wishes = (): AuthoriseWishes => ({ purpose: 'start', trust: at.trust });

/** The lock with one byte exchanged. */
function altered(index: number, mask: number): Uint8Array {
  const bytes = Uint8Array.from(lock);
  bytes[index] = bytes[index]! ^ mask;
  return bytes;
}

function candidate(file: LockFile, bytes: Uint8Array): LockFile {
  return { ...file, lock_bytes: bytes, lock_sha256: sha256Of(bytes) };
}

test('the lock itself may run', async () => {
  const { app } = at.app();
  const approved = unwrap(await authoriseLock(app, await readLockFile(app, lock_path), wishes()));
  expect(approved.lock.name).toBe('beam-small');
});

test('every byte of the lock, one at a time: nothing is authorised', async () => {
  const { app } = at.app();
  const file = await readLockFile(app, lock_path);
  const ends = new Map<string, number>();
  for (let index = 0; index < lock.length; index++) {
    const result = await authoriseLock(app, candidate(file, altered(index, 1 << (index % 8))), wishes());
    const end = result.ok ? 'approved' : `${result.error.exit} ${result.error.code}`;
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  expect([...ends]).toEqual([['3 LOCK_CHANGED', lock.length]]);
});

test('the same where the request of the true lock is put beside it', async () => {
  const { app } = at.app();
  const file = await readLockFile(app, lock_path);
  const gathered = unwrap(await gatherEvidence(app, file, wishes()));
  expect(decideOn(app, file, gathered, wishes()).ok).toBe(true);
  const ends = new Map<string, number>();
  for (let index = 0; index < lock.length; index++) {
    // A liar says of these bytes that they have the true digest.
    const liar = { ...file, lock_bytes: altered(index, 0x80 >> (index % 8)) };
    const result = decideOn(app, liar, gathered, wishes());
    const end = result.ok ? 'approved' : `${result.error.exit} ${result.error.code}`;
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  expect([...ends]).toEqual([['3 LOCK_CHANGED', lock.length]]);
});

test('bytes added or taken away, at either end: nothing is authorised', async () => {
  const others = [
    [],
    [...lock.slice(1)],
    [...lock.slice(0, -1)],
    [...lock, 0x0a],
    [0x20, ...lock],
    [0xef, 0xbb, 0xbf, ...lock],
    [...lock, ...lock],
  ];
  try {
    for (const bytes of others) {
      writeFileSync(lock_path, Uint8Array.from(bytes));
      expect(await verify(), `${bytes.length} bytes`).toBe('3 LOCK_CHANGED');
    }
  } finally {
    writeFileSync(lock_path, lock);
  }
  expect(await verify()).toBe('may run');
});

test('the program says so too: a sample of bytes, each in a process of its own', async () => {
  const indices = [0, 1, Math.floor(lock.length / 2), lock.length - 1];
  try {
    for (const index of indices) {
      writeFileSync(lock_path, altered(index, 0x80 >> (index % 3)));
      const { status, stdout } = await at.runProcess(['verify', lock_path, '--trust', at.trust, '--json']);
      expect(status, `byte ${index}`).toBe(3);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'LOCK_CHANGED' } });
    }
  } finally {
    writeFileSync(lock_path, lock);
  }
});

test('every byte of a design table, one at a time: verify ends with status 3', async () => {
  const folder = join(at.project, 'plans/beam-small.designs');
  const table_path = join(folder, readdirSync(folder)[0]!);
  const table = new Uint8Array(readFileSync(table_path));
  const ends = new Set<string>();
  try {
    for (let index = 0; index < table.length; index++) {
      const bytes = Uint8Array.from(table);
      bytes[index] = bytes[index]! ^ (1 << (index % 8));
      writeFileSync(table_path, bytes);
      ends.add(await verify());
    }
    writeFileSync(table_path, Uint8Array.from([0xef, 0xbb, 0xbf, ...table]));
    ends.add(await verify());
  } finally {
    writeFileSync(table_path, table);
  }
  expect([...ends]).toEqual(['3 LOCK_CHANGED']);
  expect(await verify()).toBe('may run');
});

test('a lock that nobody asked about is not read, whatever it is', async () => {
  const stranger = join(at.project, 'plans/stranger.lock.json');
  for (const text of ['', '{', 'no lock', '{"expctl_lock":1}', '\u0000']) {
    writeFileSync(stranger, text);
    expect(await verify(stranger), text).toBe('3 NOT_APPROVED');
  }
});

async function verify(path = lock_path): Promise<string> {
  return verdict(await at.run(['verify', path, '--trust', at.trust, '--json']));
}
