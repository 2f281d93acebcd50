import type { FailureClass } from '../ir/events.ts';
import type { Program, ProgramPart, ProgramStep } from './program.ts';

/*
 * What a failure leaves unknown.
 */

/** Whether only a person can say what became of it: nobody knows, and asking again could make it happen twice. */
export function isForPerson(program: Program, step: ProgramStep, part: ProgramPart, failure: FailureClass): boolean {
  if (program.lock.semantics < 2) return false;
  if (failure === 'unknown_outcome') return part.effect !== 'pure';
  return failure === 'tool_broken' && part.part === 'poll' && step.parts[0]!.effect !== 'pure';
}

/**
 * K4: whether the attempt is known to have ended. A job that cannot be asked after may still be there.
 *
 * @param end.told whether the part was answered, and the answer could be understood
 */
export function hasEnded(
  program: Program,
  step: ProgramStep,
  { part }: ProgramPart,
  { failure, told }: { readonly failure: FailureClass; readonly told: boolean },
): boolean {
  if (step.parts[0]!.effect === 'pure') return true;
  if (!told && (part === 'submit' || part === 'poll') && program.lock.semantics >= 2) return false;
  if (failure === 'timeout' || failure === 'unknown_outcome') return false;
  return failure !== 'tool_broken' || part !== 'poll';
}
