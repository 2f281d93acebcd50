import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { JournalRow, RunEvent } from '../../ir/events.ts';
import { Divergence } from '../../kernel/divergence.ts';
import type { PollCommand, SendCommand } from '../../kernel/point.ts';
import type { Program } from '../../kernel/program.ts';
import { RunMachine, type RunCommand } from '../../kernel/run.ts';

/** A run as its journal left it: the machines, and what they had asked for and was not answered. */
export interface Recovered {
  readonly machine: RunMachine;
  /** By `point/step`. */
  readonly sends: ReadonlyMap<string, { readonly point: number; readonly command: SendCommand }>;
  readonly polls: ReadonlyMap<string, { readonly point: number; readonly command: PollCommand }>;
  /** By timer name, with the point it belongs to. */
  readonly timers: ReadonlyMap<string, RecoveredTimer>;
  /** Milliseconds in which the run was performed, was not paused, and no gate was open. */
  readonly active_ms: number;
  readonly last_wall_ms: number;
}

export interface RecoveredTimer {
  readonly point: number | null;
  readonly timer: string;
  readonly due_ms: number;
  readonly after_s: number;
}

/**
 * Folds a run's journal. EVIDENCE_BROKEN if an event does not follow from those before it: a run whose journal does not hold is
 * not gone on with.
 */
export async function recover(program: Program, rows: AsyncIterable<JournalRow>): Promise<Result<Recovered>> {
  const recovery = new Recovery(program);
  try {
    for await (const row of rows) recovery.take(row);
    recovery.machine.close();
  } catch (error) {
    if (!(error instanceof Divergence)) throw error;
    const hint = 'Run `expctl replay RUN` to see where the evidence breaks. The run is not gone on with.';
    return err(
      new ExpctlError('EVIDENCE_BROKEN', `The journal does not follow from the lock: ${error.message}`, { hint }),
    );
  }
  return ok(recovery);
}

/** The event that a journal row holds. */
export function eventOf(row: JournalRow): RunEvent {
  return { type: row.type, ...JSON.parse(row.body) } as RunEvent;
}

class Recovery implements Recovered {
  readonly machine: RunMachine;
  readonly sends = new Map<string, { point: number; command: SendCommand }>();
  readonly polls = new Map<string, { point: number; command: PollCommand }>();
  readonly timers = new Map<string, RecoveredTimer>();
  active_ms = 0;
  last_wall_ms = 0;
  #last_fence = 0;

  constructor(program: Program) {
    this.machine = new RunMachine(program);
  }

  take(row: JournalRow): void {
    this.#countTime(row);
    const event = eventOf(row);
    if (event.type === 'effect.answered') {
      const effect = `${row.stream}/${event.step}`;
      this.sends.delete(effect);
      this.polls.delete(effect);
    } else if (event.type === 'point.timer_fired' || event.type === 'study.timer_fired') {
      this.timers.delete(`${row.stream}/${event.timer}`);
    }
    for (const command of this.machine.take(row.stream, row.seq, event)) this.#note(row, command);
  }

  #countTime(row: JournalRow): void {
    const { study } = this.machine;
    const performed = row.fence === this.#last_fence && study !== null && study.status !== 'at_gate' && !study.paused;
    if (performed) this.active_ms += Math.max(0, row.wall_ms - this.last_wall_ms);
    this.last_wall_ms = Math.max(this.last_wall_ms, row.wall_ms);
    this.#last_fence = row.fence;
  }

  #note(row: JournalRow, { point, command }: RunCommand): void {
    const stream = point === null ? 'study' : row.stream;
    switch (command.do) {
      case 'send':
        this.sends.set(`${stream}/${command.step}`, { point: point!, command });
        return;
      case 'poll':
        this.polls.set(`${stream}/${command.step}`, { point: point!, command });
        return;
      case 'stop_poll':
        this.polls.delete(`${stream}/${command.step}`);
        return;
      case 'timer': {
        const { timer, after_s } = command;
        this.timers.set(`${stream}/${timer}`, { point, timer, due_ms: row.wall_ms + after_s * 1000, after_s });
        return;
      }
      case 'cancel_timer':
        this.timers.delete(`${stream}/${command.timer}`);
        return;
      default:
    }
  }
}
