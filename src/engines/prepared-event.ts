import { ExpctlError } from '../base/error.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { type ChainHead, genesis, rowPreimage } from '../ir/chain.ts';
import { type JournalRow, type Observed, pointStream, type RunEvent } from '../ir/events.ts';
import { sha256Text } from './digest.ts';
import type { Lease, NewEvent } from './ports.ts';

/** An event in canonical form, with the time at which it was handed over. */
export interface PreparedEvent {
  readonly stream: string;
  readonly type: RunEvent['type'];
  readonly body: string;
  readonly observed: Observed;
  readonly observed_text: string;
  /** The stream that ends with this event, for `point.finished`. */
  readonly ends: string | null;
  readonly wall_ms: number;
}

/** Everything that can be wrong with an event is found here, before it can spoil the commit of others. */
export function prepareEvent({ stream, event, observed }: NewEvent, wall_ms: number): PreparedEvent {
  if (!Number.isSafeInteger(wall_ms)) throw new TypeError(`the clock says ${wall_ms} ms`);
  const { type, ...body } = event;
  const ends = event.type === 'point.finished' ? pointStream(event.point) : null;
  return { stream, type, body: canonicalJson(body), observed, observed_text: canonicalJson(observed), ends, wall_ms };
}

/**
 * A prepared event as the next row of its stream, but for its position.
 *
 * @param headOf where a stream of the run stands; null before its first row
 * @throws ExpctlError EVIDENCE_BROKEN where a point would begin a second time: whoever wants that goes by a state that is not the journal's
 */
export function chainedRow(
  event: PreparedEvent,
  { run, fence }: Lease,
  headOf: (stream: string) => ChainHead | null,
): Omit<JournalRow, 'position'> {
  const { stream, type, body, wall_ms, ends } = event;
  const observed =
    ends === null ? event.observed_text : canonicalJson({ ...event.observed, head: headOf(ends)?.hash ?? null });
  const head = headOf(stream) ?? { seq: 0, hash: genesis(run, stream, sha256Text) };
  if (type === 'point.began' && head.seq > 0) throw beganTwice(run, stream);
  const content = { run, stream, seq: head.seq + 1, type, body, observed, wall_ms, fence, prev: head.hash };
  return { ...content, hash: sha256Text(rowPreimage(content)) };
}

function beganTwice(run: string, stream: string): ExpctlError {
  const hint = `If \`expctl replay ${run}\` says that the journal holds, the run's snapshot does not: delete its row of the table \`snapshots\`, then resume.`;
  return new ExpctlError('EVIDENCE_BROKEN', `${stream} of run ${run} would begin a second time; nothing was sent.`, {
    hint,
  });
}
