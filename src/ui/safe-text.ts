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

/** What a terminal obeys, line ends and tabs aside. */
const ESCAPE = String.fromCodePoint(0x1b);
const OBEYED = new RegExp(`${ESCAPE}\\[(?:0|1|2|22|3[0-9]|39)m|\\r\\n|[\\p{Cc}\\p{Bidi_Control}]`, 'gu');

/**
 * Lines on their way to a terminal: the second fence behind `safeText`, for what nobody thought of, such as names of files. Only line
 * ends, tabs, and the colours of src/ui/style.ts get through.
 */
export function fencedText(text: string): string {
  return text.replace(OBEYED, (found) =>
    found.length > 1 || found === '\n' || found === '\t' ? found : safeText(found),
  );
}
