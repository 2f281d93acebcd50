/** Something wrong in an authored file: what, where and what to do next. */
export interface Problem {
  /** UPPER_SNAKE; tests and scripts rely on it, people read `message`. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
  /** JSON pointer (RFC 6901) of the value; empty where the problem is the text itself. */
  readonly pointer: string;
  /** A sentence. */
  readonly message: string;
  /** What to do next: a sentence. */
  readonly fix: string;
}
