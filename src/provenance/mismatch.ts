import type { JournalRow } from '../ir/events.ts';

/**
 * What can find that evidence does not hold:
 *
 * - `chain`: a row is not what was hashed, or does not follow the row before it.
 * - `digest`: something named by its SHA-256 is another thing (lock, design table, statement, effect key).
 * - `kernel`: an event does not follow from the lock and the events before it.
 * - `signature`: an approval or a gate's decision does not allow what was done.
 * - `artifact`: a file that an answer names is missing or was changed.
 */
type FoundBy = 'chain' | 'digest' | 'kernel' | 'signature' | 'artifact';

/** The first place at which evidence does not hold. */
export interface ReplayDivergence {
  readonly found_by: FoundBy;
  readonly stream: string;
  readonly seq: number;
  readonly expected: string;
  readonly found: string;
}

/** Thrown by a check at the row that it looks at; ends the replay. */
export class Mismatch extends Error {
  readonly divergence: ReplayDivergence;

  constructor(found_by: FoundBy, at: Pick<JournalRow, 'stream' | 'seq'>, expected: string, found: string) {
    super(`${at.stream}/${at.seq}: expected ${expected}; found ${found}`);
    this.divergence = { found_by, stream: at.stream, seq: at.seq, expected, found };
  }
}
