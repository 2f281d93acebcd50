import { eventOf } from '../../src/ir/events.ts';
import type { Scenario } from './scenario.ts';

/**
 * What a `once` call that was out at a crash comes to: today its point fails as `unknown_outcome`. The one place that knows it.
 *
 * @returns whether the run has such a point: true only where the intent was durable in a process that died before the answer was
 */
export async function acceptsUnknown(scenario: Scenario): Promise<boolean> {
  const intended = new Map<string, number>();
  let unknown = false;
  for (const row of await scenario.rows()) {
    const event = eventOf(row);
    if (event.type === 'effect.intended') intended.set(`${row.stream}/${event.step}`, row.fence);
    if (event.type !== 'effect.answered' || event.outcome.ok || event.outcome.class !== 'unknown_outcome') continue;
    const fence = intended.get(`${row.stream}/${event.step}`);
    if (fence === undefined || fence >= row.fence) return false;
    unknown = true;
  }
  return unknown;
}
