import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Circumstances, type Ended, runProcess, TestApp } from './support.ts';

/** A program that squares a number; fails at 3 where FAIL is in its folder, ends itself at 3 where LOST is; counts its starts in a file. */
const TOOL = `
import { appendFileSync, existsSync } from 'node:fs';
const [x, counts] = process.argv.slice(2);
appendFileSync(counts + '/calls.log', x + '\\n');
if (x === '3' && existsSync(counts + '/FAIL')) {
  console.error('no solution at 3');
  process.exit(1);
}
if (x === '3' && existsSync(counts + '/LOST')) process.kill(process.pid, 'SIGKILL');
console.log(JSON.stringify({ y: x * x }));
`;

const TOOLS = (counts: string, effect: string) => `
tools:
  square:
    process: { command: [node, tool.mjs] }
    calls:
      run:
        effect: ${effect}
        argv: ["{x}", ${JSON.stringify(counts)}]
        input: { type: object, properties: { x: { type: number } }, required: [x], additionalProperties: false }
        answer: { type: object, properties: { y: { type: number } }, required: [y] }
`;

const PLAN = `
expctl: 1
name: square
goal: Squares of five numbers, a gate, and two more.
variables: { x: { type: ordered, values: [1, 2, 3, 4, 5] } }
pipeline:
  square: { call: square/run, with: { x: =x } }
metrics: { y: { value: =square.y } }
objectives: [{ minimize: y }]
study:
  - { phase: all, design: { full_factorial: { levels: 5 } } }
  - { phase: look, gate: { role: lead, ask: "Go on?", outcomes: [continue, stop] } }
  - { phase: end, decide: [{ else: stop, because: "all is known" }] }
budget: { points: 5, calls: 20, wall_time: 1h, failed_points: 3 }
`;

/** A project with a real program as its tool, locked and approved; gone when the test is. */
export class SquareProject {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-run-')));
  readonly project = join(this.root, 'project');
  readonly counts = join(this.root, 'counts');
  readonly trust = join(this.root, 'trust.json');
  readonly key = join(this.root, 'lead.key');
  readonly lock = 'square.lock.json';

  constructor({ effect = 'pure' }: { readonly effect?: 'pure' | 'once' } = {}) {
    onTestFinished(() => rmSync(this.root, { recursive: true, force: true }));
    for (const folder of [this.project, this.counts, join(this.root, 'home')]) mkdirSync(folder);
    writeFileSync(join(this.project, 'tool.mjs'), TOOL);
    writeFileSync(join(this.project, 'tools.yaml'), TOOLS(this.counts, effect));
    writeFileSync(join(this.project, 'square.plan.yaml'), PLAN);
  }

  app(circumstances: Circumstances = {}): TestApp {
    return new TestApp({ cwd: this.project, env: { USER: 'tester' }, ...circumstances }, join(this.root, 'home'));
  }

  run(...args: readonly string[]): Promise<Ended> {
    return this.app().run(args);
  }

  /** In a process of its own. */
  process(...args: readonly string[]): Promise<Ended> {
    return runProcess(args, this.project, { HOME: join(this.root, 'home'), USER: 'tester' });
  }

  async succeed(...args: readonly string[]): Promise<Ended> {
    const ended = await this.run(...args);
    if (ended.status !== 0) throw new Error(`expctl ${args.join(' ')} ended with ${ended.status}:\n${ended.stderr}`);
    return ended;
  }

  /** Key, policy, pins, lock, request and signature. */
  async approve(runs = 1): Promise<this> {
    await this.succeed('keys', 'new', this.key);
    const solo = ['--solo', '--allow-without-terminal', '-o', this.trust];
    await this.succeed('trust', 'init', '--person', 'lead', '--key', this.key, ...solo);
    await this.succeed('tools', 'pin');
    await this.succeed('lock', 'square.plan.yaml');
    await this.succeed('request', this.lock, '--runs', String(runs), '--by', 'lead');
    await this.succeed('approve', this.lock, '--key', this.key, '--trust', this.trust);
    return this;
  }
}
