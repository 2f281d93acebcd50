import { ExpctlError } from '../../base/error.ts';
import { type PreparedEvent, prepareEvent } from '../../engines/prepared-event.ts';
import type { NumberedEvents } from '../../engines/temporal/ports.ts';
import type { JournalRow } from '../../ir/events.ts';
import type { Sequel } from './sequel.ts';

type Content = Pick<JournalRow, 'type' | 'body'>;

/** Numbered events of one stream in canonical form. */
export interface PreparedTail {
  readonly stream: string;
  readonly first_seq: number;
  readonly events: readonly PreparedEvent[];
}

export function prepareTail({ stream, first_seq, events }: NumberedEvents, wall_ms: number): PreparedTail {
  return { stream, first_seq, events: events.map((event) => prepareEvent({ stream, ...event }, wall_ms)) };
}

/**
 * Adds those events to a sequel that are not in the journal; the others have to be the same there (T1 of `SharedJournal`).
 *
 * @param stored a row of the run that is in the store
 * @returns EVIDENCE_BROKEN where that does not hold; the sequel is to be thrown away then
 */
export function addNumbered(
  sequel: Sequel,
  tails: readonly PreparedTail[],
  stored: (stream: string, seq: number) => Content | undefined,
): ExpctlError | null {
  try {
    for (const { stream, first_seq, events } of tails) {
      for (const [index, event] of events.entries()) addOne(sequel, event, { stream, seq: first_seq + index, stored });
    }
    return null;
  } catch (error) {
    // What the store cannot do is no fault of this call's.
    if (error instanceof ExpctlError && error.code === 'EVIDENCE_BROKEN') return error;
    throw error;
  }
}

interface Place {
  readonly stream: string;
  readonly seq: number;
  readonly stored: (stream: string, seq: number) => Content | undefined;
}

function addOne(sequel: Sequel, event: PreparedEvent, { stream, seq, stored }: Place): void {
  const next = (sequel.head(stream)?.seq ?? 0) + 1;
  if (seq === next) return sequel.add(event);
  const where = `${stream} of run ${sequel.lease.run}`;
  const there = sequel.rowAt(stream, seq) ?? stored(stream, seq);
  if (there === undefined) throw broken(`Row ${seq} of ${where} was to be written, where row ${next} is next`, sequel);
  if (there.type === event.type && there.body === event.body) return;
  const what = there.type === event.type ? `another ${event.type}` : `${there.type}, where ${event.type} was to be`;
  throw broken(`Row ${seq} of ${where} is ${what}`, sequel);
}

function broken(message: string, { lease: { run } }: Sequel): ExpctlError {
  const hint = `Nothing of it was written. Run \`expctl replay ${run}\`; if the journal holds, whoever performs the run goes by another state than the journal's.`;
  return new ExpctlError('EVIDENCE_BROKEN', message, { hint });
}
