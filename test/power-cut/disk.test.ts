import { Buffer } from 'node:buffer';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { CallReader } from './calls.ts';
import { Disk } from './disk.ts';
import type { Image, Kept, Operation } from './image.ts';

let root: string;
let reader: CallReader;
let disk: Disk;
let line: number;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-disk-')));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(join(root, 'old'), 'before');
  reader = new CallReader();
  disk = new Disk(root);
  line = 0;
});

/** A line as strace writes it, with paths below the root and texts in hexadecimal digits. */
function log(text: string, process = 1): number {
  const hex = (plain: string) =>
    [...Buffer.from(plain)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  const encoded = text
    .replace(/<\/([^>]*)>/g, (_, path: string) => `<${hex(path === '' ? root : join(root, path))}>`)
    .replace(
      /"(\/?)([^"]*)"/g,
      (_, slash: string, rest: string) => `"${hex(slash === '/' ? join(root, rest) : rest)}"`,
    );
  const call = reader.take(`${process} ${encoded}`);
  if (call !== null) disk.take(call);
  line += 1;
  return line;
}

function found(cut: number, keep: (operation: Operation) => Kept = () => 'nothing'): Record<string, string | null> {
  const image: Image = disk.image(cut, keep);
  return Object.fromEntries([...image].map(([path, { bytes }]) => [path, bytes?.toString() ?? null]));
}

const NOW = (): number => line + 1;

describe('what is on the disk after a cut', () => {
  test('what was there before', () => {
    expect(found(NOW())).toEqual({ old: 'before' });
  });

  test('a file, once it and its name were synced', () => {
    log('openat(AT_FDCWD</>, "/new", O_WRONLY|O_CREAT|O_CLOEXEC, 0644) = 3</new>');
    log('write(3</new>, "text", 4) = 4');
    log('fsync(3</new>) = 0');
    expect(found(NOW())).toEqual({ old: 'before' });
    log('fsync(4</>) = 0');
    expect(found(NOW())).toEqual({ old: 'before', new: 'text' });
    expect(disk.unsynced(NOW())).toEqual([]);
  });

  test('nothing of a write that went on when the sync began', () => {
    log('openat(AT_FDCWD</>, "/old", O_RDWR) = 3</old>');
    log('pwrite64(3</old>, "X", 1, 0 <unfinished ...>', 1);
    log('fsync(3</old>) = 0', 2);
    log('<... pwrite64 resumed>) = 1', 1);
    expect(found(NOW())).toEqual({ old: 'before' });
    log('fdatasync(3</old>) = 0', 2);
    expect(found(NOW())).toEqual({ old: 'Xefore' });
  });

  test('for certain nothing of what a sync could not write, whatever syncs succeed later', () => {
    log('openat(AT_FDCWD</>, "/old", O_RDWR) = 3</old>');
    log('pwrite64(3</old>, "X", 1, 0) = 1');
    log('fdatasync(3</old>) = -1 EIO (Input/output error) (INJECTED)');
    log('pwrite64(3</old>, "Y", 1, 1) = 1');
    log('fdatasync(3</old>) = 0');
    expect(found(NOW())).toEqual({ old: 'bYfore' });
    log('pwrite64(3</old>, "X", 1, 0) = 1');
    log('fdatasync(3</old>) = 0');
    expect(found(NOW())).toEqual({ old: 'XYfore' });
  });

  test('not what began after it, and anything of what began before', () => {
    log('openat(AT_FDCWD</>, "/old", O_RDWR) = 3</old>');
    const at = log('pwrite64(3</old>, "AB", 2, 0) = 2');
    log('ftruncate(3</old>, 3) = 0');
    expect(found(at, () => 'all')).toEqual({ old: 'before' });
    expect(found(at + 1, () => 'all')).toEqual({ old: 'ABfore' });
    expect(found(NOW(), () => 'all')).toEqual({ old: 'ABf' });
    expect(found(NOW(), ({ kind }) => (kind === 'data' ? [{ from: 1, to: 2 }] : 'all'))).toEqual({ old: 'bBf' });
  });

  test('the old file or the new one under a name that was replaced', () => {
    log('openat(AT_FDCWD</>, "/next", O_WRONLY|O_CREAT|O_EXCL, 0644) = 3</next>');
    log('write(3</next>, "after", 5) = 5');
    log('fsync(3</next>) = 0');
    log('rename("/next", "/old") = 0');
    expect(found(NOW())).toEqual({ old: 'before' });
    expect(found(NOW(), () => 'all')).toEqual({ old: 'after' });
    log('fsync(4</>) = 0');
    expect(found(NOW())).toEqual({ old: 'after' });
  });

  test('a file that moved to another folder, in one of the two at least', () => {
    log('mkdir("/shelf", 0700) = 0');
    log('fsync(4</>) = 0');
    log('rename("/old", "/shelf/old") = 0');
    for (const first of ['all', 'nothing'] as const) {
      for (const second of ['all', 'nothing'] as const) {
        const keeps: Kept[] = [first, second];
        const after = found(NOW(), () => keeps.shift()!);
        expect(Object.keys(after).filter((path) => path.endsWith('old'))).not.toEqual([]);
      }
    }
  });

  test('no file in a folder whose name was not synced', () => {
    log('mkdir("/shelf", 0700) = 0');
    log('openat(AT_FDCWD</>, "/shelf/a", O_WRONLY|O_CREAT, 0644) = 3</shelf/a>');
    log('fsync(3</shelf/a>) = 0');
    log('fsync(4</shelf>) = 0');
    expect(found(NOW())).toEqual({ old: 'before' });
    log('fsync(5</>) = 0');
    expect(found(NOW())).toEqual({ old: 'before', shelf: null, 'shelf/a': '' });
  });

  test('a call that failed did nothing', () => {
    log('unlink("/old") = -1 EACCES (Permission denied)');
    expect(found(NOW(), () => 'all')).toEqual({ old: 'before' });
  });
});

describe('a log', () => {
  test('that shows a later call first is put in order', () => {
    log('mkdir("/a", 0700 <unfinished ...>', 1);
    log('mkdir("/a/b", 0700) = 0', 2);
    expect(disk.unexplained).toHaveLength(1);
    log('<... mkdir resumed>) = 0', 1);
    expect(disk.unexplained).toEqual([]);
    expect(found(NOW(), () => 'all')).toEqual({ old: 'before', a: null, 'a/b': null });
  });

  test('with a call that changes files in a way that is not known is refused', () => {
    expect(() => log('fallocate(3</old>, 0, 0, 100) = 0')).toThrowError(/a fallocate that the harness does not know/);
  });

  test('names relative paths by the folder that counts', () => {
    log('openat(AT_FDCWD</>, "here", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3</here>');
    log('write(1</here>, "a", 1) = 1');
    log('write(1</here>, "b", 1) = 1');
    log('unlinkat(AT_FDCWD</>, "old", 0) = 0');
    expect(found(NOW(), () => 'all')).toEqual({ here: 'ab' });
  });
});
