import type { Lock } from '../ir/lock.ts';
import type { EnvironmentDigest, Limits } from './request.ts';

/** What a request says of a lock, and the lock must say too. */
export interface LockFacts {
  readonly plan_name: string;
  readonly environment: EnvironmentDigest;
  /** The most that the lock can cause. */
  readonly limits: Limits;
}

export function lockFacts(lock: Lock): LockFacts {
  const { wall_time_s, failed_points } = lock.budget;
  return {
    plan_name: lock.name,
    environment: { name: lock.environment.name, sha256: lock.environment.sha256 },
    limits: {
      points: lock.forecast.points,
      calls: lock.forecast.calls,
      jobs: lock.forecast.jobs,
      pool_hours: lock.forecast.pool_hours,
      ...(wall_time_s === null ? {} : { wall_time_s }),
      ...(failed_points === null ? {} : { failed_points }),
    },
  };
}

/** The limits in which a request asks for more than the lock states, by name. A request can narrow a lock, never widen it. */
export function widenedLimits(asked: Limits, locked: Limits): string[] {
  const widened: string[] = [];
  for (const name of ['points', 'calls', 'jobs', 'failed_points', 'wall_time_s'] as const) {
    const most = locked[name];
    if (most !== undefined && (asked[name] ?? 0) > most) widened.push(name);
  }
  for (const [pool, hours] of Object.entries(asked.pool_hours ?? {})) {
    const most =
      locked.pool_hours !== undefined && Object.hasOwn(locked.pool_hours, pool) ? locked.pool_hours[pool]! : 0;
    if (hours > most) widened.push(`pool_hours.${pool}`);
  }
  return widened;
}
