import { AUTHORED_LIMITS } from '../ir/strict-values.ts';
import type { ProblemList } from './source-problems.ts';

/**
 * The text of an authored file, or undefined where the bytes are none that two readers would read alike: too many,
 * UTF-16, a byte order mark, invalid UTF-8, or characters that a person does not see.
 */
export function decodeSource(bytes: Uint8Array, problems: ProblemList): { text: string; usable: boolean } {
  const refuse = (
    code: string,
    offset: number,
    message: string,
    fix: string,
    text = '',
  ): ReturnType<typeof decodeSource> => {
    problems.add(code, offset, message, fix);
    return { text, usable: false };
  };
  if (bytes.length > AUTHORED_LIMITS.max_bytes) {
    const message = `The file has ${bytes.length} bytes; at most ${AUTHORED_LIMITS.max_bytes} are read.`;
    return refuse('TOO_LARGE', 0, message, 'Split it, or move tables into files of their own.');
  }
  const mark = byteOrderMark(bytes);
  if (mark !== undefined) {
    const message = `The file begins with a byte order mark (${mark}).`;
    return refuse('BYTE_ORDER_MARK', 0, message, 'Save it as UTF-8 without a byte order mark.');
  }
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const invalid = invalidAt(text, bytes);
  if (invalid !== undefined) {
    return refuse('NOT_UTF8', invalid, 'A byte here is not UTF-8.', 'Save the file as UTF-8.', text);
  }
  return { text, usable: reportControls(text, problems) };
}

function byteOrderMark([first, second, third]: Uint8Array): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'UTF-8';
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return 'UTF-16';
  return undefined;
}

/** The decoder puts U+FFFD for what is invalid; the first one that the bytes do not spell out is the place. */
function invalidAt(text: string, bytes: Uint8Array): number | undefined {
  let byte = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0xfffd && !(bytes[byte] === 0xef && bytes[byte + 1] === 0xbf && bytes[byte + 2] === 0xbd)) return at;
    // A surrogate is half of four bytes.
    byte += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 2 : 3;
  }
  return undefined;
}

/** True if there is none. */
function reportControls(text: string, problems: ProblemList): boolean {
  const before = problems.count;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!isControl(code) && !(code === 0x0d && text.charCodeAt(at + 1) !== 0x0a)) continue;
    const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
    const fix = code === 0x0d ? 'End lines with a line feed.' : 'Remove it, or write it as an escape in double quotes.';
    problems.add('CONTROL_CHARACTER', at, `The file contains the control character ${name}.`, fix);
  }
  return problems.count === before;
}

/** C0 without tab and line ends, DEL and C1, byte order marks, noncharacters. */
function isControl(code: number): boolean {
  if (code < 0x20) return code !== 0x09 && code !== 0x0a && code !== 0x0d;
  return (code >= 0x7f && code <= 0x9f) || code === 0xfeff || code === 0xfffe || code === 0xffff;
}
