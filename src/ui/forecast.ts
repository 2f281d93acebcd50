import type { Forecast } from '../ir/lock.ts';
import { plural, shownNumber } from './format.ts';

/** The most that a plan can cause, in one line. Names of pools are names of the schema, and so safe. */
export function forecastText({ points, calls, calls_per_point, jobs, gates, pool_hours }: Forecast): string {
  return [
    `at most ${plural(points, 'point')}`,
    `${plural(calls, 'call')} (${calls_per_point} for each point)`,
    plural(jobs, 'job'),
    ...(gates === 0 ? [] : [plural(gates, 'gate')]),
    ...Object.entries(pool_hours).map(([pool, hours]) => `${plural(Number(shownNumber(hours)), 'hour')} of ${pool}`),
  ].join(', ');
}
