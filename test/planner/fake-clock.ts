import type { Clock } from '../../src/engines/ports.ts';

/** How long the adapter takes silence for life; its timers do not fire by themselves here. */
const SILENCE_S = 120;

/** A clock that never waits: timers fire at once and are written down, except those that watch for silence. */
export class FakeClock implements Clock {
  readonly waits: number[] = [];
  readonly #watches = new Set<() => void>();
  #now_ms = Date.UTC(2026, 0, 31, 12);

  monotonic_ms(): number {
    return this.now_ms();
  }

  now_ms(): number {
    return this.#now_ms;
  }

  after(seconds: number, fire: () => void): () => void {
    if (seconds === SILENCE_S) {
      this.#watches.add(fire);
      return () => void this.#watches.delete(fire);
    }
    this.waits.push(seconds);
    this.#now_ms += seconds * 1000;
    let isCancelled = false;
    queueMicrotask(() => {
      if (!isCancelled) fire();
    });
    return () => {
      isCancelled = true;
    };
  }

  /** Two minutes without a sound. */
  fallSilent(): void {
    for (const fire of [...this.#watches]) fire();
  }
}
