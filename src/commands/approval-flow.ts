import { join, resolve } from 'node:path';
import { verifyEnvelopes } from '../approval/evidence.ts';
import { lockFacts } from '../approval/lock-facts.ts';
import { buildRequest, parseRequest, type RequestDocument } from '../approval/request.ts';
import { NAMESPACES } from '../approval/signature.ts';
import { signEnvelope } from '../approval/signer.ts';
import { buildApproval, parseApproval } from '../approval/statement.ts';
import { maySign, type Trust } from '../approval/trust.ts';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import type { Lock } from '../ir/lock.ts';
import { parseLock } from '../plan/lock-file.ts';
import type { App } from './app.ts';
import { approvalsFolder, type LockOnDisk, readLock, sha256Of } from './locks.ts';
import { usage } from './options.ts';

/*
 * Where approvals lie: approvals/NAME-REQUEST12/ holds `request.json`, `lock.json` (the lock that was asked about, for later
 * comparison) and one `*.dsse.json` for each decision.
 */

/** A lock together with what is asked about it. */
export interface Prepared extends LockOnDisk {
  readonly request: RequestDocument;
  /** Not written yet: made with defaults, since nobody has made one. */
  readonly request_is_new: boolean;
  readonly folder: string;
  readonly last_approved: Lock | null;
}

export interface RequestWishes {
  /** A request's file, where several are there. */
  readonly request?: string;
  readonly requested_by?: string | null;
  readonly max_runs?: number;
  readonly validity_s?: number;
  readonly trust?: string;
}

/** Reads the lock and the newest request for exactly its bytes; without one, makes one with defaults (1 run, 14 days). */
export async function prepare(app: App, lock_path: string, wishes: RequestWishes = {}): Promise<Prepared> {
  const found = await readLock(app, lock_path);
  assertQuestionsAnswered(found.lock);
  const last_approved = await lastApproved(app, found, wishes.trust);
  const known = await newestRequest(app, found, wishes.request);
  if (known !== null) return { ...found, ...known, request_is_new: false, last_approved };
  const request = newRequest(app, found, wishes);
  return { ...found, request, folder: requestFolder(found, request), request_is_new: true, last_approved };
}

/** A new request for a lock. Not written. */
export function newRequest(app: App, found: LockOnDisk, wishes: RequestWishes): RequestDocument {
  const { limits, environment } = lockFacts(found.lock);
  return unwrap(
    buildRequest({
      lock_sha256: found.lock_sha256,
      plan_name: found.lock.name,
      environment,
      limits,
      requested_by: wishes.requested_by ?? null,
      now_ms: app.clock.now_ms(),
      ...(wishes.max_runs === undefined ? {} : { max_runs: wishes.max_runs }),
      ...(wishes.validity_s === undefined ? {} : { validity_s: wishes.validity_s }),
    }),
  );
}

export async function writeRequest(app: App, found: LockOnDisk, request: RequestDocument): Promise<string> {
  const folder = requestFolder(found, request);
  unwrap(await app.files.write(join(folder, 'lock.json'), found.lock_bytes));
  unwrap(await app.files.write(join(folder, 'request.json'), request.bytes));
  return join(folder, 'request.json');
}

export interface Decision {
  readonly decision: 'approve' | 'reject' | 'revoke';
  readonly comment: string;
  readonly key?: string;
  readonly trust?: string;
  /** Exactly what the person saw, and what drew it. */
  readonly displayed: { readonly text: string; readonly renderer: string };
}

/** Signs a decision on what was prepared, and writes it. What is signed is the bytes that were read, not the files as they are now. */
export async function signDecision(
  app: App,
  prepared: Prepared,
  wishes: Decision,
): Promise<{ envelope_path: string; principal: string; self_approved: boolean }> {
  const trust = unwrap(await app.trust(wishes.trust, prepared.project));
  const signer = unwrap(await app.signer(keyPath(app, wishes.key)));
  const now_ms = app.clock.now_ms();
  const owner = trust.owners.get(signer.publicKey.fingerprint) ?? null;
  const request = prepared.request_is_new ? newRequest(app, prepared, { requested_by: owner }) : prepared.request;
  const { requested_by, validity } = request.request;
  const purpose = { purpose: 'approve', decision: wishes.decision, requested_by } as const;
  const allowed = unwrap(maySign(trust, signer.publicKey, { ...purpose, terminal: app.terminal.interactive, now_ms }));
  const payload = unwrap(
    buildApproval({
      lock_sha256: prepared.lock_sha256,
      request_sha256: request.sha256,
      approver: { principal: allowed.principal, role: allowed.role },
      not_before: validity.not_before,
      not_after: validity.not_after,
      comment: wishes.comment,
      now_ms,
      random: (count) => app.randomBytes(count),
      decision: wishes.decision,
      displayed: { sha256: sha256Of(wishes.displayed.text), renderer: wishes.displayed.renderer },
      self_approved: allowed.self_approved,
    }),
  );
  const envelope = unwrap(await signEnvelope(signer, NAMESPACES.approval, payload));
  if (prepared.request_is_new) await writeRequest(app, prepared, request);
  const name = `${wishes.decision}-${sha256Of(envelope).slice(0, 12)}.dsse.json`;
  const envelope_path = join(requestFolder(prepared, request), name);
  unwrap(await app.files.write(envelope_path, envelope, { exclusive: true }));
  return { envelope_path, principal: allowed.principal, self_approved: allowed.self_approved };
}

