import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { approvalSteps } from '../approval-steps.ts';
import { type Circumstances, type Ended, TestApp } from '../commands/support.ts';
import { bundleProgram } from './bundle.ts';

const WORLD = fileURLToPath(new URL('world', import.meta.url));

const PLAN_FILE = 'steps.plan.yaml';

const TOOLS = `
tools:
  w:
    mcp: { command: [node, world/tools/server.mjs] }
    calls:
      make: { effect: by_key, key: { argument: idempotency_key } }
      submit: { effect: by_key, key: { argument: idempotency_key } }
      wait: { effect: pure }
      fetch: { effect: pure }
  p:
    process: { command: [sh, world/tools/program.sh] }
    calls:
      weigh:
        effect: pure
        argv: [weigh, "{x}"]
        input: { type: object, properties: { x: { type: number } }, required: [x] }
        output: { stdout: json, files: [{ name: weight.txt }] }
      burn:
        effect: once
        argv: [burn, "{x}"]
        input: { type: object, properties: { x: { type: number } }, required: [x] }
        output: { stdout: json, files: [{ name: ash.txt }] }
`;

/** Every kind of effect, a job, files of each transport: four steps. */
const STEPS = (suffix: string, after: string) => `
  make${suffix}: { call: w/make, with: { x: "${after}" } }
  weigh${suffix}: { call: p/weigh, with: { x: "=make${suffix}.part" } }
  solve${suffix}:
    job:
      submit: { call: w/submit, with: { x: "=weigh${suffix}.weight" } }
      poll: { call: w/wait, with: { job: "=submit.job" }, every: 50ms, until: "status == 'done'", timeout: 1m }
      fetch: { call: w/fetch, with: { job: "=submit.job" } }
  burn${suffix}: { call: p/burn, with: { x: "=solve${suffix}.result" } }`;

export interface PlanShape {
  /** The four steps, so many times one behind the other. */
  readonly rounds: number;
  readonly points: number;
}

function planText({ rounds, points }: PlanShape): string {
  const steps = Array.from({ length: rounds }, (_, round) =>
    STEPS(`_${round}`, round === 0 ? '=x' : `=burn_${round - 1}.ash`),
  );
  const values = Array.from({ length: points }, (_, index) => index + 1);
  return `
expctl: 1
name: steps
goal: Every kind of effect.
variables: { x: { type: ordered, values: [${values.join(', ')}${points === 1 ? ', 2' : ''}] } }
${points === 1 ? 'constraints: ["x == 1"]' : ''}
pipeline:${steps.join('')}
metrics:
  ash: { value: "=burn_${rounds - 1}.ash" }
  weight: { value: "=weigh_0.weight" }
  result: { value: "=solve_0.result" }
objectives: [{ minimize: ash }]
study:
  - { phase: all, design: { full_factorial: { levels: ${Math.max(points, 2)} } } }
`;
}

/** An approved plan, its tools and the world that they act in, and a program whose ports are wrapped; copied for each scenario. */
export class CrashTemplate {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-crash-')));
  readonly #project = join(this.root, 'template');
  readonly #home = join(this.root, 'home');
  readonly trust = join(this.root, 'trust.json');
  readonly key = join(this.root, 'lead.key');
  readonly lock = 'steps.lock.json';
  program = '';
  #copies = 0;
  #kept = false;

  static async of(shape: PlanShape): Promise<CrashTemplate> {
    const template = new CrashTemplate();
    template.program = await bundleProgram(join(template.root, 'program'));
    await template.#prepare(planText(shape));
    return template;
  }

  async #prepare(plan: string): Promise<void> {
    mkdirSync(join(this.#project, 'world', 'keys'), { recursive: true });
    mkdirSync(this.#home);
    cpSync(WORLD, join(this.#project, 'world', 'tools'), { recursive: true });
    writeFileSync(join(this.#project, 'tools.yaml'), TOOLS);
    writeFileSync(join(this.#project, PLAN_FILE), plan);
    const { lock, key, trust } = this;
    for (const step of approvalSteps({ plan: PLAN_FILE, lock, key, trust })) await this.#succeed(...step);
  }

  async #succeed(...args: readonly string[]): Promise<void> {
    const { status, stdout, stderr } = await this.command(this.#project, args);
    if (status !== 0) throw new Error(`expctl ${args.join(' ')} ended with ${status}:\n${stderr}${stdout}`);
  }

  /** A command in this process, with nothing wrapped. */
  command(project: string, args: readonly string[], circumstances: Circumstances = {}): Promise<Ended> {
    const env = { USER: 'lead' };
    return new TestApp({ cwd: project, env, ...circumstances }, this.#home).run(args);
  }

  /** What processes of the program have as their environment. */
  get environment(): Record<string, string> {
    return { PATH: process.env['PATH'] ?? '', HOME: this.#home, TZ: 'UTC', USER: 'lead', NO_COLOR: '1' };
  }

  /** A project of its own, with an untouched store and world. */
  copy(): string {
    this.#copies += 1;
    const folder = join(this.root, `project-${this.#copies}`);
    cpSync(this.#project, folder, { recursive: true });
    return folder;
  }

  /** Leaves everything where it is, for a person to look at. */
  keep(): void {
    this.#kept = true;
  }

  remove(): void {
    if (!this.#kept) rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}
