import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { unwrap } from '../../src/base/result.ts';
import { type CallToTest, testTool, type ToolToTest } from '../../src/conformance/kit.ts';
import type { CallReport, ConformanceCase, ConformanceReport, Verdict } from '../../src/ir/conformance.ts';
import { CONFORMANCE_CASES } from '../../src/ir/conformance.ts';
import type { CallTest } from '../../src/ir/tools-test.ts';
import { ToolProject } from '../adapters/tools-project.ts';

/** The tools of test/fixtures/tools/keyed.mjs: as a server that is started once, and as a program that is started for each call. */
export type Transport = 'mcp' | 'process';

const SUBMIT = { effect: 'by_key', key: { argument: 'idempotency_key' } };
const SCHEMA = {
  type: 'object',
  properties: { name: { type: 'string' }, size: { type: 'number' }, idempotency_key: { type: 'string' } },
};

const DECLARATIONS = {
  mcp: {
    mcp: { command: ['node', 'keyed-server.mjs'] },
    calls: { submit: SUBMIT, look: { effect: 'pure' }, jobs: { effect: 'pure' } },
  },
  process: {
    process: { command: ['node', 'keyed-program.mjs'] },
    calls: {
      submit: { ...SUBMIT, argv: ['submit'], input: SCHEMA },
      look: { effect: 'pure', argv: ['look'], input: { type: 'object' } },
      jobs: { effect: 'pure', argv: ['jobs'], input: { type: 'object' } },
    },
  },
} as const;

export interface Tested {
  readonly report: ConformanceReport;
  readonly project: ToolProject;
}

export interface TestOptions {
  readonly transport: Transport;
  /** One of the lies of keyed.mjs; unless given, it is honest. */
  readonly lie?: string;
  readonly work_ms?: number;
  readonly tests: Readonly<Record<string, CallTest>>;
  readonly timeout_s?: number;
  readonly times?: ToolToTest['times'];
}

/** Counts by the tool's own call. */
export const COUNTED: CallTest = {
  with: { name: 'first', size: 1 },
  other: { name: 'first', size: 2 },
  count: { call: 'jobs' },
};

export const UNCOUNTED: CallTest = { with: { name: 'first', size: 1 }, other: { name: 'first', size: 2 } };

/** Runs the kit on a fixture in a folder of its own, with real processes. The folder stays, for a look at what the tool did. */
export async function testFixture(options: TestOptions): Promise<Tested> {
  const { transport, lie = 'none', work_ms = 20, tests, timeout_s = 20, times = () => 1 } = options;
  const project = new ToolProject('keyed.mjs', 'keyed-server.mjs', 'keyed-program.mjs');
  project.order({ lie, work_ms });
  const tool = await project.pin(DECLARATIONS[transport], 'keyed');
  const calls = Object.entries(tests).map(
    ([call, test]): CallToTest => ({ call, test: { ...test, with: test.with ?? {} } }),
  );
  const deps = {
    tools: project.tools,
    traces: { files: async () => 0, lines: async () => 0 },
    newKey: () => randomBytes(32).toString('hex'),
    newFolder: async (key: string) => {
      const folder = join(project.folder, 'work', createHash('sha256').update(key).digest('hex'));
      mkdirSync(folder, { recursive: true });
      return folder;
    },
    signal: new AbortController().signal,
    tell: () => {},
  };
  return { project, report: unwrap(await testTool(deps, { tool, timeout_s, setup: {}, calls, times })) };
}

/** Effects that a fixture has made. */
export function effectsIn({ folder }: ToolProject): number {
  return readdirSync(join(folder, 'effects')).filter((name) => name.endsWith('.json')).length;
}

/** How often each key reached a fixture. */
export function sendingsIn({ folder }: ToolProject): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const line of readFileSync(join(folder, 'sendings.log'), 'utf8').trim().split('\n')) {
    found.set(line, (found.get(line) ?? 0) + 1);
  }
  return found;
}

const LETTERS: Readonly<Record<Verdict, string>> = { holds: 'h', refuted: 'R', cannot_be_told: '?', not_run: '-' };

/** The verdicts in the order of the cases: `h`olds, `R`efuted, `?` cannot be told, `-` not run. */
export function letters({ cases }: CallReport): string {
  return CONFORMANCE_CASES.map((name) => LETTERS[verdictOf(cases, name)]).join('');
}

function verdictOf(cases: CallReport['cases'], name: ConformanceCase): Verdict {
  const report = cases.find((each) => each.case === name);
  if (report === undefined) throw new Error(`no case ${name}`);
  return report.verdict;
}

/** Processes that work in a folder, or below it: what a tool has left behind. Needs /proc. */
export function processesIn(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && workFolderOf(pid)?.startsWith(folder) === true);
}

/** Null where the process has ended meanwhile, or is another user's. */
function workFolderOf(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}
