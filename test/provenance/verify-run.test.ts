import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { journalFile } from '../../src/adapters/sqlite/database.ts';
import type { JsonObject } from '../../src/base/json.ts';
import type { JournalRow } from '../../src/ir/events.ts';
import { VERDICTS } from '../../src/provenance/verdicts.ts';
import { assertGolden } from '../golden.ts';
import { type Draft, drafts, edit, findRows, insertRows, restamp, storeOf } from './altered.ts';
import { expctl, masked, type TestApp } from './app.ts';
import { type Recorded, recordRun, RUN, SPOILT } from './recorded.ts';
import { keepCheckpoints, noteOf, rootOf, serviceKey, tamper } from './verify-store.ts';

/*
 * The controls of `verify RUN`: copies of one real journal, each with one thing that does not hold, and what it says of each.
 */

const KEY = serviceKey(5);
const folders: string[] = [];
let recorded: Recorded;
/** One that waits at its gate: nobody has signed anything about it yet. */
let waiting: Recorded;
/** A copy of the first one's project whose store has checkpoints of 40 rows, of some behind the gate's decision, and of all. */
let sound: string;
/** A row that no signed decision is about, and the size of the second checkpoint. */
let behind_gate: number;
let second: number;

beforeAll(async () => {
  recorded = await recordRun({ spoil: SPOILT });
  waiting = await recordRun({ gate: 'wait' });
  const [gate] = findRows(drafts(recorded.rows), 'gate.decided');
  [behind_gate, second] = [gate! + 10, gate! + 20];
  sound = copyOf(recorded.project);
  keepCheckpoints(join(sound, '.expctl'), RUN, notesOf(recorded.rows), KEY);
});
afterAll(() => {
  recorded.remove();
  waiting.remove();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const TIMES = ['2026-01-31T12:00:01.000Z', '2026-01-31T12:00:02.000Z', '2026-01-31T12:00:03.000Z'];
const notesOf = (rows: readonly JournalRow[]) =>
  [40, second, rows.length].map((size, at) => noteOf(rows.slice(0, size), KEY, TIMES[at]!));

function copyOf(project: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'expctl-verify-'));
  folders.push(copy);
  cpSync(project, copy, { recursive: true });
  return copy;
}

/** A project whose store holds other rows, whatever its triggers would say; with the checkpoints of the sound one, or without. */
function projectOf(rows: readonly JournalRow[], checkpoints: 'with' | 'without' = 'with', of = recorded): string {
  const project = storeOf(of, []);
  folders.push(project);
  tamper(join(project, '.expctl'), (database) => insertRows(database, rows));
  if (checkpoints === 'with') keepCheckpoints(join(project, '.expctl'), RUN, notesOf(recorded.rows), KEY);
  return project;
}

interface Told {
  readonly verdict: string;
  readonly stream: string | null;
  readonly seq: number | null;
  readonly message: string;
  readonly hint: string;
}

async function verify(project: string, args: readonly string[] = [], options: Partial<TestApp> = {}) {
  const { status, out, err } = await expctl(['verify', RUN, '--json', ...args], { cwd: project, ...options });
  const document = JSON.parse(out) as { error?: { code: string; details: { problems: Told[] } } };
  const problems = document.error?.details.problems ?? [];
  const found = problems.map(({ verdict, stream, seq }) => (stream === null ? verdict : `${verdict}@${stream}/${seq}`));
  return { status, err, report: document as JsonObject, code: document.error?.code, problems, found };
}

const place = ({ stream, seq }: Pick<JournalRow, 'stream' | 'seq'>) => `${stream}/${seq}`;

