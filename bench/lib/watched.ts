import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 100;

/** What a process used, some time after its start; from /proc, so on Linux only. */
export interface Look {
  readonly wall_ms: number;
  readonly rss_mib: number;
  /** Processor time of the process so far, in seconds. */
  readonly cpu_s: number;
}

/** A program that runs on while its memory and processor time are looked at. */
export class Watched {
  readonly looks: Look[] = [];
  readonly child: ChildProcess;
  readonly #ended: Promise<number | NodeJS.Signals | null>;
  #said = '';
  #over = false;

  constructor(argv: readonly string[], cwd: string) {
    this.child = spawn(process.execPath, argv, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-2000);
    });
    this.#ended = new Promise((resolve) => {
      this.child.once('exit', (status, signal) => {
        this.#over = true;
        resolve(status ?? signal);
      });
    });
    void this.#watch();
  }

  /** Waits for something that other processes bring about; throws when the program ends before it. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.#over) throw new Error(`it ended too early: ${this.#said}`);
      await sleep(LOOK_MS / 5);
    }
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#ended;
  }

  /** Waits for its end, which has to be a success. */
  async success(): Promise<void> {
    const end = await this.#ended;
    if (end !== 0) throw new Error(`it ended with ${end}: ${this.#said}`);
  }

  async #watch(): Promise<void> {
    for (; !this.#over; await sleep(LOOK_MS)) {
      const look = lookAt(this.child.pid!);
      if (look !== null) this.looks.push(look);
    }
  }
}

/** Source: proc(5): VmRSS of /proc/pid/status in kB; utime and stime, fields 14 and 15 of /proc/pid/stat, in ticks of 10 ms. */
function lookAt(pid: number): Look | null {
  try {
    const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (rss === null) return null;
    return {
      wall_ms: Date.now(),
      rss_mib: Number(rss[1]) / 1024,
      cpu_s: (Number(fields[11]) + Number(fields[12])) / 100,
    };
  } catch {
    return null;
  }
}
