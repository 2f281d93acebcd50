import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { unwrap } from '../base/result.ts';
import { forecastText } from '../ui/forecast.ts';
import { sarifText } from '../ui/problems/sarif.ts';
import { countText, gccLines, problemLines } from '../ui/problems/text.ts';
import { safeText } from '../ui/safe-text.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { command, type JsonOption, withExamples, withJson } from './options.ts';
import { hasErrors, type PlanInput, readPlan } from './plan-input.ts';
import { shownPath } from './project.ts';

interface CheckOptions extends JsonOption {
  readonly env?: string;
  readonly sarif?: string;
  readonly format: 'text' | 'gcc';
}

export function checkCommand(app: App): Command {
  const check = command('check', 'report all problems of a plan')
    .argument('<plan>', 'plan file, NAME.plan.yaml or NAME.plan.json')
    .option('--env <name>', 'environment, a file of the folder environments (default: local)')
    .option('--sarif <file>', 'also write the problems as SARIF 2.1.0, for code scanning')
    .addOption(new Option('--format <form>', 'how problems are printed').choices(['text', 'gcc']).default('text'))
    .action((path: string, options: CheckOptions) => runCheck(app, path, options));
  return withExamples(
    withJson(check),
    'expctl check plans/beam.plan.yaml',
    'expctl check plans/beam.plan.yaml --format gcc   # for editors',
    'expctl check plans/beam.plan.yaml --sarif check.sarif',
  );
}

async function runCheck(app: App, path: string, options: CheckOptions): Promise<void> {
  const input = await readPlan(app, path, options.env);
  if (options.sarif !== undefined) await writeSarif(app, options.sarif, input);
  if (options.json === true) app.terminal.out(problemsDocument(input));
  else if (options.format === 'gcc') printLines(app, gccLines(input.problems));
  else printProblems(app, input);
  if (hasErrors(input)) app.exit(2);
  else if (options.json !== true) tellValid(app, input);
}

async function writeSarif(app: App, file: string, { problems }: PlanInput): Promise<void> {
  const path = resolve(app.cwd, file);
  unwrap(await app.files.write(path, sarifText(problems, app.version)));
  app.terminal.note(`Wrote ${shownPath(app, path)}.`);
}

/** The one document of `check --json`, and of `lock --json` where the plan has errors. */
export function problemsDocument({ file, problems, notes, checked }: PlanInput): string {
  return JSON.stringify({ plan: file, problems, notes, forecast: checked?.forecast ?? null }, null, 2);
}

/** All problems on standard output, their count beside it. */
export function printProblems(app: App, { problems, texts, file }: PlanInput): void {
  const { columns, colour } = app.terminal;
  printLines(app, problemLines(problems, { style: styleFor(colour.out), columns, texts }));
  const counted = countText(problems);
  if (counted !== '') app.terminal.note(`${safeText(file)}: ${counted}.`);
}

function printLines(app: App, lines: readonly string[]): void {
  if (lines.length > 0) app.terminal.out(lines.join('\n'));
}

function tellValid(app: App, { file, checked, notes, pinned }: PlanInput): void {
  const style = styleFor(app.terminal.colour.out);
  const effort = checked === null ? '' : `: ${forecastText(checked.forecast)}`;
  app.terminal.out(`${style.good(MARKS.done)} ${safeText(file)} is valid${effort}.`);
  for (const note of notes) app.terminal.out(`  ${MARKS.note} ${safeText(note)}`);
  const next = pinned
    ? `Next: expctl lock ${safeText(file)}`
    : 'No tool is pinned, so calls were not checked. Next: expctl tools add NAME -- COMMAND, or expctl tools pin';
  app.terminal.note(next);
}
