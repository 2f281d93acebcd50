import type { Lock } from '../../src/ir/lock.ts';
import { type Made, designPhase, makeCall, makeLock, makeStep } from '../../test/kernel/support.ts';

/** The tool and call that the steps of a study name. */
export interface Called {
  readonly tool: Lock['tools'][number];
  readonly call: string;
}

/** A tool that is not started but answers in this process: it has nothing that could be pinned. */
export const IN_PROCESS: Called = {
  tool: { name: 'noop', pin: '0'.repeat(64), pinned: {} as Lock['tools'][number]['pinned'] },
  call: 'noop',
};

/** A study of so many points, each with so many steps one after another, `width` points at once. */
export function studyOf(
  { points, steps, width }: { points: number; steps: number; width: number },
  { tool, call }: Called = IN_PROCESS,
): Made {
  const pipeline = Array.from({ length: steps }, (_, index) =>
    makeStep(`s${index + 1}`, {
      needs: index === 0 ? [] : [`s${index}`],
      call: makeCall(`${tool.name}/${call}`, { with: { x: '=x' }, effect: 'pure' }),
    }),
  );
  const changes: Partial<Lock> = {
    name: 'bench',
    variables: [{ ...VARIABLE, max: points }],
    derived: [],
    pipeline,
    metrics: [{ name: 'mass', value: '=x', unit: 'kg', plausible: null, description: '' }],
    study: [designPhase('explore')],
    outcome_constraints: [],
    in_flight: width,
    budget: { points, calls: points * steps, wall_time_s: null, failed_points: 0 },
    tools: [tool],
  };
  return makeLock(changes, { explore: points });
}

const VARIABLE: Lock['variables'][number] = {
  name: 'x',
  type: 'real',
  unit: '1',
  min: 0,
  max: 1,
  values: null,
  scale: 'linear',
  description: '',
};
