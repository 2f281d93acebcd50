import type { Lock } from '../../ir/lock.ts';
import type { PointRow } from '../../provenance/points.ts';
import { renderColumns } from '../columns.ts';
import { shownNumber, shownValue } from '../format.ts';
import { nameWithUnit } from '../quantities.ts';
import { safeText } from '../safe-text.ts';

/** All points, a line each, under a line of titles. */
export function pointsTable(points: readonly PointRow[], lock: Lock): string[] {
  const columns = [
    { title: 'point', right: true },
    { title: 'phase' },
    { title: 'status' },
    ...lock.variables.map(({ name, unit }) => ({ title: nameWithUnit(name, unit), right: true })),
    ...lock.metrics.map(({ name, unit }) => ({ title: nameWithUnit(name, unit), right: true })),
    { title: '' },
  ];
  const rows = points.map((point) => [
    String(point.point),
    safeText(point.phase),
    point.status,
    ...lock.variables.map(({ name }) => cell(point.values[name])),
    ...lock.metrics.map(({ name }) => (point.metrics[name] === undefined ? '-' : shownNumber(point.metrics[name]))),
    remarkOf(point),
  ]);
  return renderColumns(columns, rows);
}

function cell(value: number | string | undefined): string {
  return value === undefined ? '-' : safeText(shownValue(value));
}

function remarkOf({ feasible, failure }: PointRow): string {
  if (failure !== null) return safeText(`${failure.step}: ${failure.class}`);
  if (feasible === null) return '';
  return feasible ? 'feasible' : 'breaks a constraint';
}
