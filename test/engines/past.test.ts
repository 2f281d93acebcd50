import { describe, expect, test } from 'vitest';
import { latestTime_ms, pastOf } from '../../src/engines/embedded/past.ts';
import { eventOf, type JournalRow } from '../../src/ir/events.ts';
import { newProgress, type Progress, takePast, takeProgress } from '../../src/ui/run/progress.ts';
import { seededDice } from '../kernel/driver.ts';
import { richLock } from '../kernel/locks.ts';
import { boundaries, folded, journal, Rows, RUN, snapshotBehind, wallTime_ms } from './rows.ts';

describe('a view of a run that goes on', () => {
  test('shows what it would show had it seen every row', async () => {
    const { program, lock } = richLock();
    const pick = seededDice(1);
    const seen = { in_flight: 0, best: 0, gates: 0, paused: 0 };
    for (let seed = 1; seed <= 60; seed += 1) {
      const rows = journal(program, seed);
      const ends = boundaries(program, rows);
      const past = rows.slice(0, ends[Math.floor(pick() * ends.length)]);
      const [seenAll, told] = [newProgress(lock), newProgress(lock)];
      for (const row of past) takeProgress(seenAll, row, eventOf(row));
      takePast(told, pastOf(await folded(program, past)));
      // A point between two steps is at the one that ended for the one, and at none for the other.
      for (const [point, step] of told.in_flight)
        if (step === '') told.in_flight.set(point, seenAll.in_flight.get(point)!);
      expect([...told.in_flight.keys()].sort()).toEqual([...seenAll.in_flight.keys()].sort());
      // Of two points that are equally good, the one shows the first to finish, the other that with the lower number.
      const comparable = ({ in_flight: _, best, ...others }: Progress) => ({ ...others, best: best?.metrics });
      const [others, expected] = [comparable(told), comparable(seenAll)];
      expect(others, `seed ${seed}, ${past.length} rows`).toEqual(expected);
      seen.in_flight += told.in_flight.size > 0 ? 1 : 0;
      seen.best += told.best === null ? 0 : 1;
      seen.gates += told.waits?.includes('gate') === true ? 1 : 0;
      seen.paused += told.waits === 'paused' ? 1 : 0;
    }
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(0);
  });
});

describe('the latest time of a run', () => {
  const { program } = richLock();
  const rows = journal(program, 4);
  const at = boundaries(program, rows).at(-10)!;
  const transactionOf = (row: JournalRow | undefined) => (row!.wall_ms - wallTime_ms(0)) / 5_000;
  const latest_ms = rows.at(-1)!.wall_ms;
  /** The clock was set back by an hour behind a transaction. */
  const setBackBehind = (last: number) =>
    journal(program, 4, (time) => wallTime_ms(time) - (time > last ? 3_600_000 : 0));
  const [before, behind] = [transactionOf(rows[at - 20]), transactionOf(rows[at + 2])];

  test.each([
    ['in the last row', rows, latest_ms],
    ['before the clock was set back', setBackBehind(before), wallTime_ms(before)],
    ['behind the snapshot', setBackBehind(behind), wallTime_ms(behind)],
  ])('is found %s, with a snapshot and without', async (_where, journalled, expected) => {
    const whole = new Rows(journalled, null);
    expect(await latestTime_ms(RUN, whole)).toBe(expected);
    const store = new Rows(journalled, await snapshotBehind(program, journalled.slice(0, at)));
    expect(await latestTime_ms(RUN, store)).toBe(expected);
    expect([whole.read_rows, store.read_rows]).toEqual([rows.length, rows.length - at + 2]);
  });

  test.each([
    ['of another run', { run: 'other' }],
    ['of another build', { format: 7 }],
    ['of another row', { last: { position: 1 } }],
    ['without a time', { last_wall_ms: 'now' }],
  ])('is that of all rows where the snapshot is %s', async (_what, change) => {
    const { position, body } = await snapshotBehind(program, rows.slice(0, at));
    const store = new Rows(rows, { position, body: JSON.stringify({ ...JSON.parse(body), ...change }) });
    expect(await latestTime_ms(RUN, store)).toBe(latest_ms);
    expect(store.read_rows).toBe(rows.length);
  });
});
