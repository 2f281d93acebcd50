import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { startRun } from '../../src/engines/embedded/engine.ts';
import { JOB } from '../kernel/support.ts';
import { small } from './small.ts';
import { Bench, World } from './support.ts';

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
