import { resolve } from 'node:path';
import { checkTrustTime, type Trust } from '../approval/trust.ts';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import { compareRuns } from '../provenance/compare-runs.ts';
import { noteFileText } from '../provenance/note.ts';
import { CorruptStore, type RunFacts, type StoredJournal } from '../provenance/ports.ts';
import { placed, type Problem, problem, Problems, VERDICTS } from '../provenance/verdicts.ts';
import type { CheckpointFile, CheckpointKey } from '../provenance/verify-checkpoints.ts';
import { RowVerifier } from '../provenance/verify-rows.ts';
import { verifyRun, type VerifyReport } from '../provenance/verify-run.ts';
import { type Compared, problemsMessage, verifyLines } from '../ui/run-status/verify-view.ts';
import { styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { checkpointFile, checkpointFolders } from './checkpoint-files.ts';
import { storeKeys } from './engine-key.ts';
import { type JsonOption, type StoreOption, storeFlag, type TrustOption, usage } from './options.ts';
import { projectHere, shownPath, storeOf } from './project.ts';
import { findRun } from './runs.ts';

export interface VerifyRunOptions extends JsonOption, TrustOption, StoreOption {
  readonly checkpoint?: readonly string[];
  readonly against?: string;
  readonly artifacts?: boolean;
}

/** Names of files that are locks or plans, whether they are there or not. */
const FILE_NAME = /\.(?:json|ya?ml)$|[/\\]/;

/**
 * Whether a run is meant: not where the name is one of a file, or where there is such a file. USAGE where it could be either.
 */
export async function isRun(app: App, name: string, { store }: StoreOption): Promise<boolean> {
  if (FILE_NAME.test(name)) return false;
  if (!(await app.files.exists(resolve(app.cwd, name)))) return true;
  const runs = await runsStarting(app, name, store);
  if (runs.length === 0) return false;
  const hint = `Write ./${name} for the file; for the run, more of its id, or another folder and --store.`;
  throw usage(`${name} is a file here, and could be run ${runs.join(' or ')}.`, hint);
}

async function runsStarting(app: App, prefix: string, store: string | undefined): Promise<string[]> {
  const reader = await app.openReader(storeOf(app, await projectHere(app), store)).catch(() => null);
  if (reader === null || !reader.ok) return [];
  const runs = await reader.value.runs().finally(() => reader.value.close());
  return runs.map(({ run }) => run).filter((run) => run.startsWith(prefix));
}

export async function verifyRunAction(app: App, prefix: string, options: VerifyRunOptions): Promise<void> {
  const store = storeOf(app, await projectHere(app), options.store);
  const { report, compared, problems } = await corruptTold(prefix, () => verified(app, store, prefix, options));
  if (problems.length > 0) throw broken(report, problems);
  if (options.json === true) return app.terminal.out(JSON.stringify(document(report, compared), null, 2));
  const style = styleFor(app.terminal.colour.out);
  app.terminal.out(verifyLines(report, compared, style).join('\n'));
  app.terminal.note(`\nWhat follows from its lock, and who signed: expctl replay ${report.run}${storeFlag(options)}`);
}

interface Verified {
  readonly report: VerifyReport;
  readonly compared: Compared | null;
  readonly problems: readonly Problem[];
}

async function verified(app: App, store: string, prefix: string, options: VerifyRunOptions): Promise<Verified> {
  const journal = unwrap(await app.openEvidence(store));
  try {
    assertKnownVersion(prefix, journal);
    const { run, is_listed } = await runNamed(app, store, journal, prefix, options);
    const trust = await trustOf(app, store, options, run.created_ms);
    const report = await verifyRun({
      journal,
      run,
      is_listed,
      objects: await app.artifacts(store),
      with_artifacts: options.artifacts !== false,
      // Before the rows: a run that goes on meanwhile has at least those that its checkpoints hold.
      checkpoints: await checkpointFiles(app, store, run.run, options),
      keys: await keysFor(app, store, trust),
    });
    if (options.against === undefined) return { report, compared: null, problems: report.problems };
    const { compared, found } = await compareWith(app, journal, run.run, options.against);
    return { report, compared, problems: [...report.problems, ...found] };
  } finally {
    journal.close();
  }
}

/** The run that is meant; one that the store does not list, where its rows or its checkpoints are there. */
async function runNamed(
  app: App,
  store: string,
  journal: StoredJournal,
  prefix: string,
  options: VerifyRunOptions,
): Promise<{ readonly run: RunFacts; readonly is_listed: boolean }> {
  try {
    return { run: await findRun({ runs: async () => journal.runs() }, prefix), is_listed: true };
  } catch (error) {
    const isKnown =
      journal.countTo(prefix, Number.MAX_SAFE_INTEGER) > 0 ||
      (await checkpointFiles(app, store, prefix, options)).length > 0;
    if (!isKnown) throw error;
    const run = { run: prefix, name: '', lock_sha256: '', request_sha256: '', created_ms: 0 };
    return { run, is_listed: false };
  }
}

/** Those of the store, those of EXPCTL_CHECKPOINTS, and those that are named, which have to be there. */
async function checkpointFiles(
  app: App,
  store: string,
  run: string,
  { checkpoint: named = [] }: VerifyRunOptions,
): Promise<CheckpointFile[]> {
  const found: string[] = [];
  for (const folder of checkpointFolders(app, store)) {
    const path = checkpointFile(folder, run);
    if (await app.files.exists(path)) found.push(path);
  }
  const files: CheckpointFile[] = [];
  for (const path of new Set([...found, ...named.map((each) => resolve(app.cwd, each))])) {
    const text = noteFileText(unwrap(await app.files.read(path)));
    files.push({ path: shownPath(app, path), text });
  }
  return files;
}

/** The policy that was named, else the one that is found; as for approvals, one that had ended before the run began says nothing. */
async function trustOf(app: App, store: string, { trust: flag }: TrustOption, began_ms: number): Promise<Trust | null> {
  const { trustFor } = await import('./replay.ts');
  const trust = await trustFor(app, flag, store);
  return trust !== null && checkTrustTime(trust, began_ms).ok ? trust : null;
}

async function keysFor(app: App, store: string, trust: Trust | null): Promise<CheckpointKey[]> {
  const named = (trust?.checkpoint_keys ?? []).map(({ service, key }) => ({ ...key, service }));
  const own = (await storeKeys(app, store)).filter(
    ({ fingerprint }) => !named.some((key) => key.fingerprint === fingerprint),
  );
  return [...named, ...own.map((key) => ({ ...key, service: null }))];
}

async function compareWith(
  app: App,
  journal: StoredJournal,
  run: string,
  folder: string,
): Promise<{ readonly compared: Compared; readonly found: readonly Problem[] }> {
  const other_store = resolve(app.cwd, folder);
  const store = shownPath(app, other_store);
  const other = unwrap(await app.openEvidence(other_store));
  try {
    assertKnownVersion(run, other);
    if (other.countTo(run, Number.MAX_SAFE_INTEGER) === 0) {
      const hint = 'Name a store that holds a copy of the run.';
      throw new ExpctlError('NOT_FOUND', `There is no row of run ${run} in ${store}.`, { hint });
    }
    const comparison = compareRuns(journal.rows(run), other.rows(run));
    const state = comparison.kind === 'fork' || comparison.kind === 'shorter' ? stateOf(other, run) : '';
    return { compared: { store, comparison }, found: differences({ store, comparison }, state) };
  } finally {
    other.close();
  }
}

/** Whether the other copy holds by itself: which of the two was changed is the first thing that one wants to know. */
function stateOf(other: StoredJournal, run: string): string {
  const problems = new Problems();
  const rows = new RowVerifier(problems);
  for (const row of other.rows(run)) rows.take(row);
  const [first] = problems.told;
  return first === undefined ? 'which holds by itself' : `which does not hold itself: ${placed(first)}`;
}

function differences({ store, comparison }: Compared, state: string): Problem[] {
  if (comparison.kind === 'shorter') {
    const { rows, other_rows, next } = comparison;
    const message = `the journal was cut: the copy in ${store}, ${state}, holds ${other_rows} rows, ${rows} are there`;
    return [problem('TRUNCATED', next, message)];
  }
  if (comparison.kind !== 'fork') return [];
  const { rows, here, there } = comparison;
  const message = `behind ${rows} equal rows, the copy in ${store}, ${state}, has another row: ${there.type}, ${there.stream}/${there.seq}`;
  return [problem('FORK', here, message)];
}

function assertKnownVersion(run: string, { file, version }: StoredJournal): void {
  if (version.found <= version.known) return;
  const message = `${file} has format ${version.found}; this expctl knows those up to ${version.known}`;
  throw failure(run, [problem('SCHEMA_NEWER', null, message)], 0, {});
}

async function corruptTold<T>(run: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CorruptStore)) throw error;
    throw failure(run, [problem('CORRUPT', null, error.message)], 0, {});
  }
}

