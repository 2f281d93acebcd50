import { join, resolve } from 'node:path';
import { checkWindow } from '../approval/authorise.ts';
import { verifyEnvelopes } from '../approval/evidence.ts';
import { lockFacts } from '../approval/lock-facts.ts';
import { buildRequest, type EngineName, type RequestDocument } from '../approval/request.ts';
import { NAMESPACES } from '../approval/signature.ts';
import { signEnvelope, type Signer } from '../approval/signer.ts';
import { buildApproval, parseApproval } from '../approval/statement.ts';
import { maySign, type Trust } from '../approval/trust.ts';
import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result, unwrap } from '../base/result.ts';
import type { Lock } from '../ir/lock.ts';
import { plural } from '../ui/format.ts';
import type { App } from './app.ts';
import { approvalsFolder, lockIn, type LockOnDisk, readLock, sha256Of } from './locks.ts';
import { usage } from './options.ts';
import { shownPath, storeOf } from './project.ts';
import { envelopeFiles, type FoundRequest, newestFor, requestNamed, requestsIn, usesOf } from './requests.ts';

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
  /** Who asks; unless given, the person whose key `key` is. */
  readonly requested_by?: string;
  readonly key?: string;
  readonly max_runs?: number;
  readonly engines?: readonly EngineName[];
  readonly validity_s?: number;
  readonly trust?: string;
}

/** Reads the lock and the newest request for exactly its bytes; without one, makes one with defaults (1 run, 14 days). */
export async function prepare(app: App, lock_path: string, wishes: RequestWishes = {}): Promise<Prepared> {
  const found = await readLock(app, lock_path);
  unwrap(checkQuestions(found.lock));
  const last_approved = await lastApproved(app, found, wishes.trust);
  const known = await newestRequest(app, found, wishes.request);
  if (known !== null) return { ...found, ...known, request_is_new: false, last_approved };
  const request = await newRequest(app, found, wishes);
  return { ...found, request, folder: requestFolder(found, request), request_is_new: true, last_approved };
}

/** A new request for a lock. Not written. */
export async function newRequest(app: App, found: LockOnDisk, wishes: RequestWishes): Promise<RequestDocument> {
  const { limits, environment } = lockFacts(found.lock);
  const requested_by = wishes.requested_by ?? (await ownerOfKey(app, found.project, wishes));
  return unwrap(
    buildRequest({
      lock_sha256: found.lock_sha256,
      plan_name: found.lock.name,
      environment,
      limits,
      requested_by,
      now_ms: app.clock.now_ms(),
      ...(wishes.max_runs === undefined ? {} : { max_runs: wishes.max_runs }),
      ...(wishes.engines === undefined ? {} : { engines: wishes.engines }),
      ...(wishes.validity_s === undefined ? {} : { validity_s: wishes.validity_s }),
    }),
  );
}

/** The person whose key was named, if one was, and the trust policy knows whose it is. */
async function ownerOfKey(app: App, project: string, wishes: RequestWishes): Promise<string | null> {
  if (wishes.key === undefined) return null;
  const [trust, signer] = [await app.trust(wishes.trust, project), await app.signer(resolve(app.cwd, wishes.key))];
  return trust.ok && signer.ok ? (trust.value.owners.get(signer.value.publicKey.fingerprint) ?? null) : null;
}

export async function writeRequest(app: App, found: LockOnDisk, request: RequestDocument): Promise<string> {
  const folder = requestFolder(found, request);
  unwrap(await app.files.write(join(folder, 'lock.json'), found.lock_bytes));
  unwrap(await app.files.write(join(folder, 'request.json'), request.bytes));
  return join(folder, 'request.json');
}

export interface SigningWishes {
  readonly decision: 'approve' | 'reject' | 'revoke';
  readonly key?: string;
  readonly trust?: string;
}

export interface Decision extends SigningWishes {
  readonly comment: string;
  /** Exactly what the person saw, and what drew it. */
  readonly displayed: { readonly text: string; readonly renderer: string };
}

export interface SignedDecision {
  readonly envelope_path: string;
  readonly request_sha256: string;
  readonly principal: string;
  readonly self_approved: boolean;
}

/** Who is about to sign what, and that they may. */
interface Signing extends FoundRequest {
  readonly signer: Signer;
  readonly principal: string;
  readonly role: string;
  readonly self_approved: boolean;
  readonly now_ms: number;
}

/**
 * Whether this key may sign this decision here and now, before anybody reads a review in vain. A request that nobody has made yet is
 * made now, by the signer, with the terms that are shown. NOT_APPROVED, APPROVAL_EXPIRED, TRUST_INVALID
 */
export async function openSigning(app: App, prepared: Prepared, wishes: SigningWishes): Promise<Signing> {
  const trust = unwrap(await app.trust(wishes.trust, prepared.project));
  const signer = unwrap(await app.signer(keyPath(app, wishes.key)));
  const owner = trust.owners.get(signer.publicKey.fingerprint);
  const { request, folder } = prepared.request_is_new ? await requestBy(app, prepared, owner) : prepared;
  const now_ms = app.clock.now_ms();
  const { requested_by, validity } = request.request;
  const window = { notBefore: validity.not_before, notAfter: validity.not_after };
  if (wishes.decision === 'approve') {
    unwrap(checkWindow(now_ms, window, 'request'));
    if (!prepared.request_is_new) await assertRunsLeft(app, prepared, request);
  }
  const purpose = { purpose: 'approve', decision: wishes.decision, requested_by } as const;
  const allowed = unwrap(maySign(trust, signer.publicKey, { ...purpose, terminal: app.terminal.interactive, now_ms }));
  return { request, folder, signer, now_ms, ...allowed };
}

