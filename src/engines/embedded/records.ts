import type { VerifiedDecision } from '../../approval/gate.ts';
import type { JournalHead } from '../../approval/statement.ts';
import { eventOf, type GateDecided, type GateOpened, type JournalRow } from '../../ir/events.ts';

/** A gate that opened, and where in the study's stream. */
export interface Gate {
  readonly opened: GateOpened;
  readonly head: JournalHead;
}

/** @param row of the type `gate.opened` */
export function gateOf(row: JournalRow): Gate {
  const { stream, seq, hash } = row;
  return { opened: eventOf(row) as GateOpened, head: { stream, seq, hash } };
}

/** What stands in the journal of a decision that was verified for a gate. */
export function decidedFact(
  { gate, occurrence }: GateOpened,
  { details: { outcome, principal: by, statement_sha256 } }: VerifiedDecision,
): GateDecided {
  return { type: 'gate.decided', gate, occurrence, outcome, statement_sha256, by };
}
