import type { StudyState } from '../../kernel/study.ts';
import type { Clock } from '../ports.ts';

/** The wall time that a run has used: not while a gate is open, nor while it is paused or not performed. */
export class ActiveTime {
  readonly #clock: Clock;
  #before_ms: number;
  #since_ms: number | null = null;

  constructor(clock: Clock, used_ms: number) {
    this.#clock = clock;
    this.#before_ms = used_ms;
  }

  get running(): boolean {
    return this.#since_ms !== null;
  }

  get used_ms(): number {
    return this.#before_ms + (this.#since_ms === null ? 0 : this.#clock.now_ms() - this.#since_ms);
  }

  /** Starts or stops as the study does; says whether that was a change. */
  follow(study: StudyState | null): boolean {
    const runs = countsAsActive(study);
    if (runs === this.running) return false;
    this.#before_ms = this.used_ms;
    this.#since_ms = runs ? this.#clock.now_ms() : null;
    return true;
  }
}

export function countsAsActive(study: StudyState | null): boolean {
  return study !== null && study.status === 'running' && !study.paused;
}
