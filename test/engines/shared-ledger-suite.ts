import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/base/result.ts';
import type { EffectAnswer } from '../../src/engines/temporal/ports.ts';
import { began, granted, rowsOf, runRow, STARTED } from '../adapters/sqlite/support.ts';
import {
  A,
  answered,
  BROKEN,
  claimsOf,
  CLUSTER,
  exchange,
  intent,
  LOCKED,
  runFinished,
  type SharedStore,
  tail,
  want,
} from './shared-journal-steps.ts';

/** The part of `sharedJournalBehaves` that is about leases, effects, tokens and what else goes with events. */
export function sharedLedgerBehaves(name: string, withRun: () => Promise<SharedStore>): void {
  describe(`${name}: once the run is another's`, () => {
    test('nothing is written under the old lease, and other runs go on', async () => {
      const { journal, another } = await withRun();
      unwrap(await journal.createShared(runRow('b', 'request-2'), CLUSTER, 1, [STARTED], {}));
      await journal.commit(A, { tails: [tail(1, began(1))], intent: intent(1) });
      const worker = await another();
      await worker.release(A);
      const taken = unwrap(await worker.acquireShared('a', CLUSTER));
      await worker.commit(taken, { tails: [tail(2, granted(1))] });
      const [late, sent, answer, tokens, fine] = await Promise.allSettled([
        journal.commit(A, { tails: [tail(3, granted(1))] }),
        journal.commit(A, { tails: [], intent: intent(1) }),
        journal.answer(A, 'key-1', answered('late')),
        journal.exchangeTokens(A, exchange({ wanted: [want(1)] })),
        journal.commit({ run: 'b', fence: 1 }, { tails: [tail(1, began(1))] }),
      ]);
      for (const outcome of [late, sent, answer, tokens]) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: LOCKED });
      }
      expect(fine.status).toBe('fulfilled');
      expect(await journal.effect('a', 'key-1')).toMatchObject({ sendings: 1, answer: null });
      expect(await rowsOf(journal, 'a')).toHaveLength(3);
    });

    test('what was said before a release is still written', async () => {
      const { journal } = await withRun();
      const written = journal.commit(A, { tails: [tail(1, began(1))] });
      await journal.release(A);
      expect((await written).rows).toHaveLength(1);
      await expect(journal.commit(A, { tails: [tail(2, granted(1))] })).rejects.toMatchObject(LOCKED);
    });
  });

  describe(`${name}: the ledger`, () => {
    test('counts how often an effect was sent, whoever did, until it was answered', async () => {
      const { journal, another } = await withRun();
      const worker = await another();
      expect(await worker.effect('a', 'key-1')).toBeNull();
      const turn = { tails: [tail(1, began(1))], intent: intent(1) };
      const first = await journal.commit(A, turn);
      expect(first.effect).toEqual({ ...intent(1), sendings: 1, answer: null });
      const again = await worker.commit(A, turn);
      expect(again).toEqual({ rows: [], effect: { ...intent(1), sendings: 2, answer: null } });
      const both = await Promise.all([journal.commit(A, turn), journal.commit(A, turn)]);
      expect(both.map(({ effect }) => effect!.sendings)).toEqual([3, 4]);
      await worker.answer(A, 'key-1', answered('yes'));
      expect((await journal.commit(A, turn)).effect).toMatchObject({ sendings: 4, answer: answered('yes') });
      expect(await worker.effect('a', 'key-1')).toMatchObject({ sendings: 4, answer: answered('yes') });
    });

    test('keeps the first answer', async () => {
      const { journal, another } = await withRun();
      const worker = await another();
      await journal.commit(A, { tails: [], intent: intent(1) });
      const answers = await Promise.all([
        ...['first', 'second'].map((word) => journal.answer(A, 'key-1', answered(word))),
        worker.answer(A, 'key-1', answered('third')),
      ]);
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
      expect(answers[0]).toEqual((await worker.effect('a', 'key-1'))!.answer);
      expect(await worker.answer(A, 'key-1', answered('fourth'))).toEqual(answers[0]);
    });

    test('takes no answer to what was never to be sent, nor one that JSON cannot say', async () => {
      const { journal } = await withRun();
      await journal.commit(A, { tails: [], intent: intent(2) });
      const nan: EffectAnswer = { ...answered('?'), observed: { rate: Number.NaN } };
      const [unknown, broken, fine] = await Promise.allSettled([
        journal.answer(A, 'key-1', answered('yes')),
        journal.answer(A, 'key-2', nan),
        journal.commit(A, { tails: [tail(1, began(1))] }),
      ]);
      expect(unknown).toMatchObject({ status: 'rejected', reason: { code: 'NOT_FOUND' } });
      expect(broken).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) });
      expect(fine.status).toBe('fulfilled');
      expect(await journal.effect('a', 'key-2')).toMatchObject({ answer: null });
    });

    test('refuses a key that is that of another effect', async () => {
      const { journal } = await withRun();
      await journal.commit(A, { tails: [], intent: intent(1) });
      const wrong = { tails: [tail(1, began(1))], intent: intent(1, { attempt: 2 }) };
      await expect(journal.commit(A, wrong)).rejects.toMatchObject(BROKEN);
      expect(await journal.head('a', 'point/1')).toBeNull();
      expect(await journal.effect('a', 'key-1')).toMatchObject({ attempt: 1, sendings: 1 });
    });

    test('is that of one run', async () => {
      const { journal } = await withRun();
      const other = unwrap(await journal.createShared(runRow('b', 'request-2'), CLUSTER, 1, [STARTED], {}));
      await journal.commit(A, { tails: [], intent: intent(1) });
      expect(await journal.effect('b', 'key-1')).toBeNull();
      await expect(journal.answer(other, 'key-1', answered('yes'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
  });

  describe(`${name}: tokens`, () => {
    test('are wanted, granted and bound with the events that say so', async () => {
      const store = await withRun();
      const { journal, another } = store;
      await journal.commit(A, {
        tails: [tail(1, began(1)), tail(1, began(2))],
        exchange: exchange({ wanted: [want(1), want(2)] }),
      });
      expect(await claimsOf(store)).toEqual(['1/1 granted', '2/1 waits']);
      const bound = [{ point: 1, step: 'solve', key: 'key-1' }];
      const worker = await another();
      await worker.commit(A, { tails: [tail(2, granted(1))], exchange: exchange({ bound }), intent: intent(1) });
      expect(await claimsOf(store)).toEqual(['1/1 held for key-1', '2/1 waits']);
      const released = [{ point: 1, step: 'solve' }];
      await journal.commit(A, { tails: [tail(3, granted(1, 'post'))], exchange: exchange({ released }) });
      expect(await claimsOf(store)).toEqual(['2/1 granted']);
    });

    test('that a turn gave back stay with whoever has them now, when it is written again', async () => {
      const store = await withRun();
      const { journal, another } = store;
      await journal.commit(A, { tails: [tail(1, began(1))], exchange: exchange({ wanted: [want(1)] }) });
      const failed = {
        tails: [tail(2, granted(1))],
        exchange: exchange({ released: [{ point: 1, step: 'solve' }], wanted: [want(1, 2)] }),
      };
      await journal.commit(A, failed);
      const bound = [{ point: 1, step: 'solve', key: 'key-2' }];
      await journal.commit(A, { tails: [tail(3, granted(1))], exchange: exchange({ bound }) });
      expect(await claimsOf(store)).toEqual(['1/2 held for key-2']);
      await (await another()).commit(A, failed);
      expect(await claimsOf(store)).toEqual(['1/2 held for key-2']);
    });

    test('that there are not are refused, and nothing of the turn is written', async () => {
      const store = await withRun();
      const wide = { ...want(1), uses: { licence: 2 } };
      const turn = { tails: [tail(1, began(1))], exchange: exchange({ wanted: [wide] }), intent: intent(1) };
      await expect(store.journal.commit(A, turn)).rejects.toMatchObject({ code: 'INTERNAL' });
      expect(await store.journal.head('a', 'point/1')).toBeNull();
      expect(await store.journal.effect('a', 'key-1')).toBeNull();
      expect(await claimsOf(store)).toEqual([]);
    });

    test('are asked for, and brought in line with the journal, by themselves too', async () => {
      const store = await withRun();
      const worker = await store.another();
      expect(await store.journal.exchangeTokens(A, exchange({ wanted: [want(1), want(2)] }))).toEqual([
        { point: 1, step: 'solve', attempt: 1 },
      ]);
      expect(await worker.reconcileTokens(A, { held: [], wanted: [want(2)] })).toEqual([
        { point: 2, step: 'solve', attempt: 1 },
      ]);
      expect(await claimsOf(store)).toEqual(['2/1 granted']);
    });

    test('are all given back by the end of the run, once', async () => {
      const store = await withRun();
      const { journal } = store;
      await journal.exchangeTokens(A, exchange({ wanted: [want(1), want(2)] }));
      await journal.commit(A, { tails: [tail(2, runFinished())] });
      expect(await claimsOf(store)).toEqual([]);
      // Failed points are tried again, and whoever wrote the end writes it again.
      await journal.exchangeTokens(A, exchange({ wanted: [want(1, 2)] }));
      await journal.commit(A, { tails: [tail(2, runFinished())] });
      expect(await claimsOf(store)).toEqual(['1/2 granted']);
    });
  });

  describe(`${name}: messages and small artifacts`, () => {
    test('messages that were obeyed are removed with what they led to', async () => {
      const { journal, another, post } = await withRun();
      unwrap(await journal.createShared(runRow('b', 'request-2'), CLUSTER, 1, [STARTED], {}));
      const [first, second, other] = [
        await post('a', 'pause', { by: 'alice' }),
        await post('a', 'resume', {}),
        await post('b', 'pause', {}),
      ];
      const worker = await another();
      expect(await worker.inbox('a')).toMatchObject([
        { id: first, kind: 'pause', body: { by: 'alice' } },
        { id: second },
      ]);
      await worker.commit(A, { tails: [tail(1, began(1))], obeyed: [first, other] });
      expect((await journal.inbox('a')).map(({ id }) => id)).toEqual([second]);
      expect(await journal.inbox('b')).toHaveLength(1);
    });

    test('a small artifact is there for all, no later than what names it', async () => {
      const { journal, another } = await withRun();
      journal.keepSmallArtifact('digest', new Uint8Array([1, 2]));
      await journal.commit(A, { tails: [tail(1, began(1))] });
      const worker = await another();
      expect(new Uint8Array((await worker.smallArtifact('digest'))!)).toEqual(new Uint8Array([1, 2]));
      expect(await worker.smallArtifact('other')).toBeNull();
    });
  });
}
