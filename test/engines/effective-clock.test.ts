import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EffectiveClock } from '../../src/engines/effective-clock.ts';
import type { Clock } from '../../src/engines/ports.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOON_MS = Date.UTC(2026, 0, 31, 12);

/** A machine whose clock can be set: what passes is told by the monotonic clock alone. */
class Machine implements Clock {
  #passed_ms = 0;
  #offset_ms = NOON_MS;

  pass(ms: number): void {
    this.#passed_ms += ms;
  }
  set(by_ms: number): void {
    this.#offset_ms += by_ms;
  }
  now_ms(): number {
    return Math.round(this.#offset_ms + this.#passed_ms);
  }
  monotonic_ms(): number {
    return this.#passed_ms;
  }
  after(): () => void {
    return () => undefined;
  }
}

function started(least_ms = 0): { machine: Machine; clock: EffectiveClock } {
  const machine = new Machine();
  return { machine, clock: new EffectiveClock(machine, least_ms) };
}

describe('the machine’s clock', () => {
  test('is taken as it is while it is right, small corrections included', () => {
    const { machine, clock } = started();
    machine.pass(HOUR_MS);
    expect([clock.now_ms(), clock.jump]).toEqual([NOON_MS + HOUR_MS, null]);
    machine.set(2_000);
    expect([clock.now_ms(), clock.jump]).toEqual([NOON_MS + HOUR_MS + 2_000, null]);
    machine.set(-3_000);
    expect([clock.now_ms(), clock.jump]).toEqual([NOON_MS + HOUR_MS + 2_000, null]);
  });

  test.each([
    ['two hours back', -2 * HOUR_MS],
    ['a month back', -30 * DAY_MS],
    ['two days forward', 2 * DAY_MS],
  ])('%s: time goes on by what has passed, and the jump is told', (_name, by_ms) => {
    const { machine, clock } = started();
    machine.pass(1_000);
    clock.now_ms();
    machine.set(by_ms);
    machine.pass(10_000);
    expect(clock.now_ms()).toBe(NOON_MS + 11_000);
    expect(clock.jump).toEqual({ by_ms });
    expect(clock.isAhead).toBe(by_ms > 0);
    machine.set(-by_ms);
    machine.pass(5_000);
    expect([clock.now_ms(), clock.jump]).toEqual([NOON_MS + 16_000, null]);
  });

  test('that is ahead counts once a person has said that it is right', () => {
    const { machine, clock } = started();
    machine.set(2 * DAY_MS);
    expect(clock.isAhead).toBe(true);
    clock.accept();
    machine.pass(1_000);
    expect([clock.now_ms(), clock.jump]).toEqual([NOON_MS + 2 * DAY_MS + 1_000, null]);
  });

  test('a lid that was closed overnight is no jump: the monotonic clock counts sleep', () => {
    const { machine, clock } = started();
    machine.pass(9 * HOUR_MS);
    expect([clock.now_ms(), clock.jump]).toEqual([NOON_MS + 9 * HOUR_MS, null]);
  });

  test('behind the journal at the start: time goes on from the journal’s', () => {
    const { machine, clock } = started(NOON_MS + DAY_MS);
    machine.pass(1_000);
    expect([clock.now_ms(), clock.jump]).toEqual([NOON_MS + DAY_MS + 1_000, { by_ms: -DAY_MS }]);
  });

  test('whatever happens to the clock, time never goes back, nor forward by more than passed and a tolerance for each setting', () => {
    const happenings = fc.array(
      fc.oneof(
        fc.record({ pass: fc.integer({ min: 0, max: DAY_MS }) }),
        fc.record({ set: fc.integer({ min: -40 * DAY_MS, max: 40 * DAY_MS }) }),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(happenings, (list) => {
        const { machine, clock } = started();
        let last_ms = clock.now_ms();
        for (const happens of list) {
          if ('pass' in happens) machine.pass(happens.pass);
          else machine.set(happens.set);
          const now_ms = clock.now_ms();
          expect(now_ms).toBeGreaterThanOrEqual(last_ms);
          expect(now_ms - last_ms).toBeLessThanOrEqual(('pass' in happens ? happens.pass : 0) + HOUR_MS);
          last_ms = now_ms;
        }
      }),
    );
  });
});