function broken(report: VerifyReport, problems: readonly Problem[]): ExpctlError {
  const { problems: _own, more_problems, ...checked } = report;
  return failure(report.run, problems, more_problems, { ...checked, checkpoints: checkpointsOf(report) });
}

function failure(run: string, problems: readonly Problem[], more: number, checked: object): ExpctlError {
  const [first] = problems;
  const hints = problems.map((one) => ({ ...one, hint: VERDICTS[one.verdict].hint }));
  const details = { run, verdict: first!.verdict, problems: hints, more_problems: more, checked };
  const message = problemsMessage(run, problems, more);
  return new ExpctlError('EVIDENCE_BROKEN', message, { hint: VERDICTS[first!.verdict].hint, details });
}

function document(
  { problems: _none, more_problems: _zero, ...report }: VerifyReport,
  compared: Compared | null,
): object {
  const { comparison } = compared ?? {};
  const copy = compared === null || comparison === undefined ? null : { store: compared.store, ...comparison };
  return { holds: true, ...report, checkpoints: checkpointsOf(report), copy };
}

function checkpointsOf({ checkpoints }: Pick<VerifyReport, 'checkpoints'>): object[] {
  return checkpoints.map(({ key, ...rest }) => ({
    ...rest,
    key: key?.fingerprint ?? null,
    service: key?.service ?? null,
  }));
}