describe('a journal that holds', () => {
  test('is told with what was checked, and what was not', async () => {
    const { status, out, err } = await expctl(['verify', 'beam', '--store', '.expctl'], { cwd: sound });
    expect(status).toBe(0);
    const text = `${out}--\n${err}`.replace(rootOf(recorded.rows), 'ROOT');
    assertGolden('provenance/verify-holds.txt', masked(text));
  });

  test('has the root that the definition gives, and the checkpoints hold', async () => {
    const { status, report } = await verify(sound);
    expect(status).toBe(0);
    const checkpoints = [40, second, recorded.rows.length].map((size) => ({ size, holds: true }));
    expect(report).toMatchObject({ holds: true, root: rootOf(recorded.rows), rows: recorded.rows.length, checkpoints });
    expect(report).toMatchObject({ signed: [{ gate: 'pilot' }], ended: { status: 'stopped' }, points: 12, copy: null });
  });

  test('without checkpoints says that its end cannot be told', async () => {
    const { status, report } = await verify(recorded.project);
    expect(status).toBe(0);
    expect(report['not_checked']).toEqual([expect.stringContaining('there is no checkpoint of this run')]);
  });

  test('names the service whose key the trust policy knows', async () => {
    const policy = JSON.parse(readFileSync(recorded.trust_path, 'utf8')) as JsonObject;
    const trust = join(copyOf(sound), '..', `trust-${process.pid}.json`);
    folders.push(trust);
    const services = { 'engine@lab': { keys: [{ ed25519: KEY.entry }], may: ['checkpoint'] } };
    writeFileSync(trust, JSON.stringify({ ...policy, services }), { mode: 0o600 });
    const named = await verify(sound, ['--trust', trust]);
    expect(named.report).toMatchObject({ checkpoints: [{ service: 'engine@lab' }, {}, {}] });
    expect(named.report['not_checked']).toEqual([]);
    const { out } = await expctl(['verify', RUN, '--trust', trust], { cwd: sound });
    expect(out).toContain('signed by engine@lab, SHA256:');
    expect(out).toContain('which the trust policy names');
    // A policy that had ended before the run began names nobody.
    const ended = { ...policy, services, expires: '2025-01-01T00:00:00Z' };
    writeFileSync(trust, JSON.stringify(ended), { mode: 0o600 });
    expect((await verify(sound, ['--trust', trust])).report).toMatchObject({
      checkpoints: [{ service: null }, {}, {}],
    });
    const unnamed = await expctl(['verify', RUN], { cwd: sound });
    expect(unnamed.out).toContain('not named by the trust policy');
  });

  test('is told from a lock by its name; a name that could be both is refused', async () => {
    const project = copyOf(sound);
    writeFileSync(join(project, 'beam'), 'a file');
    const both = await expctl(['verify', 'beam'], { cwd: project });
    expect(both.status).toBe(2);
    expect(both.err).toContain(`beam is a file here, and could be run ${RUN}`);
    for (const name of ['other.lock.json', './beam']) {
      const { err } = await expctl(['verify', name, '--against', '.expctl'], { cwd: project });
      expect(err).toContain('--against is of a run, and a lock was named');
    }
    const { err } = await expctl(['verify', RUN, '--env', 'local'], { cwd: project });
    expect(err).toContain('--env is of a lock, and a run was named');
  });
});

interface Control {
  readonly name: string;
  readonly verdict: keyof typeof VERDICTS;
  /** Where it is found first; null where it is no row's. */
  readonly at: string | null;
  readonly args?: readonly string[];
  readonly make: () => string;
}

/** Copies whose rows were changed by somebody who then made all chains, heads and keys anew. */
function restamped(change: (rows: Draft[]) => void, checkpoints: 'with' | 'without' = 'with', of = recorded): string {
  const rows = drafts(of.rows);
  change(rows);
  return projectOf(restamp(rows), checkpoints, of);
}

/** A copy of the sound store that was changed in place. */
function tampered(...args: Parameters<typeof tamper> extends [string, ...infer Rest] ? Rest : never): string {
  const project = copyOf(sound);
  tamper(join(project, '.expctl'), ...args);
  return project;
}

/** A file that the sound store keeps beside its journal, written anew. */
function rewritten(file: string, change: (text: string) => string): string {
  const project = copyOf(sound);
  const path = join(project, '.expctl', file);
  writeFileSync(path, change(readFileSync(path, 'utf8')));
  return project;
}

const CHECKPOINTS = `checkpoints/${RUN}.checkpoint`;

