import { expect, test } from 'vitest';
import type { ExpctlError } from '../../src/base/error.ts';
import { assertClockAccepted, clockOfRun } from '../../src/commands/run-clock.ts';
import type { Clock, InboxMessage } from '../../src/engines/ports.ts';

const HOUR_MS = 3_600_000;
const NOON_MS = Date.UTC(2026, 0, 31, 12);

/** A machine that has been up for so long, with a clock that can be wrong. */
function machine(uptime_ms: number, wrong_by_ms = 0): Clock & { wrong_by_ms: number; uptime_ms: number } {
  const clock = {
    uptime_ms,
    wrong_by_ms,
    now_ms: () => NOON_MS + clock.uptime_ms + clock.wrong_by_ms,
    monotonic_ms: () => clock.uptime_ms,
    after: () => () => undefined,
  };
  return clock;
}

/** What a performance left that ended since the clock was set forward. */
function left(body: InboxMessage['body']): InboxMessage[] {
  return [{ id: 1, run: 'run-1', kind: 'clock', body }];
}

function codeOf(work: () => void): string {
  try {
    work();
    return 'ok';
  } catch (error) {
    return (error as ExpctlError).code;
  }
}

test('a run that ended for it goes on once the clock is right again, or a person says that it is', () => {
  const before = machine(HOUR_MS);
  const { clock, check } = clockOfRun(before, 0);
  expect(check()).toEqual({ ok: true, value: undefined });
  before.wrong_by_ms = 48 * HOUR_MS;
  const refused = check();
  expect(refused).toMatchObject({ ok: false, error: { code: 'CLOCK_JUMPED', details: { by_ms: 48 * HOUR_MS } } });
  const inbox = left(refused.ok ? {} : { ...(refused.error.details as InboxMessage['body']) });
  const later = machine(3 * HOUR_MS, 48 * HOUR_MS);
  expect(codeOf(() => assertClockAccepted(later, inbox, false))).toBe('CLOCK_JUMPED');
  expect(codeOf(() => assertClockAccepted(later, inbox, true))).toBe('ok');
  expect(codeOf(() => assertClockAccepted(machine(3 * HOUR_MS), inbox, false))).toBe('ok');
  expect(codeOf(() => assertClockAccepted(later, [], false))).toBe('ok');
  expect(clock.now_ms()).toBe(NOON_MS + HOUR_MS);
});

test('behind another boot nothing can be told: a person has to say', () => {
  const inbox = left({ by_ms: 48 * HOUR_MS, effective_ms: NOON_MS, monotonic_ms: 5 * HOUR_MS });
  expect(codeOf(() => assertClockAccepted(machine(60_000), inbox, false))).toBe('CLOCK_JUMPED');
});

test.each<InboxMessage['body']>([{}, { effective_ms: { toString: 1, valueOf: 1 }, monotonic_ms: [] }])(
  'what was left by nobody who knows how is for a person to look at: %o',
  (body) => {
    const inbox = left(body);
    expect(codeOf(() => assertClockAccepted(machine(HOUR_MS), inbox, false))).toBe('CLOCK_JUMPED');
    expect(codeOf(() => assertClockAccepted(machine(HOUR_MS), inbox, true))).toBe('ok');
  },
);

test('a clock behind the journal is told, and time goes on from the journal’s', () => {
  const { clock, check, notice } = clockOfRun(machine(0), NOON_MS + 2 * HOUR_MS);
  expect(notice).toBe("The clock is 2 h behind the journal; time goes on from the journal's.");
  expect([clock.now_ms(), check().ok]).toEqual([NOON_MS + 2 * HOUR_MS, true]);
  expect(clockOfRun(machine(0), NOON_MS - HOUR_MS).notice).toBeNull();
});
