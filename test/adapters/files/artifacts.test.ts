import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FileArtifacts } from '../../../src/adapters/files/artifacts.ts';

const BYTES = new TextEncoder().encode('*NODE\n1, 0.0, 0.0, 0.0\n');
const SHA256 = createHash('sha256').update(BYTES).digest('hex');

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'expctl-artifacts-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function pathOf(folder: string, sha256: string): string {
  return join(folder, 'cas', 'sha256', sha256.slice(0, 2), sha256.slice(2));
}

/** A store that holds BYTES, and the file in which it does. */
async function filled(): Promise<{ store: FileArtifacts; folder: string; path: string }> {
  const folder = temporaryFolder();
  const store = new FileArtifacts(folder);
  await store.put(BYTES);
  const path = pathOf(folder, SHA256);
  return { store, folder, path };
}

function damage(path: string, how: (path: string) => void): void {
  chmodSync(path, 0o644);
  how(path);
}

describe('put', () => {
  test('keeps bytes under their digest, for reading only, and leaves nothing else behind', async () => {
    const folder = join(temporaryFolder(), '.expctl');
    const store = new FileArtifacts(folder);
    expect(await store.has(SHA256)).toBe(false);
    expect(await store.put(BYTES)).toEqual({ sha256: SHA256, bytes: BYTES.length });
    expect(await store.has(SHA256)).toBe(true);
    expect(statSync(pathOf(folder, SHA256)).mode & 0o777).toBe(0o444);
    expect(readdirSync(join(folder, 'cas', 'tmp'))).toEqual([]);
    expect(await store.get(SHA256)).toEqual({ ok: true, value: Buffer.from(BYTES) });
  });

  test('keeps the empty file', async () => {
    const store = new FileArtifacts(temporaryFolder());
    const { sha256, bytes } = await store.put(new Uint8Array());
    expect(bytes).toBe(0);
    expect(await store.get(sha256)).toMatchObject({ ok: true, value: { length: 0 } });
  });

  test('of the same bytes, at once and again, keeps one file and does not write it again', async () => {
    const { store, folder, path } = await filled();
    const before = statSync(path);
    await store.put(BYTES);
    expect(statSync(path)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
    const other = new TextEncoder().encode('other');
    const { sha256 } = (await Promise.all(Array.from({ length: 8 }, () => store.put(other))))[0]!;
    expect(await store.get(sha256)).toMatchObject({ ok: true });
    expect(readdirSync(join(folder, 'cas', 'tmp'))).toEqual([]);
  });

  test('replaces an object that rotted', async () => {
    const { store, path } = await filled();
    damage(path, (file) => writeFileSync(file, 'rotten'));
    await store.put(BYTES);
    expect(await store.get(SHA256)).toMatchObject({ ok: true });
  });

  test('replaces a link that lies where an object should, and does not follow it', async () => {
    const { store, folder, path } = await filled();
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'mine');
    rmSync(path);
    symlinkSync(victim, path);
    expect(await store.has(SHA256)).toBe(false);
    expect(await store.get(SHA256)).toMatchObject({ ok: false, error: { code: 'ARTIFACT_CORRUPT' } });
    await store.put(BYTES);
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    expect(await store.get(SHA256)).toMatchObject({ ok: true });
  });

  test.each(['cas', 'cas/tmp', 'cas/sha256', `cas/sha256/${SHA256.slice(0, 2)}`])(
    'refuses a store in which %s is a link to elsewhere',
    async (part) => {
      const folder = temporaryFolder();
      const elsewhere = temporaryFolder();
      mkdirSync(dirname(join(folder, part)), { recursive: true });
      symlinkSync(elsewhere, join(folder, part));
      const refusal = { code: 'STORE_UNUSABLE', message: expect.stringContaining('is not a folder') };
      await expect(new FileArtifacts(folder).put(BYTES)).rejects.toMatchObject(refusal);
      expect(readdirSync(elsewhere, { recursive: true })).toEqual([]);
    },
  );

  test('says that the store cannot be used where it cannot', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const store = new FileArtifacts(join(file, '.expctl'));
    await expect(store.put(BYTES)).rejects.toMatchObject({ code: 'STORE_UNUSABLE', hint: expect.any(String) });
  });
});