const CONTROLS: readonly Control[] = [
  {
    name: 'an altered body',
    verdict: 'BODY_MISMATCH',
    at: 'point/1/3',
    make: () =>
      tampered((db) =>
        db.prepare("UPDATE events SET body = replace(body, '0', '1') WHERE stream = 'point/1' AND seq = 3").run(),
      ),
  },
  {
    name: 'a body in another spelling, hashed',
    verdict: 'BODY_MISMATCH',
    at: 'study/1',
    make: () => restamped((rows) => (rows[0]!.body = rows[0]!.body.replace('{', '{ ')), 'without'),
  },
  {
    name: 'a replaced row',
    verdict: 'CHAIN_BREAK',
    at: 'point/2/4',
    make: () => {
      const rows = drafts(recorded.rows);
      const at = rows.findIndex((row) => place(row) === 'point/2/3');
      const altered = drafts(rows);
      altered[at]!.wall_ms += 1;
      rows[at] = { ...restamp(altered)[at]! };
      return projectOf(rows, 'without');
    },
  },
  {
    name: 'a removed row',
    verdict: 'GAP',
    at: 'point/2/4',
    make: () => tampered((db) => db.prepare("DELETE FROM events WHERE stream = 'point/2' AND seq = 3").run()),
  },
  {
    name: 'a stream that was added to behind its end',
    verdict: 'HEAD_MISMATCH',
    at: null,
    make: () =>
      restamped((rows) => {
        const [at] = findRows(rows, 'point.finished');
        const end = rows[at! - 1]!;
        rows.splice(at! + 1, 0, {
          ...end,
          type: 'point.timer_fired',
          body: '{"timer":"backoff:solve"}',
          observed: '{}',
        });
      }, 'without'),
  },
  {
    name: 'a stream that was written anew',
    verdict: 'HEAD_MISMATCH',
    at: null,
    make: () => {
      const altered = drafts(recorded.rows);
      const [at] = findRows(altered, 'effect.answered');
      altered[at!]!.wall_ms += 1;
      const { stream } = altered[at!]!;
      const anew = restamp(altered);
      return projectOf(
        recorded.rows.map((row, index) => (row.stream === stream ? anew[index]! : row)),
        'without',
      );
    },
  },
  {
    name: "a point's stream without its end",
    verdict: 'TRUNCATED',
    at: null,
    make: () =>
      tampered((db) => db.prepare("DELETE FROM events WHERE stream = 'point/3' AND type = 'point.ended'").run()),
  },
  {
    name: 'a journal that was cut',
    verdict: 'TRUNCATED',
    at: null,
    make: () => tampered((db) => db.prepare('DELETE FROM events WHERE position > ?').run(recorded.rows[119]!.position)),
  },
  {
    name: 'a run that was removed',
    verdict: 'TRUNCATED',
    at: null,
    make: () =>
      tampered((db) => {
        for (const table of ['events', 'approval_uses', 'leases', 'runs']) db.exec(`DELETE FROM ${table}`);
      }),
  },
  {
    name: 'a journal that was written anew from some row on',
    verdict: 'FORK',
    at: null,
    make: () => restamped((rows) => (rows[behind_gate]!.wall_ms += 1)),
  },
  {
    name: 'a journal whose streams were shuffled among each other',
    verdict: 'FORK',
    at: null,
    make: () => {
      const rows = drafts(recorded.rows);
      const at = rows.findIndex(
        (row, index) =>
          index > behind_gate &&
          row.stream !== rows[index + 1]!.stream &&
          row.stream !== 'study' &&
          rows[index + 1]!.stream !== 'study',
      );
      const [one, two] = [rows[at]!, rows[at + 1]!];
      rows[at] = { ...two, position: one.position };
      rows[at + 1] = { ...one, position: two.position };
      return projectOf(rows);
    },
  },
  {
    name: 'a decision that was signed on another journal',
    verdict: 'FORK',
    at: null,
    make: () =>
      restamped((rows) => {
        const [gate] = findRows(rows, 'gate.opened');
        rows[gate!]!.wall_ms += 1;
      }, 'without'),
  },
  {
    name: 'a row by a process that had lost the run',
    verdict: 'FENCE_FELL',
    at: null,
    make: () => restamped((rows) => (rows[behind_gate]!.fence = 0), 'without'),
  },
  {
    name: 'a run that is listed with another lock',
    verdict: 'RUN_MISMATCH',
    at: 'study/1',
    make: () => tampered((db) => db.prepare("UPDATE runs SET lock_sha256 = replace(lock_sha256, 'a', 'b')").run()),
  },
  {
    name: 'a run that is no longer counted as a use of its request',
    verdict: 'RUN_MISMATCH',
    at: null,
    make: () => tampered((db) => db.exec('DELETE FROM approval_uses')),
  },
  {
    name: 'a lease that was set back',
    verdict: 'FENCE_FELL',
    at: null,
    make: () => {
      const fenced = drafts(waiting.rows).map((row) => ({ ...row, fence: 2 }));
      return projectOf(restamp(fenced), 'without', waiting);
    },
  },
  {
    name: 'a store without its triggers',
    verdict: 'UNPROTECTED',
    at: null,
    make: () => tampered(() => undefined, 'lost'),
  },
  {
    name: 'a trigger that does nothing',
    verdict: 'UNPROTECTED',
    at: null,
    make: () =>
      tampered((db) => db.exec('CREATE TRIGGER events_hold BEFORE UPDATE ON events BEGIN SELECT 1; END'), 'lost'),
  },
  {
    name: 'an event that nobody knows',
    verdict: 'SCHEMA_NEWER',
    at: null,
    make: () => restamped((rows) => (rows[behind_gate]!.type = 'effect.imagined' as never), 'without'),
  },
  {
    name: 'a run of newer semantics',
    verdict: 'SCHEMA_NEWER',
    at: 'study/1',
    make: () => restamped((rows) => edit(rows[0]!, (body) => (body['semantics'] = 99)), 'without'),
  },
  {
    name: 'a store of a newer format',
    verdict: 'SCHEMA_NEWER',
    at: null,
    make: () => tampered((db) => db.pragma('user_version = 99')),
  },
  {
    name: 'a checkpoint that was changed',
    verdict: 'CHECKPOINT_INVALID',
    at: null,
    make: () => rewritten(CHECKPOINTS, (text) => text.replace('at interval', 'at leisure')),
  },
  {
    name: 'a checkpoint of another run',
    verdict: 'CHECKPOINT_INVALID',
    at: null,
    make: () => rewritten(CHECKPOINTS, (text) => `${text}\n${noteOf(recorded.rows, KEY, TIMES[0]!, 'beam-other')}`),
  },
  {
    name: 'a file of checkpoints that is none',
    verdict: 'CHECKPOINT_INVALID',
    at: null,
    make: () => rewritten(CHECKPOINTS, () => 'Dear reader,\n\nall is well.\n'),
  },
  {
    name: 'a file that a tool made, and is gone',
    verdict: 'ARTIFACT_MISSING',
    at: null,
    make: () => {
      const project = copyOf(sound);
      rmSync(artifactIn(project));
      return project;
    },
  },
  {
    name: 'a file that a tool made, and was changed',
    verdict: 'ARTIFACT_CHANGED',
    at: null,
    make: () => {
      const project = copyOf(sound);
      rmSync(artifactIn(project));
      writeFileSync(artifactIn(project), 'another file');
      return project;
    },
  },
  {
    name: 'a damaged database',
    verdict: 'CORRUPT',
    at: null,
    make: () => {
      const project = copyOf(sound);
      const file = journalFile(join(project, '.expctl'));
      const bytes = readFileSync(file);
      writeFileSync(file, Buffer.concat([bytes.subarray(0, 8192), Buffer.alloc(4096, 0xff), bytes.subarray(12_288)]));
      return project;
    },
  },
  {
    name: 'a file that is no database',
    verdict: 'CORRUPT',
    at: null,
    make: () => {
      const project = copyOf(sound);
      const file = journalFile(join(project, '.expctl'));
      writeFileSync(file, Buffer.concat([Buffer.from('no database'), readFileSync(file).subarray(11)]));
      return project;
    },
  },
];

