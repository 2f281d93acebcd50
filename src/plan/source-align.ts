/**
 * Where a character of a string value stands in its source.
 *
 * Walks source and value side by side: an escape is one character of the value, a fold one space or none, indentation
 * nothing. Exact for plain, quoted and literal scalars; in folded ones at most a run of white space off.
 *
 * @param text  the file
 * @param start offset of the scalar's first character: a quote, a block header, or content
 * @param end   offset after its last character
 * @param value what the scalar says
 * @param index into the value, in UTF-16 code units
 * @returns offset in the file, at most `end`
 */
export function offsetInScalar(text: string, start: number, end: number, value: string, index: number): number {
  const style = text[start];
  const isBlock = style === '|' || style === '>';
  const isQuoted = style === '"' || style === "'";
  let at = isBlock ? afterLine(text, start, end) : isQuoted ? start + 1 : start;
  at = skipFolds(text, at, end, value[0]);
  for (let said = 0; at < end; ) {
    const step = stepAt(text, at, style, value[said]);
    if (said >= index && step.value > 0) break;
    said += step.value;
    at = skipFolds(text, at + step.source, end, value[said]);
  }
  return Math.min(at, end);
}

function afterLine(text: string, start: number, end: number): number {
  const newline = text.indexOf('\n', start);
  return newline === -1 || newline >= end ? end : newline + 1;
}

/** How far one step goes in source and value. */
function stepAt(
  text: string,
  at: number,
  style: string | undefined,
  expected: string | undefined,
): { source: number; value: number } {
  if (style === "'" && text[at] === "'") return { source: 2, value: 1 };
  if (style === '"' && text[at] === '\\') return escapeAt(text, at);
  if (text[at] === '\n' && expected !== '\n' && expected !== ' ') return { source: 1, value: 0 };
  return { source: 1, value: 1 };
}

function escapeAt(text: string, at: number): { source: number; value: number } {
  switch (text[at + 1]) {
    case 'x':
      return { source: 4, value: 1 };
    case 'u':
      return { source: 6, value: 1 };
    case 'U':
      return { source: 10, value: Number.parseInt(text.slice(at + 2, at + 10), 16) > 0xffff ? 2 : 1 };
    case '\n':
      return { source: 2, value: 0 };
    default:
      return { source: 2, value: 1 };
  }
}

/** White space of the source that the value does not say here. */
function skipFolds(text: string, from: number, end: number, expected: string | undefined): number {
  let at = from;
  while (at < end && text[at] !== expected && isWhite(text[at])) {
    if (text[at] === '\n' && expected === ' ') break;
    at += 1;
  }
  return at;
}

function isWhite(character: string | undefined): boolean {
  return character === ' ' || character === '\n' || character === '\r' || character === '\t';
}
