import type { Lock } from '../../src/ir/lock.ts';
import { decidePhase, designPhase, gatePhase, JOB, type Made, makeCall, makeLock, makeStep } from './support.ts';

const retry = { attempts: 3, backoff_s: 5, on: ['transient', 'node_lost', 'unexpected'] };

const PIPELINE: Lock['pipeline'] = [
  makeStep('cad', { call: makeCall('t/cad', { with: { x: '=x', deep: { list: ['=double', 'a', '==b'] } } }), retry }),
  makeStep('mesh', { needs: ['cad'], uses: { cores: 1 }, call: makeCall('t/mesh', { with: { id: '=cad.id' } }) }),
  makeStep('odd', { when: 'x - 2 * floor(x / 2) == 1', uses: { licences: 1 }, retry }),
  makeStep('solve', { needs: ['cad'], uses: { cores: 2, licences: 1 }, job: JOB, retry }),
  makeStep('after', { needs: ['odd'], call: makeCall('t/after', { effect: 'once' }) }),
];

/** Everything that a lock can say, on few points: pools, jobs, skips, retries, a gate, extensions, a jump, all budgets. */
export function richLock(changes: Partial<Lock> = {}): Made {
  const extend = { do: 'extend' as const, phase: 'explore', points: 2, tables: ['explore#1', 'explore#2'] };
  return makeLock(
    {
      pipeline: PIPELINE,
      pools: { cores: 2, licences: 1 },
      in_flight: 3,
      budget: { points: 14, calls: 150, wall_time_s: 3600, failed_points: 5 },
      forecast: { ...makeLock().lock.forecast, calls_per_point: 14 },
      study: [
        designPhase('explore', ['explore', 'again']),
        gatePhase('pilot', 600),
        decidePhase('judge', [
          { if: 'size(feasible) < 4', action: extend, at_most: 2, because: 'too few' },
          { if: 'size(feasible) > 0 && feasible[0].mass > 3', action: { do: 'goto', phase: 'explore' }, at_most: 1 },
          { if: 'failed > 4', action: { do: 'stop' }, because: 'too bad' },
        ]),
        designPhase('refine'),
      ],
      ...changes,
    },
    { explore: 5, again: 2, refine: 2, 'explore#1': 2, 'explore#2': 2 },
  );
}
