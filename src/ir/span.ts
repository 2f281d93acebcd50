/** Where a value stands in its text: offsets in UTF-16 code units, `[start, end)`. A tree beside the value. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** Offset of the key, where the value is a member of an object. */
  readonly key_start?: number;
  readonly items?: readonly Span[];
  readonly members?: ReadonlyMap<string, Span>;
}

/** Line and column, both from 1; the column in UTF-16 code units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** What a JSON pointer leads to. */
export interface Found {
  readonly span: Span;
  /** False if there is no such value, and `span` and `path` are those of its nearest ancestor. */
  readonly exact: boolean;
  /** Keys and indices on the way. */
  readonly path: readonly string[];
}

/** Follows a JSON pointer (RFC 6901) as far as it leads. */
export function findSpan(root: Span, pointer: string): Found {
  let span = root;
  const path: string[] = [];
  if (pointer === '') return { span, exact: true, path };
  if (!pointer.startsWith('/')) return { span, exact: false, path };
  for (const token of pointer.slice(1).split('/').map(unescapeToken)) {
    const next = span.members?.get(token) ?? itemAt(span, token);
    if (next === undefined) return { span, exact: false, path };
    span = next;
    path.push(token);
  }
  return { span, exact: true, path };
}

function itemAt(span: Span, token: string): Span | undefined {
  return /^(?:0|[1-9][0-9]*)$/.test(token) ? span.items?.[Number(token)] : undefined;
}

/** The JSON pointer of a path of keys and indices (RFC 6901, section 3). */
export function pointerOf(path: readonly (string | number)[]): string {
  return path.map((token) => `/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function unescapeToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** A function from offsets of this text to positions; lines end with a line feed. */
export function positionsIn(text: string): (offset: number) => Position {
  let starts: number[] | undefined;
  return (offset) => {
    starts ??= lineStarts(text);
    const line = lastAtMost(starts, offset);
    return { line: line + 1, column: offset - starts[line]! + 1 };
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lastAtMost(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sorted[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
