import type { JournalRow } from './events.ts';

/** Version of how rows are chained; part of everything that is hashed. */
const TAG = 'expctl.journal.v1';

/** What a row's hash covers: every field but `position`, which orders streams among each other, and the hash itself. */
export type ChainedFields = Omit<JournalRow, 'position' | 'hash'>;

/** SHA-256 of the UTF-8 bytes of a text, as 64 lower-case hexadecimal digits. */
export type TextDigest = (text: string) => string;

/**
 * The text whose SHA-256 is a row's hash.
 *
 * A flat array of strings and safe integers: for these JSON.stringify writes what RFC 8785 (section 3.2.2) asks for, so that
 * the general canonical form is not needed here.
 */
export function rowPreimage(row: ChainedFields): string {
  const { run, stream, seq, type, body, observed, wall_ms, fence, prev } = row;
  return JSON.stringify([TAG, run, stream, seq, type, body, observed, wall_ms, fence, prev]);
}

/** `prev` of a stream's first row: binds the stream to its run, so that it cannot be moved to another one. */
export function genesis(run: string, stream: string, sha256: TextDigest): string {
  return sha256(JSON.stringify([TAG, 'genesis', run, stream]));
}

/**
 * What does not hold about a row.
 *
 * - `GAP`: rows are missing before it (or a sequence number was changed).
 * - `CHAIN_BREAK`: `prev` is not the hash of the row before it.
 * - `BODY_MISMATCH`: its hash is not the hash of its content.
 * - `HEAD_MISMATCH`: this `point.finished` names another head than the point's stream has: the stream was cut or added to.
 */
export type ChainVerdict = 'GAP' | 'CHAIN_BREAK' | 'BODY_MISMATCH' | 'HEAD_MISMATCH';

export interface ChainProblem {
  readonly verdict: ChainVerdict;
  readonly stream: string;
  readonly seq: number;
  readonly message: string;
}

/** `ok` with the number of rows and streams, or all problems in the order of reading. */
export type ChainReport =
  | { readonly ok: true; readonly rows: number; readonly streams: number }
  | { readonly ok: false; readonly rows: number; readonly streams: number; readonly problems: readonly ChainProblem[] };

/** Where a stream stands: the number of its last row, and this row's hash. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** Whether a row's hash is the hash of its content. */
export function holds(row: JournalRow, sha256: TextDigest): boolean {
  return sha256(rowPreimage(row)) === row.hash;
}

/**
 * Verifies one run's rows as they are read, ordered by position. Memory: one head for each stream.
 *
 * An unkeyed chain shows edits, losses and splices, but not that somebody rewrote it to the end or cut the study stream's tail:
 * for that the study's head is part of what people sign at gates.
 */
export class ChainVerifier {
  readonly #sha256: TextDigest;
  readonly #heads: Map<string, ChainHead>;
  readonly #problems: ChainProblem[] = [];
  #rows = 0;

  /** @param heads where the rows that are to come begin, by stream, for whoever has verified those before; a stream without begins anew */
  constructor(sha256: TextDigest, heads: Iterable<readonly [string, ChainHead]> = []) {
    this.#sha256 = sha256;
    this.#heads = new Map(heads);
  }

  /** Where every stream stands that had a row, or was given. */
  get heads(): ReadonlyMap<string, ChainHead> {
    return this.#heads;
  }

  take(row: JournalRow): void {
    this.#rows += 1;
    const head = this.#heads.get(row.stream) ?? { seq: 0, hash: genesis(row.run, row.stream, this.#sha256) };
    if (row.seq !== head.seq + 1) {
      this.#report('GAP', row, `expected sequence number ${head.seq + 1}`);
    } else if (row.prev !== head.hash) {
      this.#report('CHAIN_BREAK', row, 'it does not follow the row before it');
    }
    if (!holds(row, this.#sha256)) {
      this.#report('BODY_MISMATCH', row, 'its content is not what was hashed');
    }
    if (row.type === 'point.finished') this.#checkPointHead(row);
    // Going on from what the row says of itself gives one verdict for one edit.
    this.#heads.set(row.stream, { seq: row.seq, hash: row.hash });
  }

  report(): ChainReport {
    const size = { rows: this.#rows, streams: this.#heads.size };
    return this.#problems.length === 0 ? { ok: true, ...size } : { ok: false, ...size, problems: this.#problems };
  }

  #checkPointHead(row: JournalRow): void {
    const point = parsed(row.body)['point'];
    const named = parsed(row.observed)['head'];
    const head = this.#heads.get(`point/${String(point)}`)?.hash ?? null;
    if (named !== head) this.#report('HEAD_MISMATCH', row, `point ${String(point)} does not end where it did`);
  }

  #report(verdict: ChainVerdict, { stream, seq }: JournalRow, message: string): void {
    this.#problems.push({ verdict, stream, seq, message: `${verdict}@${stream}/${seq}: ${message}` });
  }
}

/** Verifies the rows of one run, ordered by position. */
export function verifyChain(rows: Iterable<JournalRow>, sha256: TextDigest): ChainReport {
  const verifier = new ChainVerifier(sha256);
  for (const row of rows) verifier.take(row);
  return verifier.report();
}

/** The object that a text holds; an empty one if an edit left something else, which the hash tells anyway. */
function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
