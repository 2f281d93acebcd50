import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { openReader } from '../../../src/adapters/sqlite/reader.ts';
import { unwrap } from '../../../src/base/result.ts';
import { chainOf, temporaryFolder } from './support.ts';

const RUNS = ['a', 'b', 'c'];

/**
 * Three runs share two licences, and the process of each is killed as often as asked; then they end. What it was that they said beside
 * `used` (pools-child.ts); that nothing is held at the end and that their journals are whole is checked here.
 */
export async function killPerformers(kills: number): Promise<{ readonly uses: number; readonly others: string[] }> {
  const folder = temporaryFolder();
  const performed = RUNS.map(async (run, index) => {
    const lines: string[] = [];
    for (let kill = 1; kill <= kills; kill++) {
      lines.push(...(await linesOf(child(folder, run, 'work'), 1 + ((kill * 7 + index * 5) % 12))));
    }
    return [...lines, ...(await linesOf(child(folder, run, 'end')))];
  });
  const lines = (await Promise.all(performed)).flat();
  const reader = unwrap(openReader(folder));
  expect((await reader.pools()).claims).toEqual([]);
  for (const run of RUNS) expect(await chainOf(reader, run)).toMatchObject({ ok: true });
  await reader.close();
  const others = lines.filter((line) => line !== 'used');
  return { uses: lines.length - others.length, others };
}

function child(folder: string, run: string, mode: 'work' | 'end'): ChildProcess {
  const script = fileURLToPath(new URL('./pools-child.ts', import.meta.url));
  const argv = ['--import', 'tsx', script, folder, run, mode];
  return spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
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
