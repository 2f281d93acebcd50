import { type ChainHead, ChainVerifier } from '../../ir/chain.ts';
import { eventOf, isFact, type JournalRow, type PointFact, type PointRecord, pointStream } from '../../ir/events.ts';
import { assertFact } from '../../kernel/assert-fact.ts';
import { assertSameEvent, Divergence, shownEvent } from '../../kernel/divergence.ts';
import { type PointState, stepPoint } from '../../kernel/point.ts';
import type { Program } from '../../kernel/program.ts';
import type { RunCommand } from '../../kernel/run.ts';
import { valuesOf } from '../../kernel/study.ts';
import type { JournalReader } from '../ports.ts';
import { sha256Text } from '../digest.ts';
import type { Pending } from './pending.ts';

/** A point as its own stream tells it. */
export interface RefoldedPoint {
  readonly stream: string;
  readonly state: PointState;
  readonly head: ChainHead;
}

interface Refold {
  readonly run: string;
  readonly points: readonly number[];
  /** Rows behind this position are not looked at. */
  readonly up_to: number;
  /** Is told what the points have asked for. */
  readonly pending: Pending;
}

/** Makes points anew out of their streams, whose chains and records are verified. @throws Error, Divergence, ImpossibleFact */
export async function refoldPoints(
  program: Program,
  journal: Pick<JournalReader, 'read'>,
  { run, points, up_to, pending }: Refold,
): Promise<Map<number, RefoldedPoint>> {
  const rows: JournalRow[] = [];
  for (const point of points) {
    for await (const row of journal.read(run, { stream: pointStream(point) })) {
      if (row.position > up_to) break;
      rows.push(row);
    }
  }
  // In the order in which they were appended, so that what is asked for stands in the order in which it was asked for.
  rows.sort((a, b) => a.position - b.position);
  const chain = new ChainVerifier(sha256Text);
  const folds = new Map(points.map((point) => [pointStream(point), new PointFold(program, point)]));
  for (const row of rows) {
    chain.take(row);
    folds.get(row.stream)!.take(row, pending);
  }
  const report = chain.report();
  if (!report.ok) throw new Error(report.problems[0]!.message);
  return new Map(points.map((point) => [point, folds.get(pointStream(point))!.result(chain.heads)]));
}

class PointFold {
  readonly #program: Program;
  readonly #point: number;
  #state: PointState | null = null;
  #expected: PointRecord[] = [];

  constructor(program: Program, point: number) {
    this.#program = program;
    this.#point = point;
  }

  take(row: JournalRow, pending: Pending): void {
    const { stream, seq, wall_ms } = row;
    const event = eventOf(row);
    const expected = this.#expected.shift();
    if (expected !== undefined) return assertSameEvent(stream, seq, expected, event);
    if (!isFact(event.type)) throw new Divergence(stream, seq, 'a fact', shownEvent(event));
    assertFact('point', event);
    const fact = event as PointFact;
    if (fact.type === 'point.began') {
      const values = valuesOf(this.#program, this.#point);
      assertSameEvent(stream, seq, { type: 'point.began', point: this.#point, values }, fact);
    }
    const [state, { records, commands }] = stepPoint(this.#program, this.#state, fact);
    this.#state = state;
    this.#expected = [...records];
    const asked = commands.flatMap((command): RunCommand[] =>
      command.do === 'end' ? [] : [{ point: this.#point, command }],
    );
    pending.follow(stream, fact, asked, wall_ms);
  }

  result(heads: ReadonlyMap<string, ChainHead>): RefoldedPoint {
    const stream = pointStream(this.#point);
    const head = heads.get(stream);
    if (this.#state === null || head === undefined || this.#expected.length > 0) {
      throw new Error(`${stream} is not complete`);
    }
    return { stream, state: this.#state, head };
  }
}
