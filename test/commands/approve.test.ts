import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApprovalProject, editPolicy, entryOf, LOCK, makeApprovalProject, verdict } from './approval-project.ts';

let at: ApprovalProject;
beforeEach(async () => {
  at = await makeApprovalProject();
});
afterEach(() => at.remove());

test('request, approve, verify: one way through, and HOME stays empty', async () => {
  expect(verdict(await at.verify())).toBe('3 NOT_APPROVED');
  const asked = await at.request('--runs', '2', '--valid', '2d', '--json');
  const { file, request: document } = JSON.parse(asked.stdout) as { file: string; request: Record<string, unknown> };
  expect(document).toMatchObject({ plan_name: 'beam-small', max_runs: 2, requested_by: 'bob', engines: ['embedded'] });
  expect(readFileSync(join(file, '../lock.json'))).toEqual(readFileSync(join(at.project, LOCK)));
  expect(verdict(await at.verify())).toBe('3 NOT_APPROVED');
  const signed = await at.approve('--comment', 'Bounds are fine.', '--json');
  expect(JSON.parse(signed.stdout)).toMatchObject({ decision: 'approve', person: 'alice', self_approved: false });
  expect(signed.stderr).toContain('Review of beam-small');
  const found = await at.verify();
  expect(verdict(found)).toBe('may run');
  expect(JSON.parse(found.stdout)).toMatchObject({
    self_approved: false,
    approvals: [{ principal: 'alice', self_approved: false }],
    runs: { allowed: 2, used: 0, left: 2 },
    ignored: [],
  });
  expect(readdirSync(at.home)).toEqual([]);
});

test('what is signed as displayed is exactly the text of the review', async () => {
  const signed = await at.approve('--json');
  const shown = signed.stderr.slice(0, signed.stderr.lastIndexOf('  Approved by alice'));
  const found = JSON.parse((await at.verify()).stdout) as { approvals: { displayed_sha256: string }[] };
  expect(found.approvals[0]?.displayed_sha256).toBe(createHash('sha256').update(shown).digest('hex'));
});

test('without a request, approve makes one for a run in 14 days, by the signer: self-approved', async () => {
  await at.approve();
  const found = JSON.parse((await at.verify()).stdout) as Record<string, unknown>;
  expect(found).toMatchObject({ self_approved: true, runs: { allowed: 1 }, request: { requested_by: 'alice' } });
  expect((await at.run(['verify', LOCK, '--trust', at.trust])).stdout).toContain('self-approved');
});

test('an SSH key signs, by ssh-keygen, and is verified without it', async () => {
  const file = join(at.root, 'id_ed25519');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  const policy = join(at.root, 'ssh.json');
  const init = ['trust', 'init', '--person', 'alice', '--key', `${file}.pub`, '-o', policy];
  await at.run([...init, '--solo', '--allow-without-terminal']);
  expect((await at.run(['approve', LOCK, '--key', file, '--trust', policy])).status).toBe(0);
  expect(verdict(await at.run(['verify', LOCK, '--trust', policy, '--json']))).toBe('may run');
  expect(verdict(await at.verify())).toBe('3 NOT_APPROVED');
});

test('who is not in the policy, or has no role that may approve, signs nothing', async () => {
  const mallory = await at.newKey('mallory');
  const argv = ['approve', LOCK, '--key', mallory, '--trust', at.trust, '--json'];
  expect(verdict(await at.run(argv))).toBe('3 NOT_APPROVED');
  editPolicy(at.trust, (policy) => {
    policy.persons['mallory'] = { keys: [entryOf(mallory)], roles: ['operator'] };
    policy.rules.approve['roles'] = ['lead'];
  });
  expect(verdict(await at.run(argv))).toBe('3 NOT_APPROVED');
  expect(existsSync(join(at.project, 'approvals'))).toBe(false);
});

test('who asked may not approve, unless the policy is of a team of one', async () => {
  const trust = await at.policyOf('team.json', '--allow-without-terminal');
  expect((await at.approve('--trust', trust)).status).toBe(3);
  await at.run(['request', LOCK, '--by', 'alice']);
  expect((await at.approve('--trust', trust)).status).toBe(3);
  await at.request();
  expect((await at.approve('--trust', trust)).status).toBe(0);
  expect(verdict(await at.verify('--trust', trust))).toBe('may run');
});

