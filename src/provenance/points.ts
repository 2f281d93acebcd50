import type { PointResult } from '../ir/events.ts';
import { pointValues, type RunFold } from './state.ts';

/** A point in a table of all points. */
export interface PointRow {
  readonly point: number;
  readonly phase: string;
  readonly status: PointResult['status'] | 'running';
  readonly values: Readonly<Record<string, number | string>>;
  /** Empty unless succeeded. */
  readonly metrics: PointResult['metrics'];
  readonly feasible: boolean | null;
  readonly failure: PointResult['failure'];
  readonly calls: number | null;
  readonly started_ms: number;
  readonly ended_ms: number | null;
}

/** All points that were started, by their numbers. */
export function pointRows({ study, program, is_whole }: RunFold): PointRow[] {
  if (!is_whole) throw new Error('only a fold of all rows knows all points');
  const rows = [...study.points.values()].map(({ point, phase, started_ms, ended_ms, result }): PointRow => {
    const { status, metrics, feasible, failure, calls } = result ?? RUNNING;
    const values = pointValues(program, point);
    return { point, phase, status, values, metrics, feasible, failure, calls, started_ms, ended_ms };
  });
  return rows.sort((a, b) => a.point - b.point);
}

const RUNNING = { status: 'running', metrics: {}, feasible: null, failure: null, calls: null } as const;
