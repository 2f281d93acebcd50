import { describe, expect, test } from 'vitest';
import type { EngineDeps } from '../../src/engines/embedded/engine.ts';
import type { NewEvent } from '../../src/engines/ports.ts';
import { designPhase, gatePhase, type makeLock } from '../kernel/support.ts';
import { small } from './small.ts';
import { Bench } from './support.ts';

/** A verification that takes until `go`, of decisions for a gate. */
function verifiedLater(bench: Bench, gate: string) {
  let go = () => {};
  const verifyGate: EngineDeps['verifyGate'] = async (message) => {
    await new Promise<void>((resolve) => {
      go = resolve;
    });
    return bench.verify(message, gate, 1);
  };
  return { verifyGate, go: () => go() };
}

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
    const { verifyGate, go } = verifiedLater(bench, 'pilot');
    const first = await (await bench.start({ wait: true, deps: { verifyGate } })).settle();
    await bench.decide('continue');
    bench.world.clock.advance(0.2);
    await first.settle();
    bench.world.clock.advance(20);
    await first.settle();
    go();
    expect((await first.finish()).ended).toBe('stopped');
    expect(first.notices).toEqual(['A decision came too late: the gate is closed; it changes nothing.']);
    await bench.verified();
  });

  test('a message that comes while another is being obeyed is not missed', async () => {
    const bench = await Bench.of(gated());
    const { verifyGate, go } = verifiedLater(bench, 'other');
    const first = await (await bench.start({ wait: true, deps: { verifyGate } })).settle();
    await bench.decide('continue');
    bench.world.clock.advance(0.2);
    await first.settle();
    await bench.post('cancel');
    bench.world.clock.advance(0.2);
    await first.settle();
    go();
    expect((await first.settle()).ended).toBe('cancelled');
  });

  test('stopped while a decision is being verified: nothing is appended, and resume finds the decision', async () => {
    const bench = await Bench.of(gated());
    const { verifyGate, go } = verifiedLater(bench, 'pilot');
    const first = await (await bench.start({ wait: true, deps: { verifyGate } })).settle();
    await bench.decide('continue');
    bench.world.clock.advance(0.2);
    await first.settle();
    first.performance!.stop();
    go();
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