/** The file of the first artifact that an answer names. */
function artifactIn(project: string): string {
  const [at] = findRows(drafts(recorded.rows), 'effect.answered', (body) => JSON.stringify(body).includes('"sha256"'));
  const sha256 = /"sha256":"([0-9a-f]{64})"/.exec(recorded.rows[at!]!.body)![1]!;
  return join(project, '.expctl/cas/sha256', sha256.slice(0, 2), sha256.slice(2));
}

describe('what does not hold', () => {
  test('every verdict has a control', () => {
    expect([...new Set(CONTROLS.map(({ verdict }) => verdict))].sort()).toEqual(Object.keys(VERDICTS).sort());
  });

  test('every verdict is explained in docs/evidence.md', () => {
    const docs = readFileSync(new URL('../../docs/evidence.md', import.meta.url), 'utf8');
    const rows = Object.entries(VERDICTS).map(([verdict, { means }]) => `| \`${verdict}\` | ${means} |`);
    expect(docs).toContain(rows.join('\n'));
  });

  test.each(CONTROLS)('$name: $verdict', async ({ verdict, at, args, make }) => {
    const { status, err, code, problems, found } = await verify(make(), args);
    expect({ status, code }, err).toEqual({ status: 6, code: 'EVIDENCE_BROKEN' });
    const [first] = problems;
    expect(first!.verdict, JSON.stringify(found)).toBe(verdict);
    if (at !== null) expect(found[0]).toBe(`${verdict}@${at}`);
    expect(problems.every(({ message, hint }) => message.length > 10 && hint.length > 10)).toBe(true);
    expect(err).toContain(VERDICTS[verdict].hint);
    expect(err).not.toMatch(/^\s+at .*:\d+:\d+/m);
  });

  test('is told in words', async () => {
    const told: string[] = [];
    for (const { name, make, args = [] } of CONTROLS) {
      const { err } = await expctl(['verify', RUN, ...args], { cwd: make() });
      told.push(`# ${name}\n${err.replaceAll(/\S*\/journal\.sqlite/g, 'journal.sqlite')}`);
    }
    assertGolden('provenance/verify-broken.txt', masked(told.join('\n')));
  });

  test('artifacts are not read where nobody wants it, and that is said', async () => {
    const project = copyOf(sound);
    rmSync(artifactIn(project));
    const { status, report } = await verify(project, ['--no-artifacts']);
    expect(status).toBe(0);
    expect(report['not_checked']).toContain('Files that tools made: --no-artifacts.');
  });

  test('a run of newer semantics is verified as far as it goes: another edit is found too', async () => {
    const rows = drafts(waiting.rows);
    edit(rows[0]!, (body) => (body['semantics'] = 99));
    rows[57]!.type = 'effect.imagined' as never;
    const altered = restamp(rows);
    expect((await verify(projectOf(altered, 'without', waiting))).found).toEqual(['SCHEMA_NEWER@study/1']);
    const answer = altered.findIndex(({ type }, at) => at > 57 && type === 'effect.answered');
    const broken = altered.map((row, at) => (at === answer ? { ...row, observed: '{"x":1}' } : row));
    const { found } = await verify(projectOf(broken, 'without', waiting));
    expect(found).toEqual(['SCHEMA_NEWER@study/1', `BODY_MISMATCH@${place(broken[answer]!)}`]);
  });
});

