import { ExpctlError } from '../base/error.ts';
import { err, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { sha256Hex } from './bytes.ts';
import { namedSigner, verifyEnvelopes } from './evidence.ts';
import type { Ignored, SignedPayload } from './evidence.ts';
import { windowBounds, windowVerdict } from './fields.ts';
import { widenedLimits } from './lock-facts.ts';
import type { LockFacts } from './lock-facts.ts';
import { parseRequest } from './request.ts';
import type { ApprovalRequest, EngineName, EnvironmentDigest, Limits, RequestDocument } from './request.ts';
import { NAMESPACES } from './signature.ts';
import { parseApproval } from './statement.ts';
import type { ApprovalStatement } from './statement.ts';
import { checkTrustTime, hasRole, isSelf, mayApprove, selfReason } from './trust.ts';
import type { Trust } from './trust.ts';

/** What is about to happen: the first effect of a run, its continuation, or one more effect of a run that goes on. */
type AuthorisePurpose = 'start' | 'resume' | 'dispatch';

export interface AuthoriseInput<L> {
  /** The lock's file, as it will be executed. */
  readonly lock_bytes: Uint8Array;
  /** Reads those bytes; called once, after their digest was found to be the one that was asked for. */
  readonly read_lock: (bytes: Uint8Array) => Result<{ readonly lock: L; readonly facts: LockFacts }>;
  readonly request_bytes: Uint8Array;
  /** Every DSSE envelope there is for the request, in any order. */
  readonly envelopes: readonly Uint8Array[];
  readonly trust: Trust;
  /** The environment as it is now on this machine. */
  readonly environment: EnvironmentDigest;
  readonly engine: EngineName;
  /** Runs already started on this request; when resuming or dispatching, this one is among them. */
  readonly runs_used: number;
  readonly purpose: AuthorisePurpose;
  /** Milliseconds since 1970; never earlier than the last time that the journal holds. */
  readonly now_ms: number;
}

/** One person's approval that counted. */
interface CountedApproval {
  readonly principal: string;
  readonly role: string;
  readonly keyid: string;
  readonly statement_id: string;
  readonly envelope_sha256: string;
  /** What the person saw. */
  readonly displayed_sha256: string;
  readonly self_approved: boolean;
}

/** What was found, for the journal. */
export interface Verdict {
  readonly purpose: AuthorisePurpose;
  readonly lock_sha256: string;
  readonly request_sha256: string;
  readonly trust_sha256: string;
  /** One for each person, sorted by person. */
  readonly approvals: readonly CountedApproval[];
  /** Whether somebody approved what they, or nobody known, requested. */
  readonly self_approved: boolean;
  readonly max_runs: number;
  /** Envelopes that did not count, and why. */
  readonly ignored: readonly Ignored[];
}

let seal: <L>(contents: Contents<L>) => ApprovedLock<L>;

interface Contents<L> {
  readonly lock: L;
  readonly lock_sha256: string;
  readonly request: ApprovalRequest;
  readonly limits: Limits;
  readonly verdict: Verdict;
  /** Windows of the request and of the approvals that counted: all must be open. */
  readonly windows: readonly Window[];
}

interface Window {
  readonly notBefore: string;
  readonly notAfter: string;
}

/**
 * A lock that may be executed. Only `authorise` makes one: the class is exported as a type, its constructor is private, and its
 * contents are in private fields. So whatever takes an `ApprovedLock` runs nothing that was not signed.
 */
class ApprovedLock<L> {
  readonly #contents: Contents<L>;

  static {
    seal = (contents) => new ApprovedLock(contents);
  }

  private constructor(contents: Contents<L>) {
    this.#contents = contents;
  }

  /** The lock, read from the bytes that were verified; frozen. */
  get lock(): L {
    return this.#contents.lock;
  }
  get lock_sha256(): string {
    return this.#contents.lock_sha256;
  }
  get request(): ApprovalRequest {
    return this.#contents.request;
  }
  /** What the request allows: the same as the lock states, since a narrower request is refused until an engine keeps its limits. */
  get limits(): Limits {
    return this.#contents.limits;
  }
  get verdict(): Verdict {
    return this.#contents.verdict;
  }

  /** When the first of the windows closes: UTC, without the minute that clocks may differ by. */
  get valid_until(): string {
    const ends = this.#contents.windows.map(({ notAfter }) => notAfter);
    return ends.reduce((first, end) => (Date.parse(end) < Date.parse(first) ? end : first));
  }

  #bounds: readonly { readonly from_ms: number; readonly until_ms: number }[] | null = null;

  /** The cheap question between two full checks: whether every window is still open. `APPROVAL_EXPIRED` otherwise. */
  checkTime(now_ms: number): Result<void> {
    // Asked before every sending: the ends are read once.
    this.#bounds ??= this.#contents.windows.map(({ notBefore, notAfter }) => windowBounds(notBefore, notAfter));
    if (this.#bounds.every(({ from_ms, until_ms }) => now_ms >= from_ms && now_ms <= until_ms)) return ok(undefined);
    for (const window of this.#contents.windows) {
      const open = checkWindow(now_ms, window, 'approval');
      if (!open.ok) return open;
    }
    return ok(undefined);
  }
}
export type { ApprovedLock };

/**
 * Decides whether a lock may be executed here and now. Pure: the same input gives the same answer.
 *
 * Every link is checked: lock bytes to request, request to lock, environment and engine, signature to key, key to exactly one person,
 * statement to request and lock, person to role, time, uses. A refusal or revocation by anybody who may approve beats any number of
 * approvals, whenever it was signed. Whatever is missing, expired, unreadable or ambiguous denies, with the reason.
 */
export function authorise<L>(input: AuthoriseInput<L>): Result<ApprovedLock<L>> {
  const sane = checkCounters(input);
  if (!sane.ok) return sane;
  const trusted = checkTrustTime(input.trust, input.now_ms);
  if (!trusted.ok) return trusted;
  const document = parseRequest(input.request_bytes);
  if (!document.ok) return document;
  const { request } = document.value;
  const lock_sha256 = sha256Hex(input.lock_bytes);
  if (request.lock.sha256 !== lock_sha256) return err(lockChanged(request.lock.sha256, lock_sha256));
  const read = input.read_lock(input.lock_bytes);
  if (!read.ok) return read;
  for (const check of [checkLinks(request, read.value.facts, input), checkRuns(request, input)])
    if (!check.ok) return check;
  const counted = countApprovals(document.value, input);
  if (!counted.ok) return counted;
  const { approvals, ignored, windows } = counted.value;
  const verdict: Verdict = {
    purpose: input.purpose,
    lock_sha256,
    request_sha256: document.value.sha256,
    trust_sha256: input.trust.sha256,
    approvals,
    self_approved: approvals.some((approval) => approval.self_approved),
    max_runs: request.max_runs,
    ignored,
  };
  const contents = { lock: read.value.lock, lock_sha256, request, limits: request.limits, verdict, windows };
  return ok(seal(deepFreeze(contents)));
}

/** A counter or a clock that is no number would make comparisons say no to every question. */
function checkCounters(input: { readonly runs_used: number; readonly now_ms: number }): Result<void> {
  if (Number.isSafeInteger(input.runs_used) && input.runs_used >= 0 && Number.isFinite(input.now_ms))
    return ok(undefined);
  const hint = 'Look at the store and the clock of this machine.';
  return err(new ExpctlError('NOT_APPROVED', 'The time, or the number of runs so far, is not known.', { hint }));
}

/** The request says of the lock what the lock says, and both speak of this environment and engine. */
function checkLinks<L>(request: ApprovalRequest, facts: LockFacts, input: AuthoriseInput<L>): Result<void> {
  if (request.plan_name !== facts.plan_name) {
    return err(mismatch(`The request is for a plan named ${request.plan_name}, the lock for ${facts.plan_name}.`));
  }
  if (!sameEnvironment(request.environment, facts.environment)) {
    return err(mismatch('The request and the lock name different environments.'));
  }
  if (!sameEnvironment(request.environment, input.environment)) {
    const hint = 'Restore the environment file, or run `expctl lock` and have the new lock approved.';
    const message = `The environment ${input.environment.name} is not the one that was approved.`;
    return err(
      new ExpctlError('INPUT_CHANGED', message, {
        hint,
        details: { approved: request.environment, found: input.environment },
      }),
    );
  }
  const widened = widenedLimits(request.limits, facts.limits);
  if (widened.length > 0)
    return err(mismatch(`The request asks for more than the lock states: ${widened.join(', ')}.`));
  if (canonicalJson(request.limits) !== canonicalJson(facts.limits)) {
    // Limits of a request beside the lock's own are not kept by any engine yet, and a limit that nobody keeps is none.
    const hint = 'Lower the budget in the plan, lock it again, and request that.';
    return err(
      new ExpctlError('NOT_APPROVED', 'The request asks for less than the lock states, which cannot be kept yet.', {
        hint,
      }),
    );
  }
  if (!request.engines.includes(input.engine)) {
    const hint = `Use --engine ${request.engines[0]}, or request this engine too.`;
    return err(new ExpctlError('NOT_APPROVED', `The engine ${input.engine} was not asked for.`, { hint }));
  }
  return checkWindow(input.now_ms, requestWindow(request), 'request');
}

function checkRuns<L>(request: ApprovalRequest, input: AuthoriseInput<L>): Result<void> {
  const after = input.purpose === 'start' ? input.runs_used + 1 : input.runs_used;
  if (after <= request.max_runs) return ok(undefined);
  const message = `All runs that were approved (${request.max_runs}) have been started.`;
  const hint = 'Make a new request with `expctl request`, and have it approved.';
  return err(new ExpctlError('APPROVAL_USED', message, { hint }));
}

interface Counted {
  readonly approvals: readonly CountedApproval[];
  readonly ignored: readonly Ignored[];
  readonly windows: readonly Window[];
}

function countApprovals<L>(document: RequestDocument, input: AuthoriseInput<L>): Result<Counted> {
  const rule = input.trust.policy.rules.approve;
  if (rule === undefined)
    return err(notApproved('The trust policy has no rule for approvals, so nobody may approve.', []));
  const verified = verifyEnvelopes(input.envelopes, NAMESPACES.approval, input.trust);
  if (!verified.ok) return verified;
  const ignored = [...verified.value.ignored];
  const byPerson = new Map<string, Counts>();
  const errors: ExpctlError[] = [];
  let refusal: ExpctlError | undefined;
  for (const signed of verified.value.signed) {
    const judged = judge(signed, document, input);
    if (!judged.ok) return judged;
    const judgement = judged.value;
    if (judgement.is === 'refusal') refusal = judgement.error;
    if (judgement.is === 'counted') keepOne(byPerson, judgement);
    if (judgement.is === 'ignored') {
      ignored.push({ envelope_sha256: signed.envelope_sha256, reason: judgement.reason });
      if (judgement.error !== undefined) errors.push(judgement.error);
    }
  }
  if (refusal !== undefined) return err(refusal);
  const missing = `${byPerson.size} of ${rule.n} approvals that are needed are there.`;
  if (byPerson.size < rule.n) return err(errors[0] ?? notApproved(missing, ignored));
  const people = [...byPerson.values()].sort((a, b) => (a.approval.principal < b.approval.principal ? -1 : 1));
  const windows = [requestWindow(document.request), ...people.map((one) => one.window)];
  return ok({ approvals: people.map((one) => one.approval), ignored, windows });
}

interface Counts {
  readonly is: 'counted';
  readonly approval: CountedApproval;
  readonly window: Window;
}

type Judgement =
  | Counts
  | { readonly is: 'refusal'; readonly error: ExpctlError }
  | { readonly is: 'ignored'; readonly reason: string; readonly error?: ExpctlError };

/** What one signed statement amounts to. One that is not understood, or is in another's name, fails everything. */
function judge<L>(signed: SignedPayload, document: RequestDocument, input: AuthoriseInput<L>): Result<Judgement> {
  const statement = parseApproval(signed.payload);
  if (!statement.ok) return statement;
  const { predicate } = statement.value;
  const elsewhere = otherSubject(statement.value, document);
  if (elsewhere !== undefined) return ok({ is: 'ignored', reason: elsewhere });
  const { principal, role } = predicate.approver;
  const key = namedSigner(signed, principal);
  if (!key.ok) return key;
  if (!hasRole(input.trust, principal, role) || !mayApprove(input.trust, role)) {
    return ok({ is: 'ignored', reason: `${principal} may not ${predicate.decision} as ${role}` });
  }
  if (predicate.decision !== 'approve') return ok({ is: 'refusal', error: refused(principal, predicate) });
  const { requested_by } = document.request;
  const self_approved = predicate.selfApproved || isSelf(requested_by, principal);
  if (self_approved && input.trust.policy.rules.approve?.allow_self !== true) {
    return ok({ is: 'ignored', reason: selfReason(requested_by, principal) });
  }
  const open = checkWindow(input.now_ms, predicate.validity, 'approval');
  if (!open.ok) return ok({ is: 'ignored', reason: open.error.message, error: open.error });
  const approval: CountedApproval = {
    principal,
    role,
    keyid: key.value.fingerprint,
    statement_id: predicate.statementId,
    envelope_sha256: signed.envelope_sha256,
    displayed_sha256: predicate.displayed.sha256,
    self_approved,
  };
  return ok({ is: 'counted', approval, window: predicate.validity });
}

/** One approval for each person; which one does not depend on the order in which the files were found. */
function keepOne(byPerson: Map<string, Counts>, candidate: Counts): void {
  const { principal, envelope_sha256 } = candidate.approval;
  const kept = byPerson.get(principal);
  if (kept === undefined || envelope_sha256 < kept.approval.envelope_sha256) byPerson.set(principal, candidate);
}

/** Why a statement is not about this request of this lock; undefined where it is. */
function otherSubject(statement: ApprovalStatement, document: RequestDocument): string | undefined {
  if (statement.subject[0]?.digest.sha256 !== document.request.lock.sha256) return 'it is about another lock';
  if (statement.predicate.request.sha256 !== document.sha256) return 'it is about another request';
  return undefined;
}

export function checkWindow(now_ms: number, window: Window, what: string): Result<void> {
  const verdict = windowVerdict(now_ms, window.notBefore, window.notAfter);
  if (verdict === 'inside') return ok(undefined);
  const message =
    verdict === 'early'
      ? `The ${what} is not valid before ${window.notBefore}.`
      : `The ${what} expired at ${window.notAfter}.`;
  const hint =
    verdict === 'early' ? 'Wait until then, and look at the clock.' : 'Make a new request, and have it approved.';
  return err(new ExpctlError('APPROVAL_EXPIRED', message, { hint }));
}

function requestWindow(request: ApprovalRequest): Window {
  return { notBefore: request.validity.not_before, notAfter: request.validity.not_after };
}

function sameEnvironment(a: EnvironmentDigest, b: EnvironmentDigest): boolean {
  return a.name === b.name && a.sha256 === b.sha256;
}

function refused(principal: string, predicate: ApprovalStatement['predicate']): ExpctlError {
  const did = predicate.decision === 'reject' ? 'rejected' : 'revoked the approval of';
  const because = predicate.comment === '' ? '' : ` Comment: ${JSON.stringify(predicate.comment)}`;
  const hint = 'Talk to them; a new request needs new approvals.';
  return new ExpctlError('NOT_APPROVED', `${principal} ${did} this request.${because}`, { hint });
}

function lockChanged(asked: string, found: string): ExpctlError {
  const message = `The lock has the digest ${found.slice(0, 12)}…, the request is for ${asked.slice(0, 12)}….`;
  const hint = 'Restore the lock that was approved, or request approval of this one.';
  return new ExpctlError('LOCK_CHANGED', message, { hint, details: { asked, found } });
}

function mismatch(message: string): ExpctlError {
  return new ExpctlError('APPROVAL_INVALID', message, {
    hint: 'Make a new request with `expctl request`, and have it approved.',
  });
}

function notApproved(message: string, ignored: readonly Ignored[]): ExpctlError {
  const reasons = ignored.map((one) => ` Not counted: ${one.reason.replace(/\.$/, '')}.`).join('');
  const hint = 'Have it reviewed and signed: `expctl review`, or `expctl approve`.';
  return new ExpctlError('NOT_APPROVED', message + reasons, { hint, details: { ignored } });
}

/** What was verified is what is executed: nothing downstream can change it. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
