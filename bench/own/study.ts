import { SEMANTICS } from '../../src/ir/events.ts';
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
  return studyWith({ points, width, pipeline, tool });
}

/** A step that takes a while and holds tokens. */
export interface PooledStep {
  readonly name: string;
  readonly seconds: number;
  readonly uses: Readonly<Record<string, number>>;
}

/** A study of so many points whose steps come one after another and hold tokens of pools. */
export function pooledStudy(
  points: number,
  steps: readonly PooledStep[],
  pools: Readonly<Record<string, number>>,
): Made {
  const { tool } = IN_PROCESS;
  const pipeline = steps.map(({ name, uses }, index) =>
    makeStep(name, {
      needs: index === 0 ? [] : [steps[index - 1]!.name],
      uses: { ...uses },
      call: makeCall(`${tool.name}/${name}`, { with: { x: '=x' }, effect: 'pure' }),
    }),
  );
  const width = 2 * Math.max(...Object.values(pools));
  return studyWith({ points, width, pipeline, tool, pools });
}

interface Study {
  readonly points: number;
  readonly width: number;
  readonly pipeline: Lock['pipeline'];
  readonly tool: Lock['tools'][number];
  readonly pools?: Readonly<Record<string, number>>;
}

function studyWith({ points, width, pipeline, tool, pools = {} }: Study): Made {
  const changes: Partial<Lock> = {
    semantics: SEMANTICS,
    name: 'bench',
    environment: { name: 'local', class: 'sandbox', pools: { ...pools }, sha256: '0'.repeat(64) },
    variables: [{ ...VARIABLE, max: points }],
    derived: [],
    pipeline,
    metrics: [{ name: 'mass', value: '=x', unit: 'kg', plausible: null, description: '' }],
    study: [designPhase('explore')],
    outcome_constraints: [],
    pools: { ...pools },
    in_flight: width,
    budget: { points, calls: points * pipeline.length, wall_time_s: null, failed_points: 0 },
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
