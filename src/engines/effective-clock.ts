import type { Clock } from './ports.ts';

/** A clock that is further behind was set back: time goes on without it. */
const MOST_BEHIND_MS = 5_000;
/** A clock that is further ahead was set forward: whether the time is right is for a person to say. */
export const MOST_AHEAD_MS = 3_600_000;

/** How the machine's clock differs from the time that has passed since it was last right. */
export interface ClockJump {
  /** Positive: set forward. */
  readonly by_ms: number;
}

/**
 * The time by which a run goes: the machine's clock, but never back, and never forward by more than has passed.
 *
 * Deadlines, timers and approvals are judged by times that the journal keeps. A clock that is set back would let an approval that has
 * expired be valid again, and timers wait anew; one that is set forward would fire all of them at once. So the time that has passed is
 * counted by the monotonic clock, from the last time that is known to be right: the journal's, or the machine's at the start.
 */
export class EffectiveClock implements Clock {
  readonly #clock: Clock;
  #last_ms: number;
  #last_monotonic_ms: number;
  #jump: ClockJump | null = null;

  /** @param least_ms the latest time that is known to have passed, in milliseconds since 1970 */
  constructor(clock: Clock, least_ms = 0) {
    this.#clock = clock;
    this.#last_ms = Math.max(least_ms, clock.now_ms());
    this.#last_monotonic_ms = clock.monotonic_ms();
    this.now_ms();
  }

  /** How the machine's clock stands now; null where it agrees. */
  get jump(): ClockJump | null {
    this.now_ms();
    return this.#jump;
  }

  /** Whether it was set forward, and nobody has said that the time is right. */
  get isAhead(): boolean {
    return (this.jump?.by_ms ?? 0) > 0;
  }

  now_ms(): number {
    const monotonic_ms = this.#clock.monotonic_ms();
    const expected_ms = this.#last_ms + Math.max(0, monotonic_ms - this.#last_monotonic_ms);
    const wall_ms = this.#clock.now_ms();
    const ahead_ms = wall_ms - expected_ms;
    const agrees = ahead_ms >= -MOST_BEHIND_MS && ahead_ms <= MOST_AHEAD_MS;
    this.#jump = agrees ? null : { by_ms: Math.round(ahead_ms) };
    this.#last_ms = agrees ? Math.max(this.#last_ms, wall_ms) : Math.round(expected_ms);
    this.#last_monotonic_ms = monotonic_ms;
    return this.#last_ms;
  }

  /** Takes the machine's clock as it is, where it is ahead: a person said that it is right. */
  accept(): void {
    this.#last_ms = Math.max(this.#last_ms, this.#clock.now_ms());
    this.#jump = null;
  }

  monotonic_ms(): number {
    return this.#clock.monotonic_ms();
  }

  after(seconds: number, fire: () => void): () => void {
    return this.#clock.after(seconds, fire);
  }
}
