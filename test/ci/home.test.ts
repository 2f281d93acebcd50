import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BeamProject } from '../beam-project.ts';

/* expctl never writes to HOME: not its own files, and nothing of the libraries it uses. */

const OWN_FOLDERS = ['HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_STATE_HOME', 'XDG_CACHE_HOME'] as const;
const before = new Map(OWN_FOLDERS.map((name) => [name, process.env[name]]));
let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'expctl-home-'));
  for (const name of OWN_FOLDERS) delete process.env[name];
  process.env['HOME'] = home;
});
afterEach(() => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  rmSync(home, { recursive: true, force: true });
});

test('from the first key to the replay, HOME stays empty', () => {
  const project = new BeamProject('beam-small', { runs: 1, solver: 'builtin' });
  const trust = ['--trust', project.trust];
  project.succeed('--version');
  project.succeed('--help');
  project.succeed('tools', 'list');
  project.succeed('check', 'plans/beam-small.plan.yaml');
  project.succeed('review', project.lock, '--plain', ...trust);
  project.succeed('verify', project.lock, ...trust);
  project.succeed('run', project.lock, '--id', 'at-home', ...trust);
  project.succeed('list');
  project.succeed('status', 'at-home');
  project.succeed('replay', 'at-home', ...trust);
  expect(readdirSync(home)).toEqual([]);
});

test('a project whose tool writes to HOME shows: the look at HOME sees what is there', () => {
  writeFileSync(join(home, '.cache'), '');
  expect(readdirSync(home)).toEqual(['.cache']);
});
