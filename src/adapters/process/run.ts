import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { type GroupOptions, type ProcessEnd, ProcessGroup } from '../tools-group.ts';
import { reason } from '../tools-artifacts.ts';
import type { CallLimit } from '../tools-ends.ts';
import { StderrRing } from '../tools-stderr.ts';
import type { SendingFault } from '../../engines/ports.ts';

/** Of each stream, in bytes. */
const STREAM_BYTES = 64 * 1024 * 1024;

/** A stream of a program in a file: a program may write more than memory should hold, for many calls at once. */
export class Capture {
  readonly path: string;
  bytes = 0;
  #file: number | null = null;

  constructor(path: string) {
    this.path = path;
  }

  /** Writes at once: a page cache takes a chunk faster than a round through the thread pool would. @throws when the disk is full */
  push(chunk: Buffer): void {
    this.#file ??= openSync(this.path, 'wx', 0o600);
    for (let done = 0; done < chunk.length; ) done += writeSync(this.#file, chunk, done);
    this.bytes += chunk.length;
  }

  read(): Buffer {
    return this.bytes === 0 ? Buffer.alloc(0) : readFileSync(this.path);
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
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
}

interface RunOptions extends GroupOptions {
  readonly stdin: string;
  /** An empty folder for what the program writes to its streams. */
  readonly capture_folder: string;
  readonly limit: CallLimit;
  readonly log: (line: string) => void;
  readonly fault?: SendingFault | undefined;
}

/** Starts a program in a process group of its own, and waits until nothing of it is left. */
export async function runProgram(options: RunOptions): Promise<ProgramRun> {
  const { limit, capture_folder, stdin, log, fault: wanted } = options;
  const stdout = new Capture(`${capture_folder}/stdout`);
  const stderr = new Capture(`${capture_folder}/stderr`);
  const group = new ProcessGroup(options);
  const told = new StderrRing(log);
  let fault: string | null = null;
  let stopped = false;
  const take = (capture: Capture, what: string, chunk: Buffer): void => {
    if (fault !== null) return;
    const rest = STREAM_BYTES - capture.bytes;
    try {
      capture.push(chunk.subarray(0, rest));
      if (chunk.length > rest) fault = `The program wrote more than ${STREAM_BYTES} bytes to ${what}.`;
    } catch (error) {
      fault = `What the program writes to ${what} cannot be kept: ${reason(error)}`;
    }
    if (fault !== null) void group.stop('SIGKILL');
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
  stdout.close();
  stderr.close();
  return { end, stdout, stderr, stopped, fault };
}

/** A program's answer begins with the first byte on its standard output. */
function killFor({ kind, after_ms = 0 }: SendingFault, group: ProcessGroup): void {
  if (kind !== 'kill_on_answer' && kind !== 'kill_after') return;
  const kill = () => void group.stop('SIGKILL');
  group.child?.stdout.once('data', kill);
  const timer = kind === 'kill_after' ? setTimeout(kill, after_ms) : undefined;
  void group.ended.then(() => clearTimeout(timer));
}
