/**
 * What `verify` can find about a run's journal, and what to do then. A verdict names the row at which it was found where there is one:
 * `BODY_MISMATCH@point/3/7`.
 */
export const VERDICTS = {
  CORRUPT: {
    means: 'SQLite finds its own file damaged',
    hint: 'Keep a copy of the file as it is, restore the store from a backup, and compare: --against FOLDER.',
  },
  SCHEMA_NEWER: {
    means: 'a newer expctl wrote it, and means by it what this one does not know',
    hint: 'Verify it with the expctl that wrote it; what is told here holds as far as it goes.',
  },
  UNPROTECTED: {
    means: 'the triggers that keep the store append-only are not those that expctl made',
    hint: 'Find out who changed the store, and compare it with a backup: --against FOLDER.',
  },
  BODY_MISMATCH: {
    means: 'the content of a row is not what was hashed',
    hint: 'The row was changed. Compare with a backup of the store: --against FOLDER.',
  },
  CHAIN_BREAK: {
    means: 'a row does not follow the row before it',
    hint: 'A row was replaced or moved. Compare with a backup of the store: --against FOLDER.',
  },
  GAP: {
    means: 'rows are missing within a stream',
    hint: 'Rows were removed or moved. Compare with a backup of the store: --against FOLDER.',
  },
  HEAD_MISMATCH: {
    means: "a point's stream does not end where the study says that it ended",
    hint: 'The stream was written anew or added to. Compare with a backup of the store: --against FOLDER.',
  },
  TRUNCATED: {
    means: 'rows are missing at the end',
    hint: 'Restore the store from a backup that has them. Do not go on with the run: what it did is not known here.',
  },
  FORK: {
    means: 'the journal is not the one that was signed, or not the one of the other copy, from some row on',
    hint: 'One of the two was written anew. What is signed in another place, or by a person at a gate, is to be believed.',
  },
  FENCE_FELL: {
    means: 'a process wrote that had lost the run to another one',
    hint: 'Two processes wrote, or rows were moved. Compare with a backup of the store: --against FOLDER.',
  },
  RUN_MISMATCH: {
    means: 'what the store lists of the run is not what its journal says',
    hint: 'The list of runs was changed. Compare with a backup of the store.',
  },
  CHECKPOINT_INVALID: {
    means: 'a checkpoint is none of this run, or its signature does not hold',
    hint: 'Give the file as the engine wrote it, or leave it out.',
  },
  ARTIFACT_MISSING: {
    means: 'the store lacks a file that the journal names',
    hint: 'Restore the folder `cas` of the store from a backup.',
  },
  ARTIFACT_CHANGED: {
    means: 'a file is not what its digest says',
    hint: 'Restore the folder `cas` of the store from a backup.',
  },
} as const;

export type Verdict = keyof typeof VERDICTS;

/** One thing that does not hold. */
export interface Problem {
  readonly verdict: Verdict;
  /** Null where no row is at fault: the store as a whole, a file beside it. */
  readonly stream: string | null;
  readonly seq: number | null;
  /** A sentence. */
  readonly message: string;
}

export function problem(
  verdict: Verdict,
  at: { readonly stream: string; readonly seq: number } | null,
  message: string,
): Problem {
  return { verdict, stream: at?.stream ?? null, seq: at?.seq ?? null, message };
}

/** `GAP@study/7`, or the verdict alone. */
export function placed({ verdict, stream, seq }: Problem): string {
  return stream === null ? verdict : `${verdict}@${stream}/${seq}`;
}

/** More are counted, and not told: a reader wants to know where it begins. */
const MOST_PROBLEMS = 50;
/** How many of the last ones are looked at for the same again: all about one row follow each other. */
const NEAR = 4;

/** What was found, in the order of finding. */
export class Problems {
  readonly told: Problem[] = [];
  /** How many were found and are not among those told. */
  more = 0;

  get found(): boolean {
    return this.told.length > 0;
  }

  /** The same verdict on the same row is told once. */
  add(found: Problem): void {
    const isTold = this.told.slice(-NEAR).some((one) => found.stream !== null && placed(one) === placed(found));
    if (isTold) return;
    if (this.told.length < MOST_PROBLEMS) this.told.push(found);
    else this.more += 1;
  }
}
