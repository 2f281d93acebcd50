import { join } from 'node:path';
import { Option, type Command } from 'commander';
import type { ApprovedLock } from '../approval/authorise.ts';
import { utf8 } from '../approval/bytes.ts';
import type { EngineName } from '../approval/request.ts';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import type { ArtifactStore } from '../engines/ports.ts';
import type { Lock } from '../ir/lock.ts';
import { compileProgram } from '../kernel/program.ts';
import type { App, DetachedProcess } from './app.ts';
import { type AuthoriseWishes, type Candidate, decideOn, gatherEvidence } from './authorised.ts';
import { authorisedRun } from './authorised-run.ts';
import { openLock, readLockFile } from './locks.ts';
import {
  command,
  type JsonOption,
  type StoreOption,
  storeFlag,
  type TrustOption,
  usage,
  withExamples,
  withJson,
  withStore,
  withTrust,
} from './options.ts';
import { type PerformFlags, perform, userName } from './perform.ts';
import { projectOfStore, shownPath, storeOf } from './project.ts';
import { assertClockAccepted, clockOfRun } from './run-clock.ts';
import { type TemporalFlags, withTemporal } from './temporal-options.ts';
import { hasPointsToRetry, lookAtRun, withRun } from './runs.ts';

interface RunOptions extends PerformFlags, StoreOption, TrustOption, JsonOption, TemporalFlags {
  readonly engine?: EngineName;
  readonly approval?: readonly string[];
  readonly env?: string;
  readonly detach?: boolean;
  readonly acceptClock?: boolean;
  readonly id?: string;
}

const TAKEN_POLL_S = 0.05;
const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

export function runCommand(app: App): Command {
  const run = withTemporal(performing(command('run', 'execute exactly what was approved')))
    .argument('<lock>', 'lock file, NAME.lock.json')
    .addOption(
      new Option('--engine <name>', 'who performs it (default: embedded, this process)').choices([
        'embedded',
        'temporal',
      ]),
    )
    .option('--env <name>', 'the environment that you mean; refused if the lock is for another one')
    .option('--id <name>', "the run's id (default: the plan's name and eight random digits)")
    .action((lock: string, options: RunOptions) => start(app, lock, options));
  return withExamples(
    run,
    'expctl run plans/beam.lock.json',
    'expctl run plans/beam.lock.json --jsonl --approval approve.dsse.json --junit points.xml',
    'expctl run plans/beam.lock.json --detach && expctl watch',
  );
}

export function resumeCommand(app: App): Command {
  const resume = withTemporal(performing(command('resume', 'go on with a run where its journal stands')))
    .argument('[run]', 'id of a run, or its beginning (default: the latest)')
    .option('--accept-clock', 'the clock, which was set forward while the run went on, is right')
    .option('--take-over', 'the process that performed the run is gone, although that cannot be told from here')
    .action((prefix: string | undefined, options: RunOptions) => goOn(app, prefix, options));
  return withExamples(resume, 'expctl resume', 'expctl resume beam-4f2a9c10 --wait');
}

function performing(base: Command): Command {
  return withJson(withTrust(withStore(base)))
    .option('--approval <file...>', 'signed approvals, beside those in the folder approvals/ of the project')
    .option('--wait', 'block at a gate, instead of ending with status 5')
    .option('--jsonl', 'events as lines of JSON on standard output')
    .option('--events <file>', 'events as lines of JSON, appended to a file or FIFO')
    .option('--junit <file>', 'a JUnit report: a test case for each point')
    .option('--checkpoints <folder>', 'signed checkpoints of the journal here too (default: EXPCTL_CHECKPOINTS)')
    .option('--engine-key <file>', 'built-in key that signs them (default: EXPCTL_ENGINE_KEY; the store has one)')
    .option('--detach', 'go on in the background')
    .option('--verbose', 'every step, and what tools say on standard error')
    .addOption(new Option('--non-interactive', 'never ask; `run` and `resume` never do').hideHelp());
}

