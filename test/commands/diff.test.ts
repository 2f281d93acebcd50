import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LockChange } from '../../src/plan/diff.ts';
import { diffMarkdown, MARKDOWN_BUDGET } from '../../src/ui/diff/markdown.ts';
import { assertGolden } from '../golden.ts';
import { type ApprovalProject, makeApprovalProject } from './approval-project.ts';

const PLAN = 'plans/beam-small.plan.yaml';
const LOCK = 'plans/beam-small.lock.json';
const OTHER = 'plans/other.plan.yaml';

let at: ApprovalProject;
beforeAll(async () => {
  at = await makeApprovalProject();
  const plan = readFileSync(join(at.project, PLAN), 'utf8');
  const other = plan
    .replace('max: 20', 'max: 25')
    .replace('length: 200 mm', 'length: 20 cm')
    .replace('points: 6', 'points: 8')
    .replace('attempts: 2', 'attempts: 3')
    .replace('goal: Six', 'goal: "\\u001b[31mEight\\n| `a` | <b>@somebody</b>"\n#');
  writeFileSync(join(at.project, OTHER), other);
});
afterAll(() => at.remove());

const shown = (text: string): string => text.replaceAll(/\b[0-9a-f]{16}\b/g, 'DIGEST');

describe('two plans', () => {
  test('as text', async () => {
    const { status, stdout, stderr } = await at.run(['diff', PLAN, OTHER]);
    assertGolden('commands/diff.txt', shown(stdout));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).not.toContain('\u001b');
  });

  test('as Markdown, in which nothing of the plan is Markdown', async () => {
    const { status, stdout } = await at.run(['diff', PLAN, OTHER, '--md']);
    assertGolden('commands/diff.md', shown(stdout));
    expect(status).toBe(0);
    const outside = stdout.replaceAll(/(`+)[^`](?:.*?[^`])?\1(?!`)/g, '');
    expect(outside).not.toMatch(/[<@]/);
    expect(stdout).not.toContain('\u001b');
    for (const row of stdout.split('\n').filter((line) => line.startsWith('| '))) {
      expect(row.replaceAll('\\|', '').match(/\|/g), row).toHaveLength(6);
    }
  });

  test('as JSON', async () => {
    const { status, stdout } = await at.run(['diff', PLAN, OTHER, '--json']);
    const { before, after, same, changes } = JSON.parse(stdout);
    expect({ status, same }).toEqual({ status: 0, same: false });
    expect([before.name, after.name]).toEqual([PLAN, OTHER]);
    expect(changes).toContainEqual({
      kind: 'changed',
      section: 'variables',
      name: 'width.max',
      before: '20 mm',
      after: '25 mm',
      effect: 'widened',
    });
  });

  test('--text shows every line that differs, nothing of it obeyed by a terminal, and goes with no other form', async () => {
    const { status, stdout } = await at.run(['diff', PLAN, OTHER, '--text']);
    expect(status).toBe(0);
    for (const line of [
      '-      "max": 20,',
      '+      "max": 25,',
      '-        "attempts": 2,',
      '+        "attempts": 3,',
    ]) {
      expect(stdout.split('\n')).toContain(line);
    }
    expect(stdout).not.toMatch(/[^\n\P{Cc}]/u);
    const alike = await at.run(['diff', PLAN, PLAN, '--text']);
    expect(alike.stdout).not.toContain('@@');
    expect((await at.run(['diff', PLAN, OTHER, '--text', '--json'])).status).toBe(2);
  });

  test('--exit-code says whether anything differs', async () => {
    expect((await at.run(['diff', PLAN, OTHER, '--exit-code'])).status).toBe(1);
    expect((await at.run(['diff', PLAN, PLAN, '--exit-code'])).status).toBe(0);
  });

  test('a plan and its own lock are the same, byte by byte', async () => {
    const { status, stdout } = await at.run(['diff', LOCK, PLAN, '--exit-code']);
    expect(status).toBe(0);
    expect(stdout).toContain('They are the same, byte by byte.');
  });

  test('two plans that mean the same', async () => {
    const text = readFileSync(join(at.project, PLAN), 'utf8');
    writeFileSync(
      join(at.project, 'plans/alike.plan.yaml'),
      text.replace('load: 100 N', 'load: 1e2 N').replace(' }\n  height:', ', scale: linear }\n  height:'),
    );
    expect((await at.run(['diff', PLAN, 'plans/alike.plan.yaml'])).stdout).toContain(
      'They are the same, byte by byte.',
    );
    const steps = text.slice(text.indexOf('  post:'), text.indexOf('metrics:'));
    writeFileSync(
      join(at.project, 'plans/alike.plan.yaml'),
      text.replace(steps, '').replace('pipeline:\n', `pipeline:\n${steps}`),
    );
    const { status, stdout } = await at.run(['diff', PLAN, 'plans/alike.plan.yaml', '--exit-code']);
    expect(stdout).toContain('They mean the same; only their bytes differ.');
    expect(status).toBe(0);
  });
});

