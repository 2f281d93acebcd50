import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Circumstances, type Ended, makeProject, type TestProject } from './support.ts';

const LOCK = 'plans/beam-small.lock.json';

let at: TestProject;
/** alice's own policy: a team of one, who may sign without a terminal. */
let trust: string;
let alice: string;

beforeEach(async () => {
  at = makeProject();
  alice = await newKey('alice');
  trust = await policyOf('trust.json', '--solo', '--allow-without-terminal');
  expect((await at.run(['lock', 'plans/beam-small.plan.yaml'])).status).toBe(0);
});
afterEach(() => at.remove());

async function newKey(name: string): Promise<string> {
  const file = join(at.root, `${name}.key`);
  await at.run(['keys', 'new', file]);
  return file;
}

async function policyOf(name: string, ...flags: string[]): Promise<string> {
  const file = join(at.root, name);
  await at.run(['trust', 'init', '--person', 'alice', '--key', alice, '-o', file, ...flags]);
  return file;
}

/** Changes the policy by hand, as a team does. */
function edit(file: string, change: (policy: Policy) => void): void {
  const policy = JSON.parse(readFileSync(file, 'utf8')) as Policy;
  change(policy);
  writeFileSync(file, JSON.stringify(policy));
}

interface Policy {
  expires?: string;
  persons: Record<string, { keys: object[]; roles: string[] }>;
  rules: { approve: Record<string, unknown> };
}

const entryOf = (key: string) => JSON.parse(readFileSync(`${key}.pub`, 'utf8')) as object;

const request = (...more: string[]) => at.run(['request', LOCK, '--by', 'bob', ...more]);
const approve = (...more: string[]) => at.run(['approve', LOCK, '--key', alice, '--trust', trust, ...more]);
const verify = (...more: string[]) => at.run(['verify', LOCK, '--trust', trust, '--json', ...more]);

/** The code of the refusal, or `may run`. Standard output is exactly one JSON document either way. */
function verdict({ status, stdout }: Ended): string {
  const document = JSON.parse(stdout) as { may_run?: boolean; error?: { code: string } };
  if (status === 0 && document.may_run === true) return 'may run';
  return `${status} ${document.error?.code}`;
}

function envelopes(): string[] {
  const root = join(at.project, 'approvals');
  if (!existsSync(root)) return [];
  return readdirSync(root).flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.dsse.json'))
      .map((name) => join(root, folder, name)),
  );
}

test('request, approve, verify: one way through, and HOME stays empty', async () => {
  expect(verdict(await verify())).toBe('3 NOT_APPROVED');
  const asked = await request('--runs', '2', '--valid', '2d', '--json');
  const { file, request: document } = JSON.parse(asked.stdout) as { file: string; request: Record<string, unknown> };
  expect(document).toMatchObject({ plan_name: 'beam-small', max_runs: 2, requested_by: 'bob', engines: ['embedded'] });
  expect(readFileSync(join(file, '../lock.json'))).toEqual(readFileSync(join(at.project, LOCK)));
  expect(verdict(await verify())).toBe('3 NOT_APPROVED');
  const signed = await approve('--comment', 'Bounds are fine.', '--json');
  expect(JSON.parse(signed.stdout)).toMatchObject({ decision: 'approve', person: 'alice', self_approved: false });
  expect(signed.stderr).toContain('Review of beam-small');
  const found = await verify();
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
  const { createHash } = await import('node:crypto');
  const signed = await approve('--json');
  const shown = signed.stderr.slice(0, signed.stderr.lastIndexOf('  Approved by alice'));
  const found = JSON.parse((await verify()).stdout) as { approvals: { displayed_sha256: string }[] };
  expect(found.approvals[0]?.displayed_sha256).toBe(createHash('sha256').update(shown).digest('hex'));
});

test('without a request, approve makes one for a run in 14 days, by the signer: self-approved', async () => {
  await approve();
  const found = JSON.parse((await verify()).stdout) as Record<string, unknown>;
  expect(found).toMatchObject({ self_approved: true, runs: { allowed: 1 }, request: { requested_by: 'alice' } });
  expect((await at.run(['verify', LOCK, '--trust', trust])).stdout).toContain('self-approved');
});

