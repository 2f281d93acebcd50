import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { openJournal } from '../../../src/adapters/sqlite/journal.ts';
import { thisProcess } from '../../../src/adapters/sqlite/process-facts.ts';
import { openReader } from '../../../src/adapters/sqlite/reader.ts';
import type { JournalReader } from '../../../src/engines/ports.ts';
import { chainOf, rowsOf, runRow, STARTED, StillClock, temporaryFolder } from './support.ts';

const STARTERS = 8;
const KILLS = 20;

function child(mode: 'start' | 'write', folder: string, run: string): ChildProcess {
  const script = fileURLToPath(new URL('./child.ts', import.meta.url));
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  return spawn(process.execPath, ['--import', 'tsx', script, mode, folder, run], { stdio: [...stdio] });
}

async function linesOf(process: ChildProcess, onLine?: (count: number) => void): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: process.stdout! })) {
    lines.push(line);
    onLine?.(lines.length);
  }
  return lines;
}

function readerOf(folder: string): JournalReader {
  const reader = openReader(folder);
  if (!reader.ok) throw reader.error;
  return reader.value;
}

describe('several processes', () => {
  test('that start one approved run at once start it once', async () => {
    const folder = temporaryFolder();
    const starters = Array.from({ length: STARTERS }, (_, index) => linesOf(child('start', folder, `run-${index}`)));
    const outcomes = (await Promise.all(starters)).flat().sort();
    expect(outcomes).toEqual([...Array.from({ length: STARTERS - 1 }, () => 'APPROVAL_USED'), 'started']);
    const reader = readerOf(folder);
    expect(await reader.usesOf('request-1')).toBe(1);
    const [run, ...others] = await reader.runs();
    expect(others).toEqual([]);
    expect(await rowsOf(reader, run!.run)).toHaveLength(1);
  }, 180_000);

  test('lose nothing that was acknowledged when they are killed, and the next one goes on', async () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder, { clock: new StillClock(), process: thisProcess() });
    const lease = await journal.createRun(runRow('a'), 1, [STARTED]);
    if (lease.ok) await journal.release(lease.value);
    const acknowledged: string[] = [];
    for (let kill = 1; kill <= KILLS; kill++) {
      const writer = child('write', folder, 'a');
      const gone = once(writer, 'exit');
      const afterRows = 1 + ((kill * 137) % 400);
      acknowledged.push(...(await linesOf(writer, (count) => count === afterRows && writer.kill('SIGKILL'))));
      expect(await gone).toEqual([null, 'SIGKILL']);
      const reader = readerOf(folder);
      const rows = await rowsOf(reader, 'a');
      const present = new Set(rows.map(({ hash }) => hash));
      expect(acknowledged.filter((hash) => !present.has(hash))).toEqual([]);
      expect(await chainOf(reader, 'a')).toMatchObject({ ok: true, rows: rows.length });
      expect(rows.at(-1)!.fence).toBe(kill + 1);
      await reader.close();
    }
    expect(acknowledged.length).toBeGreaterThan(KILLS * 100);
  }, 180_000);
});
