import { closeSync, mkdtempSync, openSync, readFileSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExpctlError, machineFault } from '../../base/error.ts';
import { type GroupOptions, type ProcessEnd, ProcessGroup } from '../tools-group.ts';
import { reason } from '../tools-artifacts.ts';
import type { CallLimit } from '../tools-ends.ts';
import { StderrRing } from '../tools-stderr.ts';
import type { SendingFault } from '../../engines/ports.ts';

/** Of each stream, in bytes. */
const STREAM_BYTES = 64 * 1024 * 1024;

/** So much of each stream is held in memory, in bytes. */
const HELD_BYTES = 64 * 1024;

/** A folder for what one call needs on the disk, made when it is first needed. */
export class Scratch {
  #folder: string | null;

  /** @param folder one that is there, where there is one */
  constructor(folder: string | null = null) {
    this.#folder = folder;
  }

  pathOf(name: string): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'expctl-'));
    return join(this.#folder, name);
  }

  async remove(): Promise<void> {
    if (this.#folder !== null) await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A stream of a program: in memory, and once it is long in a file, for a program may write more than memory should hold for many calls. */
export class Capture {
  readonly #name: string;
  readonly #scratch: Scratch;
  /** Of the file; null while everything is in memory. */
  path: string | null = null;
  bytes = 0;
  #held: Buffer[] = [];
  #file: number | null = null;

  constructor(name: string, scratch: Scratch) {
    this.#name = name;
    this.#scratch = scratch;
  }

  /** Writes at once: a page cache takes a chunk faster than a round through the thread pool would. @throws when the disk is full */
  push(chunk: Buffer): void {
    if (this.path === null && this.bytes + chunk.length > HELD_BYTES) this.#toFile();
    if (this.#file === null) this.#held.push(chunk);
    else writeAll(this.#file, chunk);
    this.bytes += chunk.length;
  }

  read(): Buffer {
    return this.path === null ? Buffer.concat(this.#held) : readFileSync(this.path);
  }

  #toFile(): void {
    this.path = this.#scratch.pathOf(this.#name);
    this.#file = openSync(this.path, 'wx', 0o600);
    for (const chunk of this.#held) writeAll(this.#file, chunk);
    this.#held = [];
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}

function writeAll(file: number, chunk: Buffer): void {
  for (let done = 0; done < chunk.length; ) done += writeSync(file, chunk, done);
}

/** How one start of a program went. */
export interface ProgramRun {
  readonly end: ProcessEnd;
  readonly stdout: Capture;
  readonly stderr: Capture;
  /** The call's limit was reached, and the program was ended for it. */
  readonly stopped: boolean;
  /** What it did that cannot be taken, and was ended for; null when nothing. */
  readonly fault: string | null;
  /** Why what it wrote could not be kept; it is not to blame, and was ended for it. */
  readonly unkept: ExpctlError | null;
}

interface RunOptions extends GroupOptions {
  readonly stdin: string;
  /** For what the program writes to its streams. */
  readonly scratch: Scratch;
  readonly limit: CallLimit;
  readonly log: (line: string) => void;
  readonly fault?: SendingFault | undefined;
}

/** Starts a program in a process group of its own, and waits until nothing of it is left. */
export async function runProgram(options: RunOptions): Promise<ProgramRun> {
  const { limit, scratch, stdin, log, fault: wanted } = options;
  const stdout = new Capture('stdout', scratch);
  const stderr = new Capture('stderr', scratch);
  const group = new ProcessGroup(options);
  const told = new StderrRing(log);
  let fault: string | null = null;
  let unkept: ExpctlError | null = null;
  let stopped = false;
  const take = (capture: Capture, what: string, chunk: Buffer): void => {
    if (fault !== null || unkept !== null) return;
    const rest = STREAM_BYTES - capture.bytes;
    try {
      capture.push(chunk.subarray(0, rest));
      if (chunk.length > rest) fault = `The program wrote more than ${STREAM_BYTES} bytes to ${what}.`;
    } catch (error) {
      unkept = notKept(what, error);
    }
    if (fault !== null || unkept !== null) void group.stop('SIGKILL');
  };
  const stop = (): void => {
    stopped = true;
    void group.stop('SIGTERM');
  };
  group.child?.stdout.on('data', (chunk: Buffer) => take(stdout, 'standard output', chunk));
  if (wanted !== undefined) killFor(wanted, group);
  group.child?.stderr.on('data', (chunk: Buffer) => {
    told.push(chunk);
    take(stderr, 'standard error', chunk);
  });
  limit.signal.addEventListener('abort', stop);
  if (limit.stopped !== null) stop();
  group.child?.stdin.end(stdin); // a program that does not read it closes the pipe: no error of ours
  const end = await group.ended;
  limit.signal.removeEventListener('abort', stop);
  told.end();
  stdout.close();
  stderr.close();
  return { end, stdout, stderr, stopped, fault, unkept };
}

function notKept(what: string, cause: unknown): ExpctlError {
  const message = `What a program writes to ${what} cannot be kept`;
  const hint = 'Look at the folder for temporary files (TMPDIR), then resume the run.';
  return (
    machineFault(cause, message) ?? new ExpctlError('MACHINE_FAULT', `${message}: ${reason(cause)}`, { hint, cause })
  );
}

/** A program's answer begins with the first byte on its standard output. */
function killFor({ kind, after_ms = 0 }: SendingFault, group: ProcessGroup): void {
  if (kind !== 'kill_on_answer' && kind !== 'kill_after') return;
  const kill = () => void group.stop('SIGKILL');
  group.child?.stdout.once('data', kill);
  const timer = kind === 'kill_after' ? setTimeout(kill, after_ms) : undefined;
  void group.ended.then(() => clearTimeout(timer));
}
