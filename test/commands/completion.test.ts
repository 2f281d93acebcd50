import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CompletionNode, fishScript, zshScript } from '../../src/commands/completion-scripts.ts';
import { COMMANDS } from '../../src/commands/table.ts';
import { assertGolden } from '../golden.ts';
import { makeProject, type TestProject } from './support.ts';

let at: TestProject;
let folder: string;
beforeAll(async () => {
  at = makeProject();
  folder = mkdtempSync(join(tmpdir(), 'expctl-test-'));
  writeFileSync(join(folder, 'script'), (await at.run(['completion', 'bash'])).stdout);
  writeFileSync(join(folder, 'a.plan.yaml'), '');
});
afterAll(() => {
  at.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** What bash offers for the last word. PATH is empty: nothing can be started. */
function offered(...words: string[]): string[] {
  const line = ['expctl', ...words].map((word) => `'${word}'`).join(' ');
  const script = `source ./script; COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _expctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const options = { cwd: folder, encoding: 'utf8', env: { PATH: '' } } as const;
  const { status, stdout, stderr } = spawnSync('/bin/bash', ['--norc', '-c', script], options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash: every command, then its commands, its flags, the values of a flag, files', () => {
  expect(offered('')).toEqual(expect.arrayContaining(COMMANDS.map(({ name }) => name)));
  expect(offered('che')).toEqual(['check']);
  expect(offered('tools', '')).toEqual(expect.arrayContaining(['add', 'list', 'pin']));
  expect(offered('tools', 'add', '--pr')).toEqual(['--probe']);
  expect(offered('check', '--')).toEqual(['--env', '--sarif', '--format', '--json', '--help']);
  expect(offered('check', '--format', 'g')).toEqual(['gcc']);
  expect(offered('check', 'a.')).toEqual(['a.plan.yaml']);
  expect(offered('check', '--json', 'a.')).toEqual(['a.plan.yaml']);
  expect(offered('check', '--nothing')).toEqual([]);
});

const PROGRAM: CompletionNode = {
  name: 'expctl',
  summary: '',
  options: [{ long: '--help', summary: "explain it: the program's flags", takes_value: false, choices: [] }],
  commands: [
    {
      name: 'tools',
      summary: 'add tools',
      options: [],
      commands: [
        {
          name: 'add',
          summary: 'add one',
          options: [
            { long: '--form', summary: 'a form', takes_value: true, choices: ['text', 'gcc'] },
            { long: '--file', summary: 'a file', takes_value: true, choices: [] },
          ],
          commands: [],
        },
      ],
    },
  ],
};

test('zsh and fish, whole', () => {
  assertGolden('commands/completion.zsh', zshScript(PROGRAM));
  assertGolden('commands/completion.fish', fishScript(PROGRAM));
});

test.each(['zsh', 'fish'])('%s where it is installed: the script is read without complaint', async (shell) => {
  const { stdout } = await at.run(['completion', shell]);
  expect(stdout).toContain('expctl');
  const file = join(folder, `script.${shell}`);
  writeFileSync(file, stdout);
  const { error, status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
  if (error === undefined) expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test.each(['fish'])('%s where it is installed: what it offers', async (shell) => {
  const { stdout } = await at.run(['completion', shell]);
  writeFileSync(join(folder, 'offers.fish'), stdout);
  const offers = (line: string): string[] | undefined => {
    const command = `source offers.fish; complete -C '${line}'`;
    const env = { PATH: process.env['PATH'], HOME: folder };
    const { error, stdout: found } = spawnSync(shell, ['-c', command], { cwd: folder, encoding: 'utf8', env });
    return error === undefined ? found.split('\n').flatMap((entry) => entry.split('\t')[0] || []) : undefined;
  };
  if (offers('expctl ') === undefined) return; // bash is tried everywhere
  expect(offers('expctl che')).toEqual(['check']);
  expect(offers('expctl tools ')).toEqual(expect.arrayContaining(['add', 'list', 'pin']));
  expect(offers('expctl tools add --pr')).toEqual(['--probe']);
  expect(offers('expctl check --format ')).toEqual(['gcc', 'text']);
});

test('an unknown shell', async () => {
  const { status, stderr } = await at.run(['completion', 'csh']);
  expect(status).toBe(2);
  expect(stderr).toContain('Allowed choices are bash, zsh, fish.');
});
