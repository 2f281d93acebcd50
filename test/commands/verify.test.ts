import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApprovalProject, editPolicy, entryOf, LOCK, makeApprovalProject, verdict } from './approval-project.ts';
import { type Circumstances, makeProject } from './support.ts';

let at: ApprovalProject;
beforeEach(async () => {
  at = await makeApprovalProject();
});
afterEach(() => at.remove());

test('a refusal beats approvals, before and after; a new request starts anew', async () => {
  await at.request();
  await at.approve();
  expect((await at.approve('--reject', '--reason', 'The mesh is too coarse.')).status).toBe(0);
  const refused = await at.verify();
  expect(verdict(refused)).toBe('3 NOT_APPROVED');
  expect(refused.stdout).toContain('The mesh is too coarse.');
  await at.approve('--comment', 'Still fine.');
  expect(verdict(await at.verify())).toBe('3 NOT_APPROVED');
  const again = await at.request('--runs', '3');
  expect(again.stderr).toContain('takes the place of an earlier request');
  await at.approve();
  expect(verdict(await at.verify())).toBe('may run');
});

test('a revocation ends an approval, and needs a request', async () => {
  const early = await at.approve('--revoke', '--reason', 'Too early.', '--json');
  expect(verdict(early)).toBe('2 NOT_FOUND');
  await at.approve();
  await at.approve('--revoke', '--reason', 'The load was wrong.');
  expect(verdict(await at.verify())).toBe('3 NOT_APPROVED');
});

test('a copy of the request without the refusal does not hide it, wherever the copy lies', async () => {
  await at.request();
  await at.approve();
  const [envelope] = at.envelopes();
  const folder = dirname(envelope!);
  const copies = [join(at.project, 'approvals/a-first'), join(at.project, 'approvals/z-last'), join(at.root, 'mail')];
  for (const copy of copies) cpSync(folder, copy, { recursive: true });
  expect(verdict(await at.verify())).toBe('may run');
  await at.approve('--revoke', '--reason', 'The load was wrong.');
  const named = join(copies[2]!, basename(envelope!));
  for (const flags of [[], ['--approval', named]]) {
    expect(verdict(await at.verify(...flags))).toBe('3 NOT_APPROVED');
  }
});

test('files that are none, or too large, where requests and approvals lie deny, and nothing waits for them', async () => {
  await at.request();
  await at.approve();
  const folder = dirname(at.envelopes()[0]!);
  execFileSync('mkfifo', [join(folder, 'pipe.dsse.json')]);
  expect(verdict(await at.verify())).toBe('3 APPROVAL_INVALID');
  rmSync(join(folder, 'pipe.dsse.json'));
  symlinkSync('/dev/zero', join(folder, 'zero.dsse.json'));
  expect(verdict(await at.verify())).toBe('3 APPROVAL_INVALID');
  rmSync(join(folder, 'zero.dsse.json'));
  writeFileSync(join(folder, 'large.dsse.json'), Buffer.alloc(2 ** 20 + 1, ' '));
  expect(verdict(await at.verify())).toBe('3 APPROVAL_INVALID');
  rmSync(join(folder, 'large.dsse.json'));
  expect(verdict(await at.verify())).toBe('may run');
});

test('an approval of another lock does not count', async () => {
  await at.request();
  await at.approve();
  const [envelope] = at.envelopes();
  await at.lockAnew();
  expect(verdict(await at.verify())).toBe('3 LOCK_CHANGED');
  const { file } = JSON.parse((await at.request('--json')).stdout) as { file: string };
  copyFileSync(envelope!, join(file, '../copied.dsse.json'));
  const refused = await at.verify();
  expect(verdict(refused)).toBe('3 NOT_APPROVED');
  expect(refused.stdout).toContain('it is about another lock');
  expect(verdict(await at.verify('--approval', envelope!))).toBe('3 NOT_APPROVED');
});

test('an approval of another request does not count', async () => {
  await at.request();
  await at.approve();
  const [envelope] = at.envelopes();
  const { file } = JSON.parse((await at.request('--runs', '9', '--json')).stdout) as { file: string };
  copyFileSync(envelope!, join(file, '../copied.dsse.json'));
  expect((await at.verify()).stdout).toContain('it is about another request');
});

test('an approval ends with its request', async () => {
  await at.request('--valid', '2d');
  await at.approve();
  const day_ms = 24 * 3600 * 1000;
  const later = (days: number): Circumstances => ({ now_ms: Date.now() + days * day_ms });
  const argv = ['verify', LOCK, '--trust', at.trust, '--json'];
  expect(verdict(await at.run(argv, later(1)))).toBe('may run');
  expect(verdict(await at.run(argv, later(3)))).toBe('3 APPROVAL_EXPIRED');
  expect(verdict(await at.run(argv, later(-1)))).toBe('3 APPROVAL_EXPIRED');
  const late = ['approve', LOCK, '--key', at.alice, '--trust', at.trust, '--json'];
  expect(verdict(await at.run(late, later(3)))).toBe('3 APPROVAL_EXPIRED');
  expect(at.envelopes()).toHaveLength(1);
});

