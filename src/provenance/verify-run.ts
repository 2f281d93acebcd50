import type { JournalRow, RunEvent, RunFinished } from '../ir/events.ts';
import { CorruptStore, type ObjectReader, type RunFacts, type StoredJournal } from './ports.ts';
import { eventOf } from './rows.ts';
import { type Problem, problem, Problems } from './verdicts.ts';
import {
  type CheckedCheckpoint,
  type CheckpointFile,
  type CheckpointKey,
  CheckpointVerifier,
} from './verify-checkpoints.ts';
import { ObjectVerifier, type SignedHead } from './verify-objects.ts';
import { RowVerifier } from './verify-rows.ts';

export interface VerifyInput {
  readonly journal: StoredJournal;
  readonly run: RunFacts;
  /** Whether the store lists the run; else it is known by its checkpoints alone. */
  readonly is_listed: boolean;
  readonly objects: ObjectReader;
  /** Whether files that tools made are read. */
  readonly with_artifacts: boolean;
  readonly checkpoints: readonly CheckpointFile[];
  readonly keys: readonly CheckpointKey[];
}

export interface VerifyReport {
  readonly run: string;
  readonly plan: string;
  readonly rows: number;
  readonly streams: number;
  /** Points that came to their end. */
  readonly points: number;
  readonly semantics: number | null;
  /** null: the run has not ended, as far as there are rows. */
  readonly ended: { readonly status: RunFinished['status']; readonly reason: string } | null;
  /** Base64 of the root of the Merkle tree over all rows: equal for equal journals. */
  readonly root: string;
  readonly checkpoints: readonly CheckedCheckpoint[];
  /** Heads that people signed at gates, and that are there. */
  readonly signed: readonly SignedHead[];
  readonly objects: number;
  readonly object_bytes: number;
  /** In the order of finding; empty where everything holds. */
  readonly problems: readonly Problem[];
  /** How many more were found. */
  readonly more_problems: number;
  /** What was not checked, or cannot be, and why. */
  readonly not_checked: readonly string[];
}

/**
 * Verifies the journal of a run from its beginning to its end, as far as rows, checkpoints and files tell by themselves: no lock is
 * compiled and no kernel asked, so that runs of newer semantics are verified too, as far as they can be.
 */
export async function verifyRun(input: VerifyInput): Promise<VerifyReport> {
  const verification = new Verification(input);
  await verification.run();
  return verification.report();
}

class Verification {
  readonly #input: VerifyInput;
  readonly #problems = new Problems();
  readonly #rows: RowVerifier;
  readonly #checkpoints: CheckpointVerifier;
  readonly #objects: ObjectVerifier;
  #checked: readonly CheckedCheckpoint[] = [];
  #ended: VerifyReport['ended'] = null;

  constructor(input: VerifyInput) {
    this.#input = input;
    this.#rows = new RowVerifier(this.#problems);
    this.#checkpoints = new CheckpointVerifier(input.run.run, input.checkpoints, input.keys, this.#problems);
    this.#objects = new ObjectVerifier(input.objects, input.with_artifacts, this.#problems);
  }

  async run(): Promise<void> {
    this.#guarded(() => this.#checkStore());
    const whole = await this.#readRows();
    this.#checked = this.#checkpoints.close(whole);
    if (whole && this.#rows.rows === 0 && !this.#problems.found) {
      this.#problems.add(problem('TRUNCATED', { stream: 'study', seq: 1 }, 'none of its rows is there'));
    }
    this.#guarded(() => this.#checkBeside());
  }

  report(): VerifyReport {
    const { run, name } = this.#input.run;
    const { rows, streams, points, semantics } = this.#rows;
    return {
      run,
      plan: name,
      ...{ rows, streams, points, semantics },
      ended: this.#ended,
      root: this.#checkpoints.root,
      checkpoints: this.#checked,
      signed: this.#objects.signed,
      objects: this.#objects.objects,
      object_bytes: this.#objects.bytes,
      problems: this.#problems.told,
      more_problems: this.#problems.more,
      not_checked: this.#notChecked(),
    };
  }

