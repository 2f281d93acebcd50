import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { resumeRun, startRun } from '../../src/engines/embedded/engine.ts';
import { Bench, World } from '../engines/support.ts';
import { journalWith } from '../journal-with.ts';
import { JOB, makeCall, makeLock, makeStep, OnePoint } from '../kernel/support.ts';

/*
 * Defects that the simulation found, each as small as it can be told.
 */

const DAY_S = 24 * 3600;
const once = makeCall('t/solve', { with: { x: '=x' }, effect: 'once' });

describe('a job has not ended because its answers say nothing', () => {
  const retry = { attempts: 3, backoff_s: 1, on: ['unexpected', 'bad_metric'] };
  const job = (changes: Partial<typeof JOB> = {}) =>
    makeLock({ semantics: 2, pipeline: [makeStep('solve', { job: { ...JOB, ...changes }, retry })] }).program;

  test('a poll that answers nonsense: not submitted again, and asked of a person when the point is retried', () => {
    const point = new OnePoint(job()).answer('solve', { id: 'j' }).answer('solve', { status: 1 });
    expect(point.records).toMatchObject([{ type: 'step.failed', again_in_s: null }, { type: 'point.ended' }]);
    point.take({ type: 'point.retried' });
    expect(point.records).toMatchObject([{ type: 'step.unresolved', part: 'poll' }]);
  });

  test('a submission without the handle: its submission is what a person is asked of', () => {
    const point = new OnePoint(job()).answer('solve', {});
    expect(point.records).toMatchObject([{ type: 'step.failed', again_in_s: null }, { type: 'point.ended' }]);
    point.take({ type: 'point.retried' });
    expect(point.records).toMatchObject([{ type: 'step.unresolved', part: 'submit' }]);
  });

  test('what was never sent has ended: its point is tried again', () => {
    const submit = { ...JOB.submit, with: { x: '=nothing' } };
    const point = new OnePoint(job({ submit })).fire('retry:solve:1').fire('retry:solve:2');
    point.take({ type: 'point.retried' });
    expect(point.records).toMatchObject([{ type: 'step.failed', attempt: 4, again_in_s: 1 }]);
  });

  test('an end that was told is one: tried again', () => {
    const point = new OnePoint(job()).answer('solve', { id: 'j' }).answer('solve', { status: 'failed' });
    expect(point.records).toMatchObject([{ type: 'step.failed', again_in_s: 1 }]);
  });
});

test('a resolution counts once: one that a crash left behind says nothing of what was sent since', async () => {
  const pipeline = [makeStep('solve', { call: once })];
  const on = await Bench.of(makeLock({ semantics: 2, pipeline }, { explore: 1 }), new World({ dedupes: false }));
  on.world.fate = () => 'lose';
  expect((await (await on.start()).finish()).ended).toBe('unresolved');
  await on.post('resolve', { point: 1, step: 'solve', as: 'not_done' });
  const crash = { append: 1, when: 'after' } as const;
  expect((await (await on.resume({ crash })).finish()).ended).toBe('crashed');
  expect((await (await on.resume()).finish()).ended).toBe('unresolved');
  expect(on.world.sendings).toHaveLength(1);
  expect(await on.inboxSize()).toBe(0);
});

test('a step whose tokens are granted while its run is taken up is sent once', async () => {
  const pipeline = [makeStep('solve', { call: once, uses: { cores: 1 } })];
  const made = makeLock({ semantics: 2, pipeline, pools: { cores: 1 } }, { explore: 2 });
  const on = await Bench.of(made, new World({ dedupes: false }));
  const first = on.process();
  const { journal } = first.deps;
  // It dies behind the answer that gives the token back, and before it hears that the other point was granted it.
  const exchangeTokens: typeof journal.exchangeTokens = async (lease, exchange) => {
    const granted = await journal.exchangeTokens(lease, exchange);
    return exchange.released.length === 0 ? granted : new Promise(() => undefined);
  };
  Object.assign(first.deps, { journal: journalWith(journal, { exchangeTokens }) });
  await (await first.begin(startRun)).settle();
  first.crash();
  expect((await on.journalRows()).at(-1)!.type).toBe('point.finished');
  expect((await (await on.resume()).finish()).ended).toBe('completed');
  expect(on.world.sendings).toHaveLength(2);
  expect(await on.results()).toMatchObject({ 1: { status: 'succeeded' }, 2: { status: 'succeeded' } });
});

test('a want that the same fact gives up leaves no claim behind', async () => {
  const needs = ['a'];
  const pipeline = [
    makeStep('a', { call: makeCall('t/solve', { with: { x: '=x' } }) }),
    makeStep('b', { needs, uses: { cores: 1 }, call: makeCall('t/cad', { with: { x: '=x' } }) }),
    makeStep('c', { needs, when: 'x > 1 || a.nothing > 3', call: makeCall('t/mesh') }),
  ];
  const metrics = [{ name: 'mass', value: '=a.mass', unit: 'kg', plausible: null, description: '' }];
  const made = makeLock({ semantics: 2, pipeline, metrics, pools: { cores: 1 }, in_flight: 1 }, { explore: 2 });
  const on = await Bench.of(made);
  expect((await (await on.start()).finish()).ended).toBe('completed');
  expect(await on.results()).toMatchObject({ 1: { status: 'failed' }, 2: { status: 'succeeded' } });
});

test('a failed point of a run that had ended is sent once when it is tried again', async () => {
  const pipeline = [makeStep('solve', { call: once })];
  const on = await Bench.of(makeLock({ semantics: 2, pipeline }, { explore: 1 }), new World({ dedupes: false }));
  on.world.fate = () => (on.world.sendings.length === 1 ? { fail: 'tool_failed' } : { after_s: 1 });
  expect((await (await on.start()).finish()).ended).toBe('failed');
  await on.post('retry', { by: 'bob' });
  expect((await (await on.resume()).finish()).ended).toBe('completed');
  expect(on.world.sendings).toHaveLength(2);
});

test('a `resume` that lies in the inbox does not un-pause a run whose approval has expired', async () => {
  const on = await Bench.of(makeLock({ semantics: 2 }, { explore: 2 }));
  on.world.fate = () => 'hang';
  const first = await (await on.start()).settle();
  first.crash();
  on.world.clock.advance(20 * DAY_S);
  await on.post('resume');
  on.world.fate = () => 'answer';
  expect((await (await on.resume()).finish(DAY_S)).ended).toBe('APPROVAL_EXPIRED');
});

test('a pause that comes while a run is taken up leaves no poll behind that it took back', async () => {
  const pipeline = [makeStep('solve', { job: JOB, uses: { cores: 1 } })];
  const on = await Bench.of(makeLock({ semantics: 2, pipeline, pools: { cores: 1 } }, { explore: 1 }));
  on.world.answer = ({ call }): Json => (call === 'submit' ? { id: 'j' } : { status: 'running' });
  const first = await (await on.start()).settle();
  first.crash();
  const sent = on.world.sendings.length;
  const second = on.process();
  const { journal } = second.deps;
  let goOn = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const reconcileTokens: typeof journal.reconcileTokens = async (...args) => {
    await held;
    return journal.reconcileTokens(...args);
  };
  Object.assign(second.deps, { journal: journalWith(journal, { reconcileTokens }) });
  await second.begin(resumeRun);
  second.performance!.drain('Ctrl-C');
  goOn();
  expect((await second.settle()).ended).toBe('paused');
  expect(on.world.sendings).toHaveLength(sent);
});
