import { describe, expect, onTestFinished, test } from 'vitest';
import type { EngineHolder, NumberedEvents } from '../../src/engines/temporal/ports.ts';
import { began, chainOf, finished, granted, rowsOf, runRow, STARTED } from '../adapters/sqlite/support.ts';
import * as steps from './shared-journal-steps.ts';
import { sharedLedgerBehaves } from './shared-ledger-suite.ts';

/*
 * How every SharedJournal behaves, whatever store stands behind it.
 */

const { A, BROKEN, claimsOf, CLUSTER, exchange, intent, LOCKED, runFinished, seenAt, tail, want } = steps;

export function sharedJournalBehaves(name: string, open: () => Promise<steps.SharedStore>): void {
  async function opened(): Promise<steps.SharedStore> {
    const store = await open();
    onTestFinished(() => store.close());
    return store;
  }
  const withRun = () => steps.withRun(opened);

  describe(`${name}: a shared run`, () => {
    test('is created once for each use of its request', async () => {
      const { journal, another } = await opened();
      const other = await another();
      const outcomes = await Promise.all([
        journal.createShared(runRow('a'), CLUSTER, 1, [STARTED], {}),
        other.createShared(runRow('b'), CLUSTER, 1, [STARTED], {}),
      ]);
      // Which of two workers comes first, their stores say.
      const [created, refused] = outcomes[0].ok ? outcomes : outcomes.toReversed();
      const run = outcomes[0].ok ? 'a' : 'b';
      expect([created, refused]).toMatchObject([
        { ok: true, value: { run, fence: 1 } },
        { ok: false, error: { code: 'APPROVAL_USED' } },
      ]);
      expect(await journal.createShared(runRow(run, 'request-2'), CLUSTER, 1, [STARTED], {})).toMatchObject({
        ok: false,
        error: { code: 'USAGE' },
      });
      expect(await chainOf(other, run)).toEqual({ ok: true, rows: 1, streams: 1 });
      expect((await journal.runs()).map((row) => row.run)).toEqual([run]);
    });

    test('says where it is performed, and under which lease', async () => {
      const { another } = await withRun();
      const worker = await another();
      expect(await worker.holder('a')).toEqual({
        ...{ state: 'live', pid: null },
        ...{ machine: 'localhost:7233/default', engine: 'temporal' },
      });
      expect(await worker.sharedRun('a')).toEqual({ ok: true, value: { lease: A, holder: CLUSTER } });
      expect(await worker.sharedRuns()).toEqual([{ lease: A, holder: CLUSTER }]);
      expect(await worker.sharedRun('b')).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } });
    });

    test('that was given back is nobody’s, and is taken by another cluster under a higher fence', async () => {
      const { journal, another } = await withRun();
      const elsewhere: EngineHolder = { engine: 'temporal', place: 'other:7233/lab' };
      const worker = await another();
      expect(await worker.acquireShared('a', elsewhere)).toMatchObject({ ok: false, error: LOCKED });
      await journal.release(A);
      expect(await worker.holder('a')).toMatchObject({ state: 'nobody' });
      expect(await worker.sharedRun('a')).toMatchObject({ ok: false, error: LOCKED });
      expect(await worker.sharedRuns()).toEqual([]);
      expect(await worker.acquireShared('a', elsewhere)).toEqual({ ok: true, value: { run: 'a', fence: 2 } });
      expect(await journal.sharedRun('a')).toMatchObject({ value: { lease: { fence: 2 }, holder: elsewhere } });
      await journal.release(A); // an old lease frees nothing
      expect(await worker.holder('a')).toMatchObject({ machine: 'other:7233/lab' });
      expect(await worker.acquireShared('b', CLUSTER)).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } });
    });

    test('that ended is not one of those that workers perform', async () => {
      const { journal } = await withRun();
      await journal.commit(A, { tails: [tail(2, runFinished())] });
      expect(await journal.sharedRuns()).toEqual([]);
      expect(await journal.sharedRun('a')).toMatchObject({ ok: true });
    });
  });

  describe(`${name}: events`, () => {
    test('are returned as they are read again, chained', async () => {
      const { journal, another } = await withRun();
      const { rows, effect } = await journal.commit(A, {
        tails: [tail(1, began(1), granted(1)), tail(1, began(2)), tail(3, granted(1))],
      });
      expect(rows.map(({ stream, seq }) => `${stream} ${seq}`)).toEqual([
        ...['point/1 1', 'point/1 2', 'point/2 1', 'point/1 3'],
      ]);
      expect(effect).toBeNull();
      expect((await rowsOf(await another(), 'a')).slice(1)).toEqual(rows);
      expect(await chainOf(journal, 'a')).toEqual({ ok: true, rows: 5, streams: 3 });
    });

    test('that are written twice are written once, and stay as they were observed first', async () => {
      const { journal, another } = await withRun();
      const first = await journal.commit(A, { tails: [tail(1, seenAt('one', began(1)), granted(1))] });
      const again = await (await another()).commit(A, { tails: [tail(1, seenAt('two', began(1)), granted(1))] });
      expect(first.rows).toHaveLength(2);
      expect(again.rows).toEqual([]);
      expect((await rowsOf(journal, 'a')).slice(1)).toEqual(first.rows);
      expect(first.rows[0]!.observed).toBe('{"host":"one"}');
    });

    test('of which the first are there already are gone on with', async () => {
      const { journal, another } = await withRun();
      await journal.commit(A, { tails: [tail(1, began(1), granted(1))] });
      const more = tail(2, granted(1), granted(1, 'post'));
      const { rows } = await (await another()).commit(A, { tails: [more] });
      expect(rows).toMatchObject([{ stream: 'point/1', seq: 3, body: '{"step":"post"}' }]);
      expect(await chainOf(journal, 'a')).toMatchObject({ ok: true, rows: 4 });
    });

    test('that a turn says twice are written once', async () => {
      const { journal } = await withRun();
      const { rows } = await journal.commit(A, { tails: [tail(1, began(1)), tail(1, began(1), granted(1))] });
      expect(rows.map(({ seq }) => seq)).toEqual([1, 2]);
      const twice = [tail(1, began(2), granted(2)), tail(2, granted(2, 'post'))];
      await expect(journal.commit(A, { tails: twice })).rejects.toMatchObject(BROKEN);
    });

    test.each<[string, NumberedEvents]>([
      ['another body', tail(2, granted(1, 'other'))],
      ['another type', tail(2, { ...granted(1), event: { type: 'step.skipped', step: 'solve' } })],
      ['a gap', tail(4, granted(1))],
      ['a number before the first', tail(0, granted(1))],
      ['a number between two', tail(1.5, granted(1))],
      ['a point that begins a second time', tail(3, began(1))],
    ])('with %s are refused, and nothing of their turn is written; other calls of it are', async (_what, wrong) => {
      const store = await withRun();
      const { journal } = store;
      await journal.commit(A, { tails: [tail(1, began(1), granted(1))] });
      const message = await store.post('a', 'pause', {});
      const [bad, good, answer] = await Promise.allSettled([
        journal.commit(A, {
          tails: [tail(1, began(2)), wrong],
          ...{ exchange: exchange({ wanted: [want(2)] }), intent: intent(2), obeyed: [message] },
        }),
        journal.commit(A, { tails: [tail(1, began(3))], intent: intent(3) }),
        journal.exchangeTokens(A, exchange({ wanted: [want(3)] })),
      ]);
      expect(bad).toMatchObject({ status: 'rejected', reason: BROKEN });
      expect(good).toMatchObject({ status: 'fulfilled', value: { rows: [{ stream: 'point/3' }] } });
      expect(answer.status).toBe('fulfilled');
      const streams = (await rowsOf(journal, 'a')).map(({ stream }) => stream);
      expect(streams).toEqual(['study', 'point/1', 'point/1', 'point/3']);
      expect(await journal.effect('a', 'key-2')).toBeNull();
      expect(await claimsOf(store)).toEqual(['3/1 granted']);
      expect(await journal.inbox('a')).toHaveLength(1);
      // The refused rows did not count as written.
      await journal.commit(A, { tails: [tail(1, began(2))] });
      expect(await chainOf(journal, 'a')).toMatchObject({ ok: true, rows: 5 });
    });

    test('that JSON cannot say are refused without harm to others', async () => {
      const { journal } = await withRun();
      const outcomes = await Promise.allSettled([
        journal.commit(A, { tails: [tail(1, { ...began(1), observed: { rate: Number.NaN } })] }),
        journal.commit(A, { tails: [], intent: intent(1, { attempt: 1.5 }) }),
        journal.commit(A, { tails: [tail(1, began(2))] }),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    });

    test('of a point that finished name its head, whoever wrote it, and when', async () => {
      const { journal, another } = await withRun();
      const worker = await another();
      const inOne = await journal.commit(A, { tails: [tail(1, began(1), granted(1)), tail(2, finished(1))] });
      expect(JSON.parse(inOne.rows[2]!.observed)).toEqual({ head: inOne.rows[1]!.hash, host: 'bench' });
      await journal.commit(A, { tails: [tail(1, began(2))] });
      const [last] = (await worker.commit(A, { tails: [tail(2, granted(2))] })).rows;
      const [end] = (await journal.commit(A, { tails: [tail(3, finished(2))] })).rows;
      expect(JSON.parse(end!.observed)).toMatchObject({ head: last!.hash });
      const [never] = (await worker.commit(A, { tails: [tail(4, finished(3))] })).rows;
      expect(JSON.parse(never!.observed)).toMatchObject({ head: null });
      expect(await chainOf(worker, 'a')).toMatchObject({ ok: true, rows: 8 });
    });

    test('of workers that take turns are one chain', async () => {
      const { journal, another } = await withRun();
      const workers = [journal, await another(), await another()];
      for (let seq = 1; seq <= 12; seq++) {
        const worker = workers[seq % 3]!;
        const own = 10 + (seq % 3);
        await worker.commit(A, {
          tails: [
            tail(seq, seq === 1 ? began(1) : granted(1)),
            tail(Math.ceil(seq / 3), seq <= 3 ? began(own) : granted(own)),
          ],
        });
      }
      expect(await chainOf(journal, 'a')).toEqual({ ok: true, rows: 25, streams: 5 });
      // All at once, each with all that there is to write.
      const all = tail(13, granted(1), granted(1), granted(1));
      const written = await Promise.all(workers.map((worker) => worker.commit(A, { tails: [all] })));
      expect(written.flatMap(({ rows }) => rows)).toHaveLength(3);
      expect(await chainOf(journal, 'a')).toMatchObject({ ok: true, rows: 28 });
    });
  });

  sharedLedgerBehaves(name, withRun);
}
