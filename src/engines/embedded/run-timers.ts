import { deadlineStep } from '../../kernel/point.ts';
import { type StudyState, WALL_TIME } from '../../kernel/study.ts';
import type { Clock } from '../ports.ts';
import { ActiveTime } from './active-time.ts';
import { type Pending, type PendingTimer, timerName } from './pending.ts';
import { Timers } from './timers.ts';

export interface RunTimersDeps {
  readonly clock: Clock;
  readonly pending: Pick<Pending, 'timers'>;
  /** Milliseconds of wall time that the run used before. */
  readonly used_ms: number;
  /** Calls back once somebody has asked after a job. */
  readonly whenAsked: (point: number, step: string, callback: () => void) => void;
  readonly fired: (point: number | null, timer: string) => void;
}

const WALL = timerName(null, WALL_TIME);

/**
 * The timers that the machines have asked for.
 *
 * The run's wall time stands still while a person is waited for. A deadline that passed while nobody asked after the job counts once it
 * was asked after: the job may have ended in time.
 */
export class RunTimers {
  readonly #deps: RunTimersDeps;
  readonly #timers: Timers;
  readonly #time: ActiveTime;
  #begun = false;

  constructor(deps: RunTimersDeps) {
    this.#deps = deps;
    this.#timers = new Timers(deps.clock);
    this.#time = new ActiveTime(deps.clock, deps.used_ms);
  }

  /** Milliseconds of wall time. */
  get used_ms(): number {
    return this.#time.used_ms;
  }

  /** The run is performed from now on: before, no timer is set. */
  begin(): void {
    this.#begun = true;
  }

  /** Sets a timer, if it is still asked for. */
  set(point: number | null, timer: string): void {
    const pending = this.#deps.pending.timers.get(timerName(point, timer));
    if (pending !== undefined) this.#set(pending);
  }

  setAll(): void {
    for (const pending of [...this.#deps.pending.timers.values()]) this.#set(pending);
  }

  cancel(point: number | null, timer: string): void {
    this.#timers.cancel(timerName(point, timer));
  }

  cancelAll(): void {
    this.#timers.cancelAll();
  }

  /** To be called whenever the study may stand elsewhere. */
  follow(study: StudyState | null): void {
    if (!this.#time.follow(study)) return;
    if (!this.#time.running) this.#timers.cancel(WALL);
    else if (this.#begun) this.set(null, WALL_TIME);
  }

  #set(pending: PendingTimer): void {
    const { point, timer, due_ms, after_s } = pending;
    const name = timerName(point, timer);
    if (name === WALL && !this.#time.running) return;
    const wall_due_ms = this.#deps.clock.now_ms() + after_s * 1000 - this.#time.used_ms;
    const fire = () => {
      if (this.#deps.pending.timers.get(name) === pending) this.#deps.fired(point, timer);
    };
    this.#timers.set(name, name === WALL ? wall_due_ms : due_ms, () => {
      const step = deadlineStep(timer);
      if (point === null || step === null) fire();
      else this.#deps.whenAsked(point, step, fire);
    });
  }
}
