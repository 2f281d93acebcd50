import type { Clock } from '../ports.ts';

/** Timers by name; a timer that is late, since nobody performed the run when it was due, fires at once. */
export class Timers {
  readonly #clock: Clock;
  readonly #cancels = new Map<string, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param due_ms milliseconds since 1970 */
  set(name: string, due_ms: number, fire: () => void): void {
    this.cancel(name);
    const seconds = Math.max(0, (due_ms - this.#clock.now_ms()) / 1000);
    const cancel = this.#clock.after(seconds, () => {
      this.#cancels.delete(name);
      fire();
    });
    this.#cancels.set(name, cancel);
  }

  cancel(name: string): void {
    this.#cancels.get(name)?.();
    this.#cancels.delete(name);
  }

  cancelAll(): void {
    for (const name of [...this.#cancels.keys()]) this.cancel(name);
  }
}
