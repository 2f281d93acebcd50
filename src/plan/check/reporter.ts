import type { Problem } from '../../ir/problem.ts';
import { pointerOf, type Position } from '../../ir/span.ts';
import type { Source } from '../source.ts';

export type Path = readonly (string | number)[];

/** The place of a note: `outcome_constraints[1]`, `pipeline.post.expect[1]`. */
export function placeOf(path: Path): string {
  return path.map((key, at) => (typeof key === 'number' ? `[${key + 1}]` : at === 0 ? key : `.${key}`)).join('');
}

/** Collects the problems of one file, each with the place where it was written. */
export class Reporter {
  readonly #source: Source;
  readonly #problems: Problem[] = [];
  readonly #muted: string[] = [];

  constructor(source: Source) {
    this.#source = source;
  }

  error(code: string, path: Path, message: string, fix: string): void {
    this.#add('error', code, path, this.#source.locate(pointerOf(path)), message, fix);
  }

  warning(code: string, path: Path, message: string, fix: string): void {
    this.#add('warning', code, path, this.#source.locate(pointerOf(path)), message, fix);
  }

  /** The problem is the member's key, not its value. */
  keyError(code: string, path: Path, message: string, fix: string): void {
    this.#add('error', code, path, this.#source.locateKey(pointerOf(path)), message, fix);
  }

  /** The problem stands within a string; `offset` counts UTF-16 units of its value. */
  errorIn(code: string, path: Path, offset: number, message: string, fix: string): void {
    this.#add('error', code, path, this.#source.locateIn(pointerOf(path), offset), message, fix);
  }

  /** What was left out at `path` has been reported; that something above it now lacks it is no news. */
  mute(path: Path): void {
    this.#muted.push(pointerOf(path));
  }

  get hasErrors(): boolean {
    return this.#problems.some(({ severity }) => severity === 'error');
  }

  /** In the order of the file. */
  problems(): Problem[] {
    return this.#problems.toSorted((a, b) => a.line - b.line || a.column - b.column || (a.code < b.code ? -1 : 1));
  }

  #add(severity: Problem['severity'], code: string, path: Path, at: Position, message: string, fix: string): void {
    const pointer = pointerOf(path);
    if (this.#muted.some((muted) => muted === pointer || muted.startsWith(`${pointer}/`))) return;
    const known = this.#problems.some((other) => other.pointer === pointer && other.message === message);
    if (!known) this.#problems.push({ code, severity, file: this.#source.file, ...at, pointer, message, fix });
  }
}
