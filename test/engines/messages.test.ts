import { describe, expect, test } from 'vitest';
import { JOB } from '../kernel/support.ts';
import { small } from './small.ts';
import { Bench, World } from './support.ts';

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
