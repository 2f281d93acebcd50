import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApprovalProject, LOCK, makeApprovalProject } from './approval-project.ts';
import { createHash } from 'node:crypto';

let at: ApprovalProject;
beforeAll(async () => {
  at = await makeApprovalProject();
});
afterAll(() => at.remove());

function review(...flags: string[]) {
  return at.run(['review', LOCK, '--trust', at.trust, ...flags]);
}

test('without a terminal the review is text on standard output, and the next command a hint beside it', async () => {
  const { status, stdout, stderr } = await review();
  expect(status).toBe(0);
  expect(stdout).toMatch(/^Review of beam-small\nexpctl-review\/1, lock SHA-256 [0-9a-f]{64}\n/);
  expect(stdout).toContain('  first plan of this name\n');
  expect(stderr).toContain(`expctl approve ${LOCK} --key FILE`);
  expect((await review('--plain')).stdout).toBe(stdout);
  expect(at.envelopes()).toEqual([]);
});

test('--json is one document: the view model, and the digest of the text', async () => {
  const { stdout } = await review();
  const json = JSON.parse((await review('--json')).stdout);
  expect(json.displayed).toEqual({
    renderer: 'expctl-review/1',
    sha256: createHash('sha256').update(stdout).digest('hex'),
  });
  expect(json.sections.map(({ title }: { title: string }) => title)).toContain('Steps that evaluate one point');
  expect(json.points.tables.every(({ points }: { points: number }) => points > 0)).toBe(true);
});

test('shows who asked once there is a request, and what differs once a plan was approved', async () => {
  await at.request();
  expect((await review()).stdout).toContain('  asked by      bob\n');
  expect((await at.approve()).status).toBe(0);
  await at.lockAnew();
  const { stdout } = await review();
  expect(stdout).toContain('~ constants: load');
  expect(stdout).not.toContain('first plan of this name');
});

test('a table that was changed after locking is an error, also as JSON', async () => {
  const { stdout } = await review('--json');
  const [{ sha256 }] = JSON.parse(stdout).points.tables;
  const file = join(at.project, LOCK.replace('.lock.json', '.designs'), `${sha256}.json`);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('1', '2'));
  const changed = await review('--json');
  writeFileSync(file, text);
  expect(changed.status).toBe(3);
  expect(JSON.parse(changed.stdout).error.code).toBe('LOCK_CHANGED');
});