  #checkStore(): void {
    const { journal } = this.#input;
    for (const message of journal.integrity()) this.#problems.add(problem('CORRUPT', null, `SQLite says: ${message}`));
    const triggers = journal.unprotected();
    if (triggers.length > 0) {
      const message = `missing, or not as expctl made them, are the triggers ${triggers.join(', ')}`;
      this.#problems.add(problem('UNPROTECTED', null, message));
    }
  }

  /** @returns whether all rows could be read */
  async #readRows(): Promise<boolean> {
    try {
      for (const row of this.#input.journal.rows(this.#input.run.run)) {
        this.#rows.take(row);
        this.#checkpoints.take(row);
        const reading = this.#objects.take(row);
        if (reading !== null) await reading;
        this.#follow(row);
      }
      return true;
    } catch (error) {
      this.#corrupt(error);
      return false;
    }
  }

  #follow(row: JournalRow): void {
    if (row.stream !== 'study') return;
    if (row.seq === 1) this.#checkFirst(row);
    // A run that has ended goes on where its failed points are tried again.
    if (row.type !== 'run.finished') this.#ended = null;
    else this.#ended = endOf(eventOf(row));
  }

  /** The first row says what the store lists of the run. */
  #checkFirst(row: JournalRow): void {
    const event = eventOf(row);
    if (event.type !== 'run.started') {
      this.#problems.add(problem('RUN_MISMATCH', row, 'its first event is not the start of a run'));
      return;
    }
    const { lock_sha256, request_sha256 } = this.#input.run;
    if (!this.#input.is_listed) return;
    if (event.lock_sha256 !== lock_sha256) {
      const message = `it began with the lock ${event.lock_sha256}; the store lists ${lock_sha256}`;
      this.#problems.add(problem('RUN_MISMATCH', row, message));
    }
    if (event.request_sha256 !== request_sha256) {
      const message = `it began by the request ${event.request_sha256}; the store lists ${request_sha256}`;
      this.#problems.add(problem('RUN_MISMATCH', row, message));
    }
  }

  #checkBeside(): void {
    const { journal, run, is_listed } = this.#input;
    const { uses, fence } = journal.beside(run.run);
    if (fence !== null && fence < this.#rows.fence) {
      const message = `rows were written under fence ${this.#rows.fence}; the run is leased under fence ${fence}`;
      this.#problems.add(problem('FENCE_FELL', null, message));
    }
    if (!is_listed) {
      this.#problems.add(problem('RUN_MISMATCH', null, 'the store does not list it among its runs'));
    } else if (uses.length !== 1 || uses[0] !== run.request_sha256) {
      this.#problems.add(problem('RUN_MISMATCH', null, 'it is not counted as a use of its request'));
    }
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#corrupt(error);
    }
  }

  #corrupt(error: unknown): void {
    if (!(error instanceof CorruptStore)) throw error;
    this.#problems.add(problem('CORRUPT', null, error.message));
  }

  #notChecked(): string[] {
    const { with_artifacts } = this.#input;
    const longest = this.#checked.at(-1)?.size ?? 0;
    return [
      ...this.#objects.not_checked,
      ...this.#checkpoints.not_checked,
      ...(with_artifacts ? [] : ['Files that tools made: --no-artifacts.']),
      ...cutNotes(longest, this.#rows.rows, this.#ended !== null),
      ...(longest > 0 && this.#checked.every(({ key }) => (key?.service ?? null) === null) ? [UNNAMED] : []),
    ];
  }
}

function endOf(event: RunEvent): VerifyReport['ended'] {
  return event.type === 'run.finished' ? { status: event.status, reason: event.reason } : null;
}

/** Whoever can write the store can use its key. */
const UNNAMED =
  'Whether somebody who can write the store made rows and checkpoints anew: a checkpoint tells that where they cannot write it, or where the trust policy names its key.';

/** What no chain can tell: whether its end is the end. */
function cutNotes(longest: number, rows: number, is_ended: boolean): string[] {
  if (longest === 0)
    return ['Whether rows were cut off at the end, or all were written anew: there is no checkpoint of this run.'];
  if (longest < rows) return [`Whether rows behind ${longest} were cut off or written anew: no checkpoint holds more.`];
  return is_ended ? [] : ['What follows: the run has not ended.'];
}
