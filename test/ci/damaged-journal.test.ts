import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ExpctlError } from '../../src/base/error.ts';
import { openReader } from '../../src/adapters/sqlite/reader.ts';
import { verifyChain } from '../../src/ir/chain.ts';
import type { JournalRow } from '../../src/ir/events.ts';
import { ApprovedProject, type ProjectCopy, RUN } from '../power-cut/approved-project.ts';
import { DAMAGES, type JournalFiles, type Samples } from '../power-cut/damage.ts';
import { sha256Of } from '../power-cut/examine.ts';
import { looksLikeDefect } from '../power-cut/faulty-process.ts';
import { Random } from '../power-cut/random.ts';

/** `EXPCTL_SEED=n` repeats the damages, `EXPCTL_COPIES=n` makes more. */
const SEED = Number(process.env['EXPCTL_SEED'] ?? 1);
const COPIES = Number(process.env['EXPCTL_COPIES'] ?? 1_000);
/** Every so many copies, the commands of a user are tried as well. */
const COMMANDS_EVERY = 25;

type Verdict = 'whole' | 'a beginning' | 'no such run' | 'chain break' | 'refused';

let project: ApprovedProject;
let copy: ProjectCopy;
let samples: Samples;
let whole: readonly JournalRow[];

beforeAll(async () => {
  project = await new ApprovedProject().prepare();
  const taken: JournalFiles[] = [];
  copy = project.copy(join(project.root, 'whole'));
  expect(await copy.run(copy.startArgs('--id', 'before'))).toMatchObject({ status: 0 });
  const earlier = filesOf(copy);
  expect(await copy.run(copy.startArgs('--jsonl'), () => taken.push(filesOf(copy)))).toMatchObject({ status: 0 });
  whole = await copy.rows();
  const other = project.copy(join(project.root, 'other'));
  const foreign: JournalFiles[] = [];
  expect(
    await other.run(other.startArgs('--jsonl', '--id', 'another'), () => foreign.push(filesOf(other))),
  ).toMatchObject({ status: 0 });
  const middle = taken[Math.floor(taken.length / 2)]!;
  samples = { closed: filesOf(copy), open: taken.at(-1)!, middle, earlier, foreign: foreign.at(-1)! };
  expect(samples.open.log).not.toBeNull();
});
afterAll(() => project.remove());

function filesOf({ journal }: ProjectCopy): JournalFiles {
  const read = (path: string) => (existsSync(path) ? readFileSync(path) : null);
  return { database: readFileSync(journal), log: read(`${journal}-wal`), shared: read(`${journal}-shm`) };
}

function lay({ database, log, shared }: JournalFiles): void {
  rmSync(copy.journal);
  for (const [suffix, bytes] of Object.entries({ '': database, '-wal': log, '-shm': shared })) {
    rmSync(`${copy.journal}${suffix}`, { force: true });
    if (bytes !== null) writeFileSync(`${copy.journal}${suffix}`, bytes);
  }
}

/** What becomes of a damaged copy; anything that is not foreseen is thrown. */
async function verdict(): Promise<Verdict> {
  try {
    const reader = openReader(copy.store);
    if (!reader.ok) return reader.error.code === 'NOT_FOUND' ? 'no such run' : 'refused';
    const rows: JournalRow[] = [];
    try {
      for await (const row of reader.value.read(RUN)) rows.push(row);
    } finally {
      await reader.value.close();
    }
    if (rows.length === 0) return 'no such run';
    if (!verifyChain(rows, sha256Of).ok) return 'chain break';
    if (!isBeginning(rows)) throw new Error(`${rows.length} rows pass for a journal, and are not what was written`);
    return rows.length === whole.length ? 'whole' : 'a beginning';
  } catch (error) {
    if (!(error instanceof ExpctlError)) throw error;
    expect(error.message).not.toBe('');
    expect(error.hint).not.toBe('');
    return 'refused';
  }
}

/** Whether every stream is as it was written, up to some row. */
function isBeginning(rows: readonly JournalRow[]): boolean {
  const written = new Map(whole.map((row) => [`${row.stream}/${row.seq}`, row.hash]));
  return rows.every((row) => written.get(`${row.stream}/${row.seq}`) === row.hash);
}

test(`${COPIES} damaged copies: what was written, a beginning of it, or a clear refusal; never anything else`, async () => {
  const random = new Random(SEED);
  const kinds = Object.entries(DAMAGES);
  const tally = new Map<string, Record<string, number>>();
  for (let number = 0; number < COPIES; number += 1) {
    const [name, damage] = kinds[number % kinds.length]!;
    const seed = random.below(2 ** 31);
    const files = damage(samples, new Random(seed));
    lay(files);
    const found = await verdict().catch((error: unknown) => {
      throw new Error(`${name}, seed ${seed}`, { cause: error });
    });
    const counts = tally.get(name) ?? {};
    tally.set(name, { ...counts, [found]: (counts[found] ?? 0) + 1 });
    if (number % COMMANDS_EVERY === 0) await tryCommands(files, `${name}, seed ${seed}`);
  }
  for (const [name, counts] of tally) console.log(`${name}: ${JSON.stringify(counts)}`);
  const all = [...tally.values()].flatMap((counts) => Object.keys(counts));
  for (const each of ['whole', 'a beginning', 'no such run', 'chain break', 'refused']) expect(all).toContain(each);
});

/** Commands that read and that write: a known error or an answer, never a stack. */
async function tryCommands(files: JournalFiles, name: string): Promise<void> {
  for (const args of [['list'], ['status', RUN], ['replay', RUN], copy.resumeArgs()]) {
    lay(files);
    const { status, stderr } = await copy.run(args);
    expect(looksLikeDefect(stderr), `${name}, expctl ${args.join(' ')}: ${stderr}`).toBe(false);
    expect(status, `${name}, expctl ${args.join(' ')}: ${stderr}`).not.toBe(1);
  }
}

test('a copy that is not damaged is whole', async () => {
  for (const files of [samples.closed, samples.open]) {
    lay(files);
    expect(await verdict()).toBe('whole');
  }
});
