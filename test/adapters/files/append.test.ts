import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { appendWhole } from '../../../src/adapters/files/append.ts';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'expctl-append-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

test('adds to a file, which it makes with its folder', async () => {
  const path = join(folder(), 'deep/er/file');
  expect(await appendWhole(path, 'one\n', { mode: 0o600 })).toMatchObject({ ok: true });
  expect(await appendWhole(path, 'zwölf\n')).toMatchObject({ ok: true });
  expect(readFileSync(path, 'utf8')).toBe('one\nzwölf\n');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('cuts off what was left unfinished, and never adds a gap', async () => {
  const path = join(folder(), 'file');
  writeFileSync(path, 'whole\nhal');
  await appendWhole(path, 'next\n', { behind_bytes: 6 });
  expect(readFileSync(path, 'utf8')).toBe('whole\nnext\n');
  await appendWhole(path, 'last\n', { behind_bytes: 600 });
  expect(readFileSync(path, 'utf8')).toBe('whole\nnext\nlast\n');
});

test('says what is in the way: a link, a folder', async () => {
  const made = folder();
  writeFileSync(join(made, 'other'), 'another file');
  symlinkSync(join(made, 'other'), join(made, 'link'));
  for (const path of [join(made, 'link'), made, join(made, 'other/file')]) {
    const added = await appendWhole(path, 'text');
    expect(added).toMatchObject({ ok: false, error: { code: 'FILE_UNREADABLE' } });
    expect(added.ok ? '' : added.error.message).toContain(path);
  }
  expect(readFileSync(join(made, 'other'), 'utf8')).toBe('another file');
});
