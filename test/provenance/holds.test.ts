import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { rowPreimage } from '../../src/ir/chain.ts';
import { type JournalRow, pointStream } from '../../src/ir/events.ts';
import { chainProblem, pointProblem } from '../../src/provenance/holds.ts';
import { journal, Rows, RUN } from '../engines/rows.ts';
import { richLock } from '../kernel/locks.ts';

const { program } = richLock({ semantics: 2 });
const rows = journal(program, 5);
const POINT = 2;
const isEnd = ({ type, body }: JournalRow) => type === 'point.finished' && JSON.parse(body).point === POINT;
const numbered = (changed: readonly JournalRow[]) => changed.map((row, index) => ({ ...row, position: index + 1 }));
const altered = (of: (row: JournalRow) => boolean, change: (row: JournalRow) => object) => {
  const at = rows.findLastIndex(of);
  expect(at).toBeGreaterThanOrEqual(0);
  return numbered(rows.with(at, { ...rows[at]!, ...change(rows[at]!) }));
};
const without = (of: (row: JournalRow) => boolean) => numbered(rows.filter((row) => row !== rows.findLast(of)));
const ofPoint = ({ stream }: JournalRow) => stream === pointStream(POINT);

/** With a hash that holds again. */
const renamedHead = (row: JournalRow) => {
  const content = { ...row, observed: '{"head":"f"}' };
  return { ...content, hash: hash('sha256', rowPreimage(content)) };
};

describe('what is asked about one point', () => {
  test('holds in a journal that does, with few rows read', async () => {
    const store = new Rows(rows, null);
    expect(await pointProblem(store, RUN, POINT)).toBeNull();
    expect(store.read_rows).toBeLessThan(rows.filter(ofPoint).length + 5);
    expect(await chainProblem(store.read(RUN))).toBeNull();
  });

  test.each<[string, readonly JournalRow[], string]>([
    [
      'its answer was altered',
      altered(
        (row) => ofPoint(row) && row.type === 'effect.answered',
        () => ({ body: '{}' }),
      ),
      'BODY_MISMATCH',
    ],
    ['a row of it is gone', without((row) => ofPoint(row) && row.type === 'effect.intended'), 'GAP'],
    ['its end is gone', without((row) => ofPoint(row) && row.type === 'point.ended'), 'HEAD_MISMATCH'],
    [
      'the study took another end in',
      altered(isEnd, ({ body }) => ({ body: body.replace('"calls":', '"calls":1') })),
      'BODY_MISMATCH',
    ],
    ['the study names another head', altered(isEnd, renamedHead), 'HEAD_MISMATCH'],
    ['the study knows of no end', without(isEnd), 'MISSING'],
    [
      'the first row was altered',
      altered(
        ({ type }) => type === 'run.started',
        () => ({ observed: '{"host":"x"}' }),
      ),
      'BODY_MISMATCH',
    ],
    [
      'it was made another run',
      altered(
        ({ type }) => type === 'run.started',
        () => ({ prev: 'f' }),
      ),
      'CHAIN_BREAK',
    ],
  ])('does not hold where %s', async (_what, changed, verdict) => {
    expect(await pointProblem(new Rows(changed, null), RUN, POINT)).toContain(verdict);
  });

  test('a point in flight has no end that could be missing', async () => {
    const began = rows.findIndex(ofPoint);
    expect(await pointProblem(new Rows(rows.slice(0, began + 2), null), RUN, POINT)).toBeNull();
    expect(await pointProblem(new Rows(rows, null), RUN, 999)).toBeNull();
  });
});
