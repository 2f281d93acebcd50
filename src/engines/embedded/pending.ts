import { pointStream, type RunEvent } from '../../ir/events.ts';
import type { PollCommand, SendCommand } from '../../kernel/point.ts';
import type { RunCommand } from '../../kernel/run.ts';

export interface PendingEffect {
  readonly point: number;
  readonly command: SendCommand | PollCommand;
}

export interface PendingTimer {
  readonly point: number | null;
  readonly timer: string;
  readonly due_ms: number;
  readonly after_s: number;
}

/**
 * What the machines have asked for and nobody has answered or taken back. It follows the machines at once, while what was asked for
 * is done only when the events are durable. So it says of an answer or a timer that comes meanwhile whether it still counts: a poll
 * that answers just when the run is paused, or a deadline that fires just when the job has answered, is no fact any more.
 */
export class Pending {
  /** By `point/N/step`. */
  readonly effects = new Map<string, PendingEffect>();
  /** By `study/timer` and `point/N/timer`. */
  readonly timers = new Map<string, PendingTimer>();

  /** Follows one fact of a stream and the commands that it led to. */
  follow(stream: string, fact: RunEvent, commands: readonly RunCommand[], now_ms: number): void {
    if (fact.type === 'effect.answered') this.effects.delete(`${stream}/${fact.step}`);
    else if (fact.type === 'point.timer_fired' || fact.type === 'study.timer_fired') {
      this.timers.delete(`${stream}/${fact.timer}`);
    }
    for (const command of commands) this.#note(command, now_ms);
  }

  /** Whether this very command still waits for its answer. */
  asks(point: number, command: SendCommand | PollCommand): boolean {
    return this.effects.get(`${pointStream(point)}/${command.step}`)?.command === command;
  }

  #note({ point, command }: RunCommand, now_ms: number): void {
    switch (command.do) {
      case 'send':
      case 'poll':
        this.effects.set(`${pointStream(point!)}/${command.step}`, { point: point!, command });
        return;
      case 'stop_poll':
        this.effects.delete(`${pointStream(point!)}/${command.step}`);
        return;
      case 'timer': {
        const { timer, after_s } = command;
        this.timers.set(timerName(point, timer), { point, timer, due_ms: now_ms + after_s * 1000, after_s });
        return;
      }
      case 'cancel_timer':
        this.timers.delete(timerName(point, command.timer));
        return;
      default:
    }
  }
}

export function timerName(point: number | null, timer: string): string {
  return `${point === null ? 'study' : pointStream(point)}/${timer}`;
}
