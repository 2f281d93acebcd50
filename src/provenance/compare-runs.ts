import type { JournalRow } from '../ir/events.ts';

/** How one copy of a run's journal stands to another. */
export type Comparison =
  | { readonly kind: 'same'; readonly rows: number }
  /** This copy has more rows than the other, which is its beginning. */
  | { readonly kind: 'longer'; readonly rows: number; readonly other_rows: number }
  /** The other copy has more; `next` is its first row that is missing here. */
  | { readonly kind: 'shorter'; readonly rows: number; readonly other_rows: number; readonly next: JournalRow }
  /** They begin with the same rows; `here` and `there` are the first that differ, each behind `rows` equal ones. */
  | { readonly kind: 'fork'; readonly rows: number; readonly here: JournalRow; readonly there: JournalRow };

/**
 * Compares two copies of a run, row by row in the order of positions. Rows are the same where they are equal in every field but the
 * position, which another store may give anew.
 */
export function compareRuns(here: Iterable<JournalRow>, there: Iterable<JournalRow>): Comparison {
  const [own, other] = [here[Symbol.iterator](), there[Symbol.iterator]()];
  for (let rows = 0; ; rows += 1) {
    const [one, two] = [own.next(), other.next()];
    if (one.done === true && two.done === true) return { kind: 'same', rows };
    if (two.done === true) return { kind: 'longer', rows: rows + 1 + countOf(own), other_rows: rows };
    if (one.done === true) {
      return { kind: 'shorter', rows, other_rows: rows + 1 + countOf(other), next: two.value };
    }
    if (!isSame(one.value, two.value)) return { kind: 'fork', rows, here: one.value, there: two.value };
  }
}

function isSame(a: JournalRow, b: JournalRow): boolean {
  const fields = ['stream', 'seq', 'type', 'body', 'observed', 'wall_ms', 'fence', 'prev', 'hash'] as const;
  return fields.every((field) => a[field] === b[field]);
}

function countOf(rows: Iterator<JournalRow>): number {
  let count = 0;
  while (rows.next().done !== true) count += 1;
  return count;
}
