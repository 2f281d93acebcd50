import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { eventOf, type JournalRow, type RunEvent, SEMANTICS } from '../../ir/events.ts';
import { Divergence } from '../../kernel/divergence.ts';
import type { Program } from '../../kernel/program.ts';
import { RunMachine } from '../../kernel/run.ts';
import { countsAsActive } from './active-time.ts';
import { Pending } from './pending.ts';
import { type Gate, gateOf } from './records.ts';
import type { RunEnd } from './types.ts';

/** A run as its journal left it: the machines, and what they had asked for and was not answered. */
export interface Recovered {
  readonly machine: RunMachine;
  readonly pending: Pending;
  /** Milliseconds in which the run was performed, was not paused, and no gate was open. */
  readonly active_ms: number;
  /** The latest time that the journal holds, in milliseconds since 1970; 0 where it is empty. */
  readonly last_wall_ms: number;
  /** The gate that opened last; it may be closed again. */
  readonly gate: Gate | null;
  /** How the run ended; null where it has not. */
  readonly finished: RunEnd | null;
}

/**
 * Folds a run's journal. EVIDENCE_BROKEN if an event does not follow from those before it: a run whose journal does not hold is
 * not gone on with. LOCK_CHANGED if the run is one of another lock, DATA_INVALID if a newer expctl wrote it.
 */
export async function recover(
  program: Program,
  lock_sha256: string,
  rows: AsyncIterable<JournalRow>,
): Promise<Result<Recovered>> {
  const recovery = new Recovery(program, lock_sha256);
  try {
    for await (const row of rows) recovery.take(row);
    recovery.machine.close();
  } catch (error) {
    if (error instanceof ExpctlError) return err(error);
    if (!(error instanceof Divergence)) throw error;
    const hint = 'Run `expctl replay RUN` to see where the evidence breaks. The run is not gone on with.';
    return err(
      new ExpctlError('EVIDENCE_BROKEN', `The journal does not follow from the lock: ${error.message}`, { hint }),
    );
  }
  return ok(recovery);
}

class Recovery implements Recovered {
  readonly machine: RunMachine;
  readonly pending = new Pending();
  active_ms = 0;
  last_wall_ms = 0;
  gate: Gate | null = null;
  finished: RunEnd | null = null;
  readonly #lock_sha256: string;
  #last_fence = 0;

  constructor(program: Program, lock_sha256: string) {
    this.machine = new RunMachine(program);
    this.#lock_sha256 = lock_sha256;
  }

  take(row: JournalRow): void {
    this.#countTime(row);
    const event = eventOf(row);
    if (event.type === 'run.started') this.#checkStart(event);
    const commands = this.machine.take(row.stream, row.seq, event);
    this.pending.follow(row.stream, event, commands, row.wall_ms);
    if (event.type === 'gate.opened') this.gate = gateOf(row);
    if (event.type === 'points.retried') this.finished = null;
    if (event.type === 'run.finished') this.finished = { kind: 'finished', status: event.status, reason: event.reason };
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
  #countTime(row: JournalRow): void {
    const performed = row.fence === this.#last_fence && countsAsActive(this.machine.study);
    if (performed) this.active_ms += Math.max(0, row.wall_ms - this.last_wall_ms);
    this.last_wall_ms = Math.max(this.last_wall_ms, row.wall_ms);
    this.#last_fence = row.fence;
  }
}
