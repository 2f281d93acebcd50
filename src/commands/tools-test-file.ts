import { join, resolve } from 'node:path';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import type { CallToTest, ToolToTest } from '../conformance/kit.ts';
import { durationSeconds } from '../ir/duration.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { closest } from '../ir/expression/suggest.ts';
import type { LockedTool } from '../ir/lock.ts';
import type { Problem } from '../ir/problem.ts';
import type { PinnedCall } from '../ir/tools.ts';
import type { CallTest, ToolTest } from '../ir/tools-test.ts';
import { readSource } from '../plan/source.ts';
import { isAsPinned } from '../plan/tools-files.ts';
import { parseToolsTest } from '../plan/tools-test-file.ts';
import { argumentsBySchema, skeletonFile } from '../plan/tools-test-skeleton.ts';
import { plural } from '../ui/format.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { sha256Of } from './locks.ts';
import { type JsonOption, usage } from './options.ts';
import { shownPath } from './project.ts';
import type { ToolsProject } from './tools-project.ts';

const TIMEOUT = '60s';
const HEADER = '# What `expctl tools test` sends. The calls are made for real: choose arguments that cost little.\n';

export interface TestWishes {
  readonly call?: readonly string[];
  readonly with?: string;
  readonly count?: string;
  readonly times?: number;
}

/** A pinned tool, and what its test file says of it. */
export interface FoundTest {
  readonly project: string;
  readonly tool: LockedTool;
  /** The test file, whether it is there or not. */
  readonly path: string;
  readonly is_there: boolean;
  readonly test: ToolTest | null;
}

/** TOOLS_INVALID where the tool is not pinned as it is declared; DATA_INVALID with every problem of the test file. */
export async function findTest(
  app: App,
  found: ToolsProject,
  name: string,
  with_file: string | undefined,
): Promise<FoundTest> {
  const tool = pinnedTool(found, name);
  const path = with_file === undefined ? join(found.project, 'tools.test.yaml') : resolve(app.cwd, with_file);
  const is_there = with_file !== undefined || (await app.files.exists(path));
  const rest = { project: found.project, tool, path, is_there };
  if (!is_there) return { ...rest, test: null };
  const bytes = unwrap(await app.files.read(path));
  const source = readSource(shownPath(app, path), bytes);
  const parsed = source.ok ? parseToolsTest(source.value, name, tool.pinned) : source;
  if (!parsed.ok) throw invalid(parsed.error);
  return { ...rest, test: parsed.value };
}

/** A folder without tools.yaml is likely the wrong one. */
const NO_TOOLS = 'No tool is declared here: go to the folder with tools.yaml, or add one with `expctl tools add`.';

function pinnedTool({ declared, pinned }: ToolsProject, name: string): LockedTool {
  const known = Object.keys(declared);
  if (!known.includes(name)) {
    const near = closest(name, known);
    const hint =
      near === undefined ? (known.length === 0 ? NO_TOOLS : `Known: ${known.join(', ')}.`) : `Did you mean ${near}?`;
    throw usage(`There is no tool ${name}.`, hint);
  }
  const pin = Object.hasOwn(pinned, name) ? pinned[name]! : undefined;
  if (pin === undefined || !isAsPinned(declared[name]!, pin)) {
    const message =
      pin === undefined
        ? `The tool ${name} is not pinned.`
        : `tools.yaml says something else of ${name} than what is pinned.`;
    throw new ExpctlError('TOOLS_INVALID', message, { hint: `Run expctl tools pin ${name}` });
  }
  return { name, pin: sha256Of(new TextEncoder().encode(canonicalJson(pin))), pinned: pin };
}

function invalid(problems: readonly Problem[]): ExpctlError {
  const lines = problems.map(({ file, line, column, message, fix }) => `${file}:${line}:${column}: ${message} ${fix}`);
  const message = `The test file of the tools has problems.\n${lines.join('\n')}`;
  const hint = 'Correct it; its schema is schema/tools-test.v1.schema.json.';
  return new ExpctlError('DATA_INVALID', message, { hint, details: { problems } });
}

