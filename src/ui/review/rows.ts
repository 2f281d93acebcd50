import { canonicalJson } from '../../ir/canonical.ts';
import { shownDuration } from '../format.ts';
import { safeLines, safeText } from '../safe-text.ts';
import type { Mark, ReviewLine, ReviewRow } from './model.ts';
import { byWhom, type Writer } from './writers.ts';

/** A row of one line. Whatever stands in it, and in `line`, is made fit for a terminal here and nowhere else. */
export function row(
  text: string,
  details: readonly ReviewLine[] = [],
  options: { mark?: Mark; open?: boolean; plot?: boolean } = {},
): ReviewRow {
  const { mark = '', open = false, plot = false } = options;
  return { mark, text: safeText(text), details, open, plot };
}

/** `name   value` with the values below each other. */
export function fact(name: string, value: string, mark: Mark = ''): ReviewRow {
  return row(`${name.padEnd(FACT_WIDTH - 1)} ${value}`, [], { mark });
}

const FACT_WIDTH = 14;

export function line(text: string): ReviewLine {
  return { text: safeText(text), untrusted: false };
}

/** Text that a person, a model or a tool wrote, line by line. */
export function told(text: string, untrusted: boolean): ReviewLine[] {
  return safeLines(text).map((each) => ({ text: each, untrusted }));
}

/** Prose of somebody, under a label: on the same line where it is short and its writer is a person. */
export function prose(label: string, text: string, writer: Writer): ReviewLine[] {
  const lines = told(text, writer.untrusted);
  const titled = `${label}${byWhom(writer)}`;
  if (!writer.untrusted && lines.length === 1) return [line(`${titled} ${lines[0]!.text}`)];
  return [line(titled), ...lines];
}

/** A row of prose: its first line is the label. */
export function proseRow(label: string, text: string, writer: Writer): ReviewRow {
  const [first, ...rest] = prose(label, text, writer);
  return row(first!.text, rest, { open: true });
}

/** What a section without rows says. */
export function orNone(rows: readonly ReviewRow[], none: string): readonly ReviewRow[] {
  return rows.length === 0 ? [row(none)] : rows;
}

/** A value of a lock, whole and unambiguous: an expression as it is written, all else as JSON. */
export function argument(value: unknown): string {
  if (typeof value === 'string' && /^=[^=]/.test(value)) return value;
  return jsonText(value);
}

export function jsonText(value: unknown): string {
  return canonicalJson(value);
}

/** A number exactly as it is in the lock; the bounds and constants of a review are never rounded. */
export function exact(value: number | string | boolean): string {
  return String(value);
}

export function withUnit(value: number | string | boolean, unit: string | null): string {
  const text = exact(value);
  return unit === null || unit === '' || unit === '1' ? text : `${text} ${unit}`;
}

/** Seconds as the lock has them, and as people read them where that differs. */
export function seconds(value: number): string {
  const read = shownDuration(value);
  return read === `${value} s` ? read : `${read} (${value} s)`;
}
