import { createInterface } from 'node:readline';
import { type Command, Option } from 'commander';
import { ExpctlError } from '../base/error.ts';
import { RENDERER, reviewOf, reviewText } from '../ui/review/view.ts';
import type { App } from './app.ts';
import {
  type Decision,
  keyPath,
  openSigning,
  type Prepared,
  prepare,
  type SignedDecision,
  signDecision,
} from './approval-flow.ts';
import {
  command,
  type JsonOption,
  type TrustOption,
  usage,
  withExamples,
  withJson,
  withKey,
  withTrust,
} from './options.ts';
import { shownPath } from './project.ts';

interface ApproveOptions extends JsonOption, TrustOption {
  readonly key?: string;
  readonly request?: string;
  readonly reject?: boolean;
  readonly revoke?: boolean;
  readonly reason?: string;
  readonly comment?: string;
}

export function approveCommand(app: App): Command {
  const approve = withJson(withTrust(withKey(command('approve', 'sign a lock that you have reviewed, or reject it'))))
    .argument('<lock>', 'lock file, NAME.lock.json, or the plan beside it')
    .option(
      '--request <file>',
      'the request to decide (default: the newest for this lock; without one, 1 run, 14 days)',
    )
    .addOption(new Option('--reject', 'refuse the request, which beats every approval').conflicts('revoke'))
    .option('--revoke', 'withdraw an approval: from now on nothing of this request runs')
    .addOption(new Option('--reason <text>', 'why, with --reject and --revoke').conflicts('comment'))
    .option('--comment <text>', 'words that are signed with the approval')
    .action((lock: string, options: ApproveOptions) => decide(app, lock, options));
  return withExamples(
    approve,
    'expctl approve plans/beam.lock.json --key ~/.ssh/id_ed25519',
    'expctl approve plans/beam.lock.json --key alice.key --comment "Checked the bounds."',
    'expctl approve plans/beam.lock.json --key alice.key --reject --reason "The mesh is too coarse."',
  );
}

async function decide(app: App, lock_path: string, options: ApproveOptions): Promise<void> {
  const decision = decisionOf(options);
  const key = keyPath(app, options.key);
  const trust = options.trust === undefined ? {} : { trust: options.trust };
  const request = options.request === undefined ? {} : { request: options.request };
  const prepared = await prepare(app, lock_path, { ...trust, ...request });
  if (decision.decision === 'revoke' && prepared.request_is_new) throw nothingToRevoke();
  await openSigning(app, prepared, { decision: decision.decision, ...trust, key });
  const text = reviewText(
    reviewOf({ ...prepared, request: prepared.request.request, request_sha256: prepared.request.sha256 }),
  );
  app.terminal.note(text);
  if (app.terminal.interactive) await confirm(app, `${decision.decision} ${prepared.lock_sha256.slice(0, 8)}`);
  const displayed = { text, renderer: RENDERER };
  report(app, prepared, options, await signDecision(app, prepared, { ...decision, ...trust, key, displayed }));
}

function decisionOf({ reject, revoke, reason, comment }: ApproveOptions): Pick<Decision, 'decision' | 'comment'> {
  if (reject !== true && revoke !== true) {
    if (reason === undefined) return { decision: 'approve', comment: comment ?? '' };
    throw usage('--reason goes with --reject or --revoke.', 'Use --comment for words beside an approval.');
  }
  const decision = reject === true ? 'reject' : 'revoke';
  if (reason !== undefined && reason.trim() !== '') return { decision, comment: reason };
  throw usage(`--${decision} needs a reason.`, 'Add --reason TEXT: it is signed, and shown to whoever asked.');
}

/** At a terminal a person types what they do, and to which lock. NOT_APPROVED where they do not. */
async function confirm(app: App, words: string): Promise<void> {
  const { stdin, stderr } = app.terminal;
  const lines = createInterface({ input: stdin, output: stderr });
  const typed = await new Promise<string>((resolve) => {
    lines.once('close', () => resolve('')); // Ctrl-C, or the end of input
    lines.question(`To sign this, type “${words}”: `, resolve);
  });
  lines.close();
  if (typed.trim() === words) return;
  const hint = 'Nothing was signed. Run the command again once you have decided.';
  throw new ExpctlError('NOT_APPROVED', `“${words}” was not typed.`, { hint });
}

function report(app: App, { lock_sha256, lock_path }: Prepared, options: ApproveOptions, signed: SignedDecision): void {
  const { decision } = decisionOf(options);
  const { envelope_path, request_sha256, principal, self_approved } = signed;
  if (options.json === true) {
    const facts = { file: envelope_path, decision, person: principal, self_approved, lock_sha256, request_sha256 };
    app.terminal.out(JSON.stringify(facts, null, 2));
  } else {
    app.terminal.out(shownPath(app, envelope_path));
  }
  const self = decision === 'approve' && self_approved ? ', who may have asked for it (self-approved)' : '';
  app.terminal.note(`  ${PAST[decision]} by ${principal}${self}.`);
  if (decision === 'approve') app.terminal.note(`  Next: expctl verify ${shownPath(app, lock_path)}, then expctl run`);
}

const PAST = { approve: 'Approved', reject: 'Rejected', revoke: 'Revoked' } as const;

function nothingToRevoke(): ExpctlError {
  const hint = 'Name the request with --request, or use --reject to refuse the lock.';
  return new ExpctlError('NOT_FOUND', 'There is no request for this lock, so there is nothing to revoke.', { hint });
}
