import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/ir/canonical.ts';
import { genesis, rowPreimage, verifyChain } from '../../src/ir/chain.ts';
import type { JournalRow } from '../../src/ir/events.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A run with two points, of which the first one finished. */
function journal(run = 'run-1'): JournalRow[] {
  const rows: JournalRow[] = [];
  const append = (stream: string, type: JournalRow['type'], body: string, observed = '{}'): string => {
    const last = rows.findLast((row) => row.stream === stream);
    const content = {
      run,
      stream,
      seq: (last?.seq ?? 0) + 1,
      type,
      body,
      observed,
      wall_ms: 1_700_000_000_000 + rows.length,
      fence: 1,
      prev: last?.hash ?? genesis(run, stream, sha256),
    };
    const hash = sha256(rowPreimage(content));
    rows.push({ ...content, position: rows.length + 1, hash });
    return hash;
  };
  append('study', 'run.started', '{"semantics":1}');
  append('study', 'point.started', '{"point":1,"row":0,"table":"explore"}');
  append('point/1', 'point.began', '{"point":1,"values":{"width":5}}');
  append('point/2', 'point.began', '{"point":2,"values":{"width":6}}');
  const head = append('point/1', 'point.ended', '{"result":{}}');
  append('study', 'point.finished', '{"point":1,"result":{}}', `{"head":"${head}"}`);
  append('study', 'run.finished', '{"status":"completed"}');
  return rows;
}

function problemsOf(rows: readonly JournalRow[]): string[] {
  const report = verifyChain(rows, sha256);
  return report.ok ? [] : report.problems.map(({ verdict, stream, seq }) => `${verdict}@${stream}/${seq}`);
}

function without(rows: readonly JournalRow[], stream: string, seq: number): JournalRow[] {
  return rows.filter((row) => row.stream !== stream || row.seq !== seq);
}

describe('the text that is hashed', () => {
  test('is canonical JSON', () => {
    const texts = fc.record({ body: fc.string({ unit: 'grapheme' }), observed: fc.string({ unit: 'binary' }) });
    fc.assert(
      fc.property(texts, fc.maxSafeNat(), (text, wall_ms) => {
        const preimage = rowPreimage({ ...journal()[0]!, ...text, wall_ms });
        expect(canonicalJson(JSON.parse(preimage))).toBe(preimage);
      }),
    );
  });

  test('begins with its version, and is pinned: old journals must verify for ever', () => {
    const [first] = journal();
    expect(rowPreimage(first!)).toMatch(/^\["expctl\.journal\.v1","run-1","study",1,"run\.started",/);
    expect(genesis('run-1', 'study', sha256)).toBe('6d62f94774401bca38d347e6166c92164ff75eee2d6df892e4233bdfdbfda43b');
    expect(first!.hash).toBe('af0d701ed6f2ef0125ba1bbc095563db7e74c70f73d781c6beb6db5cb9e8894b');
  });

  test('tells apart what a mere concatenation would not', () => {
    const [row] = journal();
    const moved = { ...row!, body: `${row!.body}","{}`, observed: '' };
    expect(rowPreimage(moved)).not.toBe(rowPreimage(row!));
  });
});

describe('verdicts', () => {
  test('ok, with what was seen', () => {
    expect(verifyChain(journal(), sha256)).toEqual({ ok: true, rows: 7, streams: 3 });
    expect(verifyChain([], sha256)).toEqual({ ok: true, rows: 0, streams: 0 });
  });

  test('an edit of any field of any row but its position is found', () => {
    const edits: { [Field in Exclude<keyof JournalRow, 'position'>]: (row: JournalRow) => JournalRow[Field] } = {
      run: () => 'run-2',
      stream: (row) => (row.stream === 'point/2' ? 'point/3' : 'point/2'),
      seq: (row) => row.seq + 1,
      type: (row) => (row.type === 'run.paused' ? 'run.resumed' : 'run.paused'),
      body: (row) =>
        row.body.replace('1', '2').replace('"result"', '"Result"').replace('completed', 'stopped').concat(' '),
      observed: (row) => row.observed.replace('{', '{ '),
      wall_ms: (row) => row.wall_ms + 1,
      fence: (row) => row.fence + 1,
      prev: (row) => flipped(row.prev),
      hash: (row) => flipped(row.hash),
    };
    for (const index of journal().keys()) {
      for (const [field, edit] of Object.entries(edits)) {
        const rows = journal();
        rows[index] = { ...rows[index]!, [field]: edit(rows[index]!) };
        expect(problemsOf(rows), `${field} of row ${index}`).not.toEqual([]);
      }
    }
  });

  test('one edit of a body gives one verdict', () => {
    const rows = journal();
    rows[1] = { ...rows[1]!, body: '{"point":1,"row":5,"table":"explore"}' };
    expect(problemsOf(rows)).toEqual(['BODY_MISMATCH@study/2']);
  });

  test('a row that was rewritten with its hash breaks the chain behind it', () => {
    const rows = journal();
    const forged = { ...rows[1]!, body: '{"point":1,"row":5,"table":"explore"}' };
    rows[1] = { ...forged, hash: sha256(rowPreimage(forged)) };
    expect(problemsOf(rows)).toEqual(['CHAIN_BREAK@study/3']);
  });

  test('a missing, a doubled and a swapped row are gaps', () => {
    const rows = journal();
    expect(problemsOf(without(rows, 'study', 2))).toEqual(['GAP@study/3']);
    expect(problemsOf(without(rows, 'study', 1))).toEqual(['GAP@study/2']);
    expect(problemsOf([...rows, rows[6]!])).toEqual(['GAP@study/4']);
    expect(problemsOf([rows[1]!, rows[0]!])).toEqual(['GAP@study/2', 'GAP@study/1']);
  });

  test("a finished point's stream that was cut is found by the head in the study", () => {
    expect(problemsOf(without(journal(), 'point/1', 2))).toEqual(['HEAD_MISMATCH@study/3']);
    expect(problemsOf(journal().filter((row) => row.stream !== 'point/1'))).toEqual(['HEAD_MISMATCH@study/3']);
  });

  test('a stream of another run does not fit in', () => {
    const foreign = journal('run-2').filter((row) => row.stream === 'point/2');
    const spliced = journal().map((row) => (row.stream === 'point/2' ? { ...foreign[0]!, run: 'run-1' } : row));
    expect(problemsOf(spliced)).toEqual(['CHAIN_BREAK@point/2/1', 'BODY_MISMATCH@point/2/1']);
  });

  test('rows that hold no JSON do not end the verification', () => {
    const rows = journal();
    rows[5] = { ...rows[5]!, body: '{', observed: '7' };
    expect(problemsOf(rows)).toEqual(['BODY_MISMATCH@study/3', 'HEAD_MISMATCH@study/3']);
  });
});

function flipped(hex: string): string {
  return (hex.startsWith('0') ? '1' : '0') + hex.slice(1);
}