async function start(app: App, lock_path: string, options: RunOptions): Promise<void> {
  assertOneFormat(options);
  const file = await readLockFile(app, lock_path);
  const store = storeOf(app, file.project, options.store);
  const { approved, gathered } = await authorised(app, file, { ...wishesOf(options), purpose: 'start' });
  const found = unwrap(await openLock(app, file));
  const program = unwrap(compileProgram(approved.lock, found.tables));
  const run = runId(app, approved.lock, options.id);
  const onTemporal = options.engine === 'temporal';
  if (options.detach === true && !onTemporal) {
    return detached(app, store, run, ['run', lock_path, '--id', run], options);
  }
  const artifacts = await app.artifacts(store);
  await keep(artifacts, [file.lock_bytes, ...[...found.table_texts.values()].map(utf8), ...gathered]);
  app.terminal.note(`Run ${run} of ${shownPath(app, file.lock_path)}, lock ${file.lock_sha256.slice(0, 12)}`);
  for (const { principal, self_approved } of approved.verdict.approvals) {
    app.terminal.note(`  approved by ${principal}${self_approved ? ' (self-approved)' : ''}`);
  }
  const { project } = file;
  if (onTemporal) {
    const { startOnTemporal } = await import('./temporal-run.ts');
    return startOnTemporal(app, { run, store, project, approved, program, artifacts }, options);
  }
  const { clock, check } = clockOfRun(app.clock, 0);
  const journal = await app.openJournal(store, clock);
  try {
    const what = { run, store, project, approved, program, journal, artifacts, clock, checkClock: check };
    await perform(app, { ...what, resumes: false }, options);
  } finally {
    await journal.close();
  }
}

async function goOn(app: App, prefix: string | undefined, options: RunOptions): Promise<void> {
  assertOneFormat(options);
  await withRun(app, options, prefix, async (opened) => {
    const { store, run, reader } = opened;
    const loaded = await lookAtRun(app, store, run); // what is performed is the lock that `authorised` parses below
    const project = await projectOfStore(app, store);
    const last = await reader.last(run.run, 'study');
    const inbox = await reader.inbox(run.run);
    assertClockAccepted(app.clock, inbox, options.acceptClock === true);
    const retries = inbox.some(({ kind }) => kind === 'retry');
    if (last?.type === 'run.finished' && !retries) {
      const retry = hasPointsToRetry(last) ? ` Failed points: expctl retry ${run.run} --failed.` : '';
      const hint = `Its results: expctl status ${run.run}.${retry} Otherwise start another run.`;
      throw new ExpctlError('USAGE', `Run ${run.run} has ended; there is nothing to go on with.`, { hint });
    }
    const { engine } = await reader.holder(run.run);
    const wishes = { ...wishesOf(options), loaded, project, ...(engine === undefined ? {} : { engine }) };
    const { approved, program, least_now_ms } = unwrap(await authorisedRun(app, opened, wishes));
    if (engine === 'temporal') {
      const { resumeOnTemporal } = await import('./temporal-run.ts');
      await leaveMessage(app, store, run.run);
      const artifacts = await app.artifacts(store);
      return resumeOnTemporal(app, { run: run.run, store, project, approved, program, artifacts }, options);
    }
    if (options.detach === true) return detached(app, store, run.run, ['resume', run.run], options);
    const { clock, check, notice } = clockOfRun(app.clock, least_now_ms);
    const journal = await app.openJournal(store, clock);
    const artifacts = await app.artifacts(store);
    app.terminal.note(`Run ${run.run} goes on`);
    if (notice !== null) app.terminal.note(`  ${notice}`);
    const what = { run: run.run, store, project, approved, program, journal, artifacts, clock, checkClock: check };
    try {
      await perform(app, { ...what, resumes: true }, options);
    } finally {
      await journal.close();
    }
  });
}

/** Whoever resumes a paused run wants it to go on. */
async function leaveMessage(app: App, store: string, run: string): Promise<void> {
  const journal = await app.openJournal(store);
  await journal.post(run, 'resume', { by: userName(app) }).finally(() => journal.close());
}

