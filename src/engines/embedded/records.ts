import type { JournalHead } from '../../approval/statement.ts';
import { eventOf, type GateOpened, type JournalRow } from '../../ir/events.ts';

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
