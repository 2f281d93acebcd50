import type { JsonObject } from '../../base/json.ts';
import type { ChainHead } from '../../ir/chain.ts';
import { eventOf, type JournalRow, pointStream, type StudyEvent } from '../../ir/events.ts';
import { StudySummary } from '../../ir/study-summary.ts';
import { type Gate, gateOf } from './records.ts';
import type { RunEnd } from './types.ts';

/** The last row of a stream. */
export interface Head extends ChainHead {
  readonly position: number;
}

/**
 * What the rows of a run tell beside the machines: the same whether they are read by `resume` or were just appended. Memory: O(points in
 * flight).
 */
export class Trail {
  /** Of the study, and of points that have not finished. */
  readonly heads = new Map<string, Head>();
  summary = new StudySummary();
  /** The gate that opened last; it may be closed again. */
  gate: Gate | null = null;
  /** How the run ended; null where it has not. */
  finished: RunEnd | null = null;
  /** The latest time in any row, in milliseconds since 1970; 0 where there is none. */
  last_wall_ms = 0;
  /** The last row, and the fence under which it was written. */
  last: { readonly stream: string; readonly position: number; readonly hash: string } | null = null;
  fence = 0;

  take(row: JournalRow): void {
    const { stream, seq, hash, position, wall_ms, fence } = row;
    this.heads.set(stream, { seq, hash, position });
    this.last = { stream, position, hash };
    this.last_wall_ms = Math.max(this.last_wall_ms, wall_ms);
    this.fence = fence;
    if (stream === 'study') this.#takeStudy(row);
  }

  #takeStudy(row: JournalRow): void {
    const event = eventOf(row) as StudyEvent;
    // Only of a decision is needed what was observed: it names the envelope that was signed.
    const observed = event.type === 'gate.decided' ? (JSON.parse(row.observed) as JsonObject) : {};
    this.summary.take(row, event, observed);
    if (event.type === 'point.finished') this.heads.delete(pointStream(event.point));
    if (event.type === 'gate.opened') this.gate = gateOf(row);
    if (event.type === 'points.retried') this.finished = null;
    if (event.type === 'run.finished') this.finished = { kind: 'finished', status: event.status, reason: event.reason };
  }
}
