import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessFacts } from '../../src/adapters/sqlite/lease.ts';
import { openReader } from '../../src/adapters/sqlite/reader.ts';
import { type EffectIntended, eventOf, type JournalRow, pointOf } from '../../src/ir/events.ts';
import type { CrashTemplate } from './project.ts';

/** Where a process ends itself, by the count of its operations. */
export interface Kill {
  readonly at: number;
  readonly side: 'before' | 'during' | 'after';
}

/** How one process of a scenario ended. */
export interface Process {
  /** The operation at which it killed itself, `journal.append`; null where it ended by itself. */
  readonly killed_at: string | null;
  /** Operations until then, and the one with which the run began, 0 where that was in an earlier process. */
  readonly operations: number;
  readonly begun_at: number;
  /** null where it was killed. */
  readonly status: number | null;
  readonly stderr: string;
}

/** What one point came to, and by which bytes. */
export interface PointOutcome {
  readonly status: string;
  readonly failure: string | null;
  readonly metrics: Readonly<Record<string, number>>;
  /** By `step.part`: `name sha256` of each file. */
  readonly artifacts: Readonly<Record<string, readonly string[]>>;
}

/** A line of the world's ledger: a call was received, or did what it does. By key, or by the folder of the effect. */
export interface LedgerLine {
  readonly sent?: string;
  readonly did?: string;
  readonly key?: string;
  readonly folder?: string;
  /** The process for which it was done. */
  readonly by: number;
}

export interface ScenarioOptions {
  /** What lies below the ports counts as well. */
  readonly deep?: boolean;
  /** A mistake that is made on purpose (wrapped/planted.ts). */
  readonly planted?: 'early-append' | 'early-artifact' | 'changing-key' | undefined;
}

interface StartOptions {
  readonly flags: readonly string[];
  /** A program that starts the process, and its arguments. */
  readonly through?: readonly string[];
  /** Signals that the process sends to itself, `17 before SIGKILL` (wrapped/operations.ts). */
  readonly signals?: string;
  /** What differs where the process plays one on another machine, or of another boot. */
  readonly facts?: Partial<ProcessFacts>;
}

/** A process that was started. */
export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<EndedProcess>;
  /** What it has told so far of signals that it sent to itself. */
  readonly traced: () => string;
}

export interface EndedProcess {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const RUN = 'r';
const GONE_MS = 60_000;
const LOOK_MS = 10;

/** One run, performed by as many processes as it needs, in a project and a world of its own. */
export class Scenario {
  readonly folder: string;
  readonly processes: Process[] = [];
  /** What a person had to say (unknown.ts). */
  readonly said: string[] = [];
  #started = 0;
  readonly #template: CrashTemplate;
  readonly #options: ScenarioOptions;

  constructor(template: CrashTemplate, options: ScenarioOptions = {}) {
    this.#template = template;
    this.#options = options;
    this.folder = template.copy();
  }

  /** Starts the run, or goes on with it once it is there, as a person would who saw the process die. */
  async perform(kill: Kill | null): Promise<Process> {
    const begun = (await this.rows()).length > 0;
    const signals = kill === null ? {} : { signals: `${kill.at} ${kill.side} SIGKILL` };
    const { ended, traced } = this.start(begun ? 'resume' : 'run', { ...signals, flags: [] });
    const { status, stderr } = await ended;
    const [, count, begun_at = '0'] = /^ended (\d+) (\d+)/m.exec(traced()) ?? [];
    const [, at = count, killed_at = null] = /^(\d+) \w+ (\S+)/m.exec(traced()) ?? [];
    const process = { killed_at, operations: Number(at), begun_at: Number(begun_at), status, stderr };
    this.processes.push(process);
    return process;
  }

  /** Starts a process of the program, and does not wait for it. */
  start(command: 'run' | 'resume', options: StartOptions): Started {
    const { program, lock, trust } = this.#template;
    const args = command === 'run' ? ['run', lock, '--id', RUN] : ['resume', RUN];
    this.#started += 1;
    const trace = join(this.folder, `trace-${this.#started}`);
    const env = {
      ...this.#template.environment,
      EXPCTL_TEST_TRACE: trace,
      EXPCTL_TEST_SIGNALS: options.signals ?? '',
      EXPCTL_TEST_FACTS: JSON.stringify(options.facts ?? {}),
      EXPCTL_TEST_DEEP: this.#options.deep === true ? '1' : '',
      EXPCTL_TEST_PLANTED: this.#options.planted ?? '',
    };
    const argv = [...(options.through ?? []), process.execPath, program, ...args, '--trust', trust, ...options.flags];
    const child = spawn(argv[0]!, argv.slice(1), { cwd: this.folder, env, stdio: ['pipe', 'pipe', 'pipe'] });
    const traced = (): string => (existsSync(trace) ? readFileSync(trace, 'utf8') : '');
    return { child, ended: endOf(child), traced };
  }

