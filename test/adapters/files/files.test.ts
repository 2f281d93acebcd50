import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readWhole } from '../../../src/adapters/files/files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'expctl-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function refusal(path: string, most_bytes?: number): Promise<string> {
  const read = await readWhole(path, most_bytes);
  return read.ok ? 'read' : `${read.error.code} ${read.error.message.replace(path, 'PATH')}`;
}

test('a regular file is read, also by way of a link', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, 'bytes');
  symlinkSync(file, join(folder, 'link'));
  expect(await readWhole(join(folder, 'link'))).toEqual({ ok: true, value: Buffer.from('bytes') });
});

test('neither a pipe that nobody writes to nor a device that never ends is read, also by way of a link', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  symlinkSync(pipe, join(folder, 'to-pipe'));
  symlinkSync('/dev/zero', join(folder, 'to-zero'));
  for (const path of [pipe, join(folder, 'to-pipe'), '/dev/zero', join(folder, 'to-zero')]) {
    expect(await refusal(path)).toBe('FILE_UNREADABLE PATH cannot be read: it is no regular file.');
  }
});

test('folders, missing files and files that are too large are refused in words', async () => {
  const large = join(folder, 'large');
  writeFileSync(large, '');
  truncateSync(large, 2 ** 20 + 1);
  expect(await refusal(folder)).toBe('FILE_UNREADABLE PATH cannot be read: it is a folder.');
  expect(await refusal(join(folder, 'no'))).toBe('FILE_UNREADABLE PATH cannot be read: there is no such file.');
  expect(await refusal(large, 2 ** 20)).toBe('FILE_UNREADABLE PATH cannot be read: it is larger than 1 MiB.');
  expect(await refusal(large)).toBe('read');
  truncateSync(large, 2 ** 28 + 1);
  expect(await refusal(large)).toBe('FILE_UNREADABLE PATH cannot be read: it is larger than 256 MiB.');
});
