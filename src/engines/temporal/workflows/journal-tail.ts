import type { RunEvent } from '../../../ir/events.ts';
import type { Tail } from '../protocol.ts';

/**
 * The events of a workflow that are not known to be in the journal.
 *
 * They are handed to an activity, never to a local one: until the server has the commands of a workflow task, the order of what
 * the task took in is not decided. A worker that dies gives it back, and it is done again with whatever else has come meanwhile,
 * signals first. What a local activity wrote in the meantime would be a journal of something that never happened.
 */
export class JournalTail {
  readonly #stream: string;
  #last_seq: number;
  #events: RunEvent[] = [];

  constructor(stream: string, last_seq: number) {
    this.#stream = stream;
    this.#last_seq = last_seq;
  }

  /** Number of the last event, written or not. */
  get last_seq(): number {
    return this.#last_seq;
  }

  get isWritten(): boolean {
    return this.#events.length === 0;
  }

  add(events: readonly RunEvent[]): void {
    this.#events.push(...events);
    this.#last_seq += events.length;
  }

  /** What an activity has to write before it does anything else. */
  unwritten(): Tail {
    const first_seq = this.#last_seq - this.#events.length + 1;
    return { stream: this.#stream, first_seq, events: [...this.#events] };
  }

  /** To be called once an activity has returned that was given this. */
  written({ first_seq, events }: Tail): void {
    const written = first_seq + events.length - 1;
    const first_unwritten = this.#last_seq - this.#events.length + 1;
    this.#events.splice(0, Math.max(0, written - first_unwritten + 1));
  }
}
