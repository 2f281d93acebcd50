import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openSharedJournal } from '../../../src/adapters/sqlite/shared-journal.ts';
import { thisProcess } from '../../../src/adapters/sqlite/process-facts.ts';
import { unwrap } from '../../../src/base/result.ts';
import { CLUSTER } from '../../engines/shared-journal-steps.ts';
import { chainOf, rowsOf, runRow, STARTED, StillClock, temporaryFolder } from './support.ts';

const TURNS = 150;
const KILLS = 3;

/** What a worker said; it is killed once it has said so many lines. */
async function worker(folder: string, point: number, most_lines = Number.POSITIVE_INFINITY): Promise<string[]> {
  const script = fileURLToPath(new URL('./shared-child.ts', import.meta.url));
  const argv = ['--import', 'tsx', script, folder, String(point), String(TURNS)];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === most_lines) child.kill('SIGKILL');
  }
  expect(await gone).toEqual(Number.isFinite(most_lines) ? [null, 'SIGKILL'] : [0, null]);
  return lines;
}

test('two workers write one run while one of them is killed again and again: one chain, and every event once', async () => {
  const folder = temporaryFolder();
  const journal = openSharedJournal(folder, { clock: new StillClock(), process: thisProcess() });
  unwrap(await journal.createShared(runRow('a'), CLUSTER, 1, [STARTED], {}));

  async function untilItEnds(): Promise<string[]> {
    const said: string[] = [];
    for (let kill = 1; kill <= KILLS; kill++) said.push(...(await worker(folder, 1, 60 * kill)));
    return [...said, ...(await worker(folder, 1))];
  }
  const said = (await Promise.all([untilItEnds(), worker(folder, 2)])).flat();

  const rows = await rowsOf(journal, 'a');
  expect(await chainOf(journal, 'a')).toEqual({ ok: true, rows: 1 + 5 * TURNS, streams: 3 });
  const writers = rows.filter(({ stream }) => stream === 'study').map(({ observed }) => JSON.parse(observed)['by']);
  expect(writers.slice(1).join('')).toBe('12'.repeat(TURNS / 2));
  const present = new Set(rows.map(({ hash }) => hash));
  const hashes = said.filter((line) => !line.includes(' '));
  expect(hashes.filter((hash) => !present.has(hash))).toEqual([]);
  expect(new Set(hashes).size).toBe(hashes.length); // no two workers wrote the same row
  expect(hashes.length).toBeGreaterThan(5 * TURNS - 3 * KILLS - 1); // what was not said was written just before a kill
  const sendings = new Map(
    said.filter((line) => line.includes(' ')).map((line) => line.split(' ') as [string, string]),
  );
  for (const [key, times] of sendings) {
    const effect = await journal.effect('a', key);
    expect(effect).toMatchObject({ sendings: Number(times), answer: { outcome: { ok: true } } });
  }
  expect(sendings.size).toBe(2 * TURNS);
  await journal.close();
}, 120_000);
