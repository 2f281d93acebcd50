import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openReader } from '../../../src/adapters/sqlite/reader.ts';
import { unwrap } from '../../../src/base/result.ts';
import { chainOf, temporaryFolder } from './support.ts';

const RUNS = ['a', 'b', 'c'];
const KILLS = 10;

function child(folder: string, run: string, mode: 'work' | 'end'): ChildProcess {
  const script = fileURLToPath(new URL('./pools-child.ts', import.meta.url));
  return spawn(process.execPath, ['--import', 'tsx', script, folder, run, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** What a process prints until it ends; it is killed when it has printed as many lines. */
async function linesOf(process: ChildProcess, kill_at = Number.POSITIVE_INFINITY): Promise<string[]> {
  const lines: string[] = [];
  const gone = once(process, 'exit');
  for await (const line of createInterface({ input: process.stdout! })) {
    lines.push(line);
    if (lines.length === kill_at) process.kill('SIGKILL');
  }
  expect(await gone).toEqual(kill_at === Number.POSITIVE_INFINITY ? [0, null] : [null, 'SIGKILL']);
  return lines;
}

test(`three runs share two licences while each is killed ${KILLS} times: none is used twice, none is lost`, async () => {
  const folder = temporaryFolder();
  const performed = RUNS.map(async (run, index) => {
    const lines: string[] = [];
    for (let kill = 1; kill <= KILLS; kill++) {
      lines.push(...(await linesOf(child(folder, run, 'work'), 1 + ((kill * 7 + index * 5) % 12))));
    }
    return [...lines, ...(await linesOf(child(folder, run, 'end')))];
  });
  const lines = (await Promise.all(performed)).flat();
  expect(lines.filter((line) => line !== 'used')).toEqual([]);
  expect(lines.length).toBeGreaterThan(RUNS.length * KILLS * 4);
  const reader = unwrap(openReader(folder));
  expect((await reader.pools()).claims).toEqual([]);
  for (const run of RUNS) expect(await chainOf(reader, run)).toMatchObject({ ok: true });
}, 240_000);