/** Nobody is made to sign what starts nothing. Another store may count otherwise: that is for `run` to say. */
async function assertRunsLeft(app: App, { project, lock_path }: Prepared, request: RequestDocument): Promise<void> {
  const uses = await usesOf(app, storeOf(app, project, undefined), request);
  if (uses < request.request.max_runs) return;
  const hint = `Ask for more: expctl request ${shownPath(app, lock_path)}`;
  throw new ExpctlError('APPROVAL_USED', `All runs that the request asks for (${uses}) have been started.`, { hint });
}

/** Signs a decision on what was prepared, and writes it. What is signed is the bytes that were read, not the files as they are now. */
export async function signDecision(app: App, prepared: Prepared, wishes: Decision): Promise<SignedDecision> {
  const { request, folder, signer, now_ms, principal, role, self_approved } = await openSigning(app, prepared, wishes);
  const { validity } = request.request;
  const payload = unwrap(
    buildApproval({
      lock_sha256: prepared.lock_sha256,
      request_sha256: request.sha256,
      approver: { principal, role },
      not_before: validity.not_before,
      not_after: validity.not_after,
      comment: wishes.comment,
      now_ms,
      random: (count) => app.randomBytes(count),
      decision: wishes.decision,
      displayed: { sha256: sha256Of(wishes.displayed.text), renderer: wishes.displayed.renderer },
      self_approved,
    }),
  );
  const envelope = unwrap(await signEnvelope(signer, NAMESPACES.approval, payload));
  if (prepared.request_is_new) await writeRequest(app, prepared, request);
  const envelope_path = join(folder, `${wishes.decision}-${sha256Of(envelope).slice(0, 12)}.dsse.json`);
  unwrap(await app.files.write(envelope_path, envelope, { exclusive: true }));
  return { envelope_path, request_sha256: request.sha256, principal, self_approved };
}

async function requestBy(app: App, found: LockOnDisk, owner: string | undefined): Promise<FoundRequest> {
  const request = await newRequest(app, found, owner === undefined ? {} : { requested_by: owner });
  return { request, folder: requestFolder(found, request) };
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

/** The newest request for exactly these bytes, or the one that is named; null if there is none. */
export async function newestRequest(
  app: App,
  found: LockOnDisk,
  named: string | undefined,
): Promise<FoundRequest | null> {
  if (named === undefined) {
    return unwrap(newestFor(await requestsIn(app, found.project), found.lock_sha256, found.lock.name));
  }
  const asked = unwrap(await requestNamed(app, named));
  if (asked.request.request.lock.sha256 === found.lock_sha256) return asked;
  const hint = 'Give the lock that the request is for: a copy lies beside it as lock.json.';
  throw new ExpctlError('LOCK_CHANGED', `The request ${named} is for another lock.`, { hint });
}

/** The newest lock of the same plan, other than this one, that somebody whom the trust policy knows has approved. */
export async function lastApproved(
  app: App,
  found: Pick<LockOnDisk, 'project' | 'lock' | 'lock_sha256'>,
  trust_flag: string | undefined,
): Promise<Lock | null> {
  const trust = await app.trust(trust_flag, found.project);
  if (!trust.ok) return null;
  for (const { request, folder } of (await requestsIn(app, found.project)).reverse()) {
    if (!request.ok || request.value.request.plan_name !== found.lock.name) continue;
    const { sha256 } = request.value.request.lock;
    if (sha256 === found.lock_sha256) continue;
    const bytes = await app.files.read(join(folder, 'lock.json'));
    if (!bytes.ok || sha256Of(bytes.value) !== sha256) continue;
    const lock = lockIn(bytes.value);
    if (lock.ok && (await isApproved(app, folder, trust.value))) return lock.value;
  }
  return null;
}

async function isApproved(app: App, folder: string, trust: Trust): Promise<boolean> {
  const files = await envelopeFiles(app, folder);
  if (!files.ok) return false;
  const verified = verifyEnvelopes(
    files.value.map(({ bytes }) => bytes),
    NAMESPACES.approval,
    trust,
  );
  if (!verified.ok) return false;
  const decisions = verified.value.signed.map(({ payload }) => {
    const statement = parseApproval(payload);
    return statement.ok ? statement.value.predicate.decision : 'reject';
  });
  return decisions.length > 0 && decisions.every((decision) => decision === 'approve');
}

function requestFolder(found: LockOnDisk, request: RequestDocument): string {
  return join(approvalsFolder(found.project), `${found.lock.name}-${request.sha256.slice(0, 12)}`);
}

/** A lock never holds an open question: `lock` refuses them. This is for locks of other makers. NOT_APPROVED */
export function checkQuestions(lock: Lock): Result<void> {
  const open = lock.questions.filter((question) => question.answer === '');
  if (open.length === 0) return ok(undefined);
  const hint = 'Answer them in the plan, and lock again.';
  const message = `${plural(open.length, 'question')} of the plan ${open.length === 1 ? 'is' : 'are'} open: ${open[0]?.text}`;
  return err(new ExpctlError('NOT_APPROVED', message, { hint }));
}