test('without a terminal nothing is signed, unless the policy allows it, and nothing is shown in vain', async () => {
  const trust = await at.policyOf('terminal.json', '--solo');
  const refused = await at.approve('--json', '--trust', trust);
  expect(verdict(refused)).toBe('3 NOT_APPROVED');
  expect(refused.stderr).not.toContain('Review of');
  expect(at.envelopes()).toEqual([]);
});

test('at a terminal a person types what they do, and to which lock', async () => {
  const trust = await at.policyOf('terminal.json', '--solo');
  const digest = createHash('sha256')
    .update(readFileSync(join(at.project, LOCK)))
    .digest('hex');
  const argv = ['approve', LOCK, '--key', at.alice, '--trust', trust, '--json'];
  for (const typed of ['', 'yes\n', 'approve\n', `reject ${digest.slice(0, 8)}\n`, 'approve 00000000\n']) {
    const refused = await at.run(argv, { typed });
    expect(verdict(refused), typed).toBe('3 NOT_APPROVED');
    expect(refused.stderr).toContain(`approve ${digest.slice(0, 8)}`);
  }
  expect(at.envelopes()).toEqual([]);
  const signed = await at.run(argv, { typed: `approve ${digest.slice(0, 8)}\n` });
  expect(signed.status).toBe(0);
  expect(verdict(await at.verify('--trust', trust))).toBe('may run');
});

test.each([
  ['both', ['--reject', '--revoke', '--reason', 'x']],
  ['no reason', ['--reject']],
  ['an empty reason', ['--reject', '--reason', ' ']],
  ['a reason to approve', ['--reason', 'x']],
  ['a reason and a comment', ['--reject', '--reason', 'x', '--comment', 'y']],
])('a command line with %s is refused', async (_what, flags) => {
  expect(verdict(await at.approve('--json', ...flags))).toBe('2 USAGE');
  expect(at.envelopes()).toEqual([]);
});

test('without a key the command says which flag to give', async () => {
  const refused = await at.run(['approve', LOCK, '--trust', at.trust, '--json']);
  expect(verdict(refused)).toBe('2 USAGE');
  expect(refused.stdout).toContain('--key');
});

test('EXPCTL_KEY and EXPCTL_TRUST stand for the flags, and say who asks', async () => {
  const env = { EXPCTL_KEY: at.alice, EXPCTL_TRUST: at.trust };
  const asked = await at.run(['request', LOCK, '--json'], { env });
  expect(JSON.parse(asked.stdout)).toMatchObject({ request: { requested_by: 'alice' } });
  await at.run(['approve', LOCK], { env });
  expect(verdict(await at.run(['verify', LOCK, '--json'], { env }))).toBe('may run');
});

test('--request names the request; one for another lock is refused', async () => {
  const first = JSON.parse((await at.request('--json')).stdout) as { file: string };
  await at.request('--runs', '5');
  const signed = JSON.parse((await at.approve('--request', first.file, '--json')).stdout) as { file: string };
  expect(join(signed.file, '..')).toBe(join(first.file, '..'));
  expect(verdict(await at.verify())).toBe('3 NOT_APPROVED');
  await at.lockAnew();
  expect(verdict(await at.approve('--request', first.file, '--json'))).toBe('3 LOCK_CHANGED');
});

test.each([
  ['--runs', '0'],
  ['--runs', '1.5'],
  ['--valid', 'soon'],
  ['--valid', '20000d'],
  ['--by', 'a b'],
])('request %s %s is refused', async (flag, value) => {
  expect(verdict(await at.run(['request', LOCK, flag, value, '--json']))).toBe('2 USAGE');
  expect(existsSync(join(at.project, 'approvals'))).toBe(false);
});

test('the program itself, in its own process: one way through, one refusal, nothing in HOME', async () => {
  await at.runProcess(['request', LOCK, '--by', 'bob']);
  const signed = await at.runProcess(['approve', LOCK, '--key', at.alice, '--trust', at.trust, '--json']);
  expect(JSON.parse(signed.stdout)).toMatchObject({ decision: 'approve' });
  expect(verdict(await at.runProcess(['verify', LOCK, '--trust', at.trust, '--json']))).toBe('may run');
  const text = await at.runProcess(['verify', LOCK, '--trust', join(at.root, 'absent.json')]);
  expect(text).toMatchObject({ status: 3, stdout: '' });
  expect(readdirSync(at.home)).toEqual([]);
});
