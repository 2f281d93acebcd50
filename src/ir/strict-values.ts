/**
 * What values an authored file and a lock may hold, whatever the syntax: the I-JSON profile (RFC 7493), stricter where
 * a value would silently become another one.
 */

/** Why a value is refused. */
export interface ValueProblem {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Limits of authored files. */
export const AUTHORED_LIMITS = { max_bytes: 1_048_576, max_depth: 64, max_nodes: 100_000 } as const;

/** Up to this many significant digits survive the way from decimal to double and back (DBL_DIG, IEEE 754). */
const EXACT_DIGITS = 15;

/**
 * Why a number is refused, by its decimal literal: the value alone no longer shows that digits were lost.
 *
 * Beyond 2^53-1 neighbouring integers share one double, so a number there may have at most 15 significant digits:
 * 9007199254740993 is refused, 1e20 means what it says. Whatever passes also passes after it was written canonically,
 * which turns 1e20 into 100000000000000000000.
 */
export function numberProblem(literal: string): ValueProblem | undefined {
  const value = Number(literal);
  const shown = shorten(literal);
  if (!Number.isFinite(value)) {
    const hint = 'Write a number between -1.7e308 and 1.7e308, or leave the member out.';
    return { code: 'NUMBER_NOT_FINITE', message: `${shown} is not a finite number.`, hint };
  }
  const digits = significantDigits(literal);
  if (value === 0 && digits > 0) {
    const message = `${shown} is so small that it would become 0.`;
    return { code: 'NUMBER_TOO_SMALL', message, hint: 'Write 0, or choose a larger unit.' };
  }
  if (Object.is(value, -0)) return { code: 'NEGATIVE_ZERO', message: `${shown} is negative zero.`, hint: 'Write 0.' };
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER && digits > EXACT_DIGITS) {
    const message = `${shown} is beyond 2^53-1 and has more digits than a double keeps.`;
    const hint = 'Quote it if it is a name; if it is a number, write at most 15 significant digits.';
    return { code: 'NUMBER_NOT_EXACT', message, hint };
  }
  return undefined;
}

/** Digits from the first to the last one that is not 0, before any exponent. Loops, for `/0+$/` is quadratic. */
function significantDigits(literal: string): number {
  let seen = 0;
  let significant = 0;
  for (const character of literal) {
    if (character === 'e' || character === 'E') break;
    if (character < '0' || character > '9' || (character === '0' && seen === 0)) continue;
    seen += 1;
    if (character !== '0') significant = seen;
  }
  return significant;
}

/** Why a string is refused. */
export function stringProblem(text: string): ValueProblem | undefined {
  if (text.includes('\u0000')) {
    return {
      code: 'NUL_IN_STRING',
      message: 'The string contains a NUL character.',
      hint: 'Remove the NUL character.',
    };
  }
  if (/\p{Surrogate}/u.test(text)) {
    const message = 'The string contains half of a surrogate pair, which is no character.';
    return { code: 'LONE_SURROGATE', message, hint: 'Write the whole character, or both halves of the pair.' };
  }
  return undefined;
}

/** Why a key is refused; these three can change what an object is in JavaScript. */
export function keyProblem(key: string): ValueProblem | undefined {
  if (key !== '__proto__' && key !== 'constructor' && key !== 'prototype') return stringProblem(key);
  return { code: 'KEY_FORBIDDEN', message: `The key ${quote(key)} is not allowed.`, hint: 'Choose another name.' };
}

/** A piece of a file for a message: on one line, at most 40 characters, controls escaped. */
export function quote(text: string): string {
  return JSON.stringify(shorten(text));
}

export function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
