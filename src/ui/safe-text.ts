/** Control characters, bidirectional marks, zero-width and tag characters: what a terminal obeys, or a reader cannot see. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\u{115F}\u{1160}\u{3164}\u{FFA0}]|\p{Variation_Selector}/gu;

/**
 * Text that somebody else wrote (a plan, a tool, a model), made fit for a terminal: every character that would be obeyed or not be
 * seen stands as `\u{…}`. Line ends too: `safeLines` keeps them.
 */
export function safeText(text: string): string {
  return text.replace(UNSEEN, (character) => `\\u{${character.codePointAt(0)!.toString(16).toUpperCase()}}`);
}

/** The same, line by line. */
export function safeLines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => safeText(line.replaceAll('\t', '    ')));
}
