import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeFinding } from '../../src/commands/doctor-checks.ts';
import { type ApprovalProject, makeApprovalProject } from './approval-project.ts';
import type { Ended } from './support.ts';

let at: ApprovalProject;
beforeEach(async () => {
  at = await makeApprovalProject();
  const server = fileURLToPath(new URL('../fixtures/tools/server.mjs', import.meta.url));
  copyFileSync(server, join(at.project, 'server.mjs'));
  writeFileSync(
    join(at.project, 'tools.yaml'),
    'tools: { fixture: { mcp: { command: [node, server.mjs] }, calls: {} } }\n',
  );
  await at.run(['tools', 'pin']);
  git('init', '-q');
  git('-c', 'user.name=a', '-c', 'user.email=a@example.org', 'commit', '-q', '--allow-empty', '-m', 'x');
});
afterEach(() => at.remove());

function git(...args: string[]): void {
  const { status, stderr } = spawnSync('git', ['-C', at.project, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

const env = { PATH: process.env['PATH']! };
const doctor = (...more: string[]): Promise<Ended> => at.run(['doctor', '--trust', at.trust, ...more], { env });

interface Check {
  name: string;
  state: string;
  message: string;
  hint: string;
}
async function checks(...more: string[]): Promise<{ status: number; of: (name: string) => Check }> {
  const { status, stdout } = await doctor('--json', ...more);
  const all = (JSON.parse(stdout) as { checks: Check[] }).checks;
  return { status, of: (name) => all.find((check) => check.name === name)! };
}

test('everything is there', async () => {
  const { status, stdout, stderr } = await doctor();
  expect({ status, stderr }).toEqual({ status: 0, stderr: 'All 7 checks passed.\n' });
  expect(stdout).toContain('✔ tool fixture: starts and is what was pinned');
  expect(stdout.split('\n').filter((line) => line.startsWith('✔'))).toHaveLength(7);
});

test('a tool that moved is broken: exit 7, with what moved', async () => {
  writeFileSync(join(at.project, 'orders.json'), JSON.stringify({ mutate: 'description' }));
  const { status, of } = await checks();
  expect(status).toBe(7);
  expect(of('tool fixture')).toMatchObject({ state: 'broken' });
  expect(of('tool fixture').message).toContain('call echo: description');
  expect(of('tool fixture').hint).toContain('expctl tools pin fixture');
});

test('a tool that does not start is broken', async () => {
  writeFileSync(join(at.project, 'orders.json'), JSON.stringify({ die: 'import' }));
  const { status, stdout, stderr } = await doctor();
  expect(status).toBe(7);
  expect(stdout).toContain("AttributeError: 'Server' object has no attribute 'list_tools'");
  expect(stderr).toBe('1 broken.\n');
});

test('a tool without its pin, and a tools file with problems', async () => {
  writeFileSync(
    join(at.project, 'tools.yaml'),
    'tools: { other: { mcp: { command: [node, server.mjs] }, calls: {} } }\n',
  );
  expect((await checks()).of('tool other')).toMatchObject({ state: 'missing', message: 'It is not pinned.' });
  writeFileSync(join(at.project, 'tools.yaml'), 'tools: 3\n');
  const { status, of } = await checks();
  expect(status).toBe(7);
  expect(of('tools').state).toBe('broken');
});

test('no trust policy is missing; one that is not sound is broken', async () => {
  const without = await at.run(['doctor', '--json'], { env });
  expect(without.status).toBe(0);
  expect(JSON.parse(without.stdout).checks).toContainEqual(
    expect.objectContaining({ name: 'trust', state: 'missing' }),
  );
  chmodSync(at.trust, 0o666);
  const { status, of } = await checks();
  expect(status).toBe(7);
  expect(of('trust').state).toBe('broken');
});

test('a store that is none is broken', async () => {
  mkdirSync(join(at.project, '.expctl'), { recursive: true });
  writeFileSync(join(at.project, '.expctl/journal.sqlite'), 'not a database, but long enough to be looked at');
  const { status, of } = await checks();
  expect(status).toBe(7);
  expect(of('store').state).toBe('broken');
});

test('programs that are not in PATH are missing', async () => {
  const { stdout } = await at.run(['doctor', '--json', '--trust', at.trust], { env: { PATH: join(at.root, 'empty') } });
  const { checks: found } = JSON.parse(stdout) as { checks: Check[] };
  expect(found.filter(({ state }) => state === 'missing').map(({ name }) => name)).toEqual(['git', 'ssh-keygen']);
});

test.each([
  ['20.19.0', 'good'],
  ['22.1.0', 'good'],
  ['20.18.9', 'broken'],
  ['18.20.0', 'broken'],
])('Node %s is %s', (version, state) => expect(nodeFinding(version).state).toBe(state));
