import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { journalFile } from '../../src/adapters/sqlite/database.ts';
import { openReader } from '../../src/adapters/sqlite/reader.ts';
import { unwrap } from '../../src/base/result.ts';
import { foldStand } from '../../src/commands/stand.ts';
import { recover, recoverRun } from '../../src/engines/embedded/recover.ts';
import type { JournalReader } from '../../src/engines/ports.ts';
import { pointProblem } from '../../src/provenance/holds.ts';
import { foldRun } from '../../src/provenance/state.ts';
import { statusOf } from '../../src/provenance/status.ts';
import { largeLock, OF, RUN, writeLargeJournal } from './large-journal.ts';

/*
 * A run of very many points, killed near its end: what is asked about it does not read all of it, and comes to the same.
 * `EXPCTL_POINTS=5000` for a small one.
 */

const POINTS = Number(process.env['EXPCTL_POINTS'] ?? 100_000);
const BEHIND = 900;
const folder = mkdtempSync(join(tmpdir(), 'expctl-large-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Counts the rows that are read. */
function counting(reader: JournalReader) {
  const count = { rows: 0 };
  async function* read(...args: Parameters<JournalReader['read']>) {
    for await (const row of reader.read(...args)) {
      count.rows += 1;
      yield row;
    }
  }
  const counted = {
    read,
    head: (...args: Parameters<JournalReader['head']>) => reader.head(...args),
    snapshot: (run: string) => reader.snapshot(run),
  };
  return { count, reader: counted };
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  const value = await work();
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `${what}: ${((user + system) / 1000).toFixed(0)} ms of processor, ${(performance.now() - begun).toFixed(0)} ms`,
  );
  return value;
}

describe(`a run of ${POINTS} points of three steps`, () => {
  const made = largeLock(POINTS);
  const reader = () => counting(unwrap(openReader(folder)));
  const run = { ...OF, name: 'large', request_sha256: '', created_ms: 0 };
  const holder = { state: 'gone', pid: 1, machine: 'bench' } as const;

  test('is written', async () => {
    const written = await timed('written', () => writeLargeJournal(folder, made, { behind: BEHIND, rest: 400 }));
    expect(written).toBeGreaterThan(10 * POINTS - 500);
    const bytes = statSync(journalFile(folder)).size;
    console.log(`${written} events, ${(bytes / written).toFixed(0)} bytes each`);
    expect(bytes / written).toBeLessThan(1_000);
  });

  test('is gone on with from its snapshot, and from the whole journal, alike', async () => {
    const { count, reader: store } = reader();
    const told: string[] = [];
    const resumed = await timed('recovered from the snapshot', () =>
      recoverRun(made.program, OF, store, (reason) => told.push(reason)),
    );
    expect(told).toEqual([]);
    expect(count.rows).toBeLessThan(BEHIND + 50 * 20);
    const whole = await timed('recovered from the whole journal', () =>
      recover(made.program, OF.lock_sha256, reader().reader.read(RUN)),
    );
    expect(unwrap(resumed).machine.snapshot()).toEqual(unwrap(whole).machine.snapshot());
    expect([...unwrap(resumed).pending.effects]).toEqual([...unwrap(whole).pending.effects]);
  });

  test('tells where it stands, and holds a point, from few of its rows', async () => {
    const { count, reader: store } = reader();
    const fold = await timed('status', () => foldStand(made.program, OF, store));
    expect(fold.is_whole).toBe(false);
    const { rows } = count;
    expect(rows).toBeLessThan(BEHIND + 50 * 40 + 600);
    const problem = await timed('a point', () => pointProblem(store, RUN, Math.ceil(POINTS / 2)));
    expect([problem, count.rows - rows < 12]).toEqual([null, true]);
    const whole = await timed('status from the whole journal', () => foldRun(made.program, reader().reader.read(RUN)));
    const shown = (of: typeof fold) => ({ ...statusOf({ run, fold: of, holder, inbox: [] }), eta: null });
    expect(shown(fold)).toEqual(shown(whole));
  });
});
