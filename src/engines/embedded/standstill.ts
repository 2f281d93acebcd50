import { fits } from '../../kernel/pools.ts';
import type { RunMachine } from '../../kernel/run.ts';
import type { Pending } from './pending.ts';
import type { Gate } from './records.ts';
import type { RunEnd } from './types.ts';

interface Standing {
  readonly machine: RunMachine;
  readonly pending: Pick<Pending, 'timers'>;
  /** How many steps wait for tokens of the store. */
  readonly want_tokens: number;
  /** The gate that opened last. */
  readonly gate: Gate | null;
}

/** For which person a run waits of which no effect is out; null where it goes on without one. */
export function standstill({ machine, pending, want_tokens, gate }: Standing): RunEnd | null {
  if (machine.study?.status === 'at_gate' && gate !== null) return { kind: 'gate', gate: gate.opened };
  const effects = nothingElse(machine, pending, want_tokens) ? machine.unresolved() : [];
  return effects.length === 0 ? null : { kind: 'unresolved', effects };
}

/** Nothing wants tokens or backs off: whatever is not at its end waits for a person. */
function nothingElse({ study, pools }: RunMachine, pending: Standing['pending'], want_tokens: number): boolean {
  if (study?.in_flight.length === 0) return false;
  // A want that only tokens of this run's own unresolved steps stand against waits for the same person.
  if (want_tokens > 0 && pools.waiting.some((want) => fits(pools, want))) return false;
  for (const { point } of pending.timers.values()) if (point !== null) return false;
  return true;
}
