import { sha256Hex } from '../../base/sha256.ts';
import type { DesignVariable, PointValues } from '../../design/draw.ts';
import { closest } from '../../ir/expression/suggest.ts';
import { quote } from '../../ir/strict-values.ts';
import { parseCsv, type CsvRecord } from '../csv.ts';
import type { CheckContext } from './context.ts';
import type { Path } from './reporter.ts';

const MOST_PROBLEMS = 20;

/** A table of points that the plan names: its rows in their order, and the digest of the file. */
export function readTable(
  file: string,
  path: Path,
  variables: readonly DesignVariable[],
  { file: readFile, report }: CheckContext,
): { readonly rows: PointValues[]; readonly sha256: string } | null {
  if (!isInside(file)) {
    report.error(
      'TABLE',
      path,
      `\`${file}\` is not a path below the plan's folder.`,
      'Write it relative to the plan, without `..`.',
    );
    return null;
  }
  const bytes = readFile(file);
  if (bytes === undefined) {
    const message = `There is no file \`${file}\` below the plan's folder.`;
    report.error('TABLE', path, message, "Name a CSV file relative to the plan's folder.");
    return null;
  }
  const parsed = parseCsv(bytes);
  if (!parsed.ok) {
    report.error('TABLE', path, `${file}:${parsed.error.line}: ${parsed.error.message}`, 'Correct the CSV file.');
    return null;
  }
  const [header, ...records] = parsed.value;
  const problems = [...headerProblems(header!, variables)];
  if (problems.length === 0)
    problems.push(...records.flatMap((record) => recordProblems(record, header!.fields, variables)));
  for (const { line, message, fix } of problems.slice(0, MOST_PROBLEMS)) {
    report.error('TABLE', path, `${file}:${line}: ${message}`, fix);
  }
  if (problems.length > MOST_PROBLEMS) {
    report.error(
      'TABLE',
      path,
      `${file}: ... and ${problems.length - MOST_PROBLEMS} more.`,
      'Correct the problems above first.',
    );
  }
  if (problems.length > 0) return null;
  const byName = new Map(variables.map((variable) => [variable.name, variable]));
  const rows = records.map(({ fields }) =>
    Object.fromEntries(header!.fields.map((name, column) => [name, cellValue(byName.get(name)!, fields[column]!)!])),
  );
  return { rows, sha256: sha256Hex(bytes) };
}

interface TableProblem {
  readonly line: number;
  readonly message: string;
  readonly fix: string;
}

export function isInside(file: string): boolean {
  return !/^([/\\]|[A-Za-z]:)/.test(file) && !file.split(/[/\\]/).includes('..') && !file.includes('\0');
}

function headerProblems({ line, fields }: CsvRecord, variables: readonly DesignVariable[]): TableProblem[] {
  const names = variables.map(({ name }) => name);
  const problems: TableProblem[] = [];
  for (const [at, field] of fields.entries()) {
    if (!names.includes(field)) {
      const near = closest(field, names);
      const fix = near === undefined ? `Columns are the variables: ${names.join(', ')}.` : `Did you mean \`${near}\`?`;
      problems.push({ line, message: `there is no variable ${quote(field)}.`, fix });
    } else if (fields.indexOf(field) < at) {
      problems.push({ line, message: `the column ${quote(field)} is there twice.`, fix: 'Remove one.' });
    }
  }
  for (const name of names.filter((name) => !fields.includes(name))) {
    problems.push({
      line,
      message: `there is no column for the variable \`${name}\`.`,
      fix: `Add a column \`${name}\`.`,
    });
  }
  return problems;
}

function recordProblems(
  { line, fields }: CsvRecord,
  header: readonly string[],
  variables: readonly DesignVariable[],
): TableProblem[] {
  return header.flatMap((name, column): TableProblem[] => {
    const variable = variables.find((candidate) => candidate.name === name)!;
    const value = cellValue(variable, fields[column]!);
    const wrong = value === null ? 'is not a number' : outside(variable, value);
    if (wrong === null) return [];
    const fix =
      value === null
        ? 'Write a number such as `2.5`; its unit is that of the variable.'
        : 'Correct the value, or the variable.';
    return [{ line, message: `column ${name}: ${quote(fields[column]!)} ${wrong}.`, fix }];
  });
}

function cellValue({ kind }: DesignVariable, field: string): number | string | null {
  if (kind === 'choice') return field;
  const value = /^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/.test(field) ? Number(field) : Number.NaN;
  return Number.isFinite(value) ? value + 0 : null;
}

function outside({ kind, min, max, values }: DesignVariable, value: number | string): string | null {
  if (values !== undefined) return values.includes(value) ? null : `is none of ${values.join(', ')}`;
  if (kind === 'integer' && !Number.isSafeInteger(value)) return 'is not a whole number';
  if (Number(value) < min!) return `is below the least value ${min}`;
  return Number(value) > max! ? `is above the greatest value ${max}` : null;
}
