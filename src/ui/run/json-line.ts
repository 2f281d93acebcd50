import type { Json } from '../../base/json.ts';
import type { JournalRow } from '../../ir/events.ts';

/** First line of every stream of events. A newer minor version only adds; readers ignore fields that they do not know. */
export const EVENTS_HEADER = '{"type":"version","schema":"expctl.events/1.0"}';

/** A row of the journal as one line of JSON: the event's own fields, and where and when it stands. */
export function rowLine(row: JournalRow): string {
  const { run, stream, seq, type, wall_ms, hash } = row;
  const body = JSON.parse(row.body) as Record<string, Json>;
  const observed = JSON.parse(row.observed) as Json;
  return JSON.stringify({ type, run, stream, seq, time: new Date(wall_ms).toISOString(), ...body, observed, hash });
}
