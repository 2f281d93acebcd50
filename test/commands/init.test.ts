import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { BEAM_ANSWERS } from '../planner/interview-answers.ts';
import { makeProject, type TestProject } from './support.ts';

let project: TestProject;
beforeEach(() => {
  project = makeProject();
  // JSON is YAML.
  writeFileSync(join(project.project, 'answers.yaml'), JSON.stringify(BEAM_ANSWERS));
});
afterEach(() => project.remove());

function text(name: string): string {
  return readFileSync(join(project.project, name), 'utf8');
}

test('writes a plan that check and lock take', async () => {
  const { status, stdout, stderr } = await project.run(['init', '--answers', 'answers.yaml']);
  expect([status, stdout]).toEqual([0, '✔ tip.plan.yaml: a valid plan.\n']);
  expect(stderr).toBe('Next: expctl check tip.plan.yaml, then expctl lock tip.plan.yaml\n');
  expect((await project.run(['check', 'tip.plan.yaml'])).status).toBe(0);
  expect((await project.run(['lock', 'tip.plan.yaml'])).status).toBe(0);
});

test('without a terminal and without answers: exit 2 that names the flag', async () => {
  const { status, stderr } = await project.run(['init']);
  expect(status).toBe(2);
  expect(stderr).toContain('--answers FILE.yaml');
});

test('--set comes before the file, and makes plans without one', async () => {
  const set = [
    '--set',
    'points=12',
    '--set',
    'metrics=[post.mass]',
    '--set',
    'expression.1=',
    '--set',
    'outcome_constraint.1=mass <= 4',
  ];
  const { status, stderr } = await project.run(['init', '--answers', 'answers.yaml', ...set]);
  expect([status, stderr]).toEqual([0, expect.any(String)]);
  expect(text('tip.plan.yaml')).toContain('points: 12');
  expect(text('tip.plan.yaml')).not.toContain('deflection:');
  expect((await project.run(['init', '--set', 'points'])).stderr).toContain('--set ID=ANSWER');
  expect((await project.run(['init', '--set', 'name=x'])).stderr).toContain('`goal`');
});

test('--json is one document', async () => {
  const { stdout } = await project.run(['init', '--answers', 'answers.yaml', '--json']);
  expect(JSON.parse(stdout) as JsonObject).toMatchObject({
    plan: 'tip.plan.yaml',
    name: 'tip',
    problems: [],
    forecast: { points: 8 },
  });
});

test('--save-answers gives the same plan again, beside the first', async () => {
  await project.run(['init', '--answers', 'answers.yaml', '--save-answers', 'all.yaml']);
  const { stdout } = await project.run(['init', '--answers', 'all.yaml']);
  expect(stdout).toContain('tip-2.plan.yaml');
  expect(text('tip-2.plan.yaml')).toBe(text('tip.plan.yaml'));
});

test('-o never writes over a plan without --force', async () => {
  writeFileSync(join(project.project, 'mine.plan.yaml'), 'mine');
  const refused = await project.run(['init', '--answers', 'answers.yaml', '-o', 'mine.plan.yaml']);
  expect([refused.status, text('mine.plan.yaml')]).toEqual([2, 'mine']);
  const forced = await project.run(['init', '--answers', 'answers.yaml', '-o', 'mine.plan.yaml', '--force']);
  expect([forced.status, text('mine.plan.yaml').includes('name: tip')]).toEqual([0, true]);
  expect((await project.run(['init', '--answers', 'answers.yaml', '-o', 'x.txt'])).stderr).toContain('NAME.plan.yaml');
});

test('answers that make no valid plan: exit 2, the problem, and a draft with it at its line', async () => {
  const { status, stderr } = await project.run([
    'init',
    '--answers',
    'answers.yaml',
    '--set',
    'outcome_constraint.1=weight <= 3',
  ]);
  expect(status).toBe(2);
  expect(stderr).toContain('`weight`');
  expect(text('tip.draft.yaml')).toMatch(/# error: .*weight.*\n {2}- "weight <= 3"/);
  expect(existsSync(join(project.project, 'tip.plan.yaml'))).toBe(false);
});

test('a misspelt answer is named and nothing is written', async () => {
  const { status, stderr } = await project.run(['init', '--answers', 'answers.yaml', '--set', 'pionts=8']);
  expect(status).toBe(2);
  expect(stderr).toContain('`pionts`');
  expect(existsSync(join(project.project, 'tip.plan.yaml'))).toBe(false);
});

test('without pinned tools: says how to add one', async () => {
  rmSync(join(project.project, 'tools.lock.json'));
  const { status, stderr } = await project.run(['init', '--answers', 'answers.yaml']);
  expect(status).toBe(2);
  expect(stderr).toContain('expctl tools add');
});

test('an answers file that is broken names its line', async () => {
  writeFileSync(join(project.project, 'answers.yaml'), 'name: tip\ngoal: [\n');
  expect((await project.run(['init', '--answers', 'answers.yaml'])).stderr).toContain('answers.yaml, line');
  writeFileSync(join(project.project, 'answers.yaml'), '- a\n');
  expect((await project.run(['init', '--answers', 'answers.yaml'])).stderr).toContain('a map');
});
