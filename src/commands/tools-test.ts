import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { unwrap } from '../base/result.ts';
import { DIGESTS_ALONE } from '../conformance/digests.ts';
import { mostKeys, testTool, type ToolToTest } from '../conformance/kit.ts';
import type { ConformanceReport } from '../ir/conformance.ts';
import { conformanceLines, conformanceSummary, progressLine } from '../ui/conformance.ts';
import { plural } from '../ui/format.ts';
import { safeText } from '../ui/safe-text.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { type JsonOption, usage } from './options.ts';
import { shownPath } from './project.ts';
import { readTools } from './tools-project.ts';
import { type FoundTest, findTest, type TestWishes, whatToTest, writeSkeleton } from './tools-test-file.ts';
import { tracesOf } from './tools-test-traces.ts';

export interface TestOptions extends JsonOption, TestWishes {
  readonly init?: boolean;
  readonly yes?: boolean;
}

/** A tool that does not hold to its declaration is evidence that does not hold. */
const NOT_SHOWN = 6;

/** Calls a tool for real, with faults in between, and says whether its calls are what the tools file declares. */
export async function testTools(app: App, name: string, options: TestOptions): Promise<void> {
  const found = await findTest(app, await readTools(app), name, options.with);
  if (options.init === true) return writeSkeleton(app, found, options);
  const what = whatToTest(app, found, options);
  const isCalled = what.calls.some((call) => 'test' in call);
  if (isCalled && options.yes !== true) await confirm(app, what);
  const report = isCalled ? await perform(app, found, what, options) : nothingCalled(what);
  if (report !== null) show(app, found, report, options);
}

/** Effects happen: at a terminal a person types that they want them; elsewhere --yes says so. */
async function confirm(app: App, what: ToolToTest): Promise<void> {
  const words = `test ${what.tool.name}`;
  for (const line of warning(what)) app.terminal.note(line);
  if (!app.terminal.interactive) {
    throw usage(
      'The test calls the tool for real, and nobody is here to agree.',
      'Add --yes if its effects may happen.',
    );
  }
  const { stdin, stderr } = app.terminal;
  const lines = createInterface({ input: stdin, output: stderr });
  const typed = await new Promise<string>((resolve) => {
    lines.once('close', () => resolve('')); // Ctrl-C, or the end of input
    lines.question(`To go on, type “${words}”: `, resolve);
  });
  lines.close();
  if (typed.trim() !== words) throw usage(`“${words}” was not typed.`, 'Nothing was called.');
}

function warning({ tool, calls, setup, times }: ToolToTest): string[] {
  const keys = mostKeys(tool, times('execute_then_timeout'));
  const named = calls.flatMap((call) => {
    if (!('test' in call)) return [];
    const pure = tool.pinned.calls[call.call]!.effect === 'pure';
    return [`  ${safeText(call.call)}: ${pure ? 'asked again and again' : `up to ${plural(keys, 'effect')}`}`];
  });
  const before = Object.keys(setup).length;
  return [
    `This calls ${tool.name} for real and kills it while it works; effects happen, and may cost licences:`,
    ...(before === 0 ? [] : [`  ${plural(before, 'call')} to set up`]),
    ...named,
  ];
}

function nothingCalled({ tool, calls }: ToolToTest): ConformanceReport {
  const untested = calls.flatMap((call) => ('untested' in call ? [call] : []));
  return {
    tool: tool.name,
    pin: tool.pin,
    verdict: 'holds',
    calls: untested.map(({ call, untested: why }) => ({
      call,
      effect: tool.pinned.calls[call]!.effect,
      untested: why,
      count: null,
      ok_ms: null,
      cases: [],
    })),
  };
}

/** Null when the person gave up. */
async function perform(
  app: App,
  { project }: FoundTest,
  what: ToolToTest,
  { json }: TestOptions,
): Promise<ConformanceReport | null> {
  const stop = new AbortController();
  const unlisten = app.onInterrupt((signal) => {
    app.exit(signal === 'SIGINT' ? 130 : 143);
    stop.abort();
  });
  const folder = await mkdtemp(join(tmpdir(), 'expctl-'));
  try {
    const tested = await testTool(
      {
        tools: await app.tools({ project_folder: project, artifacts: DIGESTS_ALONE }),
        traces: tracesOf(app, project),
        newKey: () => Buffer.from(app.randomBytes(32)).toString('hex'),
        newFolder: async (key) => {
          const own = join(folder, key);
          await app.files.makeFolder(own);
          return own;
        },
        signal: stop.signal,
        tell: (call, report) => json !== true && app.terminal.note(progressLine(call, report)),
      },
      what,
    );
    return unwrap(tested);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    app.terminal.note('Interrupted. What was sent until now has happened.');
    return null;
  } finally {
    unlisten();
    await rm(folder, { recursive: true, force: true });
  }
}

function show(app: App, { path }: FoundTest, report: ConformanceReport, { json }: TestOptions): void {
  if (json === true) app.terminal.out(JSON.stringify(report, null, 2));
  else for (const line of conformanceLines(report, styleFor(app.terminal.colour.out))) app.terminal.out(line);
  const style = styleFor(app.terminal.colour.err);
  const holds = report.verdict === 'holds';
  const mark = holds ? style.good(MARKS.done) : style.bad(MARKS.failed);
  app.terminal.note(`${mark} ${safeText(conformanceSummary(report))}`);
  if (!holds) app.exit(NOT_SHOWN);
  app.terminal.note(nextStep(report, safeText(shownPath(app, path))));
}

function nextStep({ verdict, tool, calls }: ConformanceReport, path: string): string {
  if (verdict === 'refuted') {
    return `  Correct the tool, or declare in tools.yaml what it is (\`once\` promises nothing), then run expctl tools pin ${tool}`;
  }
  if (verdict === 'cannot_be_told') return `  Say more in ${path}: what is missing stands with each case.`;
  const by_answers = calls.some(
    ({ effect, cases, count }) => effect === 'by_key' && cases.length > 0 && count === null,
  );
  return by_answers
    ? `  Seen by its answers alone: a tool that works twice may answer the same. A \`count\` in ${path} would tell.`
    : '  Next: expctl lock PLAN';
}
