import type { Problem } from '../ir/problem.ts';
import { pointerOf } from '../ir/span.ts';

/** What is wrong with an answer of the model, as it is told to it: a problem of the plan, or of the answer itself. */
export type Complaint = Pick<Problem, 'code' | 'pointer' | 'message' | 'fix'>;

export function complaint(code: string, path: readonly (string | number)[], message: string, fix: string): Complaint {
  return { code, pointer: pointerOf(path), message, fix };
}

/** Pointer, sentence and fix in one line, for the model and for progress. */
export function complaintLine({ pointer, message, fix }: Complaint): string {
  return `${pointer === '' ? '' : `${pointer}: `}${message} ${fix}`;
}