test('an SSH key signs, by ssh-keygen, and is verified without it', async () => {
  const file = join(at.root, 'id_ed25519');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  const policy = join(at.root, 'ssh.json');
  const init = ['trust', 'init', '--person', 'alice', '--key', `${file}.pub`, '-o', policy];
  await at.run([...init, '--solo', '--allow-without-terminal']);
  expect((await at.run(['approve', LOCK, '--key', file, '--trust', policy])).status).toBe(0);
  expect(verdict(await at.run(['verify', LOCK, '--trust', policy, '--json']))).toBe('may run');
  expect(verdict(await verify())).toBe('3 NOT_APPROVED');
});

test('a refusal beats approvals, before and after; a new request starts anew', async () => {
  await request();
  await approve();
  expect((await approve('--reject', '--reason', 'The mesh is too coarse.')).status).toBe(0);
  const refused = await verify();
  expect(verdict(refused)).toBe('3 NOT_APPROVED');
  expect(refused.stdout).toContain('The mesh is too coarse.');
  await approve('--comment', 'Still fine.');
  expect(verdict(await verify())).toBe('3 NOT_APPROVED');
  const again = await request('--runs', '3');
  expect(again.stderr).toContain('takes the place of an earlier request');
  await approve();
  expect(verdict(await verify())).toBe('may run');
});

test('a revocation ends an approval, and needs a request', async () => {
  const early = await approve('--revoke', '--reason', 'Too early.', '--json');
  expect(verdict(early)).toBe('2 NOT_FOUND');
  await approve();
  await approve('--revoke', '--reason', 'The load was wrong.');
  expect(verdict(await verify())).toBe('3 NOT_APPROVED');
});

test('an approval of another lock does not count', async () => {
  await request();
  await approve();
  const [envelope] = envelopes();
  const plan = join(at.project, 'plans/beam-small.plan.yaml');
  writeFileSync(plan, readFileSync(plan, 'utf8').replace('load: 100 N', 'load: 200 N'));
  await at.run(['lock', 'plans/beam-small.plan.yaml']);
  expect(verdict(await verify())).toBe('3 LOCK_CHANGED');
  const { file } = JSON.parse((await request('--json')).stdout) as { file: string };
  copyFileSync(envelope!, join(file, '../copied.dsse.json'));
  const refused = await verify();
  expect(verdict(refused)).toBe('3 NOT_APPROVED');
  expect(refused.stdout).toContain('it is about another lock');
  expect(verdict(await verify('--approval', envelope!))).toBe('3 NOT_APPROVED');
});

test('an approval of another request does not count', async () => {
  await request();
  await approve();
  const [envelope] = envelopes();
  const { file } = JSON.parse((await request('--runs', '9', '--json')).stdout) as { file: string };
  copyFileSync(envelope!, join(file, '../copied.dsse.json'));
  expect((await verify()).stdout).toContain('it is about another request');
});

test('an approval ends with its request', async () => {
  await request('--valid', '2d');
  await approve();
  const day_ms = 24 * 3600 * 1000;
  const later = (days: number): Circumstances => ({ now_ms: Date.now() + days * day_ms });
  const argv = ['verify', LOCK, '--trust', trust, '--json'];
  expect(verdict(await at.run(argv, later(1)))).toBe('may run');
  expect(verdict(await at.run(argv, later(3)))).toBe('3 APPROVAL_EXPIRED');
  expect(verdict(await at.run(argv, later(-1)))).toBe('3 APPROVAL_EXPIRED');
  const late = ['approve', LOCK, '--key', alice, '--trust', trust, '--json'];
  expect(verdict(await at.run(late, later(3)))).toBe('3 APPROVAL_EXPIRED');
  expect(envelopes()).toHaveLength(1);
});

test('who is not in the policy, or has no role that may approve, signs nothing', async () => {
  const mallory = await newKey('mallory');
  const argv = ['approve', LOCK, '--key', mallory, '--trust', trust, '--json'];
  expect(verdict(await at.run(argv))).toBe('3 NOT_APPROVED');
  edit(trust, (policy) => {
    policy.persons['mallory'] = { keys: [entryOf(mallory)], roles: ['operator'] };
    policy.rules.approve['roles'] = ['lead'];
  });
  expect(verdict(await at.run(argv))).toBe('3 NOT_APPROVED');
  expect(existsSync(join(at.project, 'approvals'))).toBe(false);
});

