import type { Clock } from '../ports.ts';

interface Event {
  readonly due_ms: number;
  /** Decides between events of one moment: the lower one first. */
  readonly tie: number;
  readonly order: number;
  readonly fire: () => void;
  cancelled: boolean;
}

/**
 * Time that passes only from one event to the next, and the order of everything that happens.
 *
 * Whoever runs on it does nothing between two events but promises: `step` fires one event and waits until they all have settled. So a
 * run depends on the events and their order alone, and the same ones give the same run.
 */
export class VirtualTime implements Clock {
  readonly #heap: Event[] = [];
  readonly #tie: () => number;
  #monotonic_ms = 0;
  /** The time of day at monotonic time 0. */
  #offset_ms: number;
  #order = 0;

  /**
   * @param start_ms time of day at which it begins, in milliseconds since 1970
   * @param tie number for each new event, to order those of one moment; without it they come as they were asked for
   */
  constructor(start_ms: number, tie: () => number = () => 0) {
    this.#offset_ms = start_ms;
    this.#tie = tie;
  }

  now_ms(): number {
    return this.#offset_ms + this.#monotonic_ms;
  }

  monotonic_ms(): number {
    return this.#monotonic_ms;
  }

  /** Monotonic time of the next event; null where there is none. */
  get next_ms(): number | null {
    while (this.#heap[0]?.cancelled === true) this.#pop();
    return this.#heap[0]?.due_ms ?? null;
  }

  /** Sets the clock that people read, forward or back; what was asked for by `after` comes as late as it would have. */
  setBy(seconds: number): void {
    this.#offset_ms += Math.round(seconds * 1000);
  }

  after(seconds: number, fire: () => void): () => void {
    // Whole milliseconds, as timers of an operating system: never early.
    const due_ms = this.#monotonic_ms + Math.max(0, Math.ceil(seconds * 1000 - 1e-6));
    const event = { due_ms, tie: this.#tie(), order: this.#order++, fire, cancelled: false };
    this.#push(event);
    return () => {
      event.cancelled = true;
    };
  }

  /** Goes to the next event, lets it happen, and waits until nothing moves any more. False where there is none. */
  async step(): Promise<boolean> {
    let event = this.#next();
    if (event === null) {
      await quiet();
      event = this.#next();
    }
    if (event === null) return false;
    this.#monotonic_ms = event.due_ms;
    event.fire();
    await quiet();
    return true;
  }

  #next(): Event | null {
    for (let event = this.#pop(); event !== null; event = this.#pop()) if (!event.cancelled) return event;
    return null;
  }

  // --- a binary heap ---

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(event, heap[parent]!); parent = (at - 1) >> 1) {
      heap[at] = heap[parent]!;
      heap[parent] = event;
      at = parent;
    }
  }

  #pop(): Event | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  if (a.due_ms !== b.due_ms) return a.due_ms < b.due_ms;
  return a.tie === b.tie ? a.order < b.order : a.tie < b.tie;
}

/** All promises that can settle without another event have settled by the next turn of the event loop. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
