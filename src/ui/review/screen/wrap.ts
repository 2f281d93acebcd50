import stringWidth from 'string-width';

const ASCII = /^[\x20-\x7e]*$/;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Terminal cells of a text of one line. */
export function cells(text: string): number {
  return ASCII.test(text) ? text.length : stringWidth(text);
}

/** A text as lines of at most `width` cells, broken at spaces where there are any. Nothing is lost but spaces at the breaks. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (cells(rest) > width) {
    const fitting = fits(rest, width);
    const space = rest.startsWith(' ', fitting) ? fitting : rest.lastIndexOf(' ', fitting - 1);
    const at = space > width / 3 ? space : fitting;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at).trimStart();
  }
  return [...lines, rest];
}

/** How many code units from the start fit; at least one character, so that wrapping ends. */
function fits(text: string, width: number): number {
  if (ASCII.test(text)) return Math.max(1, width);
  let used = 0;
  let at = 0;
  for (const { segment } of graphemes.segment(text)) {
    used += stringWidth(segment);
    if (used > width && at > 0) break;
    at += segment.length;
  }
  return at;
}
