import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { builtCli } from './cli.ts';

const server = fileURLToPath(new URL('../own/noop-server.mjs', import.meta.url));
// The trust policy is never read from within the project.
const TRUST = '../operator/trust.json';
const KEY = '../operator/lead.key';
const LOCK = 'plans/bench.lock.json';

/** A project whose plan evaluates many points by three steps that do nothing, with a lock that was approved. */
export class BenchProject {
  readonly folder: string;
  readonly #cli = builtCli();

  /** @param place folder in which the project, and beside it the operator's key and trust policy, are made */
  constructor(place: string, points: number) {
    this.folder = join(place, 'project');
    mkdirSync(join(this.folder, 'plans'), { recursive: true });
    mkdirSync(join(place, 'operator'), { mode: 0o700 });
    writeFileSync(join(this.folder, 'tools.yaml'), toolsFile());
    writeFileSync(join(this.folder, 'plans', 'bench.plan.yaml'), planFile(points));
    this.succeed('keys', 'new', KEY);
    const person = ['--person', 'bench@example.org', '--key', KEY, '--solo', '--allow-without-terminal'];
    this.succeed('trust', 'init', ...person, '-o', TRUST);
    this.succeed('tools', 'pin');
    this.succeed('lock', 'plans/bench.plan.yaml');
    this.succeed('approve', LOCK, '--key', KEY, '--trust', TRUST, '--comment', 'bench');
  }

  /** Journal of the project's store. */
  get journal(): string {
    return join(this.folder, '.expctl', 'journal.sqlite');
  }

  run(id: string): string[] {
    return [this.#cli, 'run', LOCK, '--id', id, '--trust', TRUST];
  }

  resume(id: string): string[] {
    return [this.#cli, 'resume', id, '--trust', TRUST];
  }

  /** Runs a command to its end. */
  succeed(...args: string[]): void {
    const { status, stderr } = spawnSync(process.execPath, [this.#cli, ...args], {
      cwd: this.folder,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`expctl ${args.join(' ')} ended with ${status}: ${stderr}`);
  }

  /** Milliseconds that a program takes. */
  async timed(argv: readonly string[]): Promise<number> {
    const begun = performance.now();
    await promisify(execFile)(process.execPath, argv, { cwd: this.folder, maxBuffer: 2 ** 28 });
    return performance.now() - begun;
  }

  command(...args: string[]): string[] {
    return [this.#cli, ...args];
  }
}

function toolsFile(): string {
  const command = JSON.stringify([process.execPath, server]);
  return `tools:\n  noop:\n    mcp: { command: ${command} }\n    calls: { noop: { effect: pure } }\n`;
}

function planFile(points: number): string {
  const step = (name: string, needs: string) => `  ${name}: { call: noop/noop, with: { x: =x }${needs} }\n`;
  return `expctl: 1
name: bench
goal: Many points that cost nothing.
variables:
  x: { type: real, unit: mm, min: 1, max: 2 }
pipeline:
${step('one', '')}${step('two', ', needs: [one]')}${step('three', ', needs: [two]')}metrics:
  x_again: { value: =x, unit: mm }
objectives: [{ minimize: x_again }]
study:
  - phase: explore
    design: { sobol: { points: ${points}, seed: 7 } }
`;
}
