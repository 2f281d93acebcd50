import { describe, expect, onTestFinished, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { unwrap } from '../../src/base/result.ts';
import type { InboxMessage, Lease, NewEvent, PoolExchange } from '../../src/engines/ports.ts';
import type {
  EffectAnswer,
  EffectIntent,
  EngineHolder,
  NumberedEvents,
  SharedJournal,
} from '../../src/engines/temporal/ports.ts';
import { began, chainOf, finished, granted, rowsOf, runRow, STARTED } from '../adapters/sqlite/support.ts';

/*
 * How every SharedJournal behaves, whatever store stands behind it.
 */

/** A store of its own for one test. */
export interface SharedStore {
  /** As the first worker sees it. */
  readonly journal: SharedJournal;
  /** As another worker sees it, that is over another connection. */
  readonly another: () => Promise<SharedJournal>;
  /** Leaves a message for a run, as commands do. */
  readonly post: (run: string, kind: InboxMessage['kind'], body: JsonObject) => Promise<number>;
  readonly close: () => Promise<void>;
}

export const CLUSTER: EngineHolder = { engine: 'temporal', place: 'localhost:7233/default' };
export const A: Lease = { run: 'a', fence: 1 };

/** The events of one stream, from a number on. */
export function tail(first_seq: number, ...events: readonly [NewEvent, ...NewEvent[]]): NumberedEvents {
  return { stream: events[0].stream, first_seq, events: events.map(({ event, observed }) => ({ event, observed })) };
}

export function intent(point: number, other: Partial<EffectIntent> = {}): EffectIntent {
  return { key: `key-${point}`, point, step: 'solve', part: 'call', attempt: 1, ...other };
}

export function answered(answer: string): EffectAnswer {
  return { outcome: { ok: true, answer, artifacts: [] }, observed: { host: answer } };
}

export function exchange(given: Partial<PoolExchange>): PoolExchange {
  return { released: [], bound: [], wanted: [], ...given };
}

export function want(point: number, attempt = 1): PoolExchange['wanted'][number] {
  return { point, step: 'solve', attempt, uses: { licence: 1 } };
}

export function runFinished(): NewEvent {
  const points = { succeeded: 0, failed: 0, cancelled: 0 };
  return { stream: 'study', event: { type: 'run.finished', status: 'completed', reason: '', points }, observed: {} };
}

/** An event that says where it was observed. */
export function seenAt(host: string, event: NewEvent): NewEvent {
  return { ...event, observed: { host } };
}

const BROKEN = { code: 'EVIDENCE_BROKEN' };
const LOCKED = { code: 'RUN_LOCKED' };

export function sharedJournalBehaves(name: string, open: () => Promise<SharedStore>): void {
  async function opened(): Promise<SharedStore> {
    const store = await open();
    onTestFinished(() => store.close());
    return store;
  }

  /** The run `a`, which the cluster performs, with a licence for one. */
  async function withRun(): Promise<SharedStore> {
    const store = await opened();
    unwrap(await store.journal.createShared(runRow('a'), CLUSTER, 1, [STARTED], { licence: 1 }));
    return store;
  }

  async function claimsOf({ journal }: SharedStore): Promise<string[]> {
    const { claims } = await journal.pools();
    return claims.map(({ point, attempt, held_ms, taken, key }) => {
      const state = held_ms === null ? 'waits' : taken ? `held for ${key}` : 'granted';
      return `${point}/${attempt} ${state}`;
    });
  }

  describe(`${name}: a shared run`, () => {
    test('is created once for each use of its request', async () => {
      const { journal, another } = await opened();
      const other = await another();
      const [one, two] = await Promise.all([
        journal.createShared(runRow('a'), CLUSTER, 1, [STARTED], {}),
        other.createShared(runRow('b'), CLUSTER, 1, [STARTED], {}),
      ]);
      expect([one, two]).toMatchObject([
        { ok: true, value: A },
        { ok: false, error: { code: 'APPROVAL_USED' } },
      ]);
      expect(await journal.createShared(runRow('a', 'request-2'), CLUSTER, 1, [STARTED], {})).toMatchObject({
        ok: false,
        error: { code: 'USAGE' },
      });
      expect(await chainOf(other, 'a')).toEqual({ ok: true, rows: 1, streams: 1 });
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
      ['another type', tail(2, { ...granted(1), event: { type: 'point.paused' } })],
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
