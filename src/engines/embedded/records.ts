import type { GateOpened, JournalRow, RunFinished } from '../../ir/events.ts';
import type { JournalStore } from '../ports.ts';
import type { GateHead, RunEnd } from './types.ts';

/** A gate that opened, and where in the study's stream. */
export interface Gate {
  readonly opened: GateOpened;
  readonly head: GateHead;
}

export function gateOf({ type, body, stream, seq, hash }: JournalRow): Gate {
  return { opened: { type, ...JSON.parse(body) } as GateOpened, head: { stream, seq, hash } };
}

/** The gate that opened last. */
export async function recordedGate(journal: JournalStore, run: string): Promise<Gate | null> {
  const row = await lastOf(journal, run, 'gate.opened');
  return row === null ? null : gateOf(row);
}

/** How a finished run ended. */
export async function recordedEnd(journal: JournalStore, run: string): Promise<RunEnd> {
  const row = await lastOf(journal, run, 'run.finished');
  if (row === null) throw new Error(`run ${run} has not finished`);
  const { status, reason } = JSON.parse(row.body) as RunFinished;
  return { kind: 'finished', status, reason };
}

async function lastOf(journal: JournalStore, run: string, type: JournalRow['type']): Promise<JournalRow | null> {
  let last: JournalRow | null = null;
  for await (const row of journal.read(run, { stream: 'study' })) if (row.type === type) last = row;
  return last;
}
