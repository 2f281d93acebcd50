import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openJournal } from '../../src/adapters/sqlite/journal.ts';
import { thisProcess } from '../../src/adapters/sqlite/process-facts.ts';
import { openReader } from '../../src/adapters/sqlite/reader.ts';
import { ExpctlError } from '../../src/base/error.ts';
import type { JournalRow } from '../../src/ir/events.ts';
import { chainOf, rowsOf, runRow, STARTED, StillClock, temporaryFolder } from '../adapters/sqlite/support.ts';
import { Campaign } from '../crash-points/campaign.ts';
import { CrashTemplate } from '../crash-points/project.ts';
import { RUN, Scenario } from '../crash-points/scenario.ts';

/*
 * A store that is copied while it is written to. No copy may pass for something that the store never was: it is the store of an earlier
 * moment, or it is refused in plain words.
 */

const COPIES = 25;

test(`${COPIES} and more copies by cp -r of a project while its run goes on`, async () => {
  const template = await CrashTemplate.of({ rounds: 1, points: 40 });
  onTestFinished(() => template.remove());
  const campaign = await Campaign.of(template);
  const verdicts: string[] = [];
  while (verdicts.length < COPIES) verdicts.push(...(await verdictsWhileRunning(template, campaign)));
  console.log(countsOf(verdicts));
  expect(clear(verdicts)).toEqual(verdicts);
});

/** Copies a project again and again from the beginning of a run to its end, and then judges the copies. */
async function verdictsWhileRunning(template: CrashTemplate, campaign: Campaign): Promise<string[]> {
  const scenario = new Scenario(template);
  scenario.hold();
  const { ended } = scenario.start('run', { flags: [] });
  const copies: string[] = [];
  const copy = async (): Promise<void> => {
    const target = `${scenario.folder}-copy-${copies.length}`;
    // What is there only for a moment may be gone before it is copied.
    await once(spawn('cp', ['-r', scenario.folder, target], { stdio: 'ignore' }), 'exit');
    copies.push(target);
  };
  await scenario.until(async () => (await scenario.rows()).length > 10);
  await copy();
  // The process that a copy's lease names lives: the copy is not gone on with beside it.
  const resumed = await template.command(copies[0]!, ['resume', RUN, '--trust', template.trust, '--json']);
  expect(resumed.stdout).toContain('RUN_LOCKED');
  scenario.letGo();
  while (!(await scenario.hasEnded())) await copy();
  await ended;
  const whole = await scenario.rows();
  const verdicts: string[] = [];
  for (const one of copies) {
    const { status, stdout } = await template.command(one, ['replay', RUN, '--trust', template.trust, '--json']);
    const document = JSON.parse(stdout) as { holds?: boolean; error?: { code: string } };
    verdicts.push(status === 0 ? 'holds' : (document.error?.code ?? 'no verdict'));
    if (status === 0) expectPart(await rowsIn(join(one, '.expctl'), RUN), whole);
  }
  expect((await campaign.conclude(scenario)).problems).toEqual([]);
  return verdicts;
}

/**
 * Worse than any `cp`: between two files of the journal hundreds of rows are written, and the write-ahead log begins anew. The order, and
 * what is left out.
 */
test.each([
  ['the database, later its log', ['', '-wal']],
  ['the log, later the database', ['-wal', '']],
  ['the log, later the database, and the index of another moment', ['-shm', '-wal', '']],
  ['the database alone', ['']],
])('ten copies of a journal that is written to without a pause: %s', async (_, parts) => {
  const folder = temporaryFolder();
  const journal = openJournal(folder, { clock: new StillClock(), process: thisProcess() });
  const lease = await journal.createRun(runRow('a'), 1, [STARTED]);
  if (lease.ok) await journal.release(lease.value);
  const script = fileURLToPath(new URL('../adapters/sqlite/child.ts', import.meta.url));
  const writer = spawn(process.execPath, ['--import', 'tsx', script, 'write', folder, 'a'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged = createInterface({ input: writer.stdout });
  let rows = 0;
  let reached = { rows: Number.POSITIVE_INFINITY, tell: (): void => undefined };
  acknowledged.on('line', () => {
    rows += 1;
    if (rows >= reached.rows) reached.tell();
  });
  const moreRows = (count: number): Promise<void> =>
    new Promise((tell) => {
      reached = { rows: rows + count, tell };
    });
  const copies: string[] = [];
  for (let copy = 0; copy < 10; copy += 1) {
    const target = temporaryFolder();
    for (const part of parts) {
      await moreRows(100 + 150 * copy);
      const file = join(folder, `journal.sqlite${part}`);
      if (existsSync(file)) copyFileSync(file, join(target, `journal.sqlite${part}`));
    }
    copies.push(target);
  }
  writer.kill('SIGKILL');
  await once(writer, 'exit');
  const whole = await rowsIn(folder, 'a');
  const verdicts: string[] = [];
  for (const copy of copies) {
    const verdict = await verdictOn(copy, 'a');
    verdicts.push(verdict);
    if (verdict === 'holds') expectPart(await rowsIn(copy, 'a'), whole);
  }
  console.log(parts.join(' '), countsOf(verdicts));
  expect(clear(verdicts)).toEqual(verdicts);
});

const CLEAR = /^(holds|EVIDENCE_BROKEN|REPLAY_DIVERGED|ARTIFACT_CORRUPT|STORE_UNUSABLE|GAP|CHAIN_BREAK|BODY_MISMATCH)$/;

function clear(verdicts: readonly string[]): string[] {
  return verdicts.filter((verdict) => CLEAR.test(verdict));
}

async function verdictOn(folder: string, run: string): Promise<string> {
  try {
    const reader = openReader(folder);
    if (!reader.ok) return reader.error.code;
    const report = await chainOf(reader.value, run).finally(() => reader.value.close());
    return report.ok ? 'holds' : report.problems[0]!.verdict;
  } catch (error) {
    if (error instanceof ExpctlError) return error.code;
    throw error;
  }
}

async function rowsIn(folder: string, run: string): Promise<JournalRow[]> {
  const reader = openReader(folder);
  if (!reader.ok) throw reader.error;
  return rowsOf(reader.value, run).finally(() => reader.value.close());
}

/** Every row of a copy is one of the whole, byte for byte. Chains begin at their beginning, so that nothing is left out between them. */
function expectPart(rows: readonly JournalRow[], whole: readonly JournalRow[]): void {
  const known = new Map(whole.map((row) => [`${row.stream} ${row.seq}`, JSON.stringify(row)]));
  for (const row of rows) expect(JSON.stringify(row)).toBe(known.get(`${row.stream} ${row.seq}`));
  expect(rows.length).toBeLessThanOrEqual(whole.length);
}

function countsOf(verdicts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const verdict of verdicts) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  return [...counts].map(([verdict, count]) => `${verdict} ${count}`).join(', ');
}
