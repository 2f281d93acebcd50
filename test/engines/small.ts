import type { LockedStep } from '../../src/ir/lock.ts';
import { type Made, makeCall, makeLock, makeStep } from '../kernel/support.ts';

/** One step, `solve`, for each of some points. */
export function small(changes: Partial<LockedStep> = {}, lock: Parameters<typeof makeLock>[0] = {}, points = 1): Made {
  return makeLock(
    { pipeline: [makeStep('solve', { call: makeCall('t/solve', { with: { x: '=x' } }), ...changes })], ...lock },
    { explore: points },
  );
}
