import type { Clock } from '../../../src/engines/ports.ts';
import { FRACTION_MS } from './scripted-plan.ts';

interface Timer {
  readonly due_ms: number;
  readonly fire: () => void;
}

/** Time that stands still, and whose timers fire when they are told to. Pauses between two sendings are over at once. */
export class HandClock implements Clock {
  readonly #timers = new Set<Timer>();
  #now_ms: number;

  constructor(now_ms: number) {
    this.#now_ms = now_ms;
  }

  now_ms(): number {
    return this.#now_ms;
  }

  monotonic_ms(): number {
    return this.#now_ms;
  }

  pass(milliseconds: number): void {
    this.#now_ms += milliseconds;
  }

  after(seconds: number, fire: () => void): () => void {
    const timer = { due_ms: rounded(this.#now_ms + seconds * 1000), fire };
    if (fractionOf(timer.due_ms) === 0) {
      const pause = setImmediate(fire);
      return () => clearImmediate(pause);
    }
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Fires the timer that is due then, early. @returns whether there is one */
  fire(due_ms: number): boolean {
    return this.#fire((timer) => timer.due_ms === rounded(due_ms));
  }

  /** Fires the timer of the wall time, whose end moves with every pause. */
  fireWall(): boolean {
    return this.#fire(({ due_ms }) => fractionOf(due_ms) === FRACTION_MS.wall);
  }

  #fire(is: (timer: Timer) => boolean): boolean {
    const timer = [...this.#timers].find(is);
    if (timer === undefined) return false;
    this.#timers.delete(timer);
    timer.fire();
    return true;
  }
}

/** To 1/64 ms, which seconds do not keep. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 64) / 64;
}

function fractionOf(milliseconds: number): number {
  return milliseconds - Math.floor(milliseconds);
}
