import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { drafts, edit, findRows, restamp, storeOf } from '../provenance/altered.ts';
import { expctl } from '../provenance/app.ts';
import { BEGIN_MS, failure, PLAN, type Recorded, recordRun, SPOILT } from '../provenance/recorded.ts';

/** Texts that would do something if they came through as markup; from the plan and from the tool. */
const ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>\"' onload='alert(3)";
const HOSTILE = PLAN.replace(/goal: .*/, () => `goal: ${JSON.stringify(ATTACK)}`)
  .replace('ask: Continue with the search?', () => `ask: ${JSON.stringify(`${ATTACK}?`)}`)
  .replace('because: the search is bounded', () => `because: ${JSON.stringify(ATTACK)}`);

let recorded: Recorded;
let hostile: Recorded;
const folders: string[] = [];
beforeAll(async () => {
  recorded = await recordRun({ spoil: SPOILT });
  hostile = await recordRun({
    plan: HOSTILE,
    spoil: (call, args) =>
      call === 'post.extract' && /result_[0-3]/.test(JSON.stringify(args))
        ? failure('tool_failed', `${ATTACK}\u202e\u001b[31m`)
        : undefined,
  });
});
afterAll(() => {
  recorded.remove();
  hostile.remove();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

async function page(of: Recorded, ...args: string[]): Promise<string> {
  const { out, status } = await expctl(['report', '-o', '-', ...args], { cwd: of.project, now_ms: BEGIN_MS });
  expect(status).toBe(0);
  return out;
}

/** Markup without its text: every tag with its attributes. */
function tags(text: string): string[] {
  const body = text.slice(text.indexOf('<body>'));
  return [...body.matchAll(/<[^>]*>/g)].map(([tag]) => tag);
}

test('writes one page that has what was approved, decided, found and failed', async () => {
  const args = ['report', '-o', 'r.html', '--trust', recorded.trust_path];
  const { status, out, err } = await expctl(args, { cwd: recorded.project, now_ms: BEGIN_MS });
  expect({ status, out }).toEqual({ status: 0, out: '' });
  expect(err).toContain('r.html');
  const text = readFileSync(join(recorded.project, 'r.html'), 'utf8');
  const shown = [
    'The evidence holds',
    '2 signatures hold',
    recorded.lock_sha256,
    recorded.request_sha256,
    recorded.rows.findLast(({ stream }) => stream === 'study')!.hash,
    'alice',
    'self-approved',
    'gate pilot',
    '“Go on.”',
    'rule 2 of the plan',
    'tool_failed',
    'beam 1.0.0',
    'mass [kg]',
    'deflection &lt;= 0.2',
    `expctl replay ${recorded.run}`,
  ];
  for (const words of shown) expect(text).toContain(words);
  const table = text.slice(text.indexOf('All points'), text.indexOf('What was approved'));
  expect(table.split('<tr').length - 1).toBe(13);
});

test('says when signatures were not checked', async () => {
  const text = await page(recorded);
  expect(text).toContain('class="verdict unsure"');
  expect(text).toContain('Not checked: The signatures');
});

describe('is safe to open', () => {
  test('its policy allows its own style and nothing else', async () => {
    const text = await page(recorded);
    const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(text)?.[1];
    const style = /<style>([\s\S]*?)<\/style>/.exec(text)?.[1] ?? '';
    const digest = createHash('sha256').update(style).digest('base64');
    expect(policy).toBe(`default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'`);
    expect(text.indexOf('Content-Security-Policy')).toBeLessThan(text.indexOf('<style>'));
  });

  test('it loads and runs nothing', async () => {
    for (const of of [recorded, hostile]) {
      for (const tag of tags(await page(of))) {
        expect(tag).not.toMatch(/^<(script|img|iframe|object|embed|link|base|form|a|foreignObject|use|image)\b/i);
        expect(tag).not.toMatch(/\s(on[a-z]+|src|href|xlink:href|style|srcset|action)\s*=/i);
      }
    }
  });

  test('texts of plans and tools are text', async () => {
    const text = await page(hostile);
    const escaped =
      '&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;&quot;&#39; onload=&#39;alert(3)';
    // Goal, gate, decision, end, and each failed point.
    expect(text.split(escaped).length - 1).toBeGreaterThanOrEqual(5);
    expect(text).not.toContain('<script');
    for (const unseen of ['\u001b', '\u202e']) expect(text).not.toContain(unseen);
    expect(text).toContain('\\u{202E}\\u{1B}[31m');
  });
});

test('a run whose evidence does not hold gets a page that says so, and status 6', async () => {
  const rows = drafts(recorded.rows);
  const [at] = findRows(rows, 'point.finished', (body) => (body['result'] as JsonObject)['feasible'] === true);
  edit(rows[at!]!, (body) => Object.assign((body['result'] as { metrics: JsonObject }).metrics, { mass: 0.01 }));
  const cwd = storeOf(recorded, restamp(rows));
  folders.push(cwd);
  const { status, out, err } = await expctl(['report', '-o', '-'], { cwd, now_ms: BEGIN_MS });
  expect(status).toBe(6);
  expect(err).toContain('found by the kernel');
  expect(out).toContain('The evidence does not hold');
  expect(out).not.toContain('The evidence holds');
});

test('a run that goes on, and one that has hardly begun, have a page too', async () => {
  for (const events of [7, 120]) {
    const cwd = storeOf(recorded, recorded.rows.slice(0, cutAt(events)), { performed: 'elsewhere' });
    folders.push(cwd);
    const { status, out } = await expctl(['report', '-o', '-'], { cwd, now_ms: BEGIN_MS + 60_000 });
    expect(status).toBe(0);
    expect(out).toContain('running');
    expect(out).not.toMatch(/NaN|Infinity|undefined/);
  }
});

/** The next place from which on nothing has to follow: behind a whole transaction. */
function cutAt(events: number): number {
  const facts = recorded.rows.slice(events).findIndex(({ type }) => type === 'effect.answered');
  return events + facts;
}
