import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { approvalSteps } from './approval-steps.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EXPCTL = join(ROOT, 'bin', 'expctl.js');

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface BeamOptions {
  /** Runs that are approved. */
  readonly runs: number;
  /** What `auto` means to the server; CalculiX where it is installed unless given. */
  readonly solver?: 'builtin' | 'ccx';
}

/**
 * A project with the beam's tools pinned and one of its plans locked and approved, as a user would make it with the built command
 * line; gone when the test is.
 */
export class BeamProject {
  readonly folder: string;
  readonly trust: string;
  readonly lock: string;

  /** @param plan_name a plan of plans/, without extension */
  constructor(plan_name: string, options: BeamOptions) {
    const root = mkdtempSync(join(tmpdir(), 'expctl-beam-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
    this.folder = join(root, 'project');
    const operator = join(root, 'operator');
    this.trust = join(operator, 'trust.json');
    this.lock = `plans/${plan_name}.lock.json`;
    mkdirSync(join(this.folder, 'plans'), { recursive: true });
    mkdirSync(operator, { mode: 0o700 });
    const server = relative(this.folder, join(ROOT, 'examples/beam'));
    const tools = readFileSync(join(ROOT, 'examples/beam/tools.yaml'), 'utf8');
    const env = options.solver === undefined ? '' : `, env: { BEAM_SOLVER: ${options.solver} }`;
    writeFileSync(
      join(this.folder, 'tools.yaml'),
      tools.replace('server.js] }', `server.js]${env} }`).replaceAll('BEAM/', `${server}/`),
    );
    const plan = join(this.folder, 'plans', `${plan_name}.plan.yaml`);
    copyFileSync(join(ROOT, 'plans', `${plan_name}.plan.yaml`), plan);
    const key = join(operator, 'lead.key');
    const { lock, trust } = this;
    const steps = {
      plan: `plans/${plan_name}.plan.yaml`,
      lock,
      key,
      trust,
      person: 'lead@example.org',
      runs: options.runs,
    };
    for (const step of approvalSteps(steps)) this.succeed(...step);
    this.key = key;
  }

  readonly key: string;

  /** Runs the built command line to its end. */
  expctl(...args: readonly string[]): Finished {
    const child = spawnSync(process.execPath, [EXPCTL, ...args], {
      cwd: this.folder,
      encoding: 'utf8',
      env: plainEnv(),
    });
    return { status: child.status, stdout: child.stdout, stderr: child.stderr };
  }

  succeed(...args: readonly string[]): string {
    const { status, stdout, stderr } = this.expctl(...args);
    if (status !== 0) throw new Error(`expctl ${args.join(' ')} ended with ${status}:\n${stderr}${stdout}`);
    return stdout;
  }

  json<T>(...args: readonly string[]): T {
    return JSON.parse(this.succeed(...args, '--json')) as T;
  }

  /** Starts the command line, and hands on its standard output line by line. */
  start(args: readonly string[]): { child: ChildProcess; lines: AsyncIterable<string>; ended: Promise<number | null> } {
    const child = spawn(process.execPath, [EXPCTL, ...args], {
      cwd: this.folder,
      env: plainEnv(),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = new Promise<number | null>((done) => child.once('close', (status) => done(status)));
    return { child, lines: createInterface({ input: child.stdout! }), ended };
  }

  /** Jobs that the beam's solver has run, by the server's own log: a line for each. */
  solverJobs(): number {
    const log = readFileSync(join(this.folder, '.beam', 'solver.log'), 'utf8');
    return log.split('\n').filter((line) => line !== '').length;
  }
}

function plainEnv(): NodeJS.ProcessEnv {
  const { EXPCTL_TRUST: _trust, EXPCTL_KEY: _key, ...env } = process.env;
  return env;
}

/** Processes whose parent is `pid` and whose command line names `program`. */
export function childrenOf(pid: number, program: string): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)], { encoding: 'utf8' });
  const lines = stdout.split('\n').filter((line) => line.includes(program));
  return lines.map((line) => Number.parseInt(line, 10));
}