describe('checkpoints', () => {
  test('any cut tail is found, and named by the checkpoint that holds more', async () => {
    const project = copyOf(sound);
    const store = join(project, '.expctl');
    for (let rows = recorded.rows.length - 1; rows > 0; rows -= rows > 20 ? 7 : 1) {
      tamper(store, (db) => db.prepare('DELETE FROM events WHERE position > ?').run(recorded.rows[rows - 1]!.position));
      const { found, problems } = await verify(project, ['--no-artifacts']);
      const { stream, seq } = recorded.rows.at(-1)!;
      expect(found, `${rows} rows`).toContain(`TRUNCATED@${stream}/${seq}`);
      const cut = problems.find(({ message }) => message.includes('the journal was cut'));
      expect(cut!.message).toContain(`of ${TIMES[2]} in `);
      expect(cut!.message).toMatch(new RegExp(`holds ${recorded.rows.length} rows, ${rows} are there$`));
    }
  });

  test('a fork is found behind the last checkpoint that holds', async () => {
    const { found, problems, report } = await verify(restamped((rows) => (rows[behind_gate]!.wall_ms += 1)));
    expect(found[0]).toBe(`FORK@${place(recorded.rows[second - 1]!)}`);
    expect(problems[0]!.message).toContain(`from row 41 to row ${second}`);
    const { checked } = (report['error'] as { details: { checked: JsonObject } }).details;
    expect(checked['checkpoints']).toMatchObject([
      { size: 40, holds: true },
      { size: second, holds: false },
      { holds: false },
    ]);
  });

  test('that lie elsewhere are given by --checkpoint or EXPCTL_CHECKPOINTS', async () => {
    const project = projectOf(recorded.rows.slice(0, 150), 'without');
    const elsewhere = copyOf(join(sound, '.expctl/checkpoints'));
    const file = join(elsewhere, `${RUN}.checkpoint`);
    expect((await verify(project)).status).toBe(0);
    for (const named of [
      await verify(project, ['--checkpoint', file]),
      await verify(project, [], { env: { EXPCTL_CHECKPOINTS: elsewhere } }),
    ]) {
      expect(named.found[0]).toMatch(/^TRUNCATED@/);
      // The store of this copy does not know the key: whether the signature holds could not be looked at, and the rows could.
      expect(JSON.stringify(named.report)).toContain('neither the trust policy nor the store knows its key');
    }
    expect((await verify(project, ['--checkpoint', join(elsewhere, 'nothing')])).code).toBe('FILE_UNREADABLE');
  });

  test('of which the last one was not written to its end are taken as far as they go', async () => {
    const whole = readFileSync(join(sound, '.expctl', CHECKPOINTS), 'utf8');
    for (const cut of [3, 40, 120]) {
      const { status, report } = await verify(rewritten(CHECKPOINTS, () => whole.slice(0, -cut)));
      expect(status).toBe(0);
      expect(report['checkpoints']).toHaveLength(2);
      expect(String(report['not_checked'])).toContain('is no whole checkpoint');
    }
    for (const begun of ['', 'expctl/jour', `expctl/journal/${RUN}\n4`]) {
      expect((await verify(rewritten(CHECKPOINTS, () => begun))).status, begun).toBe(0);
    }
  });
});

