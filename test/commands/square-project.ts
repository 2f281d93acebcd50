import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { approvalSteps } from '../approval-steps.ts';
import { LOCK_FILE, PLAN_FILE, squarePlan } from '../square-plan.ts';
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

/** A project with a real program as its tool, locked and approved; gone when the test is. */
export class SquareProject {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-run-')));
  readonly project = join(this.root, 'project');
  readonly counts = join(this.root, 'counts');
  readonly trust = join(this.root, 'trust.json');
  readonly key = join(this.root, 'lead.key');
  readonly lock = LOCK_FILE;

  constructor({ effect = 'pure' }: { readonly effect?: 'pure' | 'once' } = {}) {
    onTestFinished(() => rmSync(this.root, { recursive: true, force: true }));
    for (const folder of [this.project, this.counts, join(this.root, 'home')]) mkdirSync(folder);
    writeFileSync(join(this.project, 'tool.mjs'), TOOL);
    writeFileSync(join(this.project, 'tools.yaml'), TOOLS(this.counts, effect));
    writeFileSync(join(this.project, PLAN_FILE), squarePlan({ points: 5, gate: true, failed_points: 3 }));
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
  async approve(runs = 1, engines: readonly string[] = ['embedded']): Promise<this> {
    const { lock, key, trust } = this;
    for (const step of approvalSteps({ plan: PLAN_FILE, lock, key, trust, runs, engines })) await this.succeed(...step);
    return this;
  }
}
