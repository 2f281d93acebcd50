import type { LockedTable } from '../../../ir/lock.ts';
import { plural, shownNumber } from '../../format.ts';
import { renderColumns } from '../../columns.ts';
import { safeText } from '../../safe-text.ts';
import type { ReviewPoints, ReviewRow, ReviewSection } from '../model.ts';
import { jsonText, line, row } from '../rows.ts';
import type { ReviewInput } from '../view.ts';

/** So many points are printed as text; the rest is counted, and told by its digest. */
const MOST_PRINTED = 200;

export function reviewPoints({ lock, tables }: ReviewInput): ReviewPoints {
  const columns = lock.variables.map(({ name, unit }) => ({ name: safeText(name), unit: safeText(unit) }));
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
    { pane: 'points', title: 'Designs', heading: null, rows: lock.tables.map(designRow) },
    {
      pane: 'points',
      title: `Points: ${points.count}, to 6 digits; the tables hold them exactly`,
      heading,
      rows: [...rows.map((text) => row(text)), ...rest(points)],
    },
  ];
}

function designRow({ id, sha256, rows, first_point, generator, quality }: LockedTable): ReviewRow {
  const range = `points ${first_point} to ${first_point + rows - 1}`;
  return row(
    `${safeText(id)}: ${plural(rows, 'point')}, ${range}`,
    [
      line(`generator ${jsonText(generator)}`),
      line(`quality   ${qualityText(quality)}`),
      line(`SHA-256   ${safeText(sha256)}`),
    ],
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
  const titles = points.columns.map(({ name, unit }) => (unit === '1' ? name : `${name} [${unit}]`));
  const [heading = '', ...rows] = renderColumns(
    [{ title: 'point', right: true }, { title: 'design' }, ...titles.map((title) => ({ title, right: true }))],
    cells,
  );
  return { heading, rows };
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
