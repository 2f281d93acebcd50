import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/adapters/host.ts';
import { ok } from '../../src/base/result.ts';
import type { ToolHost } from '../../src/engines/ports.ts';
import { performed } from './perform.ts';
import { serve } from './program.ts';
import { type PooledStep, pooledStudy } from './study.ts';

/** What a point does: its two steps take 0.2 s and hold tokens of two pools. */
export const STEPS: readonly PooledStep[] = [
  { name: 'solve', seconds: 0.12, uses: { cores: 1, licences: 1 } },
  { name: 'post', seconds: 0.08, uses: { cores: 1 } },
];
export const POOLS = { cores: 8, licences: 5 };

/** Contestant: points with pools, performed by tools that only take their time. `makespan FOLDER` */
const [folder = ''] = process.argv.slice(2);

/** A tool that answers after a while; timers of Node are whole milliseconds and never early. */
const sleeping: ToolHost = {
  open: async () =>
    ok({
      call: ({ call }) =>
        new Promise((resolve) => {
          const { seconds } = STEPS.find(({ name }) => name === call)!;
          systemClock.after(seconds, () => resolve({ kind: 'answer', answer: {}, artifacts: [], observed: {} }));
        }),
      close: async () => undefined,
    }),
};

await serve<{ points: number }>(async ({ points }) => {
  const store = mkdtempSync(join(folder, 'run-'));
  const seconds = await performed(pooledStudy(points, STEPS, POOLS), store, { tools: sleeping });
  rmSync(store, { recursive: true });
  return { seconds, lower_bound_s: lowerBound(points) };
});

/**
 * No schedule is shorter: each pool can hold so many tokens at once, and no point is shorter than its steps. A pool that stands for
 * the first or the last step only waits at least for the others of that point.
 */
function lowerBound(points: number): number {
  const critical_s = STEPS.reduce((total, { seconds }) => total + seconds, 0);
  const by_pool = Object.entries(POOLS).map(([pool, capacity]) => {
    const held_s = STEPS.reduce((total, { seconds, uses }) => total + seconds * (uses[pool] ?? 0), 0);
    const outside_s = STEPS.reduce((total, { seconds, uses }) => total + (uses[pool] === undefined ? seconds : 0), 0);
    return (points * held_s) / capacity + outside_s;
  });
  return Math.max(critical_s, ...by_pool);
}
