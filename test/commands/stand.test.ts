import { describe, expect, test } from 'vitest';
import { foldStand } from '../../src/commands/stand.ts';
import { summaryBehind } from '../../src/engines/embedded/snapshot.ts';
import type { JournalRow } from '../../src/ir/events.ts';
import type { StudySummary } from '../../src/ir/study-summary.ts';
import { listedRun } from '../../src/provenance/list.ts';
import { pointRows } from '../../src/provenance/points.ts';
import { foldRun, type RunFold } from '../../src/provenance/state.ts';
import { statusOf } from '../../src/provenance/status.ts';
import { boundaries, journal, OF, Rows, RUN, snapshotBehind } from '../engines/rows.ts';
import { seededDice } from '../kernel/driver.ts';
import { richLock } from '../kernel/locks.ts';

const run = { ...OF, name: 'small', request_sha256: '', created_ms: 0 };
const holder = { state: 'live', pid: 1, machine: 'bench' } as const;
const shown = (fold: RunFold) => statusOf({ run, fold, holder, inbox: [] });

describe('where a run stands', () => {
  test.each([1, 2])('is the same from any snapshot as from the whole journal, semantics %i', async (semantics) => {
    const { program } = richLock({ semantics });
    const pick = seededDice(semantics);
    const seen = { in_flight: 0, eta: 0, failures: 0, best: 0, ended: 0 };
    for (let seed = 1; seed <= 40; seed += 1) {
      const rows = journal(program, seed);
      const ends = boundaries(program, rows);
      for (let times = 0; times < 3; times += 1) {
        const [a, b] = [pick(), pick()].map((luck) => ends[Math.floor(luck * ends.length)]!).sort((x, y) => x - y);
        const store = new Rows(rows.slice(0, b), await snapshotBehind(program, rows.slice(0, a)));
        const fold = await foldStand(program, OF, store);
        const status = shown(fold);
        expect(fold.is_whole, 'the snapshot was of use').toBe(false);
        expect(status, `seed ${seed}, ${a} of ${b} rows`).toEqual(
          shown(await foldRun(program, new Rows(rows.slice(0, b), null).read(RUN))),
        );
        seen.in_flight += status.in_flight.length > 0 ? 1 : 0;
        seen.eta += status.eta === null ? 0 : 1;
        seen.failures += Object.keys(status.failures).length > 0 ? 1 : 0;
        seen.best += status.best === null ? 0 : 1;
        seen.ended += status.ended_ms === null ? 0 : 1;
      }
    }
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(0);
  });

  const { program } = richLock();
  const rows = journal(program, 4);
  const ends = boundaries(program, rows);
  const [at, end] = [ends[Math.floor(ends.length / 2)]!, ends.at(-3)!];
  const whole = async (all: readonly JournalRow[]) => shown(await foldRun(program, new Rows(all, null).read(RUN)));

  test('is read anew where the snapshot does not hold', async () => {
    const { position, body } = await snapshotBehind(program, rows.slice(0, at));
    for (const changed of ['{', body.replace(/"study":\d+/, '"study":3'), body.replace('"points":[', '"points":[1,')]) {
      const store = new Rows(rows.slice(0, end), { position, body: changed });
      const fold = await foldStand(program, OF, store);
      expect(fold.is_whole).toBe(true);
      expect(shown(fold)).toEqual(await whole(rows.slice(0, end)));
    }
  });

  test('says of a journal that does not follow what the whole says of it', async () => {
    const cut = [...rows.slice(0, at + 1), ...rows.slice(at + 2, end)].map((row, index) => ({
      ...row,
      position: index + 1,
    }));
    const store = new Rows(cut, await snapshotBehind(program, rows.slice(0, at)));
    const status = shown(await foldStand(program, OF, store));
    expect(status.broken).not.toBeNull();
    expect(status).toEqual(await whole(cut));
  });

  test('knows no single points: those need every row', async () => {
    const store = new Rows(rows, await snapshotBehind(program, rows.slice(0, at)));
    const fold = await foldStand(program, OF, store);
    expect(() => pointRows(fold)).toThrow('all rows');
  });
});

describe('a run in the list of all runs', () => {
  test('is the same from any snapshot as from the whole study', async () => {
    const { program, lock } = richLock({ semantics: 2 });
    const pick = seededDice(3);
    const listed = (known: StudySummary | null, rows: AsyncIterable<JournalRow>) =>
      listedRun({ run, known, rows, lock, holder, inbox: [] });
    for (let seed = 1; seed <= 30; seed += 1) {
      const rows = journal(program, seed);
      const ends = boundaries(program, rows);
      const [a, b] = [pick(), pick()].map((luck) => ends[Math.floor(luck * ends.length)]!).sort((x, y) => x - y);
      const store = new Rows(rows.slice(0, b), await snapshotBehind(program, rows.slice(0, a)));
      const known = await summaryBehind(RUN, store);
      expect(known!.position).toBe(a);
      expect(await listed(known!.summary, store.read(RUN, { after_position: a }))).toEqual(
        await listed(null, store.read(RUN, { stream: 'study' })),
      );
    }
  });

  test('is not told from a snapshot whose rows are gone', async () => {
    const { program } = richLock();
    const rows = journal(program, 4);
    const snapshot = await snapshotBehind(program, rows);
    expect(await summaryBehind(RUN, new Rows(rows, snapshot))).not.toBeNull();
    expect(await summaryBehind(RUN, new Rows(rows.slice(0, -1), snapshot))).toBeNull();
    expect(await summaryBehind(RUN, new Rows(rows, { ...snapshot, body: '{' }))).toBeNull();
    expect(await summaryBehind(RUN, new Rows(rows, null))).toBeNull();
  });
});
