import { hash } from 'node:crypto';
import { type ChainReport, ChainVerifier } from '../ir/chain.ts';
import { type JournalRow, pointStream } from '../ir/events.ts';
import type { RowReader } from './ports.ts';
import { eventOf } from './rows.ts';

const sha256 = (text: string) => hash('sha256', text);

/** What does not hold about rows in the order of their positions; null where their chains hold. */
export async function chainProblem(rows: AsyncIterable<JournalRow>): Promise<string | null> {
  const chain = new ChainVerifier(sha256);
  for await (const row of rows) chain.take(row);
  return firstOf(chain.report());
}

/**
 * What does not hold about a point: its own stream, the first row of the study's, and the row with which the study took its end in, which
 * names the head of its stream. The rest of the study is not read, however long.
 */
export async function pointProblem(reader: RowReader, run: string, point: number): Promise<string | null> {
  const chain = new ChainVerifier(sha256);
  for await (const row of reader.read(run, { stream: 'study', limit: 1 })) chain.take(row);
  let last: JournalRow | null = null;
  for await (const row of reader.read(run, { stream: pointStream(point) })) {
    chain.take(row);
    last = row;
  }
  const problem = firstOf(chain.report());
  if (problem !== null || last === null) return problem;
  const has_ended = last.type === 'point.ended';
  const finished = await finishedBehind(reader, last, point, has_ended ? Number.POSITIVE_INFINITY : ROWS_OF_A_CUT);
  if (finished === null) return has_ended ? `MISSING: the study knows nothing of the end of point ${point}` : null;
  const { seq, hash: head } = last;
  const before = { seq: finished.seq - 1, hash: finished.prev };
  const study = new ChainVerifier(sha256, [
    ['study', before],
    [pointStream(point), { seq, hash: head }],
  ]);
  study.take(finished);
  return firstOf(study.report());
}

/** A stream that was cut is found if the study took its end in within so many rows: a point in flight has no such row anywhere. */
const ROWS_OF_A_CUT = 10_000;

/** It stands right behind the end in the journal, where both were appended by one process. */
async function finishedBehind(
  reader: RowReader,
  { run, position }: JournalRow,
  point: number,
  limit: number,
): Promise<JournalRow | null> {
  for await (const row of reader.read(run, { after_position: position, limit })) {
    if (row.type !== 'point.finished') continue;
    const event = eventOf(row);
    if (event.type === 'point.finished' && event.point === point) return row;
  }
  return null;
}

function firstOf(report: ChainReport): string | null {
  return report.ok ? null : (report.problems[0]?.message ?? 'its chains');
}
