import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeProject, type TestProject } from './support.ts';

let at: TestProject;
let key: string;
beforeAll(async () => {
  at = makeProject();
  key = join(at.root, 'alice.key');
  await at.run(['keys', 'new', key]);
});
afterAll(() => at.remove());

const init = (output: string, ...more: string[]) =>
  at.run(['trust', 'init', '--person', 'alice', '--key', `${key}.pub`, '-o', output, '--json', ...more]);

test('trust init writes a policy that its owner alone can write, and that allows nothing it was not asked to', async () => {
  const file = join(at.root, 'trust.json');
  expect((await init(file)).status).toBe(0);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const policy = JSON.parse(readFileSync(file, 'utf8')) as { rules: unknown };
  const nothing = { allow_self: false, allow_without_terminal: false };
  expect(policy.rules).toEqual({ approve: { roles: ['*'], n: 1, ...nothing }, gates: { '*': nothing } });
});

test('--solo and --allow-without-terminal allow just that', async () => {
  const file = join(at.root, 'solo.json');
  await init(file, '--solo', '--allow-without-terminal');
  const shown = await at.run(['trust', 'show', '--trust', file]);
  expect(shown.stdout).toContain('Who requested a run may approve it.');
  expect(shown.stdout).toContain('Signing without a terminal is allowed.');
});

test('trust show says who may sign what, in words', async () => {
  const file = join(at.root, 'shown.json');
  await init(file);
  const { stdout, status } = await at.run(['trust', 'show', '--trust', file]);
  expect(status).toBe(0);
  const words = stdout
    .replace(/SHA256:\S+/, 'SHA256:KEY')
    .split('\n')
    .slice(2);
  expect(words).toEqual([
    'People',
    '  alice: every role',
    '    SHA256:KEY  built-in',
    '',
    'Approvals of locks',
    '  1 person must approve, each anybody listed; one refusal beats all approvals.',
    '  Who requested a run may not approve it.',
    '  Signing without a terminal is not allowed.',
    '',
    'Decisions at gates',
    '  Any role that a gate asks for and that has no rule of its own:',
    '    Who requested the run may not decide.',
    '    Signing without a terminal is not allowed.',
    '',
  ]);
  const json = await at.run(['trust', 'show', '--trust', file, '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ file, keys: [{ kind: 'ed25519', person: 'alice' }] });
});

test('a policy is never overwritten', async () => {
  const file = join(at.root, 'once.json');
  await init(file);
  const before = readFileSync(file, 'utf8');
  const again = await init(file, '--solo');
  expect(again.status).toBe(2);
  expect(JSON.parse(again.stdout)).toMatchObject({ error: { code: 'FILE_UNREADABLE' } });
  expect(readFileSync(file, 'utf8')).toBe(before);
});

test('without -o the policy goes to the configuration folder of the user', async () => {
  const config = join(at.root, 'config');
  const circumstances = { env: { XDG_CONFIG_HOME: config } };
  const made = await at.run(['trust', 'init', '--person', 'alice', '--key', key], circumstances);
  expect(made.status).toBe(0);
  expect(existsSync(join(config, 'expctl/trust.json'))).toBe(true);
  expect((await at.run(['trust', 'show'], circumstances)).stdout).toContain('alice: every role');
});

test('a policy inside a project is refused, also by way of a link, and wherever the command is called', async () => {
  const link = join(at.root, 'link');
  symlinkSync(at.project, link);
  for (const [output, cwd] of [
    [join(at.project, 'trust.json'), at.project],
    [join(at.project, 'new/folder/trust.json'), at.root],
    [join(link, 'trust.json'), at.root],
    [join(link, 'new/trust.json'), at.project],
  ] as const) {
    const argv = ['trust', 'init', '--person', 'alice', '--key', key, '-o', output, '--json'];
    const refused = await at.run(argv, { cwd });
    expect(refused.status).toBe(3);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'TRUST_INVALID' } });
    expect(existsSync(output)).toBe(false);
  }
});

test('the name of a person is one that can be told apart', async () => {
  const argv = ['trust', 'init', '--key', key, '-o', join(at.root, 'none.json'), '--person'];
  for (const person of ['аlice', '', 'a b', '__proto__']) expect((await at.run([...argv, person])).status).toBe(2);
  expect(existsSync(join(at.root, 'none.json'))).toBe(false);
});

test('trust show refuses what verify would refuse: no file, a link, one that others can write, one inside the project', async () => {
  const sound = join(at.root, 'sound.json');
  await init(sound);
  const link = join(at.root, 'sound-link.json');
  symlinkSync(sound, link);
  const open = join(at.root, 'open.json');
  copyFileSync(sound, open);
  chmodSync(open, 0o602);
  mkdirSync(join(at.project, 'inner'), { recursive: true });
  const inside = join(at.project, 'inner/trust.json');
  copyFileSync(sound, inside);
  for (const file of [join(at.root, 'absent.json'), link, open, inside]) {
    const refused = await at.run(['trust', 'show', '--trust', file, '--json']);
    expect(refused.status, file).toBe(3);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'TRUST_INVALID' } });
  }
});
