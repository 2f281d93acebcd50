import type { Result } from '../base/result.ts';
import type { JournalRow } from '../ir/events.ts';

/*
 * What questions need of a store. The journal's reader and the artifact store of the engines are such objects.
 */

/** Reads the rows of a run, ordered by position. */
export interface RowReader {
  read(run: string, options?: { stream?: string; after_position?: number; limit?: number }): AsyncIterable<JournalRow>;
}

/** Files known by their SHA-256; `get` gives bytes only after their digest was checked (NOT_FOUND, ARTIFACT_CORRUPT). */
export interface ObjectReader {
  get(sha256: string): Promise<Result<Uint8Array>>;
  has(sha256: string): Promise<boolean>;
}

/** A run as the store lists it. */
export interface RunFacts {
  readonly run: string;
  readonly name: string;
  readonly lock_sha256: string;
  readonly request_sha256: string;
  /** Milliseconds since 1970. */
  readonly created_ms: number;
}

/** Whether a process performs the run: `gone` died without giving it back, `unknown` cannot be seen from here. */
export interface RunHolder {
  readonly state: 'live' | 'gone' | 'unknown' | 'nobody';
  readonly pid: number | null;
  readonly machine: string | null;
  /** The cluster that performs it; its place is `machine`. */
  readonly engine?: 'temporal';
}

/**
 * A store as it is, sound or not, for whoever looks whether it holds: nothing is changed, and nothing is taken to be as it should.
 * Throws CorruptStore where the database cannot be read, ExpctlError STORE_UNUSABLE where the disk or another process is in the way.
 */
export interface StoredJournal {
  /** The file, for messages. */
  readonly file: string;
  /** Version of the store, and the newest that this build knows: of a newer one, nothing else is asked. */
  readonly version: { readonly found: number; readonly known: number };
  /** What the database says of itself; empty where it is sound. */
  integrity(): readonly string[];
  /** Triggers that keep the store append-only, and are missing or others than those of its version. */
  unprotected(): readonly string[];
  runs(): readonly RunFacts[];
  /** Ordered by position; no transaction is held open between pages. */
  rows(run: string): Iterable<JournalRow>;
  /** Hashes of at most `limit` rows behind a position, in their order. */
  hashes(run: string, after_position: number, limit: number): readonly RowHash[];
  /** How many rows of the run there are up to a position. */
  countTo(run: string, position: number): number;
  /** What the store keeps of a run beside its rows: requests of which it counts as a use, and the fence of its lease. */
  beside(run: string): { readonly uses: readonly string[]; readonly fence: number | null };
  close(): void;
}

export interface RowHash {
  readonly position: number;
  readonly hash: string;
}

/** The database itself is damaged, so that what it holds cannot be told. */
export class CorruptStore extends Error {}
