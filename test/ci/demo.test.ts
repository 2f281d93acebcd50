import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TmuxTerminal } from './tmux.ts';

/* What a newcomer types first, with a HOME of its own that stays empty. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LONG_MS = 240_000;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'expctl-demo-'));
  mkdirSync(join(root, 'home'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function evidence(): string[] {
  const approvals = join(root, 'demo', 'project', 'approvals');
  return readdirSync(approvals).flatMap((folder) => readdirSync(join(approvals, folder)));
}

test('the demo without a terminal: plan to replay', () => {
  const argv = ['scripts/demo.mjs', '--dir', join(root, 'demo')];
  const env = { ...process.env, HOME: join(root, 'home') };
  const demo = spawnSync(process.execPath, argv, {
    cwd: ROOT,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(demo.status, demo.stderr).toBe(0);
  expect(demo.stdout).toContain('holds: recomputed from its lock, without any tool.');
  expect(demo.stderr).toContain('24 points succeeded');
  expect(demo.stderr).toMatch(/Done in \d+ s\./);
  expect(existsSync(join(root, 'demo', 'project', 'report.html'))).toBe(true);
  expect(evidence().filter((name) => name.startsWith('approve-'))).toHaveLength(1);
  expect(readdirSync(join(root, 'home'))).toEqual([]);
});

test('a folder that is no demo is left alone', () => {
  mkdirSync(join(root, 'demo'));
  writeFileSync(join(root, 'demo', 'thesis.txt'), 'years of work');
  const argv = ['scripts/demo.mjs', '--dir', join(root, 'demo')];
  const demo = spawnSync(process.execPath, argv, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  expect([demo.status, demo.stderr]).toEqual([1, expect.stringContaining('is there and is no demo')]);
  expect(readdirSync(join(root, 'demo'))).toEqual(['thesis.txt']);
});

test('the demo in a terminal: the person approves on the screen, and without that nothing runs', async () => {
  for (const approves of [true, false]) {
    const terminal = new TmuxTerminal({
      columns: 80,
      rows: 24,
      cwd: ROOT,
      script: `env -u CI -u CONTINUOUS_INTEGRATION ${process.execPath} scripts/demo.mjs --dir ${join(root, 'demo')}`,
      env: { HOME: join(root, 'home') },
    });
    try {
      await terminal.until((screen) => screen.includes('a approve') && screen.includes('[Summary]'), LONG_MS);
      terminal.keys(approves ? 'a' : 'q');
      if (approves) {
        const asked = await terminal.until((screen) => /approve [0-9a-f]{8}/.test(screen));
        terminal.type(/approve [0-9a-f]{8}/.exec(asked)![0]);
        terminal.keys('Enter');
        await terminal.until('Done in', LONG_MS);
      } else {
        await terminal.until('left the review without approving', LONG_MS);
        expect(existsSync(join(root, 'demo', 'project', 'approvals'))).toBe(false);
        expect(existsSync(join(root, 'demo', 'project', '.expctl', 'journal.sqlite'))).toBe(false);
      }
      expect(terminal.bytes()).not.toContain('\u001b[3J');
    } finally {
      terminal.close();
    }
  }
}, 600_000);
