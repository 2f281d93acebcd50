import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { FileArtifacts } from '../../src/adapters/files/artifacts.ts';
import { openDatabase } from '../../src/adapters/sqlite/database.ts';
import { TestApp } from '../commands/support.ts';
import { type GoldenJournal, readGolden } from './file.ts';

/*
 * Old journals stay readable for ever: these were recorded from real runs, and every build has to come to the same events, decisions
 * and results. A golden file is never written anew; what a newer expctl records goes into another file. See README.md.
 */

/** Digests of the files, and what must be proved: nobody changes a golden file silently, or lets replay prove less. */
const JOURNALS: Readonly<Record<string, { readonly sha256: string; readonly proved: object }>> = {
  'beam.journal.jsonl': {
    sha256: 'f40d5b770f60057f67e7bf0eae8749a72ed1d59467794891483959859b6cdd6c',
    proved: {
      events: 420,
      streams: 25,
      points: 24,
      effects: 144,
      decisions: 2,
      approvals: 1,
      signatures: 2,
      artifacts: 120,
    },
  },
  'beam-small.journal.jsonl': {
    sha256: '4c17b966f19db1c8ba2977c6cbe6289a7f79c5b69d945861ed64b241c0815fe6',
    proved: {
      events: 106,
      streams: 7,
      points: 6,
      effects: 36,
      decisions: 0,
      approvals: 1,
      signatures: 1,
      artifacts: 12,
    },
  },
};

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const text = (name: string) => readFileSync(join(FOLDER, name), 'utf8');

interface Replayed {
  readonly holds?: boolean;
  readonly ended?: { readonly status: string };
  readonly proved?: Readonly<Record<string, number>>;
  readonly error?: { readonly code: string; readonly details: { readonly found_by: string } };
}

/** What the real command says of the rows in a fresh store. */
async function replay(journal: GoldenJournal): Promise<{ status: number; report: Replayed }> {
  const { root, project, trust } = await filled(journal);
  const app = new TestApp({ cwd: project }, join(root, 'home'));
  const ended = await app.run(['replay', '--json', '--trust', trust]);
  return { status: ended.status, report: JSON.parse(ended.stdout) as Replayed };
}

/** The same in a process of its own, in other surroundings. */
function replayIn(folder: Filled, env: Readonly<Record<string, string>>): string {
  const argv = ['--import', import.meta.resolve('tsx'), MAIN, 'replay', '--json', '--trust', folder.trust];
  const { PATH = '' } = process.env;
  const options = { cwd: folder.project, env: { PATH, HOME: folder.root, ...env }, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, options);
  expect(status, stderr).toBe(0);
  return stdout;
}

interface Filled {
  readonly root: string;
  readonly project: string;
  readonly trust: string;
}

async function filled(journal: GoldenJournal): Promise<Filled> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-golden-')));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const project = join(root, 'project');
  const store = join(project, '.expctl');
  const trust = join(root, 'trust.json');
  mkdirSync(store, { recursive: true });
  writeFileSync(trust, journal.trust, { mode: 0o600 });
  const artifacts = new FileArtifacts(store);
  for (const object of journal.objects) await artifacts.put(object);
  fill(store, journal);
  return { root, project, trust };
}

/** The run, held and released by whoever recorded it, and its rows as they were. */
function fill(store: string, { run, rows }: GoldenJournal): void {
  const database = openDatabase(store);
  const values = [run.run, run.name, run.lock_sha256, run.request_sha256, run.created_ms];
  database.prepare('INSERT INTO runs VALUES (?, ?, ?, ?, ?)').run(values);
  database.prepare("INSERT INTO leases VALUES (?, 1, 'elsewhere', '', '', 1, '', 0)").run(run.run);
  const hold = database.prepare('UPDATE leases SET fence = ?');
  const insert = database.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  for (const row of rows) {
    hold.run(row.fence);
    const { position, stream, seq, type, body, observed, wall_ms, prev, hash: digest } = row;
    insert.run(position, row.run, stream, seq, type, body, observed, wall_ms, row.fence, prev, digest);
  }
  database.prepare('UPDATE leases SET pid = NULL').run();
  database.close();
}

test('every golden journal is known here, byte for byte', () => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.journal.jsonl'));
  expect(Object.fromEntries(names.map((name) => [name, hash('sha256', text(name))]))).toEqual(
    Object.fromEntries(Object.entries(JOURNALS).map(([name, { sha256 }]) => [name, sha256])),
  );
});

for (const [name, { proved }] of Object.entries(JOURNALS)) {
  test(`${name} holds, with the signatures`, async () => {
    const { status, report } = await replay(readGolden(text(name)));
    expect({ status, ...report }).toMatchObject({ status: 0, holds: true, proved });
  });

  test(`${name} does not hold with another answer`, async () => {
    const journal = readGolden(text(name));
    const at = journal.rows.findIndex(({ type, body }) => type === 'effect.answered' && body.includes('"mass":'));
    const row = journal.rows[at]!;
    const body = row.body.replace('"mass":0', '"mass":1');
    expect(body).not.toBe(row.body);
    const { status, report } = await replay({ ...journal, rows: journal.rows.with(at, { ...row, body }) });
    expect(status).toBe(6);
    expect(report.error).toMatchObject({ code: 'EVIDENCE_BROKEN', details: { found_by: 'chain' } });
  });
}

test('replay comes to the same in every time zone and language', async () => {
  const folder = await filled(readGolden(text('beam-small.journal.jsonl')));
  const here = replayIn(folder, { TZ: 'UTC', LANG: 'C' });
  expect((JSON.parse(here) as Replayed).holds).toBe(true);
  // Half hours and a summer time in winter; a language in which `i` has another capital, one with commas in numbers, one from right to left.
  for (const [TZ, LANG] of [
    ['Pacific/Chatham', 'tr_TR.UTF-8'],
    ['America/St_Johns', 'de_DE.UTF-8'],
    ['Asia/Kathmandu', 'ar_EG.UTF-8'],
  ] as const) {
    expect(replayIn(folder, { TZ, LANG, LC_ALL: LANG }), `${TZ} ${LANG}`).toBe(here);
  }
});