test('whose key left the policy has approved nothing', async () => {
  await at.approve();
  const bob = await at.newKey('bob');
  editPolicy(at.trust, (policy) => {
    policy.persons = { bob: { keys: [entryOf(bob)], roles: ['*'] } };
  });
  const refused = await at.verify();
  expect(verdict(refused)).toBe('3 NOT_APPROVED');
  expect(refused.stdout).toContain('no key of the trust policy signed it');
});

test('two people are needed where the policy says so, and each counts once', async () => {
  const bob = await at.newKey('bob');
  editPolicy(at.trust, (policy) => {
    policy.persons['bob'] = { keys: [entryOf(bob)], roles: ['*'] };
    policy.rules.approve['n'] = 2;
  });
  await at.run(['request', LOCK, '--by', 'carol']);
  await at.approve();
  await at.approve('--comment', 'And again.');
  expect(verdict(await at.verify())).toBe('3 NOT_APPROVED');
  await at.run(['approve', LOCK, '--key', bob, '--trust', at.trust]);
  expect(JSON.parse((await at.verify()).stdout)).toMatchObject({
    approvals: [{ principal: 'alice' }, { principal: 'bob' }],
  });
});

test('a trust policy that does not hold denies', async () => {
  await at.approve();
  const verifyWith = async (file: string) => verdict(await at.run(['verify', LOCK, '--trust', file, '--json']));
  expect(await verifyWith(at.trust)).toBe('may run');
  const inside = join(at.project, 'trust.json');
  copyFileSync(at.trust, inside);
  const link = join(at.root, 'link.json');
  symlinkSync(at.trust, link);
  const folder_link = join(at.root, 'folder');
  symlinkSync(at.project, folder_link);
  for (const file of [inside, link, join(folder_link, 'trust.json'), join(at.root, 'absent.json'), at.root]) {
    expect(await verifyWith(file), file).toBe('3 TRUST_INVALID');
  }
  chmodSync(at.trust, 0o666);
  expect(await verifyWith(at.trust)).toBe('3 TRUST_INVALID');
  chmodSync(at.trust, 0o600);
  editPolicy(at.trust, (policy) => {
    policy.expires = '2020-01-01T00:00:00Z';
  });
  expect(await verifyWith(at.trust)).toBe('3 TRUST_INVALID');
  writeFileSync(at.trust, '{');
  expect(await verifyWith(at.trust)).toBe('3 TRUST_INVALID');
});

test('an environment that changed, or is another one, denies', async () => {
  await at.approve();
  expect(verdict(await at.verify('--env', 'local'))).toBe('may run');
  expect(verdict(await at.verify('--env', 'cluster'))).toBe('3 INPUT_CHANGED');
  mkdirSync(join(at.project, 'environments'));
  const file = join(at.project, 'environments/local.yaml');
  for (const text of ['pools: { cores: 64 }\n', 'class: production\n', 'nonsense: 1\n', '{', '']) {
    writeFileSync(file, text);
    expect(verdict(await at.verify()), text).toBe('3 INPUT_CHANGED');
  }
  writeFileSync(file, 'class: sandbox\n');
  expect(verdict(await at.verify())).toBe('may run');
});

test('runs that the store counts are used up', async () => {
  await at.request('--runs', '2');
  const signed = JSON.parse((await at.approve('--json')).stdout) as { lock_sha256: string; request_sha256: string };
  const { lock_sha256, request_sha256 } = signed;
  const store = join(at.project, '.expctl');
  const start = async (run: string) => {
    const journal = await at.app().app.openJournal(store);
    const row = { run, name: 'beam-small', lock_sha256, request_sha256, created_ms: Date.now() };
    expect((await journal.createRun(row, 2, [])).ok).toBe(true);
    await journal.close();
  };
  await start('first');
  expect(JSON.parse((await at.verify()).stdout)).toMatchObject({ runs: { allowed: 2, used: 1, left: 1 } });
  await start('second');
  expect(verdict(await at.verify())).toBe('3 APPROVAL_USED');
  expect(verdict(await at.verify('--store', join(at.root, 'other')))).toBe('may run');
});

test('verify says which files it did not count, and why', async () => {
  await at.request();
  await at.approve();
  const mallory = await at.newKey('mallory');
  const theirs = join(at.root, 'mallory.json');
  const init = ['trust', 'init', '--person', 'alice', '--key', mallory, '-o', theirs];
  await at.run([...init, '--solo', '--allow-without-terminal']);
  const signed = await at.run(['approve', LOCK, '--key', mallory, '--trust', theirs, '--json']);
  const { file } = JSON.parse(signed.stdout) as { file: string };
  const found = await at.run(['verify', LOCK, '--trust', at.trust]);
  expect(found.stdout).toContain('1 file not counted');
  expect(found.stdout).toContain('no key of the trust policy signed it for this purpose');
  expect(JSON.parse((await at.verify()).stdout)).toMatchObject({ ignored: [{ file }] });
});

