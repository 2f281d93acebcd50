import type { Problem } from '../ir/problem.ts';
import { positionsIn } from '../ir/span.ts';
import type { ValueProblem } from '../ir/strict-values.ts';

/** More problems than this help nobody, and a file of 1 MiB can hold a million. */
const MAX_PROBLEMS = 100;

/** A file with that many things wrong is not read to its end. */
const MANY_PROBLEMS = 50_000;

/** Collects the problems of one file; counts those beyond the first hundred without keeping them. */
export class ProblemList {
  readonly #kept: { readonly problem: ValueProblem; readonly offset: number; readonly pointer: string }[] = [];
  #count = 0;
  #stopped = false;

  get count(): number {
    return this.#count;
  }

  /** True if there is no use in looking for more; then the count is said to be incomplete. */
  stopIfMany(): boolean {
    this.#stopped ||= this.#count >= MANY_PROBLEMS;
    return this.#stopped;
  }

  /** @param offset in UTF-16 code units from the start of the text */
  add(code: string, offset: number, message: string, hint: string, pointer = ''): void {
    this.addProblem({ code, message, hint }, offset, pointer);
  }

  addProblem(problem: ValueProblem, offset: number, pointer = ''): void {
    this.#count += 1;
    if (this.#kept.length < MAX_PROBLEMS) this.#kept.push({ problem, offset, pointer });
  }

  /** In the order of the file; one line more says how many were left out. */
  toProblems(file: string, text: string): readonly Problem[] {
    const positionOf = positionsIn(text);
    const sorted = this.#kept.toSorted((a, b) => a.offset - b.offset);
    const problems = sorted.map(({ problem: { code, message, hint }, offset, pointer }): Problem => {
      return { code, severity: 'error', file, ...positionOf(offset), pointer, message, fix: hint };
    });
    const left = this.#count - problems.length;
    if (left === 0) return problems;
    const message = `... and ${this.#stopped ? 'at least ' : ''}${left} more.`;
    const fix = 'Correct the problems above and check again.';
    return [...problems, { ...problems.at(-1)!, code: 'MORE_PROBLEMS', pointer: '', message, fix }];
  }
}