test('whose key left the policy has approved nothing', async () => {
  await approve();
  const bob = await newKey('bob');
  edit(trust, (policy) => {
    policy.persons = { bob: { keys: [entryOf(bob)], roles: ['*'] } };
  });
  const refused = await verify();
  expect(verdict(refused)).toBe('3 NOT_APPROVED');
  expect(refused.stdout).toContain('no key of the trust policy signed it');
});

test('two people are needed where the policy says so, and each counts once', async () => {
  const bob = await newKey('bob');
  edit(trust, (policy) => {
    policy.persons['bob'] = { keys: [entryOf(bob)], roles: ['*'] };
    policy.rules.approve['n'] = 2;
  });
  await at.run(['request', LOCK, '--by', 'carol']);
  await approve();
  await approve('--comment', 'And again.');
  expect(verdict(await verify())).toBe('3 NOT_APPROVED');
  await at.run(['approve', LOCK, '--key', bob, '--trust', trust]);
  expect(JSON.parse((await verify()).stdout)).toMatchObject({
    approvals: [{ principal: 'alice' }, { principal: 'bob' }],
  });
});

test('who asked may not approve, unless the policy is of a team of one', async () => {
  trust = await policyOf('team.json', '--allow-without-terminal');
  expect((await approve()).status).toBe(3);
  await at.run(['request', LOCK, '--by', 'alice']);
  expect((await approve()).status).toBe(3);
  await request();
  expect((await approve()).status).toBe(0);
  expect(verdict(await verify())).toBe('may run');
});

test('without a terminal nothing is signed, unless the policy allows it, and nothing is shown in vain', async () => {
  trust = await policyOf('terminal.json', '--solo');
  const refused = await approve('--json');
  expect(verdict(refused)).toBe('3 NOT_APPROVED');
  expect(refused.stderr).not.toContain('Review of');
  expect(envelopes()).toEqual([]);
});

test('at a terminal a person types what they do, and to which lock', async () => {
  trust = await policyOf('terminal.json', '--solo');
  const { createHash } = await import('node:crypto');
  const digest = createHash('sha256')
    .update(readFileSync(join(at.project, LOCK)))
    .digest('hex');
  const argv = ['approve', LOCK, '--key', alice, '--trust', trust, '--json'];
  for (const typed of ['', 'yes\n', 'approve\n', `reject ${digest.slice(0, 8)}\n`, 'approve 00000000\n']) {
    const refused = await at.run(argv, { typed });
    expect(verdict(refused), typed).toBe('3 NOT_APPROVED');
    expect(refused.stderr).toContain(`approve ${digest.slice(0, 8)}`);
  }
  expect(envelopes()).toEqual([]);
  const signed = await at.run(argv, { typed: `approve ${digest.slice(0, 8)}\n` });
  expect(signed.status).toBe(0);
  expect(verdict(await verify())).toBe('may run');
});

test.each([
  ['both', ['--reject', '--revoke', '--reason', 'x']],
  ['no reason', ['--reject']],
  ['an empty reason', ['--reject', '--reason', ' ']],
  ['a reason to approve', ['--reason', 'x']],
  ['a reason and a comment', ['--reject', '--reason', 'x', '--comment', 'y']],
])('a command line with %s is refused', async (_what, flags) => {
  expect(verdict(await approve('--json', ...flags))).toBe('2 USAGE');
  expect(envelopes()).toEqual([]);
});

test('without a key the command says which flag to give', async () => {
  const refused = await at.run(['approve', LOCK, '--trust', trust, '--json']);
  expect(verdict(refused)).toBe('2 USAGE');
  expect(refused.stdout).toContain('--key');
});

