import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { ok } from '../../src/base/result.ts';
import { startRun } from '../../src/engines/embedded/engine.ts';
import type { CallEnd, ToolCall, ToolHost } from '../../src/engines/ports.ts';
import { JOB, type Made, makeCall } from '../kernel/support.ts';
import { small } from './small.ts';
import { Bench, type Fate, type Sending, World } from './support.ts';

const effect = (kind: 'pure' | 'by_key' | 'once') => ({
  call: makeCall('t/solve', { with: { x: '=x' }, effect: kind }),
});

/** One process for all calls: a call that is poison ends it, and with it all calls that are out. */
function toolOfWhich(isPoison: (x: number) => boolean): { readonly host: ToolHost; readonly sent: number[] } {
  const sent: number[] = [];
  const out = new Set<(end: CallEnd) => void>();
  const call = async (given: ToolCall): Promise<CallEnd> => {
    const x = Number(given.arguments['x']);
    sent.push(x);
    return new Promise((resolve) => {
      out.add(resolve);
      const end = (ends: CallEnd) => () => {
        for (const other of ends.kind === 'lost' ? [...out] : [resolve]) if (out.delete(other)) other(ends);
      };
      if (isPoison(x)) setImmediate(end({ kind: 'lost', reason: 'died', message: 'it ended', observed: {} }));
      else setTimeout(end({ kind: 'answer', answer: { mass: x }, artifacts: [], observed: {} }), 20);
    });
  };
  return { sent, host: { open: async () => ok({ call, close: async () => undefined }) } };
}

async function played(made: Made, fate: (sending: Sending) => Fate, world = new World()) {
  const bench = await Bench.of(made, world);
  world.fate = fate;
  const process = await (await bench.start()).finish();
  return { bench, world, process, results: await bench.results() };
}

describe('a straight run', () => {
  test('is performed to its end', async () => {
    const { bench, process, results, world } = await played(small({ job: JOB }, {}, 5), () => 'answer');
    expect(process.ended).toBe('completed');
    expect(Object.values(results).map((result) => result.metrics['mass'])).toEqual([1, 2, 3, 4, 5]);
    expect(world.effects.size).toBe(15);
    expect((await bench.types()).at(-1)).toBe('run.finished');
    expect(process.rows.map((row) => row.position)).toEqual([...process.rows.keys()].map((index) => index + 1));
    expect(process.closed_sessions).toBe(1);
    expect(world.clock.waiting, 'no timer is left behind').toBe(0);
  });

  test('E2: nothing is sent before its intent is durable, with the key that it is sent under', async () => {
    const world = new World();
    const bench = await Bench.of(small({}, {}, 6), world);
    const process = bench.process();
    world.fate = ({ key }) => {
      const intents = process.rows.filter((row) => row.type === 'effect.intended');
      expect(intents.map((row) => row.observed)).toContain(JSON.stringify({ key }));
      return 'answer';
    };
    await (await process.begin(startRun)).finish();
    expect(process.ended).toBe('completed');
    expect(world.sendings).toHaveLength(6);
  });

  test('polls every so often, for as long as the job takes', async () => {
    const world = new World();
    world.answer = (sending): Json => {
      if (sending.call === 'submit') return { id: 'job-1' };
      return sending.call === 'wait' ? { status: sending.nth < 4 ? 'running' : 'done' } : { mass: 1 };
    };
    const began_ms = world.clock.now_ms();
    const { process } = await played(small({ job: JOB }), () => 'answer', world);
    expect(process.ended).toBe('completed');
    expect(world.calls('wait')).toHaveLength(4);
    expect(world.clock.now_ms() - began_ms).toBe(6000);
  });

  test('a job that does not end by its deadline fails', async () => {
    const world = new World();
    world.answer = ({ call }): Json => (call === 'wait' ? { status: 'running' } : { id: 'job-1' });
    const { results } = await played(
      small({ job: { ...JOB, poll: { ...JOB.poll, timeout_s: 60 } } }),
      () => 'answer',
      world,
    );
    expect(results[1]).toMatchObject({ status: 'failed', failure: { class: 'timeout' } });
    expect(world.calls('wait')).toHaveLength(30);
  });

  test('retries wait as the kernel says', async () => {
    const retry = { attempts: 3, backoff_s: 100, on: ['transient'] };
    const world = new World();
    const began_ms = world.clock.now_ms();
    const fate = () => (world.sendings.length < 3 ? { fail: 'transient' } : 'answer') as Fate;
    const { process } = await played(small({ retry }), fate, world);
    expect(process.ended).toBe('completed');
    expect(new Set(world.sendings.map((sending) => sending.key)).size).toBe(3);
    expect(world.clock.now_ms() - began_ms).toBe(300_000);
  });
});

