import { resolve } from 'node:path';
import type { Command } from 'commander';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import { type LockedPlan, lockPlan } from '../plan/lock.ts';
import { forecastText } from '../ui/forecast.ts';
import { plural } from '../ui/format.ts';
import { safeText } from '../ui/safe-text.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { printProblems, problemsDocument } from './check.ts';
import { sha256Of } from './locks.ts';
import { command, type JsonOption, withExamples, withJson } from './options.ts';
import { hasErrors, type PlanInput, readPlan } from './plan-input.ts';
import { lockFiles, planFiles, shownPath, tableFile } from './project.ts';

interface LockOptions extends JsonOption {
  readonly env?: string;
  readonly output?: string;
  readonly check?: boolean;
}

export function lockCommand(app: App): Command {
  const lock = command('lock', 'write the exact bytes of everything that will run')
    .argument('<plan>', 'plan file, NAME.plan.yaml or NAME.plan.json')
    .option('--env <name>', 'environment, a file of the folder environments (default: local)')
    .option('-o, --output <file>', 'lock file (default: NAME.lock.json beside the plan)')
    .option('--check', 'write nothing; exit 2 if the lock on the disk is not what would be written')
    .action((path: string, options: LockOptions) => runLock(app, path, options));
  return withExamples(
    withJson(lock),
    'expctl lock plans/beam.plan.yaml',
    'expctl lock plans/beam.plan.yaml --env cluster -o beam-cluster.lock.json',
    'expctl lock plans/beam.plan.yaml --check   # in CI',
  );
}

async function runLock(app: App, path: string, options: LockOptions): Promise<void> {
  const files = unwrap(options.output === undefined ? planFiles(path) : lockFiles(options.output));
  const input = await readPlan(app, path, options.env);
  if (hasErrors(input)) {
    if (options.json === true) app.terminal.out(problemsDocument(input));
    else printProblems(app, input);
    app.terminal.note('Nothing was written.');
    return app.exit(2);
  }
  const locked = lockOf(input);
  const place = { lock: resolve(app.cwd, files.lock), designs: resolve(app.cwd, files.designs) };
  const stale = await staleFiles(app, locked, place);
  if (options.check === true && stale.length > 0) throw staleError(app, stale, input);
  for (const { path: file, text } of stale) unwrap(await app.files.write(file, text));
  if (options.json === true) app.terminal.out(lockDocument(app, input, locked, place.lock, stale.length > 0));
  else tellLock(app, input, locked, place.lock, stale.length > 0);
}

/** The lock of a plan without errors. TOOLS_INVALID where no tool is pinned. */
export function lockOf({ checked }: PlanInput): LockedPlan {
  if (checked === null) throw new Error('only a plan without errors can be locked');
  return unwrap(lockPlan(checked));
}

interface Place {
  readonly lock: string;
  readonly designs: string;
}

/** What the disk does not hold yet: tables first, so that a lock never names one that is not there. */
async function staleFiles(
  app: App,
  { bytes, tables }: LockedPlan,
  place: Place,
): Promise<{ path: string; text: string }[]> {
  const wanted = [
    ...[...tables].map(([sha256, text]) => ({ path: tableFile(place.designs, sha256), text })),
    { path: place.lock, text: bytes },
  ];
  const stale: { path: string; text: string }[] = [];
  for (const file of wanted) {
    const found = (await app.files.exists(file.path)) ? unwrap(await app.files.read(file.path)) : null;
    if (found === null || sha256Of(found) !== sha256Of(file.text)) stale.push(file);
  }
  return stale;
}

function staleError(app: App, stale: readonly { path: string }[], { file }: PlanInput): ExpctlError {
  const paths = stale.map(({ path }) => shownPath(app, path));
  const message = `${paths.join(', ')} ${paths.length === 1 ? 'is' : 'are'} not what ${file} locks to.`;
  const hint = `Run \`expctl lock ${file}\`, and have the new lock approved.`;
  return new ExpctlError('LOCK_INVALID', message, { hint, details: { files: paths } });
}

function lockDocument(app: App, input: PlanInput, { lock, bytes }: LockedPlan, path: string, written: boolean): string {
  const { name, environment, tables, forecast } = lock;
  const document = {
    plan: input.file,
    lock: shownPath(app, path),
    name,
    lock_sha256: sha256Of(bytes),
    environment: environment.name,
    tables: tables.map(({ id, sha256, rows }) => ({ id, sha256, rows })),
    forecast,
    notes: input.notes,
    problems: input.problems,
    written,
  };
  return JSON.stringify(document, null, 2);
}

function tellLock(app: App, input: PlanInput, { lock, bytes }: LockedPlan, path: string, written: boolean): void {
  const style = styleFor(app.terminal.colour.out);
  const shown = safeText(shownPath(app, path));
  printProblems(app, input);
  app.terminal.out(
    `${style.good(MARKS.done)} ${shown} ${written ? 'written' : 'is up to date'}: sha256 ${sha256Of(bytes)}`,
  );
  app.terminal.out(`  ${forecastText(lock.forecast)}`);
  app.terminal.out(`  ${plural(lock.tables.length, 'design table')}, environment ${lock.environment.name}`);
  for (const note of lock.notes) app.terminal.out(`  ${MARKS.note} ${safeText(note)}`);
  app.terminal.note(`Next: expctl review ${shown}`);
}
