import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { PoolsView } from '../../src/provenance/pools.ts';
import { PLAN_FILE } from '../square-plan.ts';
import { SquareProject } from './square-project.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/**
 * A program that needs a licence of which there is one: it takes it exclusively and says so where it is taken. It waits while there is
 * a file HOLD, and outlives the engine that started it. Called again under its key it waits for what it began, or takes that up.
 */
const TOOL = `
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
const [x, folder, key] = process.argv.slice(2);
const [licence, result] = [folder + '/licence', folder + '/result-' + key];
const say = (text) => appendFileSync(folder + '/ledger', text + ' ' + x + ' ' + key + '\\n');
const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
const lives = (pid) => { try { return process.kill(pid, 0); } catch { return false; } };
for (;;) {
  if (existsSync(result)) break;
  try {
    writeFileSync(licence, key + ' ' + process.pid, { flag: 'wx' });
    say('began');
    while (existsSync(folder + '/HOLD')) wait();
    for (let count = 0; count < 3; count++) wait();
    writeFileSync(result + '.new', JSON.stringify({ y: x * x }));
    renameSync(result + '.new', result);
    say('ended');
    rmSync(licence);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const [of, pid] = (() => { try { return readFileSync(licence, 'utf8').split(' '); } catch { return [key, process.pid]; } })();
    if (of !== key && of !== '') { say('TAKEN'); process.exit(1); }
    if (!lives(Number(pid))) rmSync(licence, { force: true });
    wait();
  }
}
process.stdout.write(readFileSync(result));
`;

const TOOLS = (folder: string) => `
tools:
  square:
    process: { command: [node, tool.mjs] }
    calls:
      run:
        effect: by_key
        key: { argument: key }
        argv: ["{x}", ${JSON.stringify(folder)}, "{key}"]
        input: { type: object, properties: { x: { type: number }, key: { type: string } }, required: [x], additionalProperties: false }
        answer: { type: object, properties: { y: { type: number } }, required: [y] }
`;

const PLAN = `
expctl: 1
name: square
goal: Squares of four numbers, one after another, since there is one licence.
variables: { x: { type: ordered, values: [1, 2, 3, 4] } }
pipeline:
  square: { call: square/run, with: { x: =x }, uses: { licence: 1 } }
metrics: { y: { value: =square.y } }
objectives: [{ minimize: y }]
study:
  - { phase: all, design: { full_factorial: { levels: 4 } } }
  - { phase: end, decide: [{ else: stop, because: "all is known" }] }
pools: { licence: 1 }
budget: { points: 4, calls: 20, wall_time: 1h, failed_points: 1 }
`;

/** An expctl that runs, and what became of it. */
export interface Running {
  readonly process: ChildProcess;
  /** What it has written by now. */
  output(): string;
  /** Its exit status, or the signal that ended it, with what it wrote. */
  readonly ended: Promise<{ readonly how: number | NodeJS.Signals | null; readonly output: string }>;
}

export class LicenceProject extends SquareProject {
  constructor() {
    super();
    writeFileSync(join(this.project, 'tool.mjs'), TOOL);
    writeFileSync(join(this.project, 'tools.yaml'), TOOLS(this.counts));
    writeFileSync(join(this.project, PLAN_FILE), PLAN);
  }

  /** As long as they hold, no call of the tool ends. */
  hold(): void {
    writeFileSync(join(this.counts, 'HOLD'), '');
  }

  letGo(): void {
    rmSync(join(this.counts, 'HOLD'));
  }

  start(id: string): Running {
    return this.expctl('run', this.lock, '--trust', this.trust, '--id', id);
  }

  resume(id: string): Running {
    return this.expctl('resume', id, '--trust', this.trust);
  }

  expctl(...args: readonly string[]): Running {
    const env = { PATH: process.env['PATH'] ?? '', HOME: join(this.root, 'home'), USER: 'tester', TZ: 'UTC' };
    const argv = ['--import', import.meta.resolve('tsx'), MAIN, ...args];
    const child = spawn(process.execPath, argv, { cwd: this.project, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = once(child, 'exit').then(([status, signal]) => ({ how: (status ?? signal) as number, output }));
    return { process: child, output: () => output, ended };
  }

  /** What the tool says: `began`, `ended` or `TAKEN`, the number, the key. */
  ledger(): string[] {
    const path = join(this.counts, 'ledger');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  }

  async pools(): Promise<PoolsView> {
    return JSON.parse((await this.succeed('pools', '--json')).stdout) as PoolsView;
  }
}

/** Waits until something holds; the test's own time-out ends it where it never does. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
