import type { Json } from '../base/json.ts';
import type { PointFact } from '../ir/events.ts';
import { ImpossibleFact } from './impossible.ts';
import { PointMachine } from './point-machine.ts';
import type { PointOutput, PointState, StepState } from './point-state.ts';
import type { Program } from './program.ts';

export type { PointCommand, PointOutput, PointState, PollCommand, SendCommand } from './point-state.ts';
export { deadlineStep, deadlineTimer } from './timers.ts';

/*
 * The point machine: evaluates one design point, a DAG of steps. A step is one call, or a job of submit, poll and fetch.
 */

/**
 * Takes in one fact about a point and says what to do next.
 *
 * Deterministic: same state and fact, same output, in plan order. May change `state`, which it owns. Cost: O(steps).
 *   K1. A step starts only after every step that it needs has succeeded.
 *   K2. A step that uses pools is out only while it holds their tokens (`step.granted` until `release`).
 *   K4. A new attempt starts only after the end of the one before is known.
 *   K5. Nothing is sent while paused, after a cancel, or after a step of the point has failed for good.
 * @throws ImpossibleFact when the fact cannot have happened in this state: evidence that does not hold
 */
export function stepPoint(program: Program, state: PointState | null, fact: PointFact): [PointState, PointOutput] {
  const machine = new PointMachine(program, state ?? begin(program, fact));
  if (state !== null) machine.take(fact);
  machine.advance();
  return [machine.state, machine.output];
}

/** The engine asks after each poll whether the job has ended. An error in `until` ends it too: the fact then fails the step. */
export function pollEnded(program: Program, state: PointState, step: string, answer: Json): boolean {
  const machine = new PointMachine(program, state);
  return machine.pollEnded(step, answer);
}

function begin(program: Program, fact: PointFact): PointState {
  if (fact.type !== 'point.began') throw new ImpossibleFact(`${fact.type} before point.began`);
  const steps: Record<string, StepState> = {};
  for (const step of program.steps) {
    steps[step.name] = { status: 'waiting', attempt: 1, part: 0, granted: false, polling: false, answers: {} };
  }
  const { point, values } = fact;
  return { point, values, steps, paused: false, cancelled: false, ended: false, calls: 0, failure: null };
}
