import { canonicalJson } from '../../ir/canonical.ts';
import { safeLines, safeText } from '../safe-text.ts';
import type { Mark, ReviewLine, ReviewRow } from './model.ts';

/** A row; its text and details must be safe already. */
export function row(
  text: string,
  details: readonly ReviewLine[] = [],
  options: { mark?: Mark; open?: boolean } = {},
): ReviewRow {
  return { mark: options.mark ?? '', text, details, open: options.open ?? false };
}

/** `name   value` with the values below each other. */
export function fact(name: string, value: string, mark: Mark = ''): ReviewRow {
  return row(`${name.padEnd(FACT_WIDTH)}${value}`, [], { mark });
}

const FACT_WIDTH = 14;

export function line(text: string): ReviewLine {
  return { text, untrusted: false };
}

/** Text that a person, a model or a tool wrote, line by line. */
export function told(text: string, untrusted: boolean): ReviewLine[] {
  return safeLines(text).map((each) => ({ text: each, untrusted }));
}

/** What a section without rows says. */
export function orNone(rows: readonly ReviewRow[], none: string): readonly ReviewRow[] {
  return rows.length === 0 ? [row(none)] : rows;
}

/** A value of a lock, whole and unambiguous: an expression as it is written, all else as JSON. */
export function argument(value: unknown): string {
  if (typeof value === 'string' && /^=[^=]/.test(value)) return safeText(value);
  return jsonText(value);
}

export function jsonText(value: unknown): string {
  return safeText(canonicalJson(value));
}

/** A number exactly as it is in the lock; the bounds and constants of a review are never rounded. */
export function exact(value: number | string | boolean): string {
  return safeText(String(value));
}

export function withUnit(value: number | string | boolean, unit: string | null): string {
  const text = exact(value);
  return unit === null || unit === '' || unit === '1' ? text : `${text} ${safeText(unit)}`;
}

/** Seconds as the lock has them, and as people read them where that differs. */
export function seconds(value: number, shown: (seconds: number) => string): string {
  const read = shown(value);
  return read === `${value} s` ? read : `${read} (${value} s)`;
}
