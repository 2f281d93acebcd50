import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { journalFile } from '../../src/adapters/sqlite/database.ts';
import { openEvidence } from '../../src/adapters/sqlite/evidence.ts';
import { unwrap } from '../../src/base/result.ts';
import type { JournalRow } from '../../src/ir/events.ts';
import { placed } from '../../src/provenance/verdicts.ts';
import { verifyRun } from '../../src/provenance/verify-run.ts';
import { drafts, insertRows, restamp } from './altered.ts';
import { expctl } from './app.ts';
import { type Recorded, recordRun, RUN, SPOILT } from './recorded.ts';
import { keepCheckpoints, noteOf, rootOf, serviceKey, tamper } from './verify-store.ts';

/*
 * Any change of one character in any field of any row, any row that is removed, any tail that is cut, and any history that forks is
 * found, with the verdict that fits; in real stores, changed in place and put back.
 */

const KEY = serviceKey(5);
const COLUMNS = ['run', 'stream', 'seq', 'type', 'body', 'observed', 'wall_ms', 'fence', 'prev', 'hash'] as const;
type Column = (typeof COLUMNS)[number];

/** What a change of one field may be called first. A row that leaves its run or stream is missed there, or refused where it appears. */
const FITTING: Readonly<Record<Column, RegExp>> = {
  run: /^(GAP|TRUNCATED|FORK|HEAD_MISMATCH)@/,
  stream: /^(GAP|CHAIN_BREAK|TRUNCATED)@/,
  seq: /^(GAP|CHAIN_BREAK|TRUNCATED)@/,
  type: /^BODY_MISMATCH@/,
  body: /^BODY_MISMATCH@/,
  observed: /^BODY_MISMATCH@/,
  wall_ms: /^BODY_MISMATCH@/,
  fence: /^BODY_MISMATCH@/,
  prev: /^CHAIN_BREAK@/,
  hash: /^BODY_MISMATCH@/,
};

let recorded: Recorded;
let store: string;
beforeAll(async () => {
  recorded = await recordRun({ spoil: SPOILT });
  ({ store } = recorded);
});
afterAll(() => recorded.remove());

/** Places and verdicts, in the order of finding. */
async function found(
  notes: readonly string[] = [noteOf(recorded.rows, KEY, '2026-01-31T12:00:00Z')],
): Promise<string[]> {
  const journal = unwrap(openEvidence(store));
  const { run, request_sha256, lock_sha256, lock } = recorded;
  const facts = { run, name: lock.name, lock_sha256, request_sha256, created_ms: 0 };
  const report = await verifyRun({
    ...{ journal, run: facts, is_listed: true, objects: recorded.artifacts, with_artifacts: false },
    checkpoints: [{ path: 'notes', text: notes.join('\n') }],
    keys: [{ raw: KEY.raw, fingerprint: 'SHA256:x', service: null }],
  });
  journal.close();
  return report.problems.map(placed);
}

/** Changes the journal, looks, and puts every row back as it was. */
async function lookedAt<T>(change: (database: Database.Database) => void, look: () => Promise<T>): Promise<T> {
  tamper(store, change);
  try {
    return await look();
  } finally {
    tamper(store, (database) => {
      database.exec('DELETE FROM events');
      insertRows(database, recorded.rows);
    });
  }
}

/** The same text with one character changed, as a number where it is one. */
function changed(value: string | number, at: number): string | number {
  const text = String(value);
  const place = at % text.length;
  const other = /[0-8]/.test(text[place]!)
    ? String(Number(text[place]) + 1)
    : text[place] === 'x'
      ? 'y'
      : text[place] === '9'
        ? '8'
        : 'x';
  const next = `${text.slice(0, place)}${other}${text.slice(place + 1)}`;
  return typeof value === 'number' ? Number(next) : next;
}

async function verdictOf(row: JournalRow, column: Column, at: number): Promise<string[] | null> {
  // With one digit more, since the store refuses a number that is taken.
  const value = column === 'seq' ? Number(`${1 + (at % 9)}${row.seq}`) : changed(row[column], at);
  const taken = recorded.rows.some(
    (other) =>
      other.stream === (column === 'stream' ? value : row.stream) && other.seq === (column === 'seq' ? value : row.seq),
  );
  if ((column === 'stream' || column === 'seq') && (taken || value === 0)) return null; // the store refuses it
  const update = `UPDATE events SET ${column} = ? WHERE position = ?`;
  return lookedAt(
    (database) => database.prepare(update).run(value, row.position),
    () => found(),
  );
}

