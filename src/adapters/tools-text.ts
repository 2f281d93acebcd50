const MESSAGE_CHARACTERS = 2000;

/**
 * Text of a tool as it may stand in a message: no character acts on a terminal or hides (controls, bidirectional and zero-width
 * characters are written as `\u{...}`), halves of surrogate pairs do not survive, and it is cut to `max` UTF-16 units.
 */
export function printable(text: string, max = MESSAGE_CHARACTERS): string {
  const cut = text.length > max ? `${text.slice(0, max)}...` : text;
  return cut.replace(/[\p{Cc}\p{Cf}\p{Surrogate}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\n' || character === '\t' ? character : `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

/** The same for the end of a log: what a program wrote last says most about why it ended. */
export function printableEnd(text: string, max = MESSAGE_CHARACTERS): string {
  const trimmed = text.trim();
  return trimmed.length > max ? `...${printable(trimmed.slice(-max), max)}` : printable(trimmed, max);
}

/** On one line and in quotes. */
export function quoted(text: string, max = 200): string {
  return `"${printable(text, max).replaceAll('\n', '\\n').replaceAll('\t', '\\t')}"`;
}

/** How a process ended, in words. */
export function endInWords(status: number | null, signal: string | null): string {
  return signal === null ? `exit status ${status ?? 'unknown'}` : `killed by ${signal}`;
}