/** What is to be called, with which arguments. USAGE, with what to write, where a call has none. */
export function whatToTest(app: App, found: FoundTest, wishes: TestWishes): ToolToTest {
  const { tool, test } = found;
  const calls = wantedCalls(found, wishes).map((call): CallToTest | string => {
    const written = test !== null && Object.hasOwn(test.calls, call) ? test.calls[call]! : {};
    const untested = reasonAgainst(tool.pinned.calls[call]!, written);
    if (untested !== null) return { call, untested };
    const given = completed(tool.pinned.calls[call]!, written);
    return given === null ? call : { call, test: withCount(tool, given, wishes.count) };
  });
  const missing = calls.filter((call) => typeof call === 'string');
  if (missing.length > 0) throw withoutArguments(app, found, missing);
  return {
    tool,
    timeout_s: durationSeconds(test?.timeout ?? TIMEOUT),
    setup: test?.setup ?? {},
    calls: calls.filter((call) => typeof call !== 'string'),
    times: () => wishes.times ?? 1,
  };
}

function wantedCalls({ tool }: FoundTest, { call }: TestWishes): readonly string[] {
  const known = Object.keys(tool.pinned.calls);
  const unknown = call?.find((name) => !known.includes(name));
  if (unknown === undefined) return call ?? known;
  const near = closest(unknown, known);
  const hint = near === undefined ? `It has ${known.join(', ')}.` : `Did you mean ${near}?`;
  throw usage(`The tool ${tool.name} has no pinned call ${unknown}.`, hint);
}

function reasonAgainst({ effect }: PinnedCall, { skip }: CallTest): string | null {
  if (effect === 'once') return 'nothing to prove: it promises nothing';
  if (effect === 'findable') return 'not yet: nothing looks calls up by key';
  return skip === undefined ? null : `skipped: ${skip}`;
}

/** Arguments that are written, else those that the call's schema gives. */
function completed(pinned: PinnedCall, written: CallTest): Extract<CallToTest, { test: unknown }>['test'] | null {
  if (written.with !== undefined) return { ...written, with: written.with };
  const sample = argumentsBySchema(pinned);
  if (sample === null) return null;
  const other = written.other ?? (pinned.effect === 'pure' ? null : sample.other);
  return { ...written, with: sample.with, ...(other === null ? {} : { other }) };
}

function withCount<Test extends CallTest>(tool: LockedTool, test: Test, call: string | undefined): Test {
  if (call === undefined) return test;
  const counting = Object.hasOwn(tool.pinned.calls, call) ? tool.pinned.calls[call]! : undefined;
  if (counting?.effect === 'pure') return { ...test, count: test.count ?? { call } };
  const why = counting === undefined ? 'is no pinned call' : 'is not declared `pure`';
  throw usage(`--count ${call}: it ${why} of ${tool.name}.`, 'Name a pure call that tells how many effects there are.');
}

function withoutArguments(app: App, { tool, path, is_there }: FoundTest, missing: readonly string[]): ExpctlError {
  const calls = Object.fromEntries(missing.map((call) => [call, tool.pinned.calls[call]!]));
  const message = `Nobody said with which arguments to call ${missing.join(', ')}.`;
  const file = shownPath(app, path);
  const how = is_there ? `Add to ${file}` : `Write ${file} (expctl tools test ${tool.name} --init does)`;
  const text = skeletonFile(tool.name, calls).trimEnd();
  return usage(message, `${how}, or give \`skip\` for a call, or name others with --call:\n${text}`);
}

/** Writes what is to be filled in, for every call that promises something. */
export async function writeSkeleton(
  app: App,
  found: FoundTest,
  { json, call }: TestWishes & JsonOption,
): Promise<void> {
  const { tool, path, is_there } = found;
  const names = wantedCalls(found, call === undefined ? {} : { call });
  const entries = names
    .map((name) => [name, tool.pinned.calls[name]!] as const)
    .filter(([name, { effect }]) => (effect === 'pure' || effect === 'by_key') && !isWritten(found, name));
  const file = shownPath(app, path);
  if (entries.length === 0) throw usage('There is nothing to write.', `${file} has all calls that promise something.`);
  const text = skeletonFile(tool.name, Object.fromEntries(entries));
  if (is_there) throw usage(`${file} is there already.`, `Add to it:\n${text.trimEnd()}`);
  unwrap(await app.files.write(path, `${HEADER}${text}`, { exclusive: true }));
  if (json === true) app.terminal.out(JSON.stringify({ file: path, calls: entries.map(([name]) => name) }, null, 2));
  else
    app.terminal.out(
      `${styleFor(app.terminal.colour.out).good(MARKS.done)} wrote ${file}: ${plural(entries.length, 'call')}`,
    );
  app.terminal.note(`Next: fill it in, then expctl tools test ${tool.name}`);
}

function isWritten({ test }: FoundTest, call: string): boolean {
  return test !== null && Object.hasOwn(test.calls, call);
}