describe('a plan alone, with the last approved lock of its plan', () => {
  test('before anybody approved', async () => {
    const { status, stdout, stderr } = await at.run(['diff', PLAN, '--trust', at.trust]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('No lock of the plan beam-small is approved yet.');
  });

  test('without a trust policy nobody can tell what was approved', async () => {
    const { status, stderr } = await at.run(['diff', PLAN]);
    expect(status).toBe(3);
    expect(stderr).toContain('There is no trust policy');
  });

  test('after an approval: the same, then what moved, points told by value', async () => {
    await at.approve();
    const same = await at.run(['diff', PLAN, '--trust', at.trust, '--exit-code']);
    expect(same.status).toBe(0);
    expect(same.stdout).toContain('They are the same, byte by byte.');
    const { status, stdout } = await at.run(['diff', OTHER, '--trust', at.trust, '--exit-code']);
    expect(status).toBe(1);
    expect(stdout).toContain('--- the last approved lock of beam-small');
    expect(stdout).toContain('width.max  20 mm -> 25 mm  (widened)');
    renameSync(join(at.project, OTHER), join(at.project, PLAN));
    const moved = await at.run(['diff', PLAN, '--trust', at.trust]);
    expect(moved.stdout).toContain('explore.values  6 different points -> 0 kept, 8 added, 6 removed');
    renameSync(join(at.project, PLAN), join(at.project, OTHER));
  });
});

describe('what cannot be compared', () => {
  test('a plan with problems: they are shown', async () => {
    writeFileSync(join(at.project, 'plans/wrong.plan.yaml'), 'expctl: 1\n');
    const { status, stdout, stderr } = await at.run(['diff', LOCK, 'plans/wrong.plan.yaml']);
    expect(status).toBe(2);
    expect(stdout).toContain('This file has no "goal".');
    expect(stderr).toContain('A plan with errors cannot be compared.');
  });

  test('a lock that was altered', async () => {
    const text = readFileSync(join(at.project, LOCK), 'utf8');
    writeFileSync(join(at.project, 'plans/altered.lock.json'), `${text} `);
    const { status, stderr } = await at.run(['diff', LOCK, 'plans/altered.lock.json']);
    expect(status).toBe(2);
    expect(stderr).toContain('not in its canonical form');
  });

  test('two forms at once', async () => {
    expect((await at.run(['diff', LOCK, LOCK, '--md', '--json'])).status).toBe(2);
  });
});

describe('Markdown stays within its budget, and says what it left out', () => {
  const changes = (count: number, length: number): LockChange[] =>
    Array.from({ length: count }, (_, at) => ({
      kind: 'changed',
      section: at % 2 === 0 ? 'tools' : 'pipeline',
      name: `n${at}`,
      before: 'a'.repeat(length),
      after: 'b'.repeat(length),
      effect: null,
    }));
  const names = { before: { name: 'a', sha256: '0'.repeat(64) }, after: { name: 'b', sha256: '1'.repeat(64) } };

  test('many changes', () => {
    const text = diffMarkdown(changes(2000, 100), names);
    expect(text.length).toBeLessThanOrEqual(MARKDOWN_BUDGET);
    expect(text.length).toBeGreaterThan(MARKDOWN_BUDGET * 0.9);
    const rows = text.match(/^\| ~ \| /gm)!.length;
    const [, tools, pipeline] = /_Left out for want of space: (\d+) of tools, (\d+) of pipeline\./.exec(text)!;
    expect(rows + Number(tools) + Number(pipeline)).toBe(2000);
  });

  test('long values are cut, and the cut is told', () => {
    const text = diffMarkdown(changes(1, 5000), names);
    expect(text).toContain(`${'a'.repeat(400)}\` … 4600 characters more`);
    expect(text).not.toContain('Left out');
  });
});
