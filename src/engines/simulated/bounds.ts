import type { Lock } from '../../ir/lock.ts';
import type { Execution } from './tools.ts';

export interface LowerBound {
  readonly ms: number;
  /** What it comes from, in milliseconds: `longest point`, `pool licence`, `points in flight`. */
  readonly parts: ReadonlyMap<string, number>;
}

/**
 * No order of things could be faster: the points of a design table are behind those of the one before, and in each table a point takes
 * as long as its steps behind one another, a pool gives only so many token-hours in an hour, and only so many points are in flight.
 */
export function lowerBound(lock: Lock, executions: readonly Execution[]): LowerBound {
  const parts = new Map<string, number>();
  let ms = 0;
  for (const group of byTable(lock, executions)) {
    const [what, most_ms] = mostOf(boundsOf(lock, group));
    ms += most_ms;
    parts.set(what, (parts.get(what) ?? 0) + most_ms);
  }
  return { ms, parts };
}

/** The table of a point, by its number. */
export function tableOf(lock: Lock, point: number): string {
  return lock.tables.find(({ first_point, rows }) => point >= first_point && point < first_point + rows)!.id;
}

function byTable(lock: Lock, executions: readonly Execution[]): Execution[][] {
  const groups = new Map<string, Execution[]>();
  for (const execution of executions) {
    const table = tableOf(lock, execution.point);
    const group = groups.get(table);
    if (group === undefined) groups.set(table, [execution]);
    else group.push(execution);
  }
  return [...groups.values()];
}

function boundsOf(lock: Lock, executions: readonly Execution[]): Map<string, number> {
  const work = workOf(executions);
  const points = [...work.values()].map((steps) => longestPath(lock, steps));
  const bounds = new Map([['longest point', Math.max(...points)]]);
  bounds.set('points in flight', points.reduce((sum, one) => sum + one, 0) / lock.in_flight);
  for (const [pool, capacity] of Object.entries(lock.pools)) {
    let token_ms = 0;
    for (const { name, uses } of lock.pipeline) {
      for (const steps of work.values()) token_ms += (uses[pool] ?? 0) * (steps.get(name) ?? 0);
    }
    bounds.set(`pool ${pool}`, token_ms / capacity);
  }
  return bounds;
}

/** By point and step: milliseconds of all attempts. */
function workOf(executions: readonly Execution[]): Map<number, Map<string, number>> {
  const work = new Map<number, Map<string, number>>();
  for (const { point, step, work_ms } of executions) {
    const steps = work.get(point) ?? new Map<string, number>();
    steps.set(step, (steps.get(step) ?? 0) + work_ms);
    work.set(point, steps);
  }
  return work;
}

function longestPath({ pipeline }: Lock, work: ReadonlyMap<string, number>): number {
  const ends = new Map<string, number>();
  const endOf = (name: string): number => {
    const known = ends.get(name);
    if (known !== undefined) return known;
    const { needs } = pipeline.find((step) => step.name === name)!;
    const end = Math.max(0, ...needs.map(endOf)) + (work.get(name) ?? 0);
    ends.set(name, end);
    return end;
  };
  return Math.max(0, ...pipeline.map(({ name }) => endOf(name)));
}

function mostOf(bounds: ReadonlyMap<string, number>): [what: string, ms: number] {
  return [...bounds].reduce((most, one) => (one[1] > most[1] ? one : most));
}