test('damaged files beside a request deny: they might be refusals', async () => {
  await at.request();
  await at.approve();
  const folder = join(at.envelopes()[0]!, '..');
  for (const [name, text] of [
    ['reject-1.dsse.json', '{"payload": '],
    ['reject-2.dsse.json', ''],
  ] as const) {
    writeFileSync(join(folder, name), text);
    expect(verdict(await at.verify()), name).toBe('3 APPROVAL_INVALID');
    rmSync(join(folder, name));
  }
  mkdirSync(join(folder, 'folder.dsse.json'));
  expect(verdict(await at.verify())).toBe('3 APPROVAL_INVALID');
  rmSync(join(folder, 'folder.dsse.json'), { recursive: true });
  const damaged = join(at.project, 'approvals/beam-small-000000000000');
  mkdirSync(damaged);
  writeFileSync(join(damaged, 'request.json'), '{}');
  expect(verdict(await at.verify())).toBe('3 APPROVAL_INVALID');
  rmSync(damaged, { recursive: true });
  const other = join(at.project, 'approvals/other-000000000000');
  mkdirSync(other);
  writeFileSync(join(other, 'request.json'), '{}');
  expect(verdict(await at.verify())).toBe('may run');
});

test('a request that was edited is another request, and nobody approved it', async () => {
  await at.request();
  await at.approve();
  const file = join(at.envelopes()[0]!, '../request.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"max_runs":1', '"max_runs":9'));
  expect((await at.verify()).stdout).toContain('it is about another request');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"points":\d+/, '"points":7'));
  expect(verdict(await at.verify())).toBe('3 APPROVAL_INVALID');
});

test('an approver on another machine needs the files of the project folder only', async () => {
  await at.request();
  const away = makeProject();
  try {
    cpSync(at.project, away.project, { recursive: true });
    const argv = ['approve', LOCK, '--key', at.alice, '--trust', at.trust, '--json'];
    const { file } = JSON.parse((await away.run(argv)).stdout) as { file: string };
    expect(file.startsWith(away.project)).toBe(true);
    expect(verdict(await at.verify())).toBe('3 NOT_APPROVED');
    expect(verdict(await at.verify('--approval', file))).toBe('may run');
    expect(verdict(await at.run(['verify', LOCK, '--trust', at.trust, '--json']))).toBe('3 NOT_APPROVED');
  } finally {
    away.remove();
  }
});

test('an approval that was handed over with its request is enough; a refusal in the project still beats it', async () => {
  await at.approve();
  const handed = join(at.root, 'handed');
  cpSync(join(at.envelopes()[0]!, '..'), handed, { recursive: true });
  rmSync(join(at.project, 'approvals'), { recursive: true });
  const file = join(handed, readdirSync(handed).find((name) => name.endsWith('.dsse.json'))!);
  expect(verdict(await at.verify())).toBe('3 NOT_APPROVED');
  expect(verdict(await at.verify('--approval', file))).toBe('may run');
  expect(verdict(await at.verify('--approval', join(handed, 'absent.json')))).toBe('3 APPROVAL_INVALID');
});

test('--export-pae: the ssh-keygen of OpenSSH comes to the same answer', async () => {
  const [key, policy, out] = [join(at.root, 'id_ed25519'), join(at.root, 'ssh.json'), join(at.root, 'out')];
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const init = ['trust', 'init', '--person', 'alice', '--key', `${key}.pub`, '-o', policy];
  await at.run([...init, '--solo', '--allow-without-terminal']);
  await at.run(['approve', LOCK, '--key', key, '--trust', policy]);
  const verified = await at.run(['verify', LOCK, '--trust', policy, '--export-pae', out]);
  const argv = /ssh-keygen (-Y verify .*) < (.*)/.exec(verified.stderr)!;
  const pae = readFileSync(argv[2]!);
  const check = (person: string, input: Uint8Array) =>
    spawnSync('ssh-keygen', argv[1]!.replace('PERSON', person).split(' '), { input }).status;
  expect(check('alice', pae)).toBe(0);
  expect(check('bob', pae)).not.toBe(0);
  expect(check('alice', pae.subarray(1))).not.toBe(0);
});

test('--export-pae says where no SSH key signed', async () => {
  await at.approve();
  const verified = await at.verify('--export-pae', join(at.root, 'out'));
  expect(verdict(verified)).toBe('may run');
  expect(verified.stderr).toContain('No SSH key signed');
});
