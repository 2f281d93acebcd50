import { expect, test } from 'vitest';
import type { JournalReader } from '../../src/engines/ports.ts';
import { RunMirror } from '../../src/engines/temporal/run-mirror.ts';
import type { PointFact, StudyFact } from '../../src/ir/events.ts';
import { RunMachine } from '../../src/kernel/run.ts';
import type { Entry } from '../kernel/driver.ts';
import { JOB, makeLock, makeStep, STARTED } from '../kernel/support.ts';
import { RUN, Rows, rowsOf } from './rows.ts';

const SUBMIT = { step: 'solve', part: 'submit', attempt: 1 } as const;
const UNREADABLE = { ok: true, answer: { id: 1e300 }, artifacts: [] } as const;

/** The mirror of a run with one point, whose journal came from these facts. */
async function mirrorOf(facts: readonly (readonly [number | null, StudyFact | PointFact])[]): Promise<RunMirror> {
  const steps = [makeStep('solve', { job: JOB })];
  const { program } = makeLock({ semantics: 2, pipeline: steps, metrics: [], objectives: [] }, { explore: 1 });
  const machine = new RunMachine(program);
  const seqs = new Map<string, number>();
  const numbered = (stream: string): number => {
    const seq = (seqs.get(stream) ?? 0) + 1;
    seqs.set(stream, seq);
    return seq;
  };
  const transactions = facts.map(([point, fact]) =>
    machine.settle(point, fact).events.map(({ stream, event }): Entry => ({ stream, seq: numbered(stream), event })),
  );
  const journal = new Rows(
    rowsOf(transactions, (time) => time),
    null,
  ) as unknown as JournalReader;
  const mirror = new RunMirror(RUN, program, journal, () => 0);
  await mirror.turn(async () => undefined);
  return mirror;
}

const FAILED = [
  [null, { ...STARTED, semantics: 2 } as StudyFact],
  [1, { type: 'effect.answered', ...SUBMIT, outcome: UNREADABLE }],
] as const;

test('the effects of a failed point are known when it is tried again', async () => {
  const retried = [null, { type: 'points.retried', points: [1], by: 'bob' }] as const;
  const said = { as: 'not_done', outcome: null, statement_sha256: 'a'.repeat(64), by: 'bob' } as const;
  const mirror = await mirrorOf([...FAILED, retried, [1, { type: 'effect.resolved', ...SUBMIT, ...said }]]);
  expect(mirror.open.of(1, SUBMIT)).toMatchObject({ not_done: 1 });
  expect(
    mirror.asks(1, { do: 'send', ...SUBMIT, call: 't/submit', arguments: { x: 1 }, effect: 'by_key', timeout_s: 60 }),
  ).toBe(true);
});

test('the effects of a point that succeeded are forgotten', async () => {
  const answered = (part: 'submit' | 'poll' | 'fetch', answer: { readonly [key: string]: string }) =>
    [
      1,
      { type: 'effect.answered', ...SUBMIT, part, outcome: { ok: true, answer: { ...answer }, artifacts: [] } },
    ] as const;
  const done = [answered('submit', { id: 'a' }), answered('poll', { status: 'done' }), answered('fetch', {})];
  const mirror = await mirrorOf([FAILED[0], ...done]);
  expect(mirror.machine.study?.status).toBe('finished');
  expect(mirror.open.of(1, SUBMIT)).toBeNull();
});

test('a study whose history was put back behind its journal writes nothing', async () => {
  const mirror = await mirrorOf([FAILED[0]]);
  const tail = (last: number) => ({
    stream: 'study',
    first_seq: 1,
    events: Array.from({ length: last }, () => STARTED),
  });
  await expect(mirror.turn(() => mirror.fresh(tail(1)))).rejects.toMatchObject({ code: 'WAITS_FOR_PERSON' });
  await expect(mirror.turn(() => mirror.fresh(tail(3)))).resolves.toEqual([]);
});
