import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeProject, type TestProject } from './support.ts';

let at: TestProject;
beforeAll(() => {
  at = makeProject();
});
afterAll(() => at.remove());

test('keys new writes a private key for its owner alone, and its public half', async () => {
  const file = join(at.root, 'alice.key');
  const made = await at.run(['keys', 'new', file]);
  expect(made.status).toBe(0);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  const entry = JSON.parse(readFileSync(`${file}.pub`, 'utf8')) as { ed25519: string };
  expect(Buffer.from(entry.ed25519, 'base64')).toHaveLength(32);
  const fingerprint = /SHA256:\S{43}/.exec(made.stdout)?.[0];
  for (const half of [file, `${file}.pub`]) {
    const shown = await at.run(['keys', 'show', half, '--json']);
    expect(JSON.parse(shown.stdout)).toEqual({ fingerprint, kind: 'ed25519', trust_entry: entry });
  }
  expect(made.stdout + made.stderr).not.toContain('PRIVATE KEY');
});

test.each(['', '.pub'])('keys new overwrites nothing, not even FILE%s', async (suffix) => {
  const file = join(at.root, `taken${suffix.length}`);
  writeFileSync(`${file}${suffix}`, 'mine');
  const refused = await at.run(['keys', 'new', file, '--json']);
  expect(refused.status).toBe(2);
  expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'FILE_UNREADABLE' } });
  expect(readFileSync(`${file}${suffix}`, 'utf8')).toBe('mine');
  expect(readdirSync(at.root).filter((name) => name.startsWith(`taken${suffix.length}`))).toHaveLength(1);
});

test('keys show gives the fingerprint that ssh-keygen gives, with and without the .pub', async () => {
  const file = join(at.root, 'id_ed25519');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'alice@lab', '-f', file]);
  const fingerprint = execFileSync('ssh-keygen', ['-l', '-f', file], { encoding: 'utf8' }).split(' ')[1];
  const line = readFileSync(`${file}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
  const alone = join(at.root, 'alone');
  writeFileSync(alone, readFileSync(file), { mode: 0o600 });
  for (const half of [file, `${file}.pub`, alone]) {
    const shown = await at.run(['keys', 'show', half, '--json']);
    expect(JSON.parse(shown.stdout)).toEqual({ fingerprint, kind: 'ssh', trust_entry: { ssh: line } });
  }
});

test.each([
  ['nothing', ''],
  ['words', 'no key at all'],
  ['JSON of something else', '{"rsa":"AAAA"}'],
  ['two entries', '{"ed25519":"AAAA","ssh":"AAAA"}'],
  ['bytes', '\u0000\u0001'],
  ['a point of small order', `{"ed25519":"${Buffer.alloc(32).toString('base64')}"}`],
  ['an RSA key', 'ssh-rsa AAAAB3NzaC1yc2E= bob'],
])('keys show refuses a file of %s', async (_what, text) => {
  const file = join(at.root, 'bad');
  writeFileSync(file, text);
  const refused = await at.run(['keys', 'show', file, '--json']);
  expect(refused.status).toBe(2);
  expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'DATA_INVALID' } });
});

test('a file name that a terminal would obey is shown, not obeyed; a pipe gets it as it is', async () => {
  const folder = join(at.root, 'x\u001b]0;title\u0007');
  for (const is_terminal of [false, true]) {
    const app = at.app();
    Object.assign(app.app.terminal.stdout, { isTTY: is_terminal });
    const made = await app.run(['keys', 'new', join(folder, `${is_terminal}.key`)]);
    expect(made.status).toBe(0);
    expect(made.stderr).toContain('x\\u{1B}]0;title\\u{7}/');
    expect([made.stderr.includes('\u001b'), made.stdout.includes('\u001b')]).toEqual([false, !is_terminal]);
  }
});
