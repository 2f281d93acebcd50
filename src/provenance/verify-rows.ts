import { hash } from 'node:crypto';
import type { Json } from '../base/json.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { type ChainProblem, ChainVerifier } from '../ir/chain.ts';
import { type JournalRow, pointOf, type RunEvent, SEMANTICS } from '../ir/events.ts';
import { eventOf } from './rows.ts';
import { type Problem, problem, type Problems, type Verdict } from './verdicts.ts';

/** Every type of event that this build knows; the compiler misses one that is missing. */
const KNOWN_TYPES: Readonly<Record<RunEvent['type'], true>> = {
  'run.started': true,
  'point.finished': true,
  'gate.decided': true,
  'study.timer_fired': true,
  'run.paused': true,
  'run.resumed': true,
  'run.cancelled': true,
  'points.cancelled': true,
  'phase.cancelled': true,
  'points.retried': true,
  'phase.started': true,
  'point.started': true,
  'point.skipped': true,
  'phase.finished': true,
  'gate.opened': true,
  'decision.made': true,
  'run.finished': true,
  'point.began': true,
  'step.granted': true,
  'effect.answered': true,
  'effect.resent': true,
  'effect.resolved': true,
  'point.timer_fired': true,
  'point.paused': true,
  'point.resumed': true,
  'point.cancelled': true,
  'point.retried': true,
  'effect.intended': true,
  'step.skipped': true,
  'step.failed': true,
  'step.unresolved': true,
  'point.ended': true,
};

const MESSAGES: Readonly<Record<ChainProblem['verdict'], string>> = {
  GAP: 'rows are missing before it, or its number was changed',
  CHAIN_BREAK: 'it does not follow the row before it',
  BODY_MISMATCH: 'its content is not what was hashed',
  HEAD_MISMATCH: 'its stream does not end where the study says that it ended',
};

interface StreamEnd {
  readonly seq: number;
  readonly type: string;
}

/**
 * Verifies what rows say of one another, in the order of positions: hashes, chains, heads of points that came to their end, fences,
 * canonical form. It needs nothing but the rows, and so also speaks of events whose meaning it does not know.
 */
export class RowVerifier {
  /** Points that came to their end. */
  points = 0;
  semantics: number | null = null;
  readonly #chain = new ChainVerifier((text) => hash('sha256', text));
  #chain_problems = 0;
  readonly #ends = new Map<string, StreamEnd>();
  #fence = 0;
  readonly #problems: Problems;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  take(row: JournalRow): void {
    this.#checkChain(row);
    this.#checkForm(row);
    if (row.fence < this.#fence) {
      this.#report(
        'FENCE_FELL',
        row,
        `it was written under fence ${row.fence}, behind a row under fence ${this.#fence}`,
      );
    }
    this.#fence = Math.max(this.#fence, row.fence);
    if (row.type === 'run.started') this.#checkSemantics(row);
    this.#ends.set(row.stream, { seq: row.seq, type: row.type });
  }

  get rows(): number {
    return this.#chain.report().rows;
  }

  get streams(): number {
    return this.#ends.size;
  }

  /** The highest fence under which a row was written. */
  get fence(): number {
    return this.#fence;
  }

  #checkChain(row: JournalRow): void {
    this.#chain.take(row);
    const report = this.#chain.report();
    const found = report.ok ? [] : report.problems.slice(this.#chain_problems);
    this.#chain_problems += found.length;
    for (const { verdict } of found) {
      if (verdict === 'HEAD_MISMATCH') this.#problems.add(this.#headProblem(row));
      else this.#report(verdict, row, MESSAGES[verdict]);
    }
    if (row.type === 'point.finished') this.points += 1;
    const before = this.#ends.get(row.stream);
    // A point goes on behind its end only where a person has it tried again.
    if (before?.type === 'point.ended' && row.type !== 'point.retried' && Object.hasOwn(KNOWN_TYPES, row.type)) {
      this.#report('HEAD_MISMATCH', row, 'it stands behind the end of its point');
    }
  }

  /** A point's last row is `point.ended`, written with `point.finished`: a stream that ends before was cut. */
  #headProblem(row: JournalRow): Problem {
    const event = eventOf(row);
    const stream = `point/${event.type === 'point.finished' ? String(event.point) : '?'}`;
    const end = this.#ends.get(stream);
    if (end?.type === 'point.ended') return problem('HEAD_MISMATCH', { stream, seq: end.seq }, MESSAGES.HEAD_MISMATCH);
    const there = end === undefined ? 'none of its rows is there' : `its rows end at ${stream}/${end.seq}`;
    return problem(
      'TRUNCATED',
      { stream, seq: (end?.seq ?? 0) + 1 },
      `study/${row.seq} says that the point came to its end, and ${there}`,
    );
  }

  /** What the engine writes is canonical JSON: another spelling of the same would not be found by its meaning. */
  #checkForm(row: JournalRow): void {
    if (!isCanonicalObject(row.body) || !isCanonicalObject(row.observed)) {
      this.#report('BODY_MISMATCH', row, 'its content is no object in canonical JSON');
    }
    const isPlaced = row.stream === 'study' || pointOf(row.stream) !== null;
    if (!isPlaced) this.#report('GAP', row, 'there is no such stream');
    else if (!Object.hasOwn(KNOWN_TYPES, row.type) && (this.semantics ?? 0) <= SEMANTICS) {
      this.#report('SCHEMA_NEWER', row, `this expctl knows no event ${JSON.stringify(row.type)}`);
    }
  }

  #checkSemantics(row: JournalRow): void {
    const event = eventOf(row);
    if (event.type !== 'run.started' || typeof event.semantics !== 'number') return;
    this.semantics = event.semantics;
    if (this.semantics <= SEMANTICS) return;
    const message = `its events mean what semantics ${this.semantics} says; this expctl knows those up to ${SEMANTICS}`;
    this.#report('SCHEMA_NEWER', row, message);
  }

  #report(verdict: Verdict, row: JournalRow, message: string): void {
    this.#problems.add(problem(verdict, row, message));
  }
}

function isCanonicalObject(text: unknown): boolean {
  try {
    return typeof text === 'string' && text.startsWith('{') && canonicalJson(JSON.parse(text) as Json) === text;
  } catch {
    return false;
  }
}
