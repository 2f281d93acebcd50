import { ExpctlError } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { EffectiveClock, MOST_AHEAD_MS } from '../engines/effective-clock.ts';
import type { Clock, InboxMessage } from '../engines/ports.ts';
import { shownDuration } from '../ui/format.ts';

/**
 * Refuses to go on with a run that ended since the clock was set forward, until the clock is right again or a person says that it is.
 * @throws ExpctlError CLOCK_JUMPED
 */
export function assertClockAccepted(clock: Clock, inbox: readonly InboxMessage[], accepts: boolean): void {
  const left = inbox.filter(({ kind }) => kind === 'clock').at(-1);
  if (left === undefined || accepts || isRightAgain(clock, left.body)) return;
  throw new ExpctlError('CLOCK_JUMPED', 'The run ended since the clock was set forward, and it still is.', {
    hint: 'If the time is right now, give --accept-clock: timers and the approval then count by it. If not, set the clock.',
    details: left.body,
  });
}

/** By what has passed since then on the monotonic clock; it begins anew with each boot, and then nothing can be told. */
function isRightAgain(clock: Clock, { effective_ms, monotonic_ms }: JsonObject): boolean {
  if (typeof effective_ms !== 'number' || typeof monotonic_ms !== 'number') return false;
  const passed_ms = clock.monotonic_ms() - monotonic_ms;
  const expected_ms = effective_ms + passed_ms;
  return passed_ms >= 0 && clock.now_ms() - expected_ms <= MOST_AHEAD_MS;
}

/** The time by which a run goes, whether it is to be trusted, and how it differs from the machine's at the start. */
export function clockOfRun(
  machine: Clock,
  least_ms: number,
): { readonly clock: EffectiveClock; readonly check: () => Result<void>; readonly notice: string | null } {
  const clock = new EffectiveClock(machine, least_ms);
  const behind_ms = -(clock.jump?.by_ms ?? 0);
  const notice =
    behind_ms > 0
      ? `The clock is ${shownDuration(behind_ms / 1000)} behind the journal; time goes on from the journal's.`
      : null;
  return { clock, notice, check: () => (clock.isAhead ? err(jumped(clock, machine)) : ok(undefined)) };
}

function jumped(clock: EffectiveClock, machine: Clock): ExpctlError {
  const by_ms = clock.jump?.by_ms ?? 0;
  const message = `The clock was set forward by ${shownDuration(by_ms / 1000)} while the run went on; nothing more is sent.`;
  const hint = 'If the time is right now: `expctl resume --accept-clock`. If not, set the clock, then resume.';
  const details = { by_ms, effective_ms: clock.now_ms(), monotonic_ms: machine.monotonic_ms() };
  return new ExpctlError('CLOCK_JUMPED', message, { hint, details });
}
