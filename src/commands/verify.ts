import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ApprovedLock } from '../approval/authorise.ts';
import { unwrap } from '../base/result.ts';
import type { Lock } from '../ir/lock.ts';
import { plural, shownTime } from '../ui/format.ts';
import { safeText } from '../ui/safe-text.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { type AuthoriseWishes, decideOn, type Gathered, gatherEvidence } from './authorised.ts';
import { type LockOnDisk, openLock, readLockFile, sha256Of } from './locks.ts';
import {
  command,
  type JsonOption,
  type StoreOption,
  type TrustOption,
  usage,
  withExamples,
  withJson,
  withStore,
  withTrust,
} from './options.ts';
import { shownPath } from './project.ts';
import type { VerifyRunOptions } from './verify-run.ts';

interface LockOptions extends JsonOption, TrustOption, StoreOption {
  readonly env?: string;
  readonly approval?: readonly string[];
  readonly exportPae?: string;
}
type VerifyOptions = LockOptions & VerifyRunOptions;

export function verifyCommand(app: App): Command {
  const verify = withJson(
    withTrust(withStore(command('verify', 'say whether a lock may run, or whether the journal of a run holds'))),
  )
    .argument(
      '<lock-or-run>',
      'lock file, NAME.lock.json, or the plan beside it; else the id of a run, or its beginning',
    )
    .option('--env <name>', 'of a lock: the environment in which it would run (default: the one that was asked for)')
    .option('--approval <file...>', 'of a lock: signed approvals, beside those in the folder approvals/ of the project')
    .option('--export-pae <folder>', 'of a lock: also write what `ssh-keygen -Y verify` needs to check SSH signatures')
    .option('--checkpoint <file...>', 'of a run: signed checkpoints, beside those in the store')
    .option('--against <folder>', 'of a run: another store, with a copy of the run that has to have the same rows')
    .option('--no-artifacts', 'of a run: do not read the files that tools made')
    .action((what: string, options: VerifyOptions) => verifyEither(app, what, options))
    .addHelpText('after', EXPLAINED);
  return withExamples(
    verify,
    'expctl verify plans/beam.lock.json',
    'expctl verify plans/beam.lock.json --trust /etc/expctl/trust.json --json',
    'expctl verify beam-4f2a',
    'expctl verify beam-4f2a --checkpoint /mnt/safe/beam-4f2a9c10.checkpoint',
    'expctl verify beam-4f2a --against /backup/project/.expctl',
  );
}

const EXPLAINED = `
Of a run, \`verify\` reads the journal alone: every row is what was hashed and follows
the one before it, points end where the study says, what checkpoints and people at
gates signed is what is there, files that are named are there. It needs neither plan
nor lock, and so speaks of runs of a newer expctl too. \`replay\` recomputes the run:
that every event follows from the lock and from the answers of tools, and that those
who signed could. Each finds what the other cannot.
`;

async function verifyEither(app: App, what: string, options: VerifyOptions): Promise<void> {
  const { isRun, verifyRunAction } = await import('./verify-run.ts');
  if (await isRun(app, what, options)) {
    refuse(options, ['env', 'approval', 'exportPae'], 'a lock', 'a run');
    return verifyRunAction(app, what, options);
  }
  refuse(options, ['checkpoint', 'against'], 'a run', 'a lock');
  return verifyLock(app, what, options);
}

/** Flags that say nothing about what was named. */
function refuse(options: VerifyOptions, names: readonly (keyof VerifyOptions)[], of: string, named: string): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given === undefined) return;
  const flag = given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw usage(`--${flag} is of ${of}, and ${named} was named.`, `Leave it out, or name ${of}.`);
}

/** What a lock that may run was found to be. */
interface Finding extends Gathered {
  readonly found: LockOnDisk;
  readonly approved: ApprovedLock<Lock>;
}

/** The questions that `run` asks, in the same order; a refusal is thrown. */
async function verifyLock(app: App, path: string, options: LockOptions): Promise<void> {
  const file = await readLockFile(app, path);
  const { trust, env, store, approval: approvals } = options;
  const wishes: AuthoriseWishes = { purpose: 'start', trust, env, store, approvals };
  const gathered = unwrap(await gatherEvidence(app, file, wishes));
  if (options.exportPae !== undefined) await exportFor(app, options.exportPae, gathered);
  const approved = unwrap(decideOn(app, file, gathered, wishes));
  const found = unwrap(await openLock(app, file));
  const finding = { ...gathered, found, approved };
  if (options.json === true) app.terminal.out(JSON.stringify(document(finding), null, 2));
  else app.terminal.out(lines(app, finding).join('\n'));
  app.terminal.note(`  Next: expctl run ${path}`);
}

async function exportFor(app: App, folder: string, gathered: Gathered): Promise<void> {
  const { exportPae } = await import('./export-pae.ts');
  const checks = await exportPae(app, resolve(app.cwd, folder), gathered);
  if (checks.length === 0) app.terminal.note('  No SSH key signed: there is nothing that ssh-keygen could check.');
  for (const check of checks) app.terminal.note(`  ${safeText(check)}`);
}

function lines(app: App, finding: Finding): string[] {
  const { approved, found, trust, runs_used, request } = finding;
  const { approvals, max_runs } = approved.verdict;
  const style = styleFor(app.terminal.colour.out);
  return [
    `${style.good(MARKS.done)} ${safeText(shownPath(app, found.lock_path))} may run.`,
    ...approvals.map(
      ({ principal, role, keyid, self_approved }) =>
        `  approved by  ${principal}${role === '*' ? '' : ` as ${role}`}, ${keyid}${self_approved ? ', self-approved' : ''}`,
    ),
    `  valid until  ${shownTime(Date.parse(approved.valid_until))}`,
    `  runs left    ${max_runs - runs_used} of ${max_runs}`,
    `  environment  ${safeText(approved.request.environment.name)}, engine ${approved.request.engines.join(', ')}`,
    `  lock         ${found.lock_sha256}`,
    `  request      ${request.sha256}`,
    `  trust        ${trust.sha256.slice(0, 12)} ${safeText(trust.path)}`,
    ...ignoredLines(app, finding),
  ];
}

function ignoredLines(app: App, finding: Finding): string[] {
  const ignored = ignoredFiles(finding);
  if (ignored.length === 0) return [];
  const title = `  ${plural(ignored.length, 'file')} not counted`;
  return [title, ...ignored.map(({ file, reason }) => `    ${safeText(shownPath(app, file))}: ${safeText(reason)}`)];
}

function ignoredFiles({ approved, envelopes }: Finding): { file: string; reason: string }[] {
  const files = new Map(envelopes.map(({ path, bytes }) => [sha256Of(bytes), path]));
  return approved.verdict.ignored.map(({ envelope_sha256, reason }) => ({
    file: files.get(envelope_sha256) ?? envelope_sha256,
    reason,
  }));
}

function document(finding: Finding): object {
  const { approved, found, trust, runs_used, request } = finding;
  const { approvals, self_approved, max_runs } = approved.verdict;
  return {
    may_run: true,
    lock: { file: found.lock_path, sha256: found.lock_sha256 },
    request: { sha256: request.sha256, requested_by: approved.request.requested_by },
    trust: { file: trust.path, sha256: trust.sha256 },
    approvals,
    self_approved,
    valid_until: approved.valid_until,
    runs: { allowed: max_runs, used: runs_used, left: max_runs - runs_used },
    environment: approved.request.environment,
    engines: approved.request.engines,
    ignored: ignoredFiles(finding),
  };
}
