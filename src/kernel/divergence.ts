import type { JsonObject } from '../base/json.ts';
import { canonicalJson } from '../ir/canonical.ts';
import type { RunEvent } from '../ir/events.ts';

/** The first event of a journal that does not follow from what stands before it. */
export class Divergence extends Error {
  readonly stream: string;
  /** Sequence number, in its stream, of the event that does not follow. */
  readonly seq: number;
  readonly expected: string;
  readonly found: string;

  constructor(stream: string, seq: number, expected: string, found: string) {
    super(`${stream}/${seq}: expected ${expected}; found ${found}`);
    this.stream = stream;
    this.seq = seq;
    this.expected = expected;
    this.found = found;
  }
}

/** @throws Divergence unless both are the same in every field */
export function assertSameEvent(stream: string, seq: number, expected: RunEvent, found: RunEvent): void {
  if (canonicalJson(expected) !== canonicalJson(found)) {
    throw new Divergence(stream, seq, shownEvent(expected), shownEvent(found));
  }
}

const LONGEST_SHOWN = 400;

/** An event as it stands in a message. */
export function shownEvent(event: RunEvent): string {
  const { type, ...fields } = event as unknown as JsonObject & { type: string };
  const text = canonicalJson(fields);
  return `${type} ${text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text}`;
}