describe('answers that are lost', () => {
  test('by_key: sent again under the same key, the effect happens once, and the journal says so', async () => {
    const { bench, world, results } = await played(small(effect('by_key')), ({ nth }) => (nth < 3 ? 'lose' : 'answer'));
    expect(results[1]).toMatchObject({ status: 'succeeded' });
    expect(world.sendings).toHaveLength(3);
    expect([...world.effects.values()]).toEqual([1]);
    expect((await bench.types('point/1')).filter((type) => type === 'effect.resent')).toHaveLength(2);
  });

  test('once: not sent again, the outcome is unknown', async () => {
    const { world, results } = await played(small(effect('once')), () => 'lose', new World({ dedupes: false }));
    expect(results[1]).toMatchObject({ status: 'failed', failure: { class: 'unknown_outcome' } });
    expect([...world.effects.values()]).toEqual([1]);
  });

  test.each([
    ['by_key', 'die', 'unknown_outcome', 3],
    ['by_key', 'lose', 'unknown_outcome', 6],
    ['pure', 'die', 'tool_broken', 3],
    ['pure', 'lose', 'timeout', 6],
  ] as const)('%s: of sendings that %s it is %s after %i', async (kind, fate, failure, sendings) => {
    const { world, results } = await played(small(effect(kind)), () => fate);
    expect(results[1]).toMatchObject({ failure: { class: failure } });
    expect(world.sendings).toHaveLength(sendings);
  });

  test.each([
    ['by_key', 'unknown_outcome'],
    ['pure', 'tool_broken'],
  ] as const)(
    '%s: a call that ends its tool is quarantined; those beside it, which fall with it, are not',
    async (kind, failure) => {
      const bench = await Bench.of(small(effect(kind), { in_flight: 6 }, 6));
      const { host, sent } = toolOfWhich((x) => x === 2);
      const process = await (await bench.start({ deps: { tools: host } })).finish();
      expect(process.ended).toBe('completed');
      const { 2: poisoned, ...others } = await bench.results();
      expect(poisoned).toMatchObject({ status: 'failed', failure: { class: failure } });
      expect(poisoned?.failure?.message).toContain('quarantined: its tool ended 3 times');
      expect(Object.values(others).map(({ status }) => status)).toEqual(Array(5).fill('succeeded'));
      expect(sent.filter((x) => x === 2)).toHaveLength(3);
    },
  );

  test('a poll that fails for a moment, or gets no answer, is asked again', async () => {
    const fate = ({ call, nth }: Sending): Fate => {
      if (call !== 'wait' || nth > 8) return 'answer';
      return nth % 2 === 0 ? 'lose' : { fail: 'transient' };
    };
    const { world, process } = await played(small({ job: JOB }), fate);
    expect(process.ended).toBe('completed');
    expect(world.calls('submit')).toHaveLength(1);
    expect(world.calls('wait')).toHaveLength(9);
  });

  test('a poll that never gets one fails the step; the job is not submitted again', async () => {
    const retry = { attempts: 3, backoff_s: 1, on: ['tool_broken'] };
    const { world, results } = await played(small({ job: JOB, retry }), ({ call }) =>
      call === 'wait' ? 'die' : 'answer',
    );
    expect(results[1]).toMatchObject({ failure: { class: 'tool_broken' } });
    expect([world.calls('submit').length, world.calls('wait').length]).toEqual([1, 21]);
  });

  test('an answer that no journal can hold fails the point, not the run', async () => {
    const fate = ({ arguments: given }: Sending): Fate =>
      given['x'] === 1 ? { says: { mass: Number.NaN } } : 'answer';
    const { process, results } = await played(small({}, {}, 2), fate);
    expect(process.ended).toBe('completed');
    expect(results[1]).toMatchObject({ failure: { class: 'bad_metric' } });
  });
});
