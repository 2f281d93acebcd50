import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rmSync } from 'node:fs';
import type { JsonObject } from '../../src/base/json.ts';
import { verifyChain } from '../../src/ir/chain.ts';
import type { JournalRow } from '../../src/ir/events.ts';
import { type Draft, drafts, edit, findRows, restamp, storeOf } from './altered.ts';
import { expctl } from './app.ts';
import { type Recorded, recordRun, sha256Of, SPOILT } from './recorded.ts';

/*
 * The controls of `replay`: copies of one real journal, each with one change. Where the chains are recomputed after the change,
 * only the kernel can find it; where they are not, the chain does.
 */

let recorded: Recorded;
const folders: string[] = [];
beforeAll(async () => {
  recorded = await recordRun({ spoil: SPOILT });
});
afterAll(() => {
  recorded.remove();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

interface Control {
  readonly name: string;
  readonly change: (rows: Draft[]) => void;
  /** What the kernel says that it expected, or found. */
  readonly says: RegExp;
}

const CONTROLS: readonly Control[] = [
  {
    name: 'an altered argument',
    change: (rows) => {
      const [at] = findRows(rows, 'effect.intended', (body) => body['step'] === 'cad');
      edit(rows[at!]!, (body) => {
        const { params } = body['arguments'] as { params: JsonObject };
        params['b'] = 9.25;
      });
    },
    says: /"b":9\.25/,
  },
  {
    name: 'an added call',
    change: (rows) => {
      const [at] = findRows(rows, 'effect.answered', (body) => body['step'] === 'cad');
      const [intent] = findRows(
        rows,
        'effect.intended',
        (body, row) => body['step'] === 'cad' && row.stream === rows[at!]!.stream,
      );
      rows.splice(at! + 1, 0, { ...rows[intent!]! }, { ...rows[at!]! });
    },
    says: /mesh\.generate/,
  },
  {
    name: 'a removed call',
    change: (rows) => {
      const [answer] = findRows(rows, 'effect.answered', (body) => body['step'] === 'mesh');
      const { stream } = rows[answer!]!;
      const [intent] = findRows(
        rows,
        'effect.intended',
        (body, row) => body['step'] === 'mesh' && row.stream === stream,
      );
      rows.splice(answer!, 1);
      rows.splice(intent!, 1);
    },
    says: /mesh\.generate/,
  },
  {
    name: 'an answer before its intent',
    change: (rows) => {
      const [answer] = findRows(rows, 'effect.answered', (body) => body['step'] === 'mesh');
      const { stream } = rows[answer!]!;
      const [intent] = findRows(
        rows,
        'effect.intended',
        (body, row) => body['step'] === 'mesh' && row.stream === stream,
      );
      const [moved] = rows.splice(answer!, 1);
      rows.splice(intent!, 0, moved!);
    },
    says: /effect\.answered/,
  },
  {
    name: 'a decision that does not follow',
    change: (rows) => {
      const [at] = findRows(rows, 'decision.made');
      edit(rows[at!]!, (body) =>
        Object.assign(body, { rule: 1, action: 'extend(explore, 4)', because: 'nothing feasible yet' }),
      );
    },
    says: /the search is bounded/,
  },
  {
    name: 'a changed metric in point.finished',
    change: (rows) => {
      const [at] = findRows(rows, 'point.finished', (body) => (body['result'] as JsonObject)['feasible'] === true);
      edit(rows[at!]!, (body) => Object.assign((body['result'] as { metrics: JsonObject }).metrics, { mass: 0.01 }));
    },
    says: /"mass":0\.01/,
  },
  {
    name: 'two swapped points',
    change: (rows) => {
      const began = findRows(rows, 'point.began');
      const [one, two] = [rows[began[0]!]!, rows[began[1]!]!];
      const values = (JSON.parse(one.body) as JsonObject)['values']!;
      edit(one, (body) => Object.assign(body, { values: (JSON.parse(two.body) as JsonObject)['values'] }));
      edit(two, (body) => Object.assign(body, { values }));
    },
    says: /point\.began/,
  },
  {
    name: 'another answer that changes a metric',
    change: (rows) => {
      const [at] = findRows(
        rows,
        'effect.answered',
        (body) => body['step'] === 'post' && (body['outcome'] as JsonObject)['ok'] === true,
      );
      edit(rows[at!]!, (body) => Object.assign((body['outcome'] as { answer: JsonObject }).answer, { mass: 0.01 }));
    },
    says: /"mass":0\.01/,
  },
  {
    name: 'an end that came too early',
    change: (rows) => {
      const [at] = findRows(rows, 'run.finished');
      const [judge] = findRows(rows, 'phase.started', (body) => body['phase'] === 'judge');
      rows.splice(judge!, at! - judge!);
    },
    says: /"phase":"judge"/,
  },
  {
    name: 'an event that is malformed',
    change: (rows) => {
      const [at] = findRows(rows, 'effect.answered');
      edit(rows[at!]!, (body) => delete body['outcome']);
    },
    says: /effect\.answered/,
  },
];

describe('with chains that were recomputed', () => {
  for (const { name, change, says } of CONTROLS) {
    test(`${name} is found by the kernel`, async () => {
      const altered = altered_copy(change);
      const rows = restamp(altered);
      expect(verifyChain(rows, sha256Of).ok, 'the copy is a sound journal as far as chains tell').toBe(true);
      const { status, details, code, err } = await replay(rows);
      expect(status).toBe(6);
      expect(details).toMatchObject({ found_by: 'kernel' });
      expect(code).toBe('REPLAY_DIVERGED');
      expect(`${details.expected} ${details.found}`).toMatch(says);
      expect(err).toContain('found by the kernel');
    });
  }
});

describe('with chains that were not', () => {
  for (const { name, change } of CONTROLS) {
    test(`${name} is found by the chain`, async () => {
      // Positions alone are made anew: two rows cannot have the same.
      const rows = altered_copy(change).map((row, index) => ({ ...row, position: index + 1, seq: row.seq }));
      const { status, details, code } = await replay(distinct(rows));
      expect(status).toBe(6);
      expect(details).toMatchObject({ found_by: 'chain' });
      expect(code).toBe('EVIDENCE_BROKEN');
    });
  }
});

test('the journal that was not changed holds, in a store of its own, with chains made anew', async () => {
  const rows = restamp(drafts(recorded.rows));
  expect(rows.map(({ hash }) => hash)).toEqual(recorded.rows.map(({ hash }) => hash));
  expect(await replay(rows)).toMatchObject({ status: 0 });
});

test('events that were cut off are missed, or the run is said not to have ended', async () => {
  const [finished] = findRows(drafts(recorded.rows), 'run.finished');
  expect(await replay(restamp(drafts(recorded.rows).slice(0, finished)))).toMatchObject({
    status: 6,
    details: { found_by: 'kernel', found: 'the end of the stream' },
  });
  const [decided] = findRows(drafts(recorded.rows), 'gate.decided');
  const cut = await replay(restamp(drafts(recorded.rows).slice(0, decided)));
  expect(cut.status).toBe(0);
  expect(cut.report).toMatchObject({ holds: true, ended: null });
  expect(String(cut.report?.['not_checked'])).toContain('whether rows were cut off at the end: the run has not ended');
});

/** A copy that was changed at least somewhere. */
function altered_copy(change: (rows: Draft[]) => void): Draft[] {
  const rows = drafts(recorded.rows);
  change(rows);
  expect(rows.map(({ body }) => body)).not.toEqual(recorded.rows.map(({ body }) => body));
  return rows;
}

/** The store itself refuses a stream's number twice; whoever adds a row takes the next free one. */
function distinct(rows: readonly JournalRow[]): JournalRow[] {
  const used = new Set<string>();
  return rows.map((row) => {
    let { seq } = row;
    while (used.has(`${row.stream}/${seq}`)) seq += 1000;
    used.add(`${row.stream}/${seq}`);
    return { ...row, seq };
  });
}

async function replay(rows: readonly JournalRow[]) {
  const project = storeOf(recorded, rows);
  folders.push(project);
  const { status, out, err } = await expctl(['replay', '--json', '--trust', recorded.trust_path], { cwd: project });
  const document = JSON.parse(out) as { error?: { code: string; details: Record<string, string> } };
  return {
    status,
    err,
    report: document.error === undefined ? (document as JsonObject) : null,
    code: document.error?.code,
    details: document.error?.details ?? {},
  };
}
