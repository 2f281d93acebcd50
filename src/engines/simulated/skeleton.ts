import { SEMANTICS } from '../../ir/events.ts';
import type { DesignTable, Lock, LockedCall, LockedPhase, LockedStep } from '../../ir/lock.ts';

export type Decisions = 'worst' | 'first' | 'none';

/** A lock in which nothing is left that depends on an answer. */
export interface Skeleton {
  readonly lock: Lock;
  readonly tables: ReadonlyMap<string, DesignTable>;
  /** Phases that were gates: they hold nothing up here. */
  readonly gates: ReadonlySet<string>;
}

export interface SkeletonOptions {
  readonly decisions: Decisions;
  /** Other capacities than those of the lock. */
  readonly pools: Readonly<Record<string, number>>;
  /** null: as the lock says, or, with other capacities, as `expctl lock` would. */
  readonly in_flight: number | null;
}

/** Name of the one tool, and of the variable that numbers the points. */
export const TOOL = 'simulated';
export const POINT = 'point';

/**
 * What remains of a lock when no tool answers: steps in their order, pools, retries, time-outs, phases, budgets. Arguments and
 * conditions are gone, every step applies, and decisions are taken as `decisions` says.
 */
export function skeletonOf(lock: Lock, options: SkeletonOptions): Skeleton {
  const pools = { ...lock.pools, ...options.pools };
  const changed = Object.keys(options.pools).length > 0;
  const in_flight = options.in_flight ?? (changed ? inFlightOf(lock.pipeline, pools) : lock.in_flight);
  const point = { name: POINT, type: 'integer', unit: '1', min: 1, max: null, values: null } as const;
  return {
    lock: {
      ...lock,
      semantics: SEMANTICS,
      constants: [],
      variables: [{ ...point, scale: 'linear', description: '' }],
      derived: [],
      constraints: [],
      pipeline: lock.pipeline.map(skeletonStep),
      metrics: [],
      objectives: [],
      outcome_constraints: [],
      study: lock.study.map((phase) => skeletonPhase(phase, options.decisions)),
      pools,
      in_flight,
      tools: [{ name: TOOL, pin: '0'.repeat(64), pinned: lock.tools[0]!.pinned }],
    },
    tables: new Map(lock.tables.map((table) => [table.id, numbered(table)])),
    gates: new Set(lock.study.flatMap(({ phase, gate }) => (gate === null ? [] : [phase]))),
  };
}

/** As `inFlight` of the plan: twice as many as the scarcest pool lets run, 4 to 1,000. */
function inFlightOf(pipeline: readonly LockedStep[], pools: Readonly<Record<string, number>>): number {
  const running = pipeline.flatMap(({ uses }) =>
    Object.entries(uses).map(([pool, tokens]) => Math.floor((pools[pool] ?? 0) / tokens)),
  );
  return Math.max(4, Math.min(1000, 2 * Math.min(...running)));
}

function numbered({ first_point, rows }: Lock['tables'][number]): DesignTable {
  return { columns: [POINT], rows: Array.from({ length: rows }, (_, row) => [first_point + row]) };
}

function skeletonStep(step: LockedStep): LockedStep {
  const { name, call, job } = step;
  return {
    ...step,
    when: null,
    call: call === null ? null : skeletonCall(call, name),
    job:
      job === null
        ? null
        : {
            submit: skeletonCall(job.submit, `${name}.submit`),
            poll: {
              ...skeletonCall(job.poll, `${name}.poll`, { job: '=submit.job' }),
              every_s: job.poll.every_s,
              until: 'done',
            },
            fetch: job.fetch === null ? null : skeletonCall(job.fetch, `${name}.fetch`),
          },
  };
}

function skeletonCall(call: LockedCall, name: string, given: Record<string, string> = {}): LockedCall {
  return { ...call, call: `${TOOL}/${name}`, with: { [POINT]: `=${POINT}`, ...given }, expect: [], parse: null };
}

function skeletonPhase(phase: LockedPhase, decisions: Decisions): LockedPhase {
  if (phase.gate !== null) return { ...phase, gate: null, decide: [] };
  if (phase.decide === null) return phase;
  return { ...phase, decide: rulesOf(phase.decide, decisions).map((rule) => ({ ...rule, if: null })) };
}

/** The rules that apply, whatever their conditions; behind them the study goes on to the next phase. */
function rulesOf(rules: NonNullable<LockedPhase['decide']>, decisions: Decisions): NonNullable<LockedPhase['decide']> {
  if (decisions === 'none') return [];
  if (decisions === 'first') return rules.slice(0, 1);
  return rules.filter(({ action }) => action.do === 'goto' || action.do === 'extend');
}