/** The approved lock, and the bytes that prove it. */
async function authorised(
  app: App,
  candidate: Candidate,
  wishes: AuthoriseWishes,
): Promise<{ readonly approved: ApprovedLock<Lock>; readonly gathered: readonly Uint8Array[] }> {
  const evidence = unwrap(await gatherEvidence(app, candidate, wishes));
  const approved = unwrap(decideOn(app, candidate, evidence, wishes));
  return { approved, gathered: [evidence.request.bytes, ...evidence.envelopes.map(({ bytes }) => bytes)] };
}

function wishesOf(options: RunOptions): Omit<AuthoriseWishes, 'purpose'> {
  const { trust, env, approval: approvals, store, engine } = options;
  return { trust, env, approvals, store, engine };
}

/** What a run executes and what allowed it are in its store, so that they can be proved without the project. */
async function keep(artifacts: ArtifactStore, files: readonly Uint8Array[]): Promise<void> {
  for (const bytes of files) await artifacts.put(bytes);
}

function runId(app: App, lock: Lock, given: string | undefined): string {
  if (given === undefined) return `${lock.name}-${Buffer.from(app.randomBytes(4)).toString('hex')}`;
  if (RUN_ID.test(given)) return given;
  throw usage(`${given} cannot be the id of a run.`, 'Use letters, digits and . _ -, at most 100.');
}

function assertOneFormat({ json, jsonl }: RunOptions): void {
  if (json === true && jsonl === true) {
    throw usage('--json and --jsonl both want standard output.', 'Choose one; --events FILE goes with either.');
  }
}

/** Waits until the process in the background performs the run, so that the next command finds it; or until it has ended. */
async function taken(app: App, store: string, run: string, child: DetachedProcess): Promise<void> {
  while (child.ended() === null) {
    if ((await holderPid(app, store, run)) === child.pid) return;
    await new Promise<void>((resolve) => void app.clock.after(TAKEN_POLL_S, resolve));
  }
}

/** Null as well while the store is being made: the process that makes it says what is wrong with it, if anything is. */
async function holderPid(app: App, store: string, run: string): Promise<number | null> {
  const reader = await app.openReader(store).catch(() => null);
  if (reader === null || !reader.ok) return null;
  const holder = await reader.value.holder(run).finally(() => reader.value.close());
  return holder.pid;
}

/** Everything that could be refused was checked here, before the terminal is left. */
async function detached(
  app: App,
  store: string,
  run: string,
  args: readonly string[],
  options: RunOptions,
): Promise<void> {
  const log = join(store, 'logs', `${run}.log`);
  const flags = [
    ...['--store', store],
    ...(options.trust === undefined ? [] : ['--trust', options.trust]),
    ...(options.env === undefined ? [] : ['--env', options.env]),
    ...(options.approval === undefined ? [] : ['--approval', ...options.approval]),
    ...(options.wait === true ? ['--wait'] : []),
    ...(options.events === undefined ? [] : ['--events', options.events]),
    ...(options.junit === undefined ? [] : ['--junit', options.junit]),
    ...(options.checkpoints === undefined ? [] : ['--checkpoints', options.checkpoints]),
    ...(options.engineKey === undefined ? [] : ['--engine-key', options.engineKey]),
    ...(options.takeOver === true ? ['--take-over'] : []),
    ...(options.acceptClock === true ? ['--accept-clock'] : []),
  ];
  const child = await app.detach([...args, ...flags], log);
  await taken(app, store, run, child);
  const { pid } = child;
  const ended = child.ended();
  const file = shownPath(app, log);
  if (options.json === true) app.terminal.out(JSON.stringify({ run, pid, log, ended }, null, 2));
  if (ended !== null) {
    app.exit(typeof ended === 'number' ? ended : 1);
    app.terminal.note(`Run ${run}: the process in the background has ended already (${ended}); it said why in ${file}`);
    return;
  }
  const at = storeFlag(options);
  app.terminal.note(`Run ${run} goes on in the background (process ${pid}), lines in ${file}`);
  app.terminal.note(`  Look: expctl watch ${run}${at}   End it in good order: expctl pause ${run}${at}`);
}