describe('two copies', () => {
  const against = (project: string, other: string) => verify(project, ['--against', join(other, '.expctl')]);

  test('that are the same, or of which the other is the beginning, hold', async () => {
    const other = copyOf(sound);
    const same = await against(sound, other);
    expect(same.report).toMatchObject({ holds: true, copy: { kind: 'same', rows: recorded.rows.length } });
    tamper(join(other, '.expctl'), (db) => db.prepare('DELETE FROM events WHERE position > 100').run());
    const longer = await against(sound, other);
    expect(longer.report).toMatchObject({ holds: true, copy: { kind: 'longer', other_rows: 100 } });
    const { out } = await expctl(['verify', RUN, '--against', join(other, '.expctl')], { cwd: sound });
    expect(out).toMatch(/the 100 rows in .* are the first of these/);
    const cut = await against(other, sound);
    expect(cut.found).toContain(`TRUNCATED@${place(recorded.rows[100]!)}`);
  });

  test('that fork are told apart at the row, with which of them holds by itself', async () => {
    const forked = restamped((rows) => (rows[behind_gate]!.wall_ms += 1), 'without');
    const { found, problems } = await against(forked, sound);
    expect(found[0]).toBe(`FORK@${place(recorded.rows[behind_gate]!)}`);
    expect(problems[0]!.message).toMatch(
      new RegExp(`^behind ${behind_gate} equal rows, the copy in .*, which holds by itself, has another row`),
    );
    const edited = tampered((db) =>
      db.prepare("UPDATE events SET observed = '{}' WHERE position = ?").run(recorded.rows[behind_gate]!.position),
    );
    const other = await against(sound, edited);
    expect(other.problems.map(({ message }) => message).join()).toContain(
      `which does not hold itself: BODY_MISMATCH@${place(recorded.rows[behind_gate]!)}`,
    );
  });

  test('need a copy to be there', async () => {
    expect((await verify(sound, ['--against', sound])).code).toBe('NOT_FOUND');
    const other = await recordRun({ run: 'other' });
    expect((await against(sound, other.project)).code).toBe('NOT_FOUND');
    other.remove();
  });
});

test('nothing is written where a store is verified', async () => {
  const project = copyOf(sound);
  // Any reader of a write-ahead log makes its shared memory.
  const files = () =>
    readdirSync(join(project, '.expctl'), { recursive: true }).filter(
      (name) => !/sqlite-(shm|wal)$/.test(String(name)),
    );
  const before = files();
  const bytes = readFileSync(journalFile(join(project, '.expctl')));
  expect((await verify(project)).status).toBe(0);
  expect(readFileSync(journalFile(join(project, '.expctl')))).toEqual(bytes);
  expect(files()).toEqual(before);
});
