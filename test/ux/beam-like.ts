import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Circumstances, type Ended, TestApp } from '../commands/support.ts';

/**
 * The beam by its formula, as a program that is fast to start; it waits while there is a file HOLD. What it writes to standard error
 * has a digest that an example names.
 */
const TOOL = `
import { existsSync } from 'node:fs';
while (existsSync(new URL('HOLD', import.meta.url))) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
const [b, h] = process.argv.slice(2).map(Number);
process.stderr.write('test');
console.log(JSON.stringify({ mass: 7850e-9 * 200 * b * h, deflection: 4 * 100 * 200 ** 3 / (210e3 * b * h ** 3) }));
`;

const TOOLS = `
tools:
  beam:
    process: { command: [node, tool.mjs] }
    calls:
      solve:
        effect: pure
        argv: ["{b}", "{h}"]
        input: { type: object, properties: { b: { type: number }, h: { type: number } }, required: [b, h], additionalProperties: false }
        answer: { type: object, properties: { mass: { type: number }, deflection: { type: number } }, required: [mass, deflection] }
`;

const PLAN = `
expctl: 1
name: beam
goal: Lightest cantilever that deflects at most 0.2 mm under 100 N at the tip.
variables:
  width: { type: real, unit: mm, min: 5, max: 20 }
  height: { type: real, unit: mm, min: 8, max: 30 }
pipeline:
  solve: { call: beam/solve, with: { b: =width, h: =height } }
metrics:
  mass: { value: =solve.mass, unit: kg }
  deflection: { value: =solve.deflection, unit: mm }
objectives: [{ minimize: mass }]
outcome_constraints: [deflection <= 0.2]
study:
  - { phase: explore, design: { latin_hypercube: { points: 8, seed: 7 } } }
  - { phase: pilot, gate: { role: lead, ask: "Continue with the search?", outcomes: [continue, stop] } }
  - { phase: judge, decide: [{ else: stop, because: the search is bounded }] }
`;

export const RUN = 'beam-4f2a9c10';

/**
 * The project that the examples in help speak of: plans/beam, of which the run beam-4f2a9c10 waits at its gate; with the keys,
 * policies and files that they name. A copy of it costs little.
 */
export class BeamLike {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async make(): Promise<BeamLike> {
    const made = new BeamLike(realpathSync(mkdtempSync(join(tmpdir(), 'expctl-ux-'))));
    for (const folder of [join(made.project, 'plans'), join(made.project, 'environments'), join(made.home, '.ssh')]) {
      mkdirSync(folder, { recursive: true });
    }
    writeFileSync(join(made.project, 'tool.mjs'), TOOL);
    writeFileSync(join(made.project, 'tools.yaml'), TOOLS);
    writeFileSync(join(made.project, 'plans/beam.plan.yaml'), PLAN);
    writeFileSync(join(made.project, 'environments/cluster.yaml'), 'class: sandbox\n');
    await made.#sign();
    await made.succeed(5, 'run', 'plans/beam.lock.json', '--id', RUN);
    return made;
  }

  async #sign(): Promise<void> {
    await this.succeed(0, 'keys', 'new', this.key);
    for (const name of ['id_ed25519', 'id_ed25519.pub']) {
      copyFileSync(name.endsWith('.pub') ? `${this.key}.pub` : this.key, join(this.home, '.ssh', name));
    }
    for (const end of ['', '.pub']) copyFileSync(`${this.key}${end}`, join(this.project, `alice.key${end}`));
    const solo = ['--solo', '--allow-without-terminal', '-o', this.trust];
    await this.succeed(0, 'trust', 'init', '--person', 'alice', '--key', this.key, ...solo);
    await this.succeed(0, 'tools', 'pin');
    await this.succeed(0, 'lock', 'plans/beam.plan.yaml');
    await this.succeed(0, 'request', 'plans/beam.lock.json', '--runs', '9', '--by', 'alice');
    await this.succeed(0, 'approve', 'plans/beam.lock.json');
    const approvals = join(this.project, 'approvals');
    const envelopes = readdirSync(approvals, { recursive: true, encoding: 'utf8' });
    const envelope = envelopes.find((name) => name.endsWith('.dsse.json'));
    copyFileSync(join(approvals, envelope ?? ''), join(this.project, 'approve.dsse.json'));
    copyFileSync(join(this.project, 'plans/beam.lock.json'), join(this.project, 'old.lock.json'));
  }

  get project(): string {
    return join(this.root, 'project');
  }

  get home(): string {
    return join(this.root, 'home');
  }

  get key(): string {
    return join(this.home, 'alice.key');
  }

  get trust(): string {
    return join(this.home, 'trust.json');
  }

  get store(): string {
    return join(this.project, '.expctl');
  }

  get env(): Readonly<Record<string, string>> {
    return { EXPCTL_KEY: this.key, EXPCTL_TRUST: this.trust, USER: 'tester' };
  }

  run(args: readonly string[], circumstances: Circumstances = {}): Promise<Ended> {
    return new TestApp({ cwd: this.project, env: this.env, ...circumstances }, this.home).run(args);
  }

  async succeed(status: number, ...args: readonly string[]): Promise<Ended> {
    const ended = await this.run(args);
    if (ended.status === status) return ended;
    throw new Error(`expctl ${args.join(' ')} ended with ${ended.status}:\n${ended.stderr}${ended.stdout}`);
  }

  /** Another one that has come as far. */
  copy(): BeamLike {
    const root = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-ux-')));
    cpSync(this.root, root, { recursive: true });
    return new BeamLike(root);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
