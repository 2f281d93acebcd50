import type { Result } from '../../base/result.ts';
import { err, ok } from '../../base/result.ts';
import type { ExpressionProblem } from './tree.ts';

export type Token =
  | { readonly kind: 'number'; readonly value: number; readonly offset: number; readonly end: number }
  | { readonly kind: 'string'; readonly value: string; readonly offset: number; readonly end: number }
  | { readonly kind: 'word' | 'symbol' | 'end'; readonly text: string; readonly offset: number; readonly end: number };

const SPACE = /(?:[ \t\r\n\f]+|\/\/[^\n]*)+/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /(?:0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)/y;
const SYMBOL = /(?:&&|\|\||<=|>=|==|!=|[-+*/%<>!?:.,()[\]])/y;

/** What people write instead, and what CEL has. */
const INSTEAD: Readonly<Record<string, string>> = {
  '=': 'Equality is written `==`.',
  '&': 'And is written `&&`.',
  '|': 'Or is written `||`.',
  '^': 'A power is written `pow(x, 2)`.',
  '{': 'Maps cannot be written in an expression yet.',
  '\u2264': 'Write `<=`.',
  '\u2265': 'Write `>=`.',
  '\u2260': 'Write `!=`.',
  '\u2212': 'Write `-`, the plain minus sign.',
  '\u00b7': 'Write `*`.',
  '\u00d7': 'Write `*`.',
  '\u201c': 'Write plain quotes, as in "text".',
  '\u2018': "Write plain quotes, as in 'text'.",
  '`': "A field with an unusual name is written a['name'].",
};

/** Splits a text into tokens, the last of which is `end`. */
export function lex(text: string): Result<Token[], ExpressionProblem> {
  const tokens: Token[] = [];
  let offset = 0;
  while (true) {
    offset += matchAt(SPACE, text, offset).length;
    if (offset >= text.length) break;
    const token = tokenAt(text, offset);
    if ('message' in token) return err(token);
    tokens.push(token);
    offset = token.end;
  }
  return ok([...tokens, { kind: 'end', text: '', offset: text.length, end: text.length }]);
}

function matchAt(pattern: RegExp, text: string, offset: number): string {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0] ?? '';
}

function tokenAt(text: string, offset: number): Token | ExpressionProblem {
  const digits = matchAt(NUMBER, text, offset);
  if (digits !== '') return numberAt(text, digits, offset);
  const word = matchAt(WORD, text, offset);
  const end = offset + word.length;
  if (word !== '') {
    const quoted = /^(?:[rR]|[bB][rR]?)$/.test(word) && /['"]/.test(text[end] ?? '');
    if (!quoted) return { kind: 'word', text: word, offset, end };
    return problem(offset, word.length, 'Raw and byte strings are not supported yet.', "Write a plain string: 'text'.");
  }
  const character = text[offset]!;
  if (character === "'" || character === '"') return stringAt(text, offset);
  const symbol = matchAt(SYMBOL, text, offset);
  if (symbol !== '') return { kind: 'symbol', text: symbol, offset, end: offset + symbol.length };
  const point = String.fromCodePoint(text.codePointAt(offset)!);
  const hint = INSTEAD[point] ?? 'docs/expressions.md lists the operators.';
  return problem(offset, point.length, `The character ${JSON.stringify(point)} is not expected here.`, hint);
}

function numberAt(text: string, digits: string, offset: number): Token | ExpressionProblem {
  const end = offset + digits.length;
  const value = Number(digits);
  const following = matchAt(WORD, text, end);
  if (following !== '') {
    const hint =
      following === 'u'
        ? 'All numbers are doubles: leave out the `u`.'
        : `For a unit, write q(${digits}, '${following}').`;
    return problem(offset, digits.length + following.length, `\`${digits}${following}\` is not a number.`, hint);
  }
  if (text[end] === '.' && !/[A-Za-z_]/.test(text[end + 1] ?? '')) {
    return problem(
      offset,
      digits.length + 1,
      `\`${digits}.\` is not a number.`,
      `Write \`${digits}\` or \`${digits}.0\`.`,
    );
  }
  const exact = /^[0-9]+$|^0[xX]/.test(digits) ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (exact) return { kind: 'number', value, offset, end };
  const hint = 'A whole number is at most 9007199254740991, another one about 1.8e308.';
  return problem(offset, digits.length, 'This number cannot be held exactly.', hint);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const CODE_POINT = /\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))/y;

function stringAt(text: string, offset: number): Token | ExpressionProblem {
  const quote = text[offset]!;
  if (text.startsWith(quote.repeat(3), offset)) {
    return problem(offset, 3, 'Strings in triple quotes are not supported yet.', "Write a plain string: 'text'.");
  }
  let value = '';
  let at = offset + 1;
  while (text[at] !== quote) {
    const character = text[at];
    const isCut = character === undefined || (character === '\\' && at + 1 === text.length);
    if (isCut || character === '\n' || character === '\r') {
      return problem(
        offset,
        at - offset,
        'This string has no end.',
        `Close it with ${quote}; a line end is written \\n.`,
      );
    }
    const escaped = character === '\\' ? escapeAt(text, at) : { value: character, length: 1 };
    if (escaped === undefined) {
      return problem(at, 2, 'This escape is not known.', 'Write a backslash as `\\\\`.');
    }
    value += escaped.value;
    at += escaped.length;
  }
  return { kind: 'string', value, offset, end: at + 1 };
}

function escapeAt(text: string, at: number): { value: string; length: number } | undefined {
  const letter = text[at + 1] ?? '';
  if (Object.hasOwn(ESCAPES, letter)) return { value: ESCAPES[letter]!, length: 2 };
  CODE_POINT.lastIndex = at;
  const match = CODE_POINT.exec(text);
  if (match === null) return undefined;
  const point =
    match[4] === undefined ? Number.parseInt((match[1] ?? match[2] ?? match[3])!, 16) : Number.parseInt(match[4], 8);
  const surrogate = point >= 0xd800 && point <= 0xdfff;
  return surrogate || point > 0x10ffff ? undefined : { value: String.fromCodePoint(point), length: match[0].length };
}

function problem(offset: number, length: number, message: string, hint: string): ExpressionProblem {
  return { message, hint, offset, length };
}
