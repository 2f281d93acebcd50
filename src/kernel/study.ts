import type { StudyFact } from '../ir/events.ts';
import { OLDEST_SEMANTICS, SEMANTICS } from '../ir/events.ts';
import { ImpossibleFact } from './impossible.ts';
import type { Program } from './program.ts';
import { StudyMachine } from './study-machine.ts';
import type { StudyOutput, StudyState } from './study-state.ts';
import { newTally } from './tally.ts';

export { retryRefusal } from './retry.ts';
export { valuesOf } from './rows.ts';
export type { StudyCommand, StudyOutput, StudyState } from './study-state.ts';
export { WALL_TIME } from './timers.ts';

/*
 * The study machine: phases in order, the points of a design, decisions, gates and budgets.
 */

/**
 * Takes in one fact about the study and says what to do next.
 *
 * Deterministic: same state and fact, same output. May change `state`, which it owns. Cost: O(points in flight), never O(points),
 * but for a decision that looks into all feasible points.
 *   K3. A gate opens the way only through `gate.decided`, which engines append only for a verified decision; a time-out stops.
 *   K6. At most `in_flight` points are started and not finished.
 *   K7. No point is started that could pass the budget of points or calls, even if it needs every retry.
 *   K8. The points of a table are started in order, each once; only a failed one is tried again, when a person says so.
 * @throws ImpossibleFact when the fact cannot have happened in this state: evidence that does not hold
 */
export function stepStudy(program: Program, state: StudyState | null, fact: StudyFact): [StudyState, StudyOutput] {
  const machine = new StudyMachine(program, state ?? begin(program, fact));
  if (state === null) machine.start();
  else machine.take(fact);
  machine.advance();
  return [machine.state, machine.output];
}

function begin(program: Program, fact: StudyFact): StudyState {
  if (fact.type !== 'run.started') throw new ImpossibleFact(`${fact.type} before run.started`);
  if (fact.semantics !== program.lock.semantics)
    throw new ImpossibleFact(`semantics ${fact.semantics}; the lock was signed with ${program.lock.semantics}`);
  if (fact.semantics > SEMANTICS || fact.semantics < OLDEST_SEMANTICS)
    throw new ImpossibleFact(`semantics ${fact.semantics}; this kernel knows ${OLDEST_SEMANTICS} to ${SEMANTICS}`);
  const counters = { phase: -1, started: 0, tally: newTally() };
  return {
    status: 'running',
    ...counters,
    visits: {},
    fired: {},
    cursor: null,
    in_flight: [],
    paused: false,
    timers: [],
    ending: null,
    concluded: null,
    done: false,
    gate_again: false,
    wall_time_over: false,
    cancelled_where: [],
    cancelled_phases: [],
    cancelling: [],
    failed: {},
    retryable: 0,
    to_retry: [],
    calls_before: {},
  };
}
