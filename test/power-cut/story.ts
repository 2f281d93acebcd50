import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { openArtifacts } from '../../src/adapters/artifacts.ts';
import { journalFile, openDatabase } from '../../src/adapters/sqlite/database.ts';
import { SqliteJournal } from '../../src/adapters/sqlite/journal.ts';
import { thisProcess } from '../../src/adapters/sqlite/process-facts.ts';
import { ok } from '../../src/base/result.ts';
import type { App } from '../../src/commands/app.ts';
import { approvalSteps } from '../approval-steps.ts';
import { TestApp } from '../commands/support.ts';
import { keyedTools, LOCK_FILE, PLAN_FILE, squarePlan } from '../square-plan.ts';

/** How the store of a recording is written. `careless` ones are not what expctl does: the harness has to catch them. */
export const PROFILES = {
  /** As on a local disk. */
  wal: {},
  /** The same, with a checkpoint and a new beginning of the log every few commits. */
  'wal, many checkpoints': { pragma: 'wal_autocheckpoint = 12' },
  /** As on a network file system. */
  delete: { file_system: 0x6969 },
  'careless wal': { pragma: 'synchronous = NORMAL' },
  'careless delete': { file_system: 0x6969, pragma: 'synchronous = FULL' },
  /** A sound journal, but artifacts and the files of a project are written as programs write files. */
  'careless files': { careless: true },
  /** Somebody reads all the time, so that a log of which a sync failed cannot be written again. */
  'careless reader': { reader: true },
} as const satisfies Readonly<Record<string, Profile>>;

interface Profile {
  readonly file_system?: number;
  readonly pragma?: string;
  readonly careless?: boolean;
  readonly reader?: boolean;
}

export type ProfileName = keyof typeof PROFILES;

/** Said on standard output once a command has ended: what a person can rely on from then on. */
export interface CommandEnded {
  readonly ended: string;
  readonly status: number;
  /** Its place in the story. */
  readonly chapter: number;
  /** It ended as it should. */
  readonly good: boolean;
  /** SHA-256 of every file outside of the store, the plan aside, by its path below the root. */
  readonly files: Readonly<Record<string, string>>;
}

/** The run whose journal the harness looks at first, and a second one in the same store. */
export const RUNS = ['run-1', 'run-2'] as const;
/** The chapter in which the first run begins. */
export const FIRST_RUN = 8;

const TOOL = `
# Squares a number; leaves a file; writes slowly enough that points overlap.
printf 'field of %s\\n' "$2" > field.txt
printf '{"y": %s}\\n' $(($2 * $2))
`;

function planOf(points: number): string {
  return squarePlan({ points, gate: true, failed_points: 3 });
}

/** What lies there before the story begins. */
export function prepareFolder(root: string): void {
  for (const folder of ['project', 'home']) mkdirSync(join(root, folder));
  writeFileSync(join(root, 'project', 'tool.sh'), TOOL);
  writeFileSync(join(root, 'project', 'tools.yaml'), keyedTools());
  writeFileSync(join(root, 'project', PLAN_FILE), planOf(3));
}

/** What is done, in order, and the status with which it ends; a function is what a person's editor does, which is not expctl's concern. */
export function chapters(root: string): readonly (readonly [args: readonly string[], status: number] | (() => void))[] {
  const key = join(root, 'keys', 'lead.key');
  const trust = join(root, 'policy', 'trust.json');
  const files = { plan: PLAN_FILE, lock: LOCK_FILE, key, trust };
  const [keys, policy, pin, lock, request, approve] = approvalSteps({ ...files, runs: 2 });
  const signed = ['--key', key, '--trust', trust];
  const run = (id: string): [readonly string[], number] => [
    ['run', LOCK_FILE, '--id', id, '--trust', trust, '--jsonl'],
    5,
  ];
  return [
    [keys, 0],
    [policy, 0],
    [pin, 0],
    [lock, 0],
    () => writeSynced(join(root, 'project', PLAN_FILE), planOf(5)),
    [lock, 0],
    [request, 0],
    [approve, 0],
    run(RUNS[0]),
    [['gate', RUNS[0], '--outcome', 'continue', ...signed], 0],
    [['resume', RUNS[0], '--trust', trust, '--jsonl'], 0],
    run(RUNS[1]),
  ];
}

/**
 * The real commands with the real adapters; standard output is written at once, so that the log shows what was said when.
 *
 * @param recorded it is this process that is recorded, not one that looks at what was left
 */
export function storyApp(root: string, profile: ProfileName, say: (text: string) => void, recorded = false): App {
  const { app } = new TestApp({ cwd: join(root, 'project'), env: { USER: 'tester' } }, join(root, 'home'));
  const openJournal: App['openJournal'] = async (store) => {
    const deps = { clock: app.clock, process: thisProcess() };
    return new SqliteJournal(() => openAs(profile, store, recorded), journalFile(store), deps);
  };
  const terminal = { ...app.terminal, out: say, note: (text: string) => void process.stderr.write(`${text}\n`) };
  const { careless = false }: Profile = PROFILES[profile];
  return { ...app, openJournal, terminal, ...(careless ? carelessFiles(app) : {}) };
}

/** Begins to read, and never ends. */
function readOn(file: string): void {
  const reader = new Database(file, { readonly: true });
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM sqlite_schema').get();
  readers.push(reader);
}

const readers: Database.Database[] = [];

function carelessFiles(app: App): Pick<App, 'files' | 'artifacts'> {
  const write: App['files']['write'] = async (path, bytes, { mode = 0o644 } = {}) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes, { mode });
    return ok(undefined);
  };
  const artifacts: App['artifacts'] = async (store) => {
    const sound = openArtifacts(store);
    const put = async (bytes: Uint8Array) => {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const folder = join(store, 'cas', 'sha256', sha256.slice(0, 2));
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, sha256.slice(2)), bytes);
      return { sha256, bytes: bytes.length };
    };
    const putFile = async (path: string) => put(readFileSync(path));
    return { put, putFile, get: (sha256) => sound.get(sha256), has: (sha256) => sound.has(sha256) };
  };
  return { files: { ...app.files, write }, artifacts };
}

function openAs(profile: ProfileName, store: string, recorded: boolean): Database.Database {
  const { file_system, pragma, reader }: Profile = PROFILES[profile];
  const isRead = reader === true && recorded && existsSync(journalFile(store));
  if (isRead) readOn(journalFile(store));
  const database = openDatabase(store, file_system === undefined ? {} : { file_system });
  if (pragma !== undefined) database.pragma(pragma);
  if (isRead) database.pragma('busy_timeout = 0'); // closing would wait for the reader
  return database;
}

function writeSynced(path: string, text: string): void {
  const file = openSync(path, 'w');
  writeFileSync(file, text);
  fsyncSync(file);
  closeSync(file);
}
