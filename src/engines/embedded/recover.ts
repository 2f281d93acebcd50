import { ExpctlError, messageOf } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { ChainVerifier } from '../../ir/chain.ts';
import { eventOf, isShared, type JournalRow, type RunEvent, SEMANTICS } from '../../ir/events.ts';
import { Divergence } from '../../kernel/divergence.ts';
import type { Program } from '../../kernel/program.ts';
import { RunMachine } from '../../kernel/run.ts';
import type { JournalReader } from '../ports.ts';
import { countsAsActive } from './active-time.ts';
import { sha256Text } from '../digest.ts';
import { Pending } from './pending.ts';
import { type Restored, restoreSnapshot, type SnapshotOf } from './snapshot.ts';
import { Trail } from './trail.ts';

/** A run as its journal left it: the machines, and what they had asked for and was not answered. */
export interface Recovered {
  readonly machine: RunMachine;
  readonly pending: Pending;
  /** Milliseconds in which the run was performed, was not paused, and no gate was open. */
  readonly active_ms: number;
  readonly trail: Trail;
  /** How many rows were read behind the snapshot; all of them where there was none. */
  readonly rows_read: number;
}

/** What every run is before its first row. */
export function unbegun(program: Program): Recovered {
  return { machine: new RunMachine(program), pending: new Pending(), active_ms: 0, trail: new Trail(), rows_read: 0 };
}

/**
 * A run as its journal left it, from its latest snapshot and what came behind it; from the beginning where that does not hold.
 *
 * @param tell is given why a snapshot was of no use
 * @returns as `recover` does
 */
export async function recoverRun(
  program: Program,
  of: SnapshotOf,
  journal: Pick<JournalReader, 'read' | 'snapshot' | 'head'>,
  tell: (reason: string) => void,
): Promise<Result<Recovered>> {
  const restored = await restoreSnapshot(program, of, journal, tell);
  try {
    const recovered = restored === null ? null : await recoverBehind(of, journal, restored);
    if (recovered?.ok === true) return recovered;
    if (recovered !== null) tell(recovered.error.message);
  } catch (error) {
    tell(messageOf(error)); // whatever stands in a snapshot, the journal alone decides
  }
  return recover(program, of.lock_sha256, journal.read(of.run));
}

/** The rows behind a snapshot, which have to go on with its streams; and the streams have to end where these rows do. */
async function recoverBehind(
  { run, lock_sha256 }: SnapshotOf,
  journal: Pick<JournalReader, 'read' | 'head'>,
  restored: Restored,
): Promise<Result<Recovered>> {
  const recovery = new Recovery(lock_sha256, restored);
  const recovered = await fold(recovery, journal.read(run, { after_position: restored.position }));
  if (!recovered.ok) return recovered;
  for (const [stream, { hash }] of recovery.heads) {
    if ((await journal.head(run, stream))?.hash !== hash) return broken(`${stream} ends elsewhere`);
  }
  return recovered;
}

/**
 * Folds a run's journal. EVIDENCE_BROKEN if an event does not follow from those before it, or a hash chain does not hold: a run whose
 * journal does not hold is not gone on with. LOCK_CHANGED if the run is one of another lock, DATA_INVALID if a newer expctl wrote it.
 */
export function recover(
  program: Program,
  lock_sha256: string,
  rows: AsyncIterable<JournalRow>,
): Promise<Result<Recovered>> {
  return fold(new Recovery(lock_sha256, { ...unbegun(program), heads: new Map() }), rows);
}

async function fold(recovery: Recovery, rows: AsyncIterable<JournalRow>): Promise<Result<Recovered>> {
  try {
    for await (const row of rows) recovery.take(row);
    recovery.close();
  } catch (error) {
    if (error instanceof ExpctlError) return err(error);
    if (!(error instanceof Divergence)) throw error;
    return broken(error.message);
  }
  return ok(recovery);
}

function broken(why: string): Result<never> {
  const hint = 'Run `expctl replay RUN` to see where the evidence breaks. The run is not gone on with.';
  return err(new ExpctlError('EVIDENCE_BROKEN', `The journal does not follow from the lock: ${why}`, { hint }));
}

class Recovery implements Recovered {
  readonly machine: RunMachine;
  readonly pending: Pending;
  readonly trail: Trail;
  active_ms: number;
  rows_read = 0;
  readonly #chain: ChainVerifier;
  readonly #lock_sha256: string;

  constructor(lock_sha256: string, from: Omit<Restored, 'position'>) {
    this.machine = from.machine;
    this.pending = from.pending;
    this.trail = from.trail;
    this.active_ms = from.active_ms;
    this.#chain = new ChainVerifier(sha256Text, from.heads);
    this.#lock_sha256 = lock_sha256;
  }

  get heads(): ChainVerifier['heads'] {
    return this.#chain.heads;
  }

  take(row: JournalRow): void {
    this.#countTime(row);
    const event = eventOf(row);
    if (event.type === 'run.started') this.#checkStart(event);
    if (event.type === 'run.started') this.machine.has_many_writers = isShared(row);
    const commands = this.machine.take(row.stream, row.seq, event);
    this.pending.follow(row.stream, event, commands, row.wall_ms);
    this.#chain.take(row);
    this.trail.take(row);
    this.rows_read += 1;
  }

  /** To be called behind the last row. @throws Divergence, ExpctlError EVIDENCE_BROKEN */
  close(): void {
    this.machine.close();
    const report = this.#chain.report();
    if (report.ok) return;
    const hint = 'Restore the journal from a backup; `expctl replay RUN` says more. The run is not gone on with.';
    throw new ExpctlError('EVIDENCE_BROKEN', `The journal was changed: ${report.problems[0]!.message}`, { hint });
  }

  #checkStart({ semantics, lock_sha256 }: Extract<RunEvent, { type: 'run.started' }>): void {
    if (semantics > SEMANTICS) {
      const message = `The run was started by a newer expctl: semantics ${semantics}, this one knows ${SEMANTICS}.`;
      throw new ExpctlError('DATA_INVALID', message, { hint: 'Go on with the expctl that started it.' });
    }
    if (lock_sha256 !== this.#lock_sha256) {
      const hint = 'Resume it with the lock that it was started with.';
      throw new ExpctlError('LOCK_CHANGED', 'The run was started with another lock.', { hint });
    }
  }

  /** Between two rows of one performance the run was in the state that it had before the second. */
  #countTime({ wall_ms, fence }: JournalRow): void {
    const performed = fence === this.trail.fence && countsAsActive(this.machine.study);
    if (performed) this.active_ms += Math.max(0, wall_ms - this.trail.last_wall_ms);
  }
}