/** `--key`, else EXPCTL_KEY. */
export function keyPath(app: App, flag: string | undefined): string {
  const path = flag ?? app.env['EXPCTL_KEY'];
  if (path === undefined || path === '') {
    throw usage(
      'Nobody said with which key to sign.',
      'Give --key FILE, or set EXPCTL_KEY; `expctl keys new FILE` makes one.',
    );
  }
  return resolve(app.cwd, path);
}

/** Every envelope beside a request. */
export async function envelopesIn(app: App, folder: string): Promise<readonly Uint8Array[]> {
  const names = (await app.files.list(folder)).filter((name) => name.endsWith('.dsse.json'));
  return Promise.all(names.map(async (name) => unwrap(await app.files.read(join(folder, name)))));
}

/** The newest request for exactly these bytes, or the one that is named; null if there is none. */
export async function newestRequest(
  app: App,
  found: LockOnDisk,
  named: string | undefined,
): Promise<{ request: RequestDocument; folder: string } | null> {
  if (named !== undefined) {
    const path = resolve(app.cwd, named);
    return { request: unwrap(parseRequest(unwrap(await app.files.read(path)))), folder: join(path, '..') };
  }
  const requests = await requestsOf(app, found.project, found.lock.name);
  return requests.filter(({ request }) => request.request.lock.sha256 === found.lock_sha256).at(-1) ?? null;
}

/** Requests for locks of one plan, oldest first. One that cannot be read stops everything: it might be the newest. */
async function requestsOf(
  app: App,
  project: string,
  plan_name: string,
): Promise<{ request: RequestDocument; folder: string }[]> {
  const root = approvalsFolder(project);
  const requests: { request: RequestDocument; folder: string }[] = [];
  for (const name of await app.files.list(root)) {
    const folder = join(root, name);
    if (!name.startsWith(`${plan_name}-`) || !(await app.files.exists(join(folder, 'request.json')))) continue;
    const request = unwrap(parseRequest(unwrap(await app.files.read(join(folder, 'request.json')))));
    if (request.request.plan_name === plan_name) requests.push({ request, folder });
  }
  return requests.sort((a, b) => Date.parse(a.request.request.created_at) - Date.parse(b.request.request.created_at));
}

/** The newest lock of the same plan, other than this one, that somebody whom the trust policy knows has approved. */
async function lastApproved(app: App, found: LockOnDisk, trust_flag: string | undefined): Promise<Lock | null> {
  const trust = await app.trust(trust_flag, found.project);
  if (!trust.ok) return null;
  for (const { request, folder } of (await requestsOf(app, found.project, found.lock.name)).reverse()) {
    const lock_path = join(folder, 'lock.json');
    if (request.request.lock.sha256 === found.lock_sha256 || !(await app.files.exists(lock_path))) continue;
    const bytes = unwrap(await app.files.read(lock_path));
    if (sha256Of(bytes) !== request.request.lock.sha256) continue;
    if (!isApproved(await envelopesIn(app, folder), trust.value)) continue;
    const lock = parseLock(new TextDecoder().decode(bytes));
    if (lock.ok) return lock.value;
  }
  return null;
}

function isApproved(envelopes: readonly Uint8Array[], trust: Trust): boolean {
  const verified = verifyEnvelopes(envelopes, NAMESPACES.approval, trust);
  if (!verified.ok) return false;
  return verified.value.signed.some(({ payload }) => {
    const statement = parseApproval(payload);
    return statement.ok && statement.value.predicate.decision === 'approve';
  });
}

function requestFolder(found: LockOnDisk, request: RequestDocument): string {
  return join(approvalsFolder(found.project), `${found.lock.name}-${request.sha256.slice(0, 12)}`);
}

/** A lock never holds an open question: `lock` refuses them. This is for locks of other makers. */
function assertQuestionsAnswered(lock: Lock): void {
  const open = lock.questions.filter((question) => question.answer === '');
  if (open.length === 0) return;
  const hint = 'Answer them in the plan, and lock again.';
  throw new ExpctlError('NOT_APPROVED', `${open.length} questions of the plan are open: ${open[0]?.text}`, { hint });
}
