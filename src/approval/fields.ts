import { z } from 'zod';

/** Fields that requests, statements and the trust policy share. Names are plain on purpose: they are shown to people and compared. */

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex');

export const Digest = z.strictObject({ sha256: Sha256 });

/** A person as the trust policy calls them. ASCII only, so that two people cannot look alike. */
export const Principal = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/, 'must be a name of letters, digits and . _ @ + -');

/** A role; `*` is every role. */
export const Role = z
  .string()
  .regex(/^(?:\*|[A-Za-z][A-Za-z0-9_-]{0,63})$/, 'must be a role (letters, digits, _ and -) or *');

const NO_CHARACTER = /[\0\p{Surrogate}]/u;

/** Words for people to read. Strict JSON holds no NUL and no half characters; what a terminal would obey is escaped where it is shown. */
export const Words = z.string().refine((text) => !NO_CHARACTER.test(text), 'holds a NUL or half a character');

/** A name of something. */
export const Label = Words.min(1).max(256);

/** An instant in UTC, `2026-01-31T12:00:00Z` or with milliseconds. */
export const Instant = z
  .string()
  .refine((text) => instantMs(text) !== undefined, 'must be a UTC time such as 2026-01-31T12:00:00Z');

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$/;

/** Milliseconds since 1970 of an `Instant`; undefined where there is no such instant (30 February, 24:00). */
export function instantMs(text: string): number | undefined {
  const match = INSTANT.exec(text);
  if (match === null) return undefined;
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) return undefined;
  const canonical = new Date(milliseconds).toISOString();
  return canonical === (match[1] === undefined ? text.replace('Z', '.000Z') : text) ? milliseconds : undefined;
}

export function instantOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** Seconds for which a request, or what a person signs about a run, may be used unless they say otherwise: 14 days. */
export const USUAL_VALIDITY_S = 14 * 24 * 3600;

/** Clocks of two machines may differ by this much: a window is widened by it at both ends. */
const SKEW_MS = 60_000;

/** Where a moment lies relative to a window, both ends widened by 60 s. An end that cannot be read is an end that has passed. */
export function windowVerdict(now_ms: number, notBefore: string, notAfter: string): 'inside' | 'early' | 'late' {
  const { from_ms, until_ms } = windowBounds(notBefore, notAfter);
  if (!(now_ms >= from_ms)) return 'early';
  return now_ms <= until_ms ? 'inside' : 'late';
}

/** The first and the last moment of a window, as above. */
export function windowBounds(notBefore: string, notAfter: string): { from_ms: number; until_ms: number } {
  const begin_ms = instantMs(notBefore) ?? Number.POSITIVE_INFINITY;
  const end_ms = instantMs(notAfter) ?? Number.NEGATIVE_INFINITY;
  return { from_ms: begin_ms - SKEW_MS, until_ms: end_ms + SKEW_MS };
}
