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
  withExamples,
  withJson,
  withStore,
  withTrust,
} from './options.ts';
import { shownPath } from './project.ts';

interface VerifyOptions extends JsonOption, TrustOption, StoreOption {
  readonly env?: string;
  readonly approval?: readonly string[];
  readonly exportPae?: string;
}

export function verifyCommand(app: App): Command {
  const verify = withJson(withTrust(withStore(command('verify', 'say whether a lock may run, and who approved it'))))
    .argument('<lock>', 'lock file, NAME.lock.json, or the plan beside it')
    .option('--env <name>', 'the environment in which it would run (default: the one that was asked for)')
    .option('--approval <file...>', 'signed approvals, beside those in the folder approvals/ of the project')
    .option('--export-pae <folder>', 'also write what `ssh-keygen -Y verify` needs to check SSH signatures')
    .action((lock: string, options: VerifyOptions) => verifyLock(app, lock, options));
  return withExamples(
    verify,
    'expctl verify plans/beam.lock.json',
    'expctl verify plans/beam.lock.json --trust /etc/expctl/trust.json --json',
  );
}

/** What a lock that may run was found to be. */
interface Finding extends Gathered {
  readonly found: LockOnDisk;
  readonly approved: ApprovedLock<Lock>;
}

/** The questions that `run` asks, in the same order; a refusal is thrown. */
async function verifyLock(app: App, path: string, options: VerifyOptions): Promise<void> {
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
