import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { ExpctlError } from '../../src/base/error.ts';
import { err, ok } from '../../src/base/result.ts';
import { resumeRun, startRun } from '../../src/engines/embedded/engine.ts';
import { recover } from '../../src/engines/embedded/recover.ts';
import type { CallEnd, NewEvent, ToolCall, ToolHost } from '../../src/engines/ports.ts';
import type { LockedStep } from '../../src/ir/lock.ts';
import { designPhase, gatePhase, JOB, makeCall, makeLock, makeStep } from '../kernel/support.ts';
import { Bench, type Fate, type Sending, World } from './support.ts';

const small = (changes: Partial<LockedStep> = {}, lock: Parameters<typeof makeLock>[0] = {}, points = 1) =>
  makeLock(
    { pipeline: [makeStep('solve', { call: makeCall('t/solve', { with: { x: '=x' } }), ...changes })], ...lock },
    { explore: points },
  );
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

async function played(made: ReturnType<typeof makeLock>, fate: (sending: Sending) => Fate, world = new World()) {
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

describe('drain and stop', () => {
  const slow = () => small({}, { in_flight: 2 }, 4);

  test('drain waits for what is out and sends nothing new; resume goes on', async () => {
    const world = new World();
    const bench = await Bench.of(slow(), world);
    world.fate = () => ({ after_s: 10 });
    const first = await (await bench.start()).settle();
    first.performance!.drain('Ctrl-C');
    first.performance!.drain('Ctrl-C again');
    await first.finish();
    expect(first.ended).toBe('paused');
    expect(world.sendings).toHaveLength(2);
    const second = await (await bench.resume()).finish();
    expect(second.ended).toBe('completed');
    expect([...world.effects.values()]).toEqual([1, 1, 1, 1]);
    expect(Object.keys(await bench.results())).toEqual(['1', '2', '3', '4']);
    expect(await bench.types()).toContain('run.resumed');
  });

  test('drain during the first appends loses nothing', async () => {
    const bench = await Bench.of(slow());
    const first = await bench.start();
    first.performance!.drain('at once');
    expect((await first.finish()).ended).toBe('paused');
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
    await bench.verified();
  });

  test('drain while a run is being resumed is not undone by the resumption', async () => {
    const bench = await Bench.of(slow());
    const first = await bench.start();
    first.performance!.drain('first');
    await first.finish();
    const second = await bench.resume();
    second.performance!.drain('second');
    expect((await second.finish()).ended).toBe('paused');
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
  });

  test('stop ends now, tools are closed, and resume finds everything again', async () => {
    const world = new World();
    const bench = await Bench.of(slow(), world);
    world.fate = () => 'hang';
    const first = await (await bench.start()).settle();
    first.performance!.stop();
    await first.settle();
    expect(first.ended).toBe('interrupted');
    expect(first.closed_sessions).toBe(1);
    world.fate = () => 'answer';
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
    expect([...world.effects.values()]).toEqual([1, 1, 1, 1]);
  });

  test('stop before anything was read back', async () => {
    const bench = await Bench.of(slow());
    const first = await bench.start();
    first.performance!.stop();
    expect((await first.settle()).ended).toBe('interrupted');
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
  });

  test('a tool that fails to close does not keep the run from ending', async () => {
    const bench = await Bench.of(slow());
    const session = { call: () => new Promise<never>(() => undefined), close: () => Promise.reject(new Error('no')) };
    const first = await bench.start({ deps: { tools: { open: async () => ({ ok: true, value: session }) } } });
    first.performance!.stop();
    expect((await first.settle()).ended).toBe('interrupted');
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
  });
});

describe('races', () => {
  const job = { job: JOB };

  test('E3: a poll that answers just when the run is paused is asked again later', async () => {
    const world = new World();
    const bench = await Bench.of(small(job), world);
    const first = bench.process();
    world.fate = ({ call }) => {
      if (call === 'wait') first.performance!.drain('now'); // the answer comes while the pause is on its way to the disk
      return 'answer';
    };
    await first.begin(startRun);
    expect((await first.finish()).ended).toBe('paused');
    world.fate = () => 'answer';
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
    expect([world.calls('submit').length, world.calls('wait').length]).toEqual([1, 2]);
    await bench.verified();
  });

  const short = { job: { ...JOB, poll: { ...JOB.poll, timeout_s: 5 } } };

  describe('a job whose deadline passes while nobody asks after it', () => {
    /** The job is submitted and runs; then three days pass before anybody looks again. */
    const forgotten = async (how: 'stopped' | 'paused') => {
      const world = new World();
      const bench = await Bench.of(small(short), world);
      world.answer = ({ call }): Json => (call === 'submit' ? { id: 'job-1' } : { status: 'running' });
      const first = await (await bench.start()).settle();
      expect(world.calls('wait')).toHaveLength(1);
      if (how === 'stopped') first.performance!.stop();
      else first.performance!.drain('to look later');
      await first.finish();
      expect(first.ended).toBe(how === 'stopped' ? 'interrupted' : 'paused');
      world.clock.advance(3 * 24 * 3600);
      world.fate = ({ call }) => (call === 'wait' ? { after_s: 1 } : 'answer'); // longer than until an overdue timer fires
      return { world, bench };
    };

    test.each(['stopped', 'paused'] as const)('counts as done if it had ended: %s', async (how) => {
      const { world, bench } = await forgotten(how);
      world.answer = ({ call }): Json => (call === 'wait' ? { status: 'done' } : { mass: 1 });
      expect((await (await bench.resume()).finish()).ended).toBe('completed');
      expect((await bench.results())[1]).toMatchObject({ status: 'succeeded' });
      expect(world.calls('submit')).toHaveLength(1);
      await bench.verified();
    });

    test.each(['stopped', 'paused'] as const)('has timed out if it still runs: %s', async (how) => {
      const { bench } = await forgotten(how);
      expect((await (await bench.resume()).finish()).ended).toBe('failed');
      expect((await bench.results())[1]).toMatchObject({ failure: { class: 'timeout' } });
      await bench.verified();
    });
  });

  test('E3: a deadline that is due while the answer of its job is on its way to the disk does nothing', async () => {
    const world = new World();
    const bench = await Bench.of(small(short), world);
    world.fate = ({ call }) => (call === 'wait' ? { after_s: 4 } : 'answer');
    const first = await (await bench.start()).settle();
    world.clock.advance(4);
    for (let tick = 0; tick < 50; tick += 1) await null;
    world.clock.advance(2);
    expect((await first.finish()).ended).toBe('completed');
    await bench.verified();
  });

  test('E3: an answer that comes while the deadline of its job is on its way to the disk does nothing', async () => {
    const world = new World();
    const bench = await Bench.of(small(short), world);
    world.answer = ({ call, nth }): Json => {
      if (call !== 'wait') return call === 'submit' ? { id: 'job-1' } : { mass: 1 };
      return { status: nth === 1 ? 'running' : 'done' };
    };
    world.fate = ({ call, nth }) => (call === 'wait' && nth > 1 ? { after_s: 3 } : 'answer'); // 2 s between the polls
    const first = await (await bench.start()).finish();
    expect(first.ended).toBe('failed');
    expect((await bench.results())[1]).toMatchObject({ failure: { class: 'timeout' } });
  });

  /** Everything that needs no turn of the event loop: nothing becomes durable meanwhile. */
  const microtasks = async () => {
    for (let tick = 0; tick < 50; tick += 1) await null;
  };

  test('E3: a poll that is taken back before its intent is durable is not asked', async () => {
    const world = new World();
    const bench = await Bench.of(small({ job: JOB }), world);
    world.fate = ({ call }) => (call === 'submit' ? { after_s: 1 } : 'answer');
    const first = await (await bench.start()).settle();
    world.clock.advance(1);
    await microtasks();
    first.performance!.drain('now');
    expect((await first.settle()).ended).toBe('paused');
    expect(world.calls('wait')).toEqual([]);
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
    await bench.verified();
  });

  test('what is on its way to the disk is waited for before the performance ends', async () => {
    const world = new World();
    const budget = { points: 9, calls: 9, wall_time_s: null, failed_points: 0 };
    const bench = await Bench.of(small({}, { budget }), world);
    world.fate = () => ({ after_s: 1 });
    world.answer = () => ({ mass: 'none' });
    const first = await (await bench.start()).settle();
    first.performance!.drain('now');
    world.clock.advance(1);
    expect((await first.settle()).ended).toBe('failed');
  });

  test('stop while the folder of a call is being made: the call is not sent', async () => {
    const world = new World();
    const bench = await Bench.of(small(), world);
    let made = (_folder: string) => {};
    const workFolder = () =>
      new Promise<string>((resolve) => {
        made = resolve;
      });
    const first = await (await bench.start({ deps: { workFolder } })).settle();
    first.performance!.stop();
    made('/work');
    await first.settle();
    expect(first.ended).toBe('interrupted');
    expect(world.sendings).toEqual([]);
  });

  test('K5: pause while the folder of a poll is being made: it is not asked', async () => {
    const world = new World();
    const bench = await Bench.of(small({ job: JOB }), world);
    let made = (_folder: string) => {};
    const workFolder = () =>
      new Promise<string>((resolve) => {
        made = resolve;
      });
    const first = await (await bench.start({ deps: { workFolder } })).settle();
    made('/work');
    await first.settle();
    first.performance!.drain('now');
    made('/work');
    expect((await first.settle()).ended).toBe('paused');
    expect(world.sendings.map((sending) => sending.call)).toEqual(['submit']);
  });

  test('paused and resumed in one breath', async () => {
    const world = new World();
    const bench = await Bench.of(small(job), world);
    world.fate = ({ call }) => (call === 'wait' ? { after_s: 100 } : 'answer');
    const first = await (await bench.start({ wait: true })).settle();
    await bench.post('pause');
    await bench.post('resume');
    await bench.post('pause');
    await bench.post('resume');
    expect((await first.finish()).ended).toBe('completed');
    expect(world.calls('submit')).toHaveLength(1);
    await bench.verified();
  });
});

describe('pause, resume and cancel by message', () => {
  test('pause ends the performance once nothing is out; resume goes on with it', async () => {
    const world = new World();
    const bench = await Bench.of(small({}, { in_flight: 1 }, 3), world);
    world.fate = () => ({ after_s: 1 });
    const first = await (await bench.start()).settle();
    await bench.post('pause');
    expect((await first.finish()).ended).toBe('paused');
    expect(world.sendings.length).toBeLessThan(3);
    expect(await bench.inboxSize()).toBe(0);
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
  });

  test('paused while a step backs off: the retry waits for the resumption', async () => {
    const world = new World();
    const retry = { attempts: 2, backoff_s: 1000, on: ['transient'] };
    const bench = await Bench.of(small({ retry }), world);
    world.fate = () => ({ fail: 'transient' });
    const first = await (await bench.start()).settle();
    await bench.post('pause');
    world.clock.advance(0.2);
    await first.settle();
    expect(first.ended).toBe('paused');
    expect(world.clock.waiting, 'no timer is left behind').toBe(0);
    world.fate = () => 'answer';
    world.clock.advance(5000);
    expect((await (await bench.resume()).finish(1)).ended).toBe('completed');
  });

  test('cancel waits for calls that are out, and gives up polls', async () => {
    const world = new World();
    const bench = await Bench.of(small({ job: JOB }, { in_flight: 2 }, 5), world);
    world.fate = ({ call, arguments: given }) => {
      if (call === 'wait') return 'hang';
      return given['x'] === 2 ? { after_s: 50 } : 'answer';
    };
    const first = await (await bench.start()).settle();
    await bench.post('cancel');
    await bench.post('cancel');
    world.clock.advance(0.2);
    expect((await first.settle()).ended).toBe('going on');
    expect(await bench.inboxSize()).toBe(0);
    expect((await first.finish()).ended).toBe('cancelled');
    expect(Object.values(await bench.results()).map((result) => result.status)).toEqual(['cancelled', 'cancelled']);
    expect(await bench.inboxSize()).toBe(0);
  });

  test('messages that came while nobody performed the run: the resumption has the last word on a pause, not on a cancel', async () => {
    const bench = await Bench.of(small({}, { in_flight: 1 }, 3));
    const first = await bench.start();
    first.performance!.stop();
    await first.settle();
    await bench.post('pause');
    const second = await (await bench.resume()).finish();
    expect(second.ended).toBe('completed');
    expect((await bench.types()).filter((type) => /paused|resumed/.test(type))).toEqual(['run.paused', 'run.resumed']);
    await bench.verified();

    const other = await Bench.of(small({}, { in_flight: 1 }, 3));
    const third = await other.start();
    third.performance!.stop();
    await third.settle();
    await other.post('cancel');
    expect((await (await other.resume()).finish()).ended).toBe('cancelled');
  });

  test('messages for a run that has ended are in nobody’s way', async () => {
    const bench = await Bench.of(small());
    await (await bench.start()).finish();
    await bench.post('cancel');
    await bench.decide('stop');
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
    await bench.verified();
  });
});

describe('gates', () => {
  const gated = (timeout_s: number | null = null, lock: Parameters<typeof makeLock>[0] = {}) =>
    small(
      {},
      { study: [designPhase('explore'), gatePhase('pilot', timeout_s), designPhase('refine', [])], ...lock },
      2,
    );

  test('without --wait the performance ends there; a decision posted meanwhile is found by resume', async () => {
    const bench = await Bench.of(gated());
    const first = await (await bench.start()).finish();
    expect(first.end).toMatchObject({ ok: true, value: { kind: 'gate', gate: { gate: 'pilot' } } });
    expect((await (await bench.resume()).finish()).ended, 'nothing was decided').toBe('gate');
    await bench.decide('continue');
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
    expect(await bench.inboxSize()).toBe(0);
  });

  test('with --wait it goes on when the decision comes', async () => {
    const bench = await Bench.of(gated());
    const first = await (await bench.start({ wait: true })).finish(5);
    expect(first.ended).toBe('going on');
    await bench.decide('stop');
    expect((await first.finish()).ended).toBe('stopped');
  });

  test('a gate that is the first phase opens, and can be decided', async () => {
    const bench = await Bench.of(small({}, { study: [gatePhase('pilot'), designPhase('explore')] }));
    const first = await (await bench.start()).finish(60);
    expect(first.ended).toBe('gate');
    await bench.decide('continue');
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
  });

  test('a decision for another gate, or for none, is refused with a notice and changes nothing', async () => {
    const bench = await Bench.of(gated());
    const first = await (await bench.start({ wait: true })).finish(5);
    await bench.decide('continue', 'other');
    await bench.decide('continue', 'pilot', 2);
    await first.finish(5);
    expect(first.ended).toBe('going on');
    expect(first.notices).toEqual(Array(2).fill('A decision was refused: The decision was made for another gate.'));
    await bench.decide('continue');
    await bench.decide('stop');
    expect((await first.finish()).ended).toBe('completed');
    expect(first.notices.slice(2)).toEqual([]);
  });

  test('a decision before the gate is open changes nothing', async () => {
    const bench = await Bench.of(gated());
    bench.world.fate = () => ({ after_s: 10 });
    const first = await (await bench.start()).settle();
    await bench.decide('continue');
    bench.world.clock.advance(1); // the message is read
    expect((await (await first.settle()).finish()).ended).toBe('gate');
    expect(first.notices).toEqual(['A decision came for a gate that is not open; it changes nothing.']);
  });

  test('a time-out counts while nobody performs the run', async () => {
    const bench = await Bench.of(gated(3600));
    await (await bench.start()).finish();
    bench.world.clock.advance(3599);
    expect((await (await bench.resume()).finish(0.5)).ended).toBe('gate');
    bench.world.clock.advance(1);
    const last = await (await bench.resume({ wait: true })).finish(60);
    expect(last.end).toMatchObject({ value: { status: 'stopped', reason: 'nobody decided at gate pilot in time' } });
  });

  test('a decision that was posted in time and not read still counts', async () => {
    const bench = await Bench.of(gated(3600));
    await (await bench.start()).finish();
    await bench.decide('continue');
    bench.world.clock.advance(5000);
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
  });

  test('a decision whose verification outlasts the time-out comes too late, and is said so', async () => {
    const bench = await Bench.of(gated(10));
    let verified = () => {};
    const verifyGate = async (message: Parameters<Bench['verify']>[0]) => {
      await new Promise<void>((resolve) => {
        verified = resolve;
      });
      return bench.verify(message, 'pilot', 1);
    };
    const first = await (await bench.start({ wait: true, deps: { verifyGate } })).settle();
    await bench.decide('continue');
    bench.world.clock.advance(0.2);
    await first.settle();
    bench.world.clock.advance(20);
    await first.settle();
    verified();
    expect((await first.finish()).ended).toBe('stopped');
    expect(first.notices).toEqual(['A decision came too late: the gate is closed; it changes nothing.']);
    await bench.verified();
  });

  test('a message that comes while another is being obeyed is not missed', async () => {
    const bench = await Bench.of(gated());
    let verified = () => {};
    const verifyGate = async (message: Parameters<Bench['verify']>[0]) => {
      await new Promise<void>((resolve) => {
        verified = resolve;
      });
      return bench.verify(message, 'other', 1);
    };
    const first = await (await bench.start({ wait: true, deps: { verifyGate } })).settle();
    await bench.decide('continue');
    bench.world.clock.advance(0.2);
    await first.settle();
    await bench.post('cancel');
    bench.world.clock.advance(0.2);
    await first.settle();
    verified();
    expect((await first.settle()).ended).toBe('cancelled');
  });

  test('stopped while a decision is being verified: nothing is appended, and resume finds the decision', async () => {
    const bench = await Bench.of(gated());
    let verified = () => {};
    const verifyGate = async (message: Parameters<Bench['verify']>[0]) => {
      await new Promise<void>((resolve) => {
        verified = resolve;
      });
      return bench.verify(message, 'pilot', 1);
    };
    const first = await (await bench.start({ wait: true, deps: { verifyGate } })).settle();
    await bench.decide('continue');
    bench.world.clock.advance(0.2);
    await first.settle();
    first.performance!.stop();
    verified();
    expect((await first.settle()).ended).toBe('interrupted');
    expect((await bench.types()).at(-1)).toBe('gate.opened');
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
  });

  test('a decision by somebody who saw the gate before this process was told of it', async () => {
    const bench = await Bench.of(gated());
    let told = () => {};
    const slow = async (events: readonly NewEvent[]) => {
      if (!events.some(({ event }) => event.type === 'gate.opened')) return;
      await new Promise<void>((resolve) => {
        told = resolve;
      });
    };
    const first = await (await bench.start({ wait: true, slow })).settle();
    await bench.decide('continue');
    bench.world.clock.advance(0.2);
    await first.settle();
    told();
    expect((await first.settle()).ended).toBe('completed');
    expect(first.notices).toEqual([]);
  });

  test('paused at a gate: resumed, decided, done', async () => {
    const bench = await Bench.of(gated());
    const first = await (await bench.start({ wait: true })).finish(1);
    first.performance!.drain('Ctrl-C');
    expect((await first.settle()).ended).toBe('paused');
    expect((await (await bench.resume()).finish()).ended).toBe('gate');
    await bench.decide('continue');
    expect((await (await bench.resume()).finish()).ended).toBe('completed');
  });

  test('cancelled at a gate', async () => {
    const bench = await Bench.of(gated(3600));
    await (await bench.start()).finish();
    await bench.post('cancel');
    expect((await (await bench.resume()).finish()).ended).toBe('cancelled');
  });
});

describe('wall time', () => {
  const budget = (wall_time_s: number) => ({ points: 100, calls: 1000, wall_time_s, failed_points: null });

  test('ends the run in good order', async () => {
    const world = new World();
    const bench = await Bench.of(small({}, { budget: budget(25), in_flight: 1 }, 9), world);
    world.fate = () => ({ after_s: 10 });
    const first = await (await bench.start()).finish();
    expect(first.end).toMatchObject({ value: { status: 'failed', reason: expect.stringMatching(/wall time/) } });
    expect(world.sendings).toHaveLength(3);
  });

  test('stands still at a gate, while paused, and while nobody performs the run', async () => {
    const world = new World();
    const study = [designPhase('explore'), gatePhase('pilot'), designPhase('refine')];
    const made = makeLock({ study, budget: budget(45), in_flight: 1 }, { explore: 3, refine: 2 });
    const bench = await Bench.of(made, world);
    world.fate = () => ({ after_s: 10 });
    const first = await (await bench.start({ wait: true })).settle();
    world.clock.advance(10);
    await first.settle();
    first.performance!.drain('lunch');
    await first.finish(11);
    expect(first.ended).toBe('paused');
    world.clock.advance(1000);
    const second = await (await bench.resume({ wait: true })).finish(1000);
    expect(second.ended).toBe('going on');
    await bench.decide('continue');
    const last = await second.finish();
    expect(last.ended, '40 s of 45 are used: those of points 1, 3, 4 and 5').toBe('completed');
  });

  test('what earlier processes used counts, and what lies between them does not', async () => {
    const world = new World();
    const bench = await Bench.of(small({}, { budget: budget(35), in_flight: 1 }, 9), world);
    world.fate = () => ({ after_s: 10 });
    for (const begin of ['start', 'resume'] as const) {
      const process = await (await bench[begin]()).settle();
      world.clock.advance(10);
      await process.settle();
      process.performance!.stop();
      await process.settle();
      world.clock.advance(9999);
    }
    expect((await (await bench.resume()).finish()).ended).toBe('failed');
    expect(Object.keys(await bench.results()), 'it ends within the fourth').toEqual(['1', '2', '3', '4']);
  });
});

describe('what ends a performance', () => {
  test('RUN_LOCKED while another process performs the run', async () => {
    const bench = await Bench.of(small({}, {}, 2));
    bench.world.fate = () => 'hang';
    const first = await (await bench.start()).settle();
    const pid = bench.alive[0]!;
    const second = bench.process();
    bench.alive.push(pid);
    expect((await second.begin(resumeRun)).ended).toBe('RUN_LOCKED');
    expect(bench.world.sendings).toHaveLength(2);
    first.performance!.stop();
    await first.settle();
  });

  test('an approval that expires: nothing more is sent, what is out is waited for, and the run can be resumed', async () => {
    const world = new World();
    const bench = await Bench.of(
      small({ call: makeCall('t/solve', { effect: 'once', with: { x: '=x' } }) }, { in_flight: 2 }, 4),
      world,
    );
    world.fate = ({ arguments: given }) => ({ after_s: given['x'] === 1 ? 20 * 24 * 3600 : 21 * 24 * 3600 });
    const first = await (await bench.start()).finish();
    expect(first.ended).toBe('APPROVAL_EXPIRED');
    expect(world.sendings, 'the call that point 1 made room for was not sent').toHaveLength(2);
    const results = await bench.results();
    expect(results[2], 'a call that was out was waited for').toMatchObject({ status: 'succeeded' });
    expect((await bench.types()).at(-1)).not.toBe('run.finished');
    expect((await (await bench.resume()).finish()).ended, 'still expired').toBe('APPROVAL_EXPIRED');
    expect(world.sendings).toHaveLength(2);
    const rows = await bench.verified();
    expect(rows.filter((row) => row.type === 'effect.resent')).toEqual([]);
    expect(Object.keys(await bench.results()), 'the call that was not sent is not given up').toEqual(['1', '2']);
  });

  test('an approval that has expired stays expired when the clock is set back', async () => {
    const world = new World();
    const bench = await Bench.of(small({}, { in_flight: 1 }, 3), world);
    world.fate = () => ({ after_s: 20 * 24 * 3600 });
    expect((await (await bench.start()).finish()).ended).toBe('APPROVAL_EXPIRED');
    world.clock.advance(-20 * 24 * 3600);
    expect((await (await bench.resume()).finish()).ended).toBe('APPROVAL_EXPIRED');
    expect(world.sendings).toHaveLength(1);
  });

  test.each([2, 3, 4])(
    'a full disk at append %i: STORE_UNUSABLE, nothing more is sent, resume goes on',
    async (full_at) => {
      const world = new World();
      const bench = await Bench.of(small({}, { in_flight: 1 }, 5), world);
      world.fate = () => ({ after_s: 1 });
      const first = await (await bench.start({ full_at })).finish();
      expect(first.ended).toBe('STORE_UNUSABLE');
      const sent = world.sendings.length;
      expect(sent).toBe(full_at - 1);
      world.clock.advance(1000);
      await first.settle();
      expect(world.sendings).toHaveLength(sent);
      expect((await (await bench.resume()).finish()).ended).toBe('completed');
      expect([...world.effects.values()]).toEqual([1, 1, 1, 1, 1]);
    },
  );

  test('a full disk at the very first write: no run, no tool left open', async () => {
    const bench = await Bench.of(small());
    const process = bench.process({ full_at: 1 });
    await expect(startRun(process.deps, process.options)).rejects.toMatchObject({ code: 'STORE_UNUSABLE' });
    expect(process.closed_sessions).toBe(1);
    expect(await process.journal.runs()).toEqual([]);
  });

  test('a tool that is not the pinned one: nothing is started, no use is counted, the lease is given back', async () => {
    const error = new ExpctlError('TOOL_DRIFT', 'moved', { hint: 'pin' });
    const tools = { open: async () => ({ ok: false as const, error }) };
    const bench = await Bench.of(small({}, { in_flight: 1 }, 2));
    const refused = bench.process({ deps: { tools } });
    expect((await refused.begin(startRun)).ended).toBe('TOOL_DRIFT');
    expect(await refused.journal.runs()).toEqual([]);
    const first = await bench.start();
    first.performance!.stop();
    await first.settle();
    expect((await bench.resume({ deps: { tools } })).ended).toBe('TOOL_DRIFT');
    const pid = bench.alive[0]!;
    const last = bench.process();
    bench.alive.push(pid); // the process that was refused lives on, and holds nothing
    expect((await (await last.begin(resumeRun)).finish()).ended).toBe('completed');
  });

  test('a journal of another lock, of newer semantics, or that does not follow, is not gone on with', async () => {
    const bench = await Bench.of(small({}, {}, 2));
    await (await bench.start()).finish();
    const rows = await bench.journalRows();
    const code = async (lock_sha256: string, change: (text: string) => string) => {
      const altered = rows.map((row) =>
        row.type === 'run.started' || row.type === 'effect.intended' ? { ...row, body: change(row.body) } : row,
      );
      const recovered = await recover(
        bench.made.program,
        lock_sha256,
        (async function* () {
          yield* altered;
        })(),
      );
      return recovered.ok ? 'recovered' : recovered.error.code;
    };
    const { lock_sha256 } = bench.approved;
    expect(await code(lock_sha256, (text) => text)).toBe('recovered');
    expect(await code('other', (text) => text)).toBe('LOCK_CHANGED');
    expect(await code(lock_sha256, (text) => text.replace('"semantics":1', '"semantics":3'))).toBe('DATA_INVALID');
    expect(await code(lock_sha256, (text) => text.replace('"x":2', '"x":3'))).toBe('EVIDENCE_BROKEN');
  });
});

describe('a clock that was set forward', () => {
  test('nothing more is sent, what is out is waited for, and whoever resumes finds how it stood', async () => {
    const world = new World();
    const bench = await Bench.of(small({}, { in_flight: 1 }, 3), world);
    let ahead = false;
    const details = { by_ms: 7_200_000, effective_ms: 1, monotonic_ms: 2 };
    const jumped = new ExpctlError('CLOCK_JUMPED', 'The clock was set forward.', { hint: 'Set it.', details });
    const process = bench.process({ deps: { checkClock: () => (ahead ? err(jumped) : ok(undefined)) } });
    world.fate = () => {
      ahead = true;
      return 'answer';
    };
    await (await process.begin(startRun)).finish();
    expect(process.ended).toBe('CLOCK_JUMPED');
    expect(world.sendings).toHaveLength(1);
    const [pause] = (await bench.journalRows()).filter(({ type }) => type === 'run.paused');
    expect(JSON.parse(pause!.observed)).toEqual({ clock: details });
    const resumed = await (await bench.resume()).finish();
    expect(resumed.ended).toBe('completed');
    expect(world.sendings).toHaveLength(3);
    expect(await bench.inboxSize()).toBe(0);
  });

  test('the message for whoever resumes is there until then', async () => {
    const world = new World();
    const bench = await Bench.of(small(), world);
    const jumped = new ExpctlError('CLOCK_JUMPED', 'It was set forward.', { hint: 'Set it.', details: { by_ms: 1 } });
    const process = await (await bench.start({ deps: { checkClock: () => err(jumped) } })).finish();
    expect([process.ended, world.sendings.length, await bench.inboxSize()]).toEqual(['CLOCK_JUMPED', 0, 1]);
  });
});