describe('putFile', () => {
  test('of a file that grows faster than it is read, what was there at the beginning is kept', async () => {
    const folder = temporaryFolder();
    const source = join(folder, 'growing.log');
    const [first, piece] = [Buffer.alloc(32 << 20, 'x'), Buffer.alloc(4 << 20, 'y')];
    writeFileSync(source, first);
    const temporary = join(folder, 'cas', 'tmp');
    let pieces = 0;
    let done = false;
    const grow = (): void => {
      const isRead = existsSync(temporary) && readdirSync(temporary).length > 0;
      if (isRead) appendFileSync(source, piece);
      pieces += isRead ? 1 : 0;
      if (!done && pieces < 50) setImmediate(grow);
    };
    grow();
    const kept = await new FileArtifacts(folder).putFile(source);
    done = true;
    expect(pieces).toBeGreaterThan(0);
    expect(kept.bytes).toBe(first.length);
    expect(statSync(pathOf(folder, kept.sha256)).size).toBe(kept.bytes);
  });

  test('keeps a file of several chunks', async () => {
    const folder = temporaryFolder();
    const source = join(folder, 'mesh.inp');
    const bytes = Buffer.alloc(2_500_000, 'the quick brown fox ');
    writeFileSync(source, bytes);
    const store = new FileArtifacts(folder);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(await store.putFile(source)).toEqual({ sha256, bytes: bytes.length });
    expect(await store.putFile(source)).toEqual({ sha256, bytes: bytes.length });
    expect(await store.get(sha256)).toEqual({ ok: true, value: bytes });
    expect(readdirSync(join(folder, 'cas', 'tmp'))).toEqual([]);
  });

  test('refuses links, pipes, folders and what is not there', async () => {
    const folder = temporaryFolder();
    const store = new FileArtifacts(folder);
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'secret');
    symlinkSync(secret, join(folder, 'link'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const expected = { link: 'symbolic link', pipe: 'regular file', '.': 'regular file', missing: 'ENOENT' };
    for (const [name, why] of Object.entries(expected)) {
      const refusal = { code: 'FILE_UNREADABLE', message: expect.stringContaining(why) };
      await expect(store.putFile(join(folder, name)), name).rejects.toMatchObject(refusal);
    }
    expect(readdirSync(folder)).not.toContain('cas');
  });
});

describe('get', () => {
  test.each<[string, (path: string) => void]>([
    [
      'changed by a bit',
      (path) =>
        writeFileSync(
          path,
          BYTES.map((byte, index) => (index === 3 ? byte ^ 1 : byte)),
        ),
    ],
    ['cut', (path) => truncateSync(path, BYTES.length - 1)],
    ['emptied', (path) => truncateSync(path, 0)],
    ['made longer', (path) => writeFileSync(path, 'x', { flag: 'a' })],
    [
      'made a folder',
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
    ],
  ])('refuses an object that was %s', async (_how, how) => {
    const { store, path } = await filled();
    damage(path, how);
    expect(await store.get(SHA256)).toMatchObject({
      ok: false,
      error: {
        code: 'ARTIFACT_CORRUPT',
        message: expect.stringContaining(SHA256),
        hint: expect.stringContaining(path),
      },
    });
  });

  test('does not find what is not there, nor what no digest names', async () => {
    const { store, path } = await filled();
    const outside = `../../../../${'a'.repeat(52)}`;
    for (const name of ['0'.repeat(64), outside, '', SHA256.toUpperCase()]) {
      expect(await store.get(name)).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } });
      expect(await store.has(name)).toBe(false);
    }
    rmSync(path);
    expect(await store.get(SHA256)).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } });
  });
});
