import type { LockedTable, LockedVariable } from '../../../ir/lock.ts';
import { plural, shownNumber } from '../../format.ts';
import { renderColumns } from '../../columns.ts';
import { nameWithUnit } from '../../quantities.ts';
import { safeText } from '../../safe-text.ts';
import type { ReviewColumn, ReviewLine, ReviewPoints, ReviewRow, ReviewSection } from '../model.ts';
import { exact, jsonText, line, row } from '../rows.ts';
import { scatter, type ScatterAxis } from '../scatter.ts';
import type { ReviewInput } from '../view.ts';

/** So many points are printed as text; the rest is counted, and told by its digest. */
const MOST_PRINTED = 200;

export function reviewPoints({ lock, tables }: ReviewInput): ReviewPoints {
  const columns = lock.variables.map(columnOf);
  const shown = lock.tables.map(({ id, sha256, first_point }) => ({
    id: safeText(id),
    sha256: safeText(sha256),
    first_point,
    rows: tables.get(id)?.rows ?? [],
  }));
  return { columns, tables: shown, count: shown.reduce((sum, { rows }) => sum + rows.length, 0) };
}

/** The designs, and the first points of them all. */
export function pointSections({ lock }: ReviewInput, points: ReviewPoints): ReviewSection[] {
  const { heading, rows } = printedPoints(points, MOST_PRINTED);
  return [
    { pane: 'points', title: 'Designs', heading: null, rows: [...lock.tables.map(designRow), ...plot(points)] },
    {
      pane: 'points',
      title: `Points: ${points.count}, to 6 digits; the tables hold them exactly`,
      heading,
      rows: [...rows.map((text) => row(text)), ...rest(points)],
    },
  ];
}

function columnOf({ name, unit, min, max, values, scale }: LockedVariable): ReviewColumn {
  const title = safeText(nameWithUnit(name, unit));
  const numbers = [min, max, ...(values ?? [])].filter((value) => typeof value === 'number');
  if (numbers.length === 0 || values?.some((value) => typeof value === 'string')) return { title, bounds: null };
  return { title, bounds: { min: Math.min(...numbers), max: Math.max(...numbers), scale } };
}

/** The numbers of the columns that can be plotted, with their axes. */
export function axesOf({ columns }: ReviewPoints): { readonly at: number; readonly axis: ScatterAxis }[] {
  return columns.flatMap(({ title, bounds }, at) => (bounds === null ? [] : [{ at, axis: { title, ...bounds } }]));
}

export function coordinates({ tables }: ReviewPoints, x: number, y: number): [number, number][] {
  return tables.flatMap(({ rows }) => rows.map((row): [number, number] => [Number(row[x]), Number(row[y])]));
}

/** The first two variables, in the size in which text shows them. */
function plot(points: ReviewPoints): ReviewRow[] {
  const [x, y, ...others] = axesOf(points);
  if (x === undefined || y === undefined) return [];
  const lines = scatter(coordinates(points, x.at, y.at), { x: x.axis, y: y.axis, width: 60, height: 15 });
  const more = others.length === 0 ? '' : `; ${plural(others.length, 'more variable')} not plotted`;
  return [row(`plot of all points${more}`, lines.map(line), { open: true, plot: true })];
}

function designRow({ id, sha256, rows, first_point, generator, quality }: LockedTable): ReviewRow {
  const range = `points ${first_point} to ${first_point + rows - 1}`;
  return row(
    `${id}: ${plural(rows, 'point')}, ${range}`,
    [line(`generator ${jsonText(generator)}`), line(`quality   ${qualityText(quality)}`), line(`SHA-256   ${sha256}`)],
    { open: true },
  );
}

function qualityText({
  min_distance,
  centered_discrepancy,
  max_abs_correlation,
  latin,
}: LockedTable['quality']): string {
  return [
    `least distance ${figure(min_distance)}`,
    `centred discrepancy ${figure(centered_discrepancy)}`,
    `greatest correlation ${figure(max_abs_correlation)}`,
    latin ? 'Latin' : 'not Latin',
  ].join(', ');
}

function figure(value: number | null): string {
  return value === null ? 'not computed' : shownNumber(value);
}

/** Points as aligned columns, at most so many. */
export function printedPoints(points: ReviewPoints, most: number): { heading: string; rows: string[] } {
  const cells: string[][] = [];
  for (const { id, first_point, rows } of points.tables) {
    for (const [at, values] of rows.entries()) {
      if (cells.length === most) break;
      cells.push([String(first_point + at), id, ...values.map(valueText)]);
    }
  }
  const [heading = '', ...rows] = renderColumns(
    [
      { title: 'point', right: true },
      { title: 'design' },
      ...points.columns.map(({ title }) => ({ title, right: true })),
    ],
    cells,
  );
  return { heading, rows };
}

/** The values of the at-th point as the table has them. */
export function exactPoint({ tables, columns }: ReviewPoints, at: number): ReviewLine[] {
  const table = tables.find(({ rows, first_point }) => at + 1 < first_point + rows.length);
  const values = table?.rows[at + 1 - table.first_point] ?? [];
  return values.map((value, column) => line(`${columns[column]?.title ?? '?'} = ${exact(value)}`));
}

function valueText(value: number | string): string {
  return typeof value === 'number' ? shownNumber(value) : safeText(value);
}

/** What is not printed: how many points, and in which tables they are. */
function rest({ tables, count }: ReviewPoints): ReviewRow[] {
  if (count <= MOST_PRINTED) return [];
  const hidden = tables.filter(({ first_point, rows }) => first_point + rows.length - 1 > MOST_PRINTED);
  const digests = hidden.map(({ id, sha256 }) => line(`${id}: SHA-256 ${sha256}`));
  return [row(`${count - MOST_PRINTED} more points, in the tables:`, digests, { open: true, mark: '!' })];
}