describe('a change of one character', () => {
  test('the journal that was not changed holds', async () => {
    expect(await found()).toEqual([]);
  });

  test.each(COLUMNS)('in %s of any row is found, with a verdict that fits', async (column) => {
    let tried = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(recorded.rows.length - 1), fc.nat(10_000), async (index, at) => {
        const row = recorded.rows[index]!;
        const problems = await verdictOf(row, column, at);
        if (problems === null) return;
        tried += 1;
        expect(problems[0], `${column} of ${row.stream}/${row.seq}`).toMatch(FITTING[column]);
        if (FITTING[column].test(`BODY_MISMATCH@`))
          expect(problems).toContain(`BODY_MISMATCH@${row.stream}/${row.seq}`);
      }),
      { numRuns: Number(process.env['EXPCTL_CHANGES'] ?? 25) },
    );
    expect(tried).toBeGreaterThan(5);
  });
});

test('any row that is removed is found', async () => {
  for (let index = 0; index < recorded.rows.length; index += 9) {
    const { position, stream, seq } = recorded.rows[index]!;
    const problems = await lookedAt(
      (database) => database.prepare('DELETE FROM events WHERE position = ?').run(position),
      () => found(),
    );
    expect(problems[0], `${stream}/${seq}`).toMatch(/^(GAP|TRUNCATED|HEAD_MISMATCH)@/);
  }
});

test('any row that is moved among the others is found where a checkpoint exists', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(recorded.rows.length - 1), fc.nat(recorded.rows.length - 1), async (from, to) => {
      fc.pre(from !== to);
      const rows = recorded.rows.map((row, index) => ({ ...row, position: 2 * index + 2 }));
      rows[from]!.position = 2 * to + (from < to ? 3 : 1);
      const moved = (database: Database.Database) => {
        database.exec('DELETE FROM events');
        insertRows(database, rows);
      };
      expect((await lookedAt(moved, () => found()))[0]).toMatch(/^(GAP|TRUNCATED|HEAD_MISMATCH|FORK)@/);
    }),
    { numRuns: 20 },
  );
});

test('any history that forks is found, whoever made its chains anew', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(recorded.rows.length - 1), fc.nat(recorded.rows.length), async (fork, cut) => {
      const rows = drafts(recorded.rows).slice(0, Math.max(fork + 1, cut));
      rows[fork]!.wall_ms += 1;
      const rewritten = (database: Database.Database) => {
        database.exec('DELETE FROM events');
        insertRows(database, restamp(rows));
      };
      // A checkpoint of any size behind the fork tells; only the last one says that rows are missing too.
      const sizes = [fork + 1, recorded.rows.length];
      const notes = sizes.map((size) => noteOf(recorded.rows.slice(0, size), KEY, '2026-01-31T12:00:00Z'));
      const problems = await lookedAt(rewritten, () => found(notes));
      expect(problems.some((problem) => problem.startsWith('FORK@'))).toBe(true);
      const isCut = rows.length < recorded.rows.length;
      expect(problems.some((problem) => problem.startsWith('TRUNCATED@'))).toBe(isCut);
    }),
    { numRuns: 25 },
  );
});

test('a byte of the file that is changed never ends in a failure of verify itself, and what holds is what was there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'expctl-bytes-'));
  try {
    cpSync(recorded.project, folder, { recursive: true });
    const copy = join(folder, '.expctl');
    keepCheckpoints(copy, RUN, [noteOf(recorded.rows, KEY, '2026-01-31T12:00:00Z')], KEY);
    for (const end of ['-wal', '-shm']) rmSync(`${journalFile(copy)}${end}`, { force: true });
    const sound = readFileSync(journalFile(copy));
    const counts = { holds: 0, broken: 0, unusable: 0 };
    await fc.assert(
      fc.asyncProperty(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Buffer.from(sound);
        bytes[at] = bytes[at]! ^ change;
        writeFileSync(journalFile(copy), bytes);
        const { status, out } = await expctl(['verify', RUN, '--json', '--no-artifacts'], { cwd: folder });
        expect([0, 2, 6, 7], out).toContain(status);
        const document = JSON.parse(out) as { root?: string; error?: { code: string } };
        if (status === 0) expect(document.root, `byte ${at}`).toBe(rootOf(recorded.rows));
        // A run whose name was changed in the list is not there any more.
        if (status === 2) expect(document.error!.code).toBe('NOT_FOUND');
        counts[status === 0 ? 'holds' : status === 6 ? 'broken' : 'unusable'] += 1;
      }),
      { numRuns: Number(process.env['EXPCTL_CHANGES'] ?? 25) * 5 },
    );
    expect(counts.broken).toBeGreaterThan(20);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
