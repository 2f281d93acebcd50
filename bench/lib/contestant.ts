import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';

/** So much work for a contestant: workflows (points) of so many steps, one after another, and so many workflows at once. */
export interface Load {
  readonly width: number;
  readonly workflows: number;
  readonly steps: number;
}

/** How a contestant is started; `folder` holds its data and is on the disk that is measured. */
export interface Command {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const GRACE_MS = 20_000;

/**
 * A program that is measured, in a process of its own. It says `{"ready":true}` once it can work; each request is a line of JSON on its
 * standard input, each answer a line on file descriptor 3, so that whatever it logs is in nobody's way. It ends when its standard
 * input does.
 */
export class Contestant {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  #said = '';

  private constructor(command: Command) {
    this.name = command.name;
    const [program, ...args] = command.argv;
    this.#child = spawn(program!, args, {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...command.env },
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-4000);
      });
    }
    this.#lines = createInterface({ input: this.#child.stdio[3] as Readable });
    this.#lines.on('line', (line) => this.#waiting.shift()?.resolve(line));
    this.#child.once('error', (error) => this.#fail(error.message));
    this.#child.once('exit', (status, signal) => this.#fail(`it ended with ${status ?? signal}`));
    this.#child.stdin!.on('error', () => undefined); // its end says more
  }

  static async start(command: Command): Promise<Contestant> {
    const contestant = new Contestant(command);
    await contestant.#next();
    return contestant;
  }

  async ask<Answer>(request: object): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    return JSON.parse(await this.#next()) as Answer;
  }

  /** Steps per second. */
  async rate(load: Load): Promise<number> {
    const { seconds } = await this.ask<{ seconds: number }>(load);
    return (load.workflows * load.steps) / seconds;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin!.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), GRACE_MS);
    await ended;
    clearTimeout(timer);
  }

  #next(): Promise<string> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #fail(why: string): void {
    const error = new Error(`${this.name}: ${why}\n${this.#said}`);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** What a contestant does in a round, in slices, so that contestants take turns quickly and what slows the machine slows them alike. */
export interface Turn {
  readonly load: Load;
  readonly slices: number;
}

/** Warms a contestant up, and finds what takes about so many seconds at a width; where a single slice takes longer, there is only one. */
export async function fittingTurn(
  contestant: Contestant,
  width: number,
  { steps, seconds, slices }: { steps: number; seconds: number; slices: number },
): Promise<Turn> {
  const fewest = Math.max(2, width);
  let load: Load = { width, workflows: fewest, steps };
  for (let round = 0; round < 3; round += 1) {
    const rate = await contestant.rate(load);
    load = { ...load, workflows: Math.max(fewest, Math.round((rate * seconds) / slices / steps)) };
    if (load.workflows === fewest) return { load, slices: 1 };
  }
  return { load, slices };
}

export interface Player {
  readonly contestant: Contestant;
  readonly turn: Turn;
}

/** One round: everybody's slices, in turn. Steps per second of each, in the order of the players. */
export async function playRound(players: readonly Player[]): Promise<number[]> {
  const seconds = players.map(() => 0);
  for (let slice = 0; slice < Math.max(...players.map(({ turn }) => turn.slices)); slice += 1) {
    for (const [index, { contestant, turn }] of players.entries()) {
      if (slice < turn.slices)
        seconds[index]! += (turn.load.workflows * turn.load.steps) / (await contestant.rate(turn.load));
    }
  }
  return players.map(({ turn: { load, slices } }, index) => (load.workflows * load.steps * slices) / seconds[index]!);
}
