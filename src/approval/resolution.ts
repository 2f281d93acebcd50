import type { Json } from '../base/json.ts';
import { ExpctlError } from '../base/error.ts';
import { err, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';
import { checkWindow } from './authorise.ts';
import { sha256Hex } from './bytes.ts';
import { namedSigner, verifyEnvelopes } from './evidence.ts';
import { NAMESPACES } from './signature.ts';
import { type JournalHead, parseResolution, type ResolutionStatement } from './statement.ts';
import { checkTrustTime, hasRole, mayApprove } from './trust.ts';
import type { Trust } from './trust.ts';

/** An effect of which nobody knows what became of it. A resolution counts for exactly this one. */
export interface OpenEffect {
  readonly lock_sha256: string;
  readonly request_sha256: string;
  readonly run_id: string;
  readonly effect: ResolutionStatement['predicate']['effect'];
  /** The row with which it was intended: its arguments and its key are in it. */
  readonly intent: JournalHead;
}

/** What a person signed. */
export interface Resolution {
  readonly as: ResolutionStatement['predicate']['as'];
  /** What the tool would have answered; null unless it is done. */
  readonly answer: Json;
  readonly principal: string;
  readonly role: string;
  readonly comment: string;
  /** SHA-256 of the signed payload. */
  readonly statement_sha256: string;
  readonly envelope_sha256: string;
}

/**
 * Verifies one signed resolution of one open effect: the signature for this purpose, a person who may approve, and that it was made for
 * this run, effect and intent. Everything else denies.
 */
export function verifyResolution(input: {
  readonly envelope: Uint8Array;
  readonly open: OpenEffect;
  readonly trust: Trust;
  /** Milliseconds since 1970. */
  readonly now_ms: number;
}): Result<Resolution> {
  const { trust, open } = input;
  const live = checkTrustTime(trust, input.now_ms);
  if (!live.ok) return live;
  const verified = verifyEnvelopes([input.envelope], NAMESPACES.resolution, trust);
  if (!verified.ok) return verified;
  const signed = verified.value.signed[0];
  if (signed === undefined) return err(denied('No key of the trust policy signed this resolution.'));
  const statement = parseResolution(signed.payload);
  if (!statement.ok) return statement;
  const different = differences(statement.value, open);
  if (different.length > 0) return err(elsewhere(different));
  const { approver, as, answer, validity, comment } = statement.value.predicate;
  const { principal, role } = approver;
  const key = namedSigner(signed, principal);
  if (!key.ok) return key;
  if (!hasRole(trust, principal, role) || !mayApprove(trust, role)) {
    return err(
      denied(`${principal} may not approve runs in the role ${role}, and so not say what became of an effect.`),
    );
  }
  const current = checkWindow(input.now_ms, validity, 'resolution');
  if (!current.ok) return current;
  if (as !== 'done' && answer !== null) return err(denied(`What is ${as.replace('_', ' ')} has no answer.`));
  const statement_sha256 = sha256Hex(signed.payload);
  const { envelope_sha256 } = signed;
  return ok({ as, answer, principal, role, comment, statement_sha256, envelope_sha256 });
}

/** In what a resolution was made for something else, by name. */
export function differences(statement: ResolutionStatement, open: OpenEffect): string[] {
  const { predicate } = statement;
  const { effect, intent } = predicate;
  const same = {
    lock: statement.subject[0]?.digest.sha256 === open.lock_sha256,
    request: predicate.request.sha256 === open.request_sha256,
    run: predicate.runId === open.run_id,
    effect:
      effect.point === open.effect.point &&
      effect.step === open.effect.step &&
      effect.part === open.effect.part &&
      effect.attempt === open.effect.attempt,
    intent: intent.stream === open.intent.stream && intent.seq === open.intent.seq && intent.hash === open.intent.hash,
  };
  return Object.entries(same).flatMap(([name, equal]) => (equal ? [] : [name]));
}

function elsewhere(different: readonly string[]): ExpctlError {
  const hint = 'Say it again with `expctl resolve`, of what the run shows now.';
  return new ExpctlError('APPROVAL_INVALID', `The resolution was made for another ${different.join(', another ')}.`, {
    hint,
  });
}

function denied(message: string): ExpctlError {
  return new ExpctlError('NOT_APPROVED', message, { hint: '`expctl trust show` lists who may approve.' });
}