  async hasEnded(): Promise<boolean> {
    return (await this.rows()).some(({ type }) => type === 'run.finished');
  }

  async rows(): Promise<JournalRow[]> {
    const opened = openReader(join(this.folder, '.expctl'));
    if (!opened.ok) return [];
    const rows: JournalRow[] = [];
    for await (const row of opened.value.read(RUN)) rows.push(row);
    await opened.value.close();
    return rows;
  }

  async outcomes(): Promise<Record<number, PointOutcome>> {
    const rows = await this.rows();
    const outcomes: Record<number, PointOutcome> = {};
    for (const row of rows) {
      const event = eventOf(row);
      if (event.type === 'point.began') {
        const artifacts = artifactsOf(rows.filter(({ stream }) => stream === row.stream));
        outcomes[event.point] = { status: 'unfinished', metrics: {}, failure: null, artifacts };
      } else if (event.type === 'point.finished') {
        const { status, metrics, failure } = event.result;
        outcomes[event.point] = { ...outcomes[event.point]!, status, metrics, failure: failure?.class ?? null };
      }
    }
    return outcomes;
  }

  /** Intents of the journal, as the world would name them: by key, or by the folder of the effect. */
  async intents(call: string): Promise<string[]> {
    const intents: string[] = [];
    for (const row of await this.rows()) {
      const event = eventOf(row);
      if (event.type !== 'effect.intended' || event.call !== call) continue;
      const folder = this.workFolder(pointOf(row.stream)!, event);
      intents.push(call.startsWith('w/') ? String((JSON.parse(row.observed) as { key?: string }).key) : folder);
    }
    return intents;
  }

  /** How often each effect of a kind was sent, or did happen, by the world's own book. */
  ledger(what: 'sent' | 'did', call: string): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const entry of this.ledgerLines()) {
      if (entry[what] !== call) continue;
      const name = entry.key ?? entry.folder ?? '';
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  ledgerLines(): LedgerLine[] {
    const file = join(this.folder, 'world/ledger.jsonl');
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as LedgerLine);
  }

  /** Jobs of the world, or its burning, go on until they are let go. */
  hold(what: 'hold' | 'hold-burn' = 'hold'): void {
    writeFileSync(join(this.folder, 'world', what), '');
  }

  letGo(what: 'hold' | 'hold-burn' = 'hold'): void {
    rmSync(join(this.folder, 'world', what));
  }

  /** Waits until the journal has an event, or the world's book a line, that is looked for. */
  async until(found: () => Promise<boolean> | boolean): Promise<void> {
    for (let waited_ms = 0; !(await found()); waited_ms += LOOK_MS) {
      if (waited_ms > GONE_MS) throw new Error('what was waited for did not come');
      await sleep(LOOK_MS);
    }
  }

  /** A command of another process, with the policy that was signed under: its status and what it says. */
  async command(...args: readonly string[]): Promise<{ readonly status: number; readonly text: string }> {
    const all = [...args, '--trust', this.#template.trust];
    const { status, stdout, stderr } = await this.#template.command(this.folder, all);
    return { status, text: `${stdout}${stderr}` };
  }

  get key(): string {
    return this.#template.key;
  }

  /** Where a tool works for an effect. */
  workFolder(point: number, { step, attempt }: Pick<EffectIntended, 'step' | 'attempt'>): string {
    return join(this.folder, '.expctl/work', RUN, String(point), `${step}-${attempt}`);
  }

  /** Command lines of processes that the scenario has started and that do not end. */
  async leftover(): Promise<string[]> {
    for (let waited_ms = 0; ; waited_ms += LOOK_MS) {
      const found = processesIn(this.folder);
      if (found.length === 0 || waited_ms >= GONE_MS) return found;
      await sleep(LOOK_MS);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function artifactsOf(rows: readonly JournalRow[]): PointOutcome['artifacts'] {
  const artifacts: Record<string, string[]> = {};
  for (const row of rows) {
    const event = eventOf(row);
    if (event.type !== 'effect.answered' || !event.outcome.ok || event.outcome.artifacts.length === 0) continue;
    artifacts[`${event.step}.${event.part}`] = event.outcome.artifacts.map(({ name, sha256 }) => `${name} ${sha256}`);
  }
  return artifacts;
}

/** Processes that work somewhere below a folder. */
export function processesIn(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isBelow(folder, linkOf(`/proc/${name}/cwd`)))
    .map((name) => `${name} ${textOf(`/proc/${name}/cmdline`).replaceAll('\0', ' ')}`);
}

function isBelow(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** Empty where the process has ended meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function endOf(child: ChildProcess): Promise<EndedProcess> {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    // Standard streams are closed as well: nobody else has them.
    child.on('close', (status, signal) => resolve({ status, signal, ...output }));
  });
}
