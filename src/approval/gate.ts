import { ExpctlError } from '../base/error.ts';
import { err, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';
import { checkWindow } from './authorise.ts';
import { sha256Hex } from './bytes.ts';
import { namedSigner, verifyEnvelopes } from './evidence.ts';
import { NAMESPACES } from './signature.ts';
import { parseGateDecision } from './statement.ts';
import type { GateDecisionStatement, JournalHead } from './statement.ts';
import { checkTrustTime, gateRule, hasRole, isSelf, selfReason } from './trust.ts';
import type { Trust } from './trust.ts';

/** The gate as the run sees it now. A decision counts for exactly this. */
export interface OpenGate {
  readonly lock_sha256: string;
  readonly request_sha256: string;
  /** Who requested the run. */
  readonly requested_by: string | null;
  readonly run_id: string;
  readonly gate: string;
  readonly occurrence: number;
  /** The role that the plan asks for. */
  readonly role: string;
  /** The outcomes that the plan allows: a decision chooses among them, and so can narrow, never widen. */
  readonly outcomes: readonly string[];
  /** Head of the journal when the gate opened. */
  readonly journal_head: JournalHead;
  readonly evidence_sha256: string;
}

interface Contents {
  readonly outcome: string;
  readonly principal: string;
  readonly role: string;
  readonly keyid: string;
  readonly statement_id: string;
  /** SHA-256 of the signed payload. */
  readonly statement_sha256: string;
  readonly envelope_sha256: string;
  readonly comment: string;
  /** Whether the person decided on what they, or nobody known, requested. */
  readonly self_approved: boolean;
}

let seal: (contents: Contents) => VerifiedDecision;

/** A decision that opens, or closes, a gate. Only `verifyGateDecision` makes one. */
class VerifiedDecision {
  readonly #contents: Contents;

  static {
    seal = (contents) => new VerifiedDecision(contents);
  }

  private constructor(contents: Contents) {
    this.#contents = contents;
  }

  get outcome(): string {
    return this.#contents.outcome;
  }
  get details(): Contents {
    return this.#contents;
  }
}
export type { VerifiedDecision };

/**
 * Verifies one signed decision for one open gate: the signature for this purpose, the person, the role that the gate asks for, and that
 * it was made for this run, gate, occurrence, evidence and journal. Everything else denies.
 */
export function verifyGateDecision(input: {
  readonly envelope: Uint8Array;
  readonly gate: OpenGate;
  readonly trust: Trust;
  /** Milliseconds since 1970. */
  readonly now_ms: number;
}): Result<VerifiedDecision> {
  const { trust, gate } = input;
  const live = checkTrustTime(trust, input.now_ms);
  if (!live.ok) return live;
  const verified = verifyEnvelopes([input.envelope], NAMESPACES.gate, trust);
  if (!verified.ok) return verified;
  const signed = verified.value.signed[0];
  if (signed === undefined) return err(denied('No key of the trust policy signed this gate decision.'));
  const statement = parseGateDecision(signed.payload);
  if (!statement.ok) return statement;
  const different = differences(statement.value, gate);
  if (different.length > 0) return err(elsewhere(different));
  const { predicate } = statement.value;
  const { principal, role } = predicate.approver;
  const key = namedSigner(signed, principal);
  if (!key.ok) return key;
  const rule = gateRule(trust, gate.role);
  if (rule === undefined) return err(denied(`The trust policy has no rule for gates of the role ${gate.role}.`));
  if (role !== gate.role || !hasRole(trust, principal, role)) {
    return err(denied(`${principal} may not decide a gate for the role ${gate.role}.`));
  }
  const self_approved = isSelf(gate.requested_by, principal);
  if (self_approved && !rule.allow_self) return err(denied(selfReason(gate.requested_by, principal)));
  if (!gate.outcomes.includes(predicate.outcome)) {
    return err(denied(`The plan allows ${gate.outcomes.join(', ')} here, not ${JSON.stringify(predicate.outcome)}.`));
  }
  const open = checkWindow(input.now_ms, predicate.validity, 'gate decision');
  if (!open.ok) return open;
  const contents: Contents = {
    outcome: predicate.outcome,
    principal,
    role,
    keyid: key.value.fingerprint,
    statement_id: predicate.statementId,
    statement_sha256: sha256Hex(signed.payload),
    envelope_sha256: signed.envelope_sha256,
    comment: predicate.comment,
    self_approved,
  };
  return ok(seal(Object.freeze(contents)));
}

/** In what a decision was made for something else, by name. */
function differences(statement: GateDecisionStatement, gate: OpenGate): string[] {
  const { predicate } = statement;
  const head = predicate.journalHead;
  const same = {
    lock: statement.subject[0]?.digest.sha256 === gate.lock_sha256,
    request: predicate.request.sha256 === gate.request_sha256,
    run: predicate.runId === gate.run_id,
    gate: predicate.gate === gate.gate,
    occurrence: predicate.occurrence === gate.occurrence,
    evidence: predicate.evidence.sha256 === gate.evidence_sha256,
    'journal head':
      head.stream === gate.journal_head.stream &&
      head.seq === gate.journal_head.seq &&
      head.hash === gate.journal_head.hash,
  };
  return Object.entries(same).flatMap(([name, equal]) => (equal ? [] : [name]));
}

function elsewhere(different: readonly string[]): ExpctlError {
  const hint = 'Decide again with `expctl gate`, on what the run shows now.';
  return new ExpctlError('APPROVAL_INVALID', `The decision was made for another ${different.join(', another ')}.`, {
    hint,
  });
}

function denied(message: string): ExpctlError {
  return new ExpctlError('NOT_APPROVED', message, { hint: '`expctl trust show` lists who may decide which gates.' });
}
