import { type PointRow, pointRows } from './points.ts';
import type { RunFacts } from './ports.ts';
import type { RunFold } from './state.ts';

/** All points of a run as data, units beside the names; what `export --json` prints. */
interface ExportedRun {
  readonly run: string;
  readonly plan: string;
  readonly lock_sha256: string;
  readonly ended: boolean;
  readonly variables: readonly { readonly name: string; readonly unit: string }[];
  readonly metrics: readonly { readonly name: string; readonly unit: string }[];
  readonly points: readonly PointRow[];
}

export function exportRun(run: RunFacts, fold: RunFold): ExportedRun {
  const { lock } = fold.program;
  const named = ({ name, unit }: { name: string; unit: string }) => ({ name, unit });
  return {
    run: run.run,
    plan: run.name,
    lock_sha256: run.lock_sha256,
    ended: fold.study.finished !== null,
    variables: lock.variables.map(named),
    metrics: lock.metrics.map(named),
    points: pointRows(fold),
  };
}

/**
 * All points as CSV: a header with units (`width [mm]`), a record for each point, numbers in full. What a point does not have is an
 * empty field. Lines end with CR LF. A text that a spreadsheet would take for a formula stands behind an apostrophe.
 *
 * Source: RFC 4180, section 2.
 */
export function exportCsv({ variables, metrics, points }: ExportedRun): string {
  const header = ['point', 'phase', 'status', ...[...variables, ...metrics].map(titleOf), 'feasible'];
  const records = points.map((point) => [
    String(point.point),
    point.phase,
    point.status,
    ...variables.map(({ name }) => fieldOf(point.values[name])),
    ...metrics.map(({ name }) => fieldOf(point.metrics[name])),
    point.feasible === null ? '' : String(point.feasible),
    textOf(point.failure?.class ?? ''),
    textOf(point.failure?.step ?? ''),
  ]);
  const lines = [[...header, 'failure_class', 'failure_step'], ...records];
  return lines.map((fields) => `${fields.map(quoted).join(',')}\r\n`).join('');
}

function titleOf({ name, unit }: ExportedRun['metrics'][number]): string {
  return unit === '' || unit === '1' ? name : `${name} [${unit}]`;
}

function fieldOf(value: number | string | undefined): string {
  if (typeof value === 'string') return textOf(value);
  return value === undefined ? '' : String(value);
}

/** Texts that begin so are formulas to spreadsheets, which can call programs; a number in a text is none. */
function textOf(text: string): string {
  return /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
}

function quoted(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