test('EXPCTL_KEY and EXPCTL_TRUST stand for the flags, and say who asks', async () => {
  const env = { EXPCTL_KEY: alice, EXPCTL_TRUST: trust };
  const asked = await at.run(['request', LOCK, '--json'], { env });
  expect(JSON.parse(asked.stdout)).toMatchObject({ request: { requested_by: 'alice' } });
  await at.run(['approve', LOCK], { env });
  expect(verdict(await at.run(['verify', LOCK, '--json'], { env }))).toBe('may run');
});

test('a trust policy that does not hold denies', async () => {
  await approve();
  const verifyWith = async (file: string) => verdict(await at.run(['verify', LOCK, '--trust', file, '--json']));
  expect(await verifyWith(trust)).toBe('may run');
  const inside = join(at.project, 'trust.json');
  copyFileSync(trust, inside);
  const link = join(at.root, 'link.json');
  symlinkSync(trust, link);
  const folder_link = join(at.root, 'folder');
  symlinkSync(at.project, folder_link);
  for (const file of [inside, link, join(folder_link, 'trust.json'), join(at.root, 'absent.json'), at.root]) {
    expect(await verifyWith(file), file).toBe('3 TRUST_INVALID');
  }
  chmodSync(trust, 0o666);
  expect(await verifyWith(trust)).toBe('3 TRUST_INVALID');
  chmodSync(trust, 0o600);
  edit(trust, (policy) => {
    policy.expires = '2020-01-01T00:00:00Z';
  });
  expect(await verifyWith(trust)).toBe('3 TRUST_INVALID');
  writeFileSync(trust, '{');
  expect(await verifyWith(trust)).toBe('3 TRUST_INVALID');
});

test('an environment that changed, or is another one, denies', async () => {
  await approve();
  expect(verdict(await verify('--env', 'local'))).toBe('may run');
  expect(verdict(await verify('--env', 'cluster'))).toBe('3 INPUT_CHANGED');
  mkdirSync(join(at.project, 'environments'));
  const file = join(at.project, 'environments/local.yaml');
  for (const text of ['pools: { cores: 64 }\n', 'class: production\n', 'nonsense: 1\n', '{', '']) {
    writeFileSync(file, text);
    expect(verdict(await verify()), text).toBe('3 INPUT_CHANGED');
  }
  writeFileSync(file, 'class: sandbox\n');
  expect(verdict(await verify())).toBe('may run');
});

test('runs that the store counts are used up', async () => {
  await request('--runs', '2');
  const signed = JSON.parse((await approve('--json')).stdout) as { lock_sha256: string; request_sha256: string };
  const { lock_sha256, request_sha256 } = signed;
  const store = join(at.project, '.expctl');
  const start = async (run: string) => {
    const journal = await at.app().app.openJournal(store);
    const row = { run, name: 'beam-small', lock_sha256, request_sha256, created_ms: Date.now() };
    expect((await journal.createRun(row, 2, [])).ok).toBe(true);
    await journal.close();
  };
  await start('first');
  expect(JSON.parse((await verify()).stdout)).toMatchObject({ runs: { allowed: 2, used: 1, left: 1 } });
  await start('second');
  expect(verdict(await verify())).toBe('3 APPROVAL_USED');
  expect(verdict(await verify('--store', join(at.root, 'other')))).toBe('may run');
});

test('verify says which files it did not count, and why', async () => {
  await request();
  await approve();
  const mallory = await newKey('mallory');
  const theirs = join(at.root, 'mallory.json');
  const init = ['trust', 'init', '--person', 'alice', '--key', mallory, '-o', theirs];
  await at.run([...init, '--solo', '--allow-without-terminal']);
  const signed = await at.run(['approve', LOCK, '--key', mallory, '--trust', theirs, '--json']);
  const { file } = JSON.parse(signed.stdout) as { file: string };
  const found = await at.run(['verify', LOCK, '--trust', trust]);
  expect(found.stdout).toContain('1 file not counted');
  expect(found.stdout).toContain('no key of the trust policy signed it for this purpose');
  expect(JSON.parse((await verify()).stdout)).toMatchObject({ ignored: [{ file }] });
});

