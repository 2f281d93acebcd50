import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JournalRow } from '../../src/ir/events.ts';
import { listedRun } from '../../src/provenance/list.ts';
import { drafts, edit } from './altered.ts';
import { type Recorded, recordRun } from './recorded.ts';

let recorded: Recorded;
beforeAll(async () => {
  recorded = await recordRun();
});
afterAll(() => recorded.remove());

async function* each(rows: readonly JournalRow[]): AsyncGenerator<JournalRow> {
  yield* rows;
}

function listed(rows: readonly JournalRow[]): Promise<unknown> {
  const { run, lock, lock_sha256, request_sha256 } = recorded;
  const facts = { run, name: lock.name, lock_sha256, request_sha256, created_ms: 0 };
  const holder = { state: 'nobody', pid: null, machine: null } as const;
  return listedRun({ run: facts, known: null, rows: each(rows), lock, holder, inbox: [] });
}

test('a run of which some event lacks some field is listed all the same', async () => {
  const study = recorded.rows.filter(({ stream }) => stream === 'study');
  let lists = 0;
  for (const [index, { type, body }] of study.entries()) {
    for (const field of Object.keys(JSON.parse(body) as object)) {
      const rows = drafts(study).slice(0, index + 1);
      edit(rows[index]!, (fields) => void delete fields[field]);
      await expect(listed(rows), `${type} without ${field}`).resolves.toMatchObject({ run: recorded.run });
      lists += 1;
    }
  }
  expect(lists).toBeGreaterThan(50);
});
