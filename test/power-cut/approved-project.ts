import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { journalFile, openDatabase } from '../../src/adapters/sqlite/database.ts';
import { openReader } from '../../src/adapters/sqlite/reader.ts';
import { verifyChain } from '../../src/ir/chain.ts';
import type { JournalRow } from '../../src/ir/events.ts';
import { SqliteJournal } from '../../src/adapters/sqlite/journal.ts';
import { thisProcess } from '../../src/adapters/sqlite/process-facts.ts';
import type { App } from '../../src/commands/app.ts';
import { runProgram } from '../../src/commands/program.ts';
import { approvalSteps } from '../approval-steps.ts';
import { type Ended, TestApp } from '../commands/support.ts';
import { keyedTools, LOCK_FILE, PLAN_FILE, squarePlan } from '../square-plan.ts';
import { digestOf, filesBelow, sha256Of } from './examine.ts';

export const RUN = 'run-1';
const POINTS = 3;

/** Squares a number, notes the effect's key in a file elsewhere, and leaves a file. */
const TOOL = `
printf '%s\\n' "$1" >> "$3"
printf 'field of %s\\n' "$2" > field.txt
printf '{"y": %s}\\n' $(($2 * $2))
`;

/** A small project that was approved once, and of which every test takes a copy. */
export class ApprovedProject {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-faults-')));
  readonly trust = join(this.root, 'trust.json');
  /** Keys with which the tool was called, a line for each call; lies where no fault is made. */
  readonly sent = join(this.root, 'sent.log');
  readonly home = join(this.root, 'home');
  readonly #template = join(this.root, 'template');

  async prepare(): Promise<this> {
    for (const folder of [this.#template, this.home]) mkdirSync(folder);
    writeFileSync(join(this.#template, 'tool.sh'), TOOL);
    writeFileSync(join(this.#template, 'tools.yaml'), keyedTools(this.sent));
    writeFileSync(join(this.#template, PLAN_FILE), squarePlan({ points: POINTS, gate: false, failed_points: 0 }));
    const key = join(this.root, 'lead.key');
    for (const args of approvalSteps({ plan: PLAN_FILE, lock: LOCK_FILE, key, trust: this.trust, runs: 2 })) {
      const { status, stderr } = await this.#run(this.#template, args);
      if (status !== 0) throw new Error(`expctl ${args.join(' ')} ended with ${status}:\n${stderr}`);
    }
    return this;
  }

  /** A copy in a folder that does not exist yet; nothing was sent from it. */
  copy(folder: string): ProjectCopy {
    cpSync(this.#template, folder, { recursive: true });
    rmSync(this.sent, { force: true });
    return new ProjectCopy(folder, this, (args, onRow) => this.#run(folder, args, onRow));
  }

  /** The command in this process, which takes whoever performed the run before for gone: it stands for a new process each time. */
  async #run(cwd: string, args: readonly string[], onRow: () => void = () => undefined): Promise<Ended> {
    const { app } = new TestApp({ cwd, env: { USER: 'tester' } }, this.home);
    const ended = { status: 0, stdout: '', stderr: '' };
    const here = { ...thisProcess(), startedOf: () => null };
    const openJournal: App['openJournal'] = async (store) =>
      new SqliteJournal(() => openDatabase(store), journalFile(store), { clock: app.clock, process: here });
    const out = (text: string): void => {
      ended.stdout += `${text}\n`;
      if (text.includes('"hash":"')) onRow();
    };
    const note = (text: string): void => {
      ended.stderr += `${text}\n`;
    };
    const exit = (status: number): void => {
      ended.status = status;
    };
    const failed = await runProgram(args, { ...app, openJournal, exit, terminal: { ...app.terminal, out, note } });
    return { ...ended, status: failed ?? ended.status };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

type Perform = (args: readonly string[], onRow?: () => void) => Promise<Ended>;

export class ProjectCopy {
  readonly folder: string;
  readonly #project: ApprovedProject;
  readonly #run: Perform;

  constructor(folder: string, project: ApprovedProject, run: Perform) {
    this.folder = folder;
    this.#project = project;
    this.#run = run;
  }

  /** Runs a command in this process. @param onRow told of every event with --jsonl, while the command goes on */
  run(args: readonly string[], onRow?: () => void): Promise<Ended> {
    return this.#run(args, onRow);
  }

  get store(): string {
    return join(this.folder, '.expctl');
  }

  get journal(): string {
    return journalFile(this.store);
  }

  startArgs(...more: readonly string[]): string[] {
    return ['run', LOCK_FILE, '--id', RUN, '--trust', this.#project.trust, ...more];
  }

  resumeArgs(...more: readonly string[]): string[] {
    return ['resume', RUN, '--trust', this.#project.trust, ...more];
  }

  /** What is wrong with a store behind a fault; nothing, if every promise was kept. */
  async problems(): Promise<string[]> {
    const problems: string[] = [];
    const objects = join(this.store, 'cas', 'sha256');
    for (const path of filesBelow(objects)) {
      if (digestOf(join(objects, path)) !== path.replace('/', '')) problems.push(`half an object: ${path}`);
    }
    const rows = await this.rows();
    const chain = verifyChain(rows, sha256Of);
    if (!chain.ok) problems.push(...chain.problems.map(({ message }) => message));
    const keys = new Set(rows.map((row) => (JSON.parse(row.observed) as { key?: string }).key));
    for (const key of this.sentKeys()) if (!keys.has(key)) problems.push(`${key} was sent without an intent`);
    return problems;
  }

  async rows(): Promise<JournalRow[]> {
    const reader = openReader(this.store);
    if (!reader.ok) return [];
    const rows: JournalRow[] = [];
    for await (const row of reader.value.read(RUN)) rows.push(row);
    await reader.value.close();
    return rows;
  }

  sentKeys(): string[] {
    return existsSync(this.#project.sent) ? readFileSync(this.#project.sent, 'utf8').trim().split('\n') : [];
  }

  /** Goes on (or starts, where the run had not begun), and says what is wrong with the results; nothing, if they are right. */
  async finish(): Promise<string[]> {
    const begun = (await this.rows()).length > 0;
    const { status, stderr } = await this.run(begun ? this.resumeArgs() : this.startArgs());
    const ended = stderr.includes('has ended; there is nothing to go on with');
    if (status !== 0 && !ended) return [`it ended with ${status}: ${stderr}`];
    const { stdout } = await this.run(['export', RUN, '--json']);
    const { points } = JSON.parse(stdout) as { points: { metrics: { y: number } }[] };
    const found = points.map(({ metrics }) => metrics.y).sort((a, b) => a - b);
    const problems = await this.problems();
    if (String(found) !== '1,4,9') problems.push(`the results are ${found.join(', ')}`);
    const effects = new Set(this.sentKeys()).size;
    if (effects !== POINTS) problems.push(`${effects} effects for ${POINTS} points`);
    return problems;
  }
}