test('damaged files beside a request deny: they might be refusals', async () => {
  await request();
  await approve();
  const folder = join(envelopes()[0]!, '..');
  for (const [name, text] of [
    ['reject-1.dsse.json', '{"payload": '],
    ['reject-2.dsse.json', ''],
  ] as const) {
    writeFileSync(join(folder, name), text);
    expect(verdict(await verify()), name).toBe('3 APPROVAL_INVALID');
    rmSync(join(folder, name));
  }
  mkdirSync(join(folder, 'folder.dsse.json'));
  expect(verdict(await verify())).toBe('3 APPROVAL_INVALID');
  rmSync(join(folder, 'folder.dsse.json'), { recursive: true });
  const damaged = join(at.project, 'approvals/beam-small-000000000000');
  mkdirSync(damaged);
  writeFileSync(join(damaged, 'request.json'), '{}');
  expect(verdict(await verify())).toBe('3 APPROVAL_INVALID');
  rmSync(damaged, { recursive: true });
  const other = join(at.project, 'approvals/other-000000000000');
  mkdirSync(other);
  writeFileSync(join(other, 'request.json'), '{}');
  expect(verdict(await verify())).toBe('may run');
});

test('a request that was edited is another request, and nobody approved it', async () => {
  await request();
  await approve();
  const file = join(envelopes()[0]!, '../request.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"max_runs":1', '"max_runs":9'));
  expect((await verify()).stdout).toContain('it is about another request');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"points":\d+/, '"points":7'));
  expect(verdict(await verify())).toBe('3 APPROVAL_INVALID');
});

test('an approver on another machine needs the files of the project folder only', async () => {
  await request();
  const away = makeProject();
  try {
    cpSync(at.project, away.project, { recursive: true });
    const argv = ['approve', LOCK, '--key', alice, '--trust', trust, '--json'];
    const { file } = JSON.parse((await away.run(argv)).stdout) as { file: string };
    expect(file.startsWith(away.project)).toBe(true);
    expect(verdict(await verify())).toBe('3 NOT_APPROVED');
    expect(verdict(await verify('--approval', file))).toBe('may run');
    expect(verdict(await at.run(['verify', LOCK, '--trust', trust, '--json']))).toBe('3 NOT_APPROVED');
  } finally {
    away.remove();
  }
});

test('an approval that was handed over with its request is enough; a refusal in the project still beats it', async () => {
  await approve();
  const handed = join(at.root, 'handed');
  cpSync(join(envelopes()[0]!, '..'), handed, { recursive: true });
  rmSync(join(at.project, 'approvals'), { recursive: true });
  const file = join(handed, readdirSync(handed).find((name) => name.endsWith('.dsse.json'))!);
  expect(verdict(await verify())).toBe('3 NOT_APPROVED');
  expect(verdict(await verify('--approval', file))).toBe('may run');
  expect(verdict(await verify('--approval', join(handed, 'absent.json')))).toBe('3 APPROVAL_INVALID');
});

test('--request names the request; one for another lock is refused', async () => {
  const first = JSON.parse((await request('--json')).stdout) as { file: string };
  await request('--runs', '5');
  const signed = JSON.parse((await approve('--request', first.file, '--json')).stdout) as { file: string };
  expect(join(signed.file, '..')).toBe(join(first.file, '..'));
  expect(verdict(await verify())).toBe('3 NOT_APPROVED');
  const plan = join(at.project, 'plans/beam-small.plan.yaml');
  writeFileSync(plan, readFileSync(plan, 'utf8').replace('load: 100 N', 'load: 200 N'));
  await at.run(['lock', 'plans/beam-small.plan.yaml']);
  expect(verdict(await approve('--request', first.file, '--json'))).toBe('3 LOCK_CHANGED');
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
  const signed = await at.runProcess(['approve', LOCK, '--key', alice, '--trust', trust, '--json']);
  expect(JSON.parse(signed.stdout)).toMatchObject({ decision: 'approve' });
  expect(verdict(await at.runProcess(['verify', LOCK, '--trust', trust, '--json']))).toBe('may run');
  const text = await at.runProcess(['verify', LOCK, '--trust', join(at.root, 'absent.json')]);
  expect(text).toMatchObject({ status: 3, stdout: '' });
  expect(readdirSync(at.home)).toEqual([]);
});
