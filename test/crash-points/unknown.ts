import { eventOf } from '../../src/ir/events.ts';
import type { PointOutcome, Scenario } from './scenario.ts';

/*
 * What a `once` call that was out at a crash comes to. The one place that knows it: with semantics 1 its point fails as
 * `unknown_outcome`; with semantics 2 its step waits for a person, and the run with it.
 */

/** Statuses with which the last process may end where such a call is left. */
export const STATUSES_OF_UNKNOWN: readonly (number | null)[] = [0, 5];

/**
 * Steps of which nobody knows whether they happened, `point/1/burn_0`: only those whose intent was durable in a process that died
 * before the answer was.
 */
export async function unknownSteps(scenario: Scenario): Promise<string[]> {
  const intended = new Map<string, number>();
  const unknown = new Set<string>();
  for (const row of await scenario.rows()) {
    const event = eventOf(row);
    if (!('step' in event)) continue;
    const step = `${row.stream}/${event.step}`;
    if (event.type === 'effect.intended') intended.set(step, row.fence);
    if (event.type === 'effect.resolved') unknown.delete(step);
    const isUnknown =
      event.type === 'step.unresolved' ||
      (event.type === 'effect.answered' && !event.outcome.ok && event.outcome.class === 'unknown_outcome');
    if (isUnknown && (intended.get(step) ?? row.fence) < row.fence) unknown.add(step);
  }
  return [...unknown];
}

/** Whether a point with such a call is as far as it can be. */
export function isLeft({ status, failure }: PointOutcome): boolean {
  return status === 'unfinished' || failure === 'unknown_outcome';
}
