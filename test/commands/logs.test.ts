import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assertGolden } from '../golden.ts';
import { appendRows, drafts, findRows, storeOf } from '../provenance/altered.ts';
import { expctl } from '../provenance/app.ts';
import { BEGIN_MS, type Recorded, recordRun, SPOILT } from '../provenance/recorded.ts';

let recorded: Recorded;
const folders: string[] = [];
beforeAll(async () => {
  recorded = await recordRun({ spoil: SPOILT });
});
afterAll(() => {
  recorded.remove();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const logs = (...args: string[]) => expctl(['logs', recorded.run, ...args], { cwd: recorded.project });

test('shows what was kept of each call, harmless for a terminal', async () => {
  const { out, err, status } = await logs('1');
  expect(status).toBe(0);
  assertGolden('provenance/logs.txt', `${out}--- standard error\n${err}`);
  expect(out).not.toContain('\u001b');
  expect((await logs('1', '--raw')).out).toContain('\u001b[31mwarning');
});

test('a step, a part, an attempt, a stream', async () => {
  const titles = async (...args: string[]) => (await logs('1', ...args)).err.trim().split('\n');
  expect(await titles()).toHaveLength(2);
  expect(await titles('solve')).toHaveLength(2);
  expect(await titles('solve.submit', '--attempt', '2')).toEqual([expect.stringContaining('attempt 2, stderr')]);
  expect(await titles('cad')).toEqual(['The calls of point 1 wrote nothing that was kept.']);
  expect(await titles('--stdout')).toEqual(['The calls of point 1 wrote nothing that was kept.']);
  expect(await titles('--stdout', '--stderr')).toHaveLength(2);
});

test('--json has the texts as they are', async () => {
  const parts = JSON.parse((await logs('3', '--json')).out);
  expect(parts).toMatchObject([
    { step: 'solve', part: 'submit' },
    { step: 'post', part: 'call', stream: 'stderr' },
  ]);
  expect(parts[1].text).toBe('post.extract: started\n\u001b[31mwarning\u001b[0m: coarse mesh\n');
});

test('-f goes on until the point has ended', async () => {
  const [first] = findRows(drafts(recorded.rows), 'effect.answered', (body) => body['step'] === 'solve');
  const cwd = storeOf(recorded, recorded.rows.slice(0, first! + 1), { performed: 'elsewhere' });
  folders.push(cwd);
  let waits = 0;
  const onWait = () => {
    waits += 1;
    if (waits === 3) appendRows(cwd, recorded.rows.slice(first! + 1));
  };
  const { out, err } = await expctl(['logs', recorded.run, '1', '-f'], { cwd, now_ms: BEGIN_MS, onWait });
  expect(waits).toBe(3);
  expect(err.trim().split('\n')).toHaveLength(2);
  expect(out.match(/coarse mesh/g)).toHaveLength(2);
});

test('no such point, step or attempt', async () => {
  expect((await logs('99')).status).toBe(2);
  expect((await logs('1', 'weld')).status).toBe(2);
  expect((await logs('16')).err).toContain('was not started');
});
