import type { Command } from 'commander';
import { ExpctlError } from '../base/error.ts';
import type { Review } from '../ui/review/model.ts';
import type { Signing } from '../ui/review/screen/types.ts';
import { RENDERER, reviewOf, reviewText } from '../ui/review/view.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { openSigning, type Prepared, prepare, signDecision } from './approval-flow.ts';
import { sha256Of } from './locks.ts';
import { command, type JsonOption, type TrustOption, withExamples, withJson, withKey, withTrust } from './options.ts';
import { shownPath } from './project.ts';

interface ReviewOptions extends JsonOption, TrustOption {
  readonly key?: string;
  readonly request?: string;
  readonly plain?: boolean;
}

export function reviewCommand(app: App): Command {
  const review = withJson(withTrust(withKey(command('review', 'read what a lock will do, and approve or reject it'))))
    .argument('<lock>', 'lock file, NAME.lock.json, or the plan beside it')
    .option('--request <file>', 'the request to decide (default: the newest for this lock)')
    .option('--plain', 'print the review as text, also on a terminal')
    .action((lock: string, options: ReviewOptions) => run(app, lock, options));
  return withExamples(
    review,
    'expctl review plans/beam.lock.json',
    'expctl review plans/beam.lock.json --key ~/.ssh/id_ed25519',
    'expctl review plans/beam.lock.json --plain | less',
  );
}

async function run(app: App, lock_path: string, options: ReviewOptions): Promise<void> {
  const trust = options.trust === undefined ? {} : { trust: options.trust };
  const request = options.request === undefined ? {} : { request: options.request };
  const prepared = await prepare(app, lock_path, { ...trust, ...request });
  const { request: asked } = prepared;
  const review = reviewOf({ ...prepared, request: asked.request, request_sha256: asked.sha256 });
  if (options.json === true) return app.terminal.out(JSON.stringify(jsonOf(review), null, 2));
  if (options.plain === true || !canShow(app)) return plain(app, prepared, review);
  await onScreen(app, prepared, review, options);
}

/** A screen reader gets lines to read instead of a screen that is drawn over and over. */
function canShow(app: App): boolean {
  const { interactive, stdout } = app.terminal;
  const reads = app.env['INK_SCREEN_READER'] === 'true' || (app.env['CONTINUOUS_INTEGRATION'] ?? '') !== '';
  return interactive && !reads && (stdout.rows ?? 0) >= 8 && (stdout.columns ?? 0) >= 20;
}

/** The view model; points are in the tables' files, and counted here. */
function jsonOf(review: Review) {
  const tables = review.points.tables.map(({ rows, ...table }) => ({ ...table, points: rows.length }));
  const displayed = { renderer: RENDERER, sha256: sha256Of(reviewText(review)) };
  return { ...review, displayed, points: { ...review.points, tables } };
}

function plain(app: App, { lock_path }: Prepared, review: Review): void {
  app.terminal.out(reviewText(review));
  const lock = shownPath(app, lock_path);
  app.terminal.note(`Next: expctl approve ${lock} --key FILE, or the same with --reject --reason TEXT.`);
}

async function onScreen(app: App, prepared: Prepared, review: Review, options: ReviewOptions): Promise<void> {
  const { stdin, stdout, colour } = app.terminal;
  const wishes = {
    ...(options.key === undefined ? {} : { key: options.key }),
    ...(options.trust === undefined ? {} : { trust: options.trust }),
  };
  const signing = {
    approve: await signingOf(app, prepared, { ...wishes, decision: 'approve' }),
    reject: await signingOf(app, prepared, { ...wishes, decision: 'reject' }),
  };
  const { showReview } = await import('../ui/review/screen/show.tsx');
  const screen = { stdin, stdout, colour: colour.out, ascii: !isUtf8(app), signing };
  const outcome = await showReview(review, { ...screen, onInterrupt: (callback) => app.onInterrupt(callback) });
  if (outcome.kind !== 'approve' && outcome.kind !== 'reject') return left(app, outcome.kind);
  const comment = outcome.kind === 'reject' ? outcome.reason : '';
  const displayed = { text: reviewText(review), renderer: RENDERER };
  const signed = await signDecision(app, prepared, { ...wishes, decision: outcome.kind, comment, displayed });
  reportDecision(app, prepared, outcome.kind, signed);
}

/** What the screen says of the key before anybody decides. */
async function signingOf(app: App, prepared: Prepared, wishes: Parameters<typeof openSigning>[2]): Promise<Signing> {
  try {
    const { principal, role, self_approved, signer } = await openSigning(app, prepared, wishes);
    return { ok: true, principal, role, self_approved, key: signer.publicKey.fingerprint };
  } catch (error) {
    if (error instanceof ExpctlError) return { ok: false, message: error.message, hint: error.hint };
    throw error;
  }
}

/** Braille needs UTF-8; a locale that says nothing is taken to be able. */
function isUtf8({ env }: App): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((value) => value !== undefined && value !== '');
  return locale === undefined || /utf-?8/i.test(locale);
}

function left(app: App, kind: 'quit' | 'SIGINT' | 'SIGTERM'): void {
  app.terminal.note('Nothing was recorded.');
  if (kind !== 'quit') app.exit(kind === 'SIGINT' ? 130 : 143);
}

function reportDecision(
  app: App,
  { lock_path }: Prepared,
  kind: 'approve' | 'reject',
  { envelope_path, principal, self_approved }: Awaited<ReturnType<typeof signDecision>>,
): void {
  const style = styleFor(app.terminal.colour.err);
  const done = kind === 'approve' ? style.good(`${MARKS.done} Approved`) : style.bad(`${MARKS.failed} Rejected`);
  app.terminal.note(
    `${done} by ${principal}${kind === 'approve' && self_approved ? ', self-approved' : ''}: ${shownPath(app, envelope_path)}`,
  );
  const lock = shownPath(app, lock_path);
  app.terminal.note(kind === 'approve' ? `Next: expctl run ${lock}` : 'Change the plan, lock it again and ask again.');
}
