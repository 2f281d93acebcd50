import { type ChildProcess, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../base/error.ts';

/** How long each step of an ending may take: standard input closed, SIGTERM, SIGKILL. */
const GRACE_MS = 2000;
/** How long children of an ended program may keep its output open. */
const DRAIN_MS = 1000;
/** Between two looks at all processes: this long, and so many times as long as a look takes. */
const LOOK_MS = 20;
const LOOKS_APART = 10;

export interface ProcessEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it did not start; the other two are null then. */
  readonly not_started: string | null;
  /** The system's code of that reason, where it has one. */
  readonly code?: string | undefined;
}

/**
 * Signals by which a program ends itself: it crashed, and the next start would do the same. Every other signal comes from outside
 * (a person, a batch system, the kernel when memory runs out), and what the program had done by then nobody knows.
 */
const CRASHES: ReadonlySet<string> = new Set([
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGSEGV',
  'SIGSYS',
  'SIGTRAP',
  'SIGPIPE',
]);

/** Whether it was ended from outside. */
export function wasKilled({ signal }: ProcessEnd): boolean {
  return signal !== null && !CRASHES.has(signal);
}

export interface GroupOptions {
  /** The first element is an absolute path. No shell ever sees any of it. */
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Groups of this process, so that none outlives it, however it ends by itself. */
const living = new Set<number>();
let watching = false;

function watch(pid: number): void {
  living.add(pid);
  if (watching) return;
  watching = true;
  process.on('exit', () => {
    for (const group of living) signalGroup(group, 'SIGKILL');
  });
}

/**
 * A program in a process group of its own: everything that it starts ends with it, and a Ctrl-C at the terminal reaches expctl
 * alone. What puts itself into another session (`setsid`) leaves the group; that is how a tool keeps a job alive on purpose.
 */
export class ProcessGroup {
  readonly child: ChildProcessWithoutNullStreams | null;
  /** Resolves when the program has ended, its output is read and no other process of the group is left. */
  readonly ended: Promise<ProcessEnd>;
  #over = false;

  constructor({ argv, cwd, env }: GroupOptions) {
    try {
      this.child = spawn(argv[0]!, argv.slice(1), {
        cwd,
        env,
        detached: true,
        shell: false,
        stdio: 'pipe',
        windowsHide: true,
      });
    } catch (error) {
      // An argument with a NUL, for example: Node refuses it before it asks the operating system.
      this.child = null;
      this.#over = true;
      this.ended = Promise.resolve({ status: null, signal: null, not_started: messageOf(error) });
      return;
    }
    if ((this.child.stdin as unknown) === undefined) {
      this.ended = neverBegan(this.child);
      this.child = null;
      this.#over = true;
      return;
    }
    this.child.stdin.on('error', () => {}); // EPIPE: the end of the program says more
    if (this.child.pid !== undefined) watch(this.child.pid);
    this.ended = this.#watchEnd(this.child);
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Ends the group: closes standard input, waits, SIGTERM, waits, SIGKILL; `from` leaves out what comes before. */
  async stop(from: 'stdin' | 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const steps = ['stdin', 'SIGTERM', 'SIGKILL'] as const;
    for (const step of steps.slice(steps.indexOf(from))) {
      if (this.#over) return;
      if (step === 'stdin') this.child?.stdin.end();
      else this.#signal(step);
      await within(this.ended, GRACE_MS);
    }
  }

  async #watchEnd(child: ChildProcessWithoutNullStreams): Promise<ProcessEnd> {
    const closed = new Promise<void>((done) => child.once('close', () => done()));
    const end = await new Promise<ProcessEnd>((done) => {
      child.on('error', (error) => {
        if (child.pid === undefined) done(notStarted(error));
      });
      child.once('exit', (status, signal) => done({ status, signal, not_started: null }));
    });
    if (child.pid !== undefined) {
      await within(closed, DRAIN_MS);
      await endRest(child.pid);
      await within(closed, DRAIN_MS);
      living.delete(child.pid);
    }
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    this.#over = true;
    return end;
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.pid !== undefined) signalGroup(this.pid, signal);
  }
}

/** Where too many files are open, Node makes a process that has no streams, and says why a moment later. */
function neverBegan(child: ChildProcess): Promise<ProcessEnd> {
  return new Promise((done) => child.once('error', (error) => done(notStarted(error))));
}

function notStarted(error: NodeJS.ErrnoException): ProcessEnd {
  return { status: null, signal: null, not_started: error.message, code: error.code };
}

/** Ends what the leader of a group left behind. */
async function endRest(group: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!signalGroup(group, signal)) return;
    const until_ms = performance.now() + DRAIN_MS;
    do {
      if (!(await runningGroups()).has(group) || !signalGroup(group, 0)) return;
    } while (performance.now() < until_ms);
  }
}

/** The look at all processes that is to come next, for everybody who waits for one, and the earliest time for it. */
let next_look: Promise<Pick<ReadonlySet<number>, 'has'>> | null = null;
let not_before_ms = 0;

/**
 * The groups of which a process runs, by a look that is made after the question. Looks are few: each reads something of every process of
 * the machine, and hundreds of programs may end at once.
 */
function runningGroups(): Promise<Pick<ReadonlySet<number>, 'has'>> {
  next_look ??= sleep(Math.max(0, not_before_ms - performance.now())).then(() => {
    next_look = null;
    const began_ms = performance.now();
    const groups = lookAtGroups();
    const ended_ms = performance.now();
    not_before_ms = ended_ms + Math.max(LOOK_MS, LOOKS_APART * (ended_ms - began_ms));
    return groups;
  });
  return next_look;
}

/**
 * One that has ended and waits for its parent to notice does not run; where that parent is the first process of a container, it may
 * wait for seconds, or for ever.
 */
function lookAtGroups(): Pick<ReadonlySet<number>, 'has'> {
  try {
    return new Set(readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? groupOf(name) : [])));
  } catch {
    return { has: () => true }; // not Linux
  }
}

/** Of a process that runs. Source: proc(5), /proc/pid/stat: after the name in parentheses come state, parent and process group. */
function groupOf(pid: string): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, , process_group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? [] : [Number(process_group)];
  } catch {
    return []; // it has ended meanwhile
  }
}

/** False when the group is empty. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

/** Waits for a promise, but no longer. */
async function within(promise: Promise<unknown>, limit_ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((done) => {
    timer = setTimeout(done, limit_ms);
  });
  await Promise.race([promise, over]);
  clearTimeout(timer);
}
