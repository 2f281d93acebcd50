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
}
