import { authorise, type ApprovedLock } from '../../../src/approval/authorise.ts';
import { sha256Hex, utf8 } from '../../../src/approval/bytes.ts';
import type { VerifiedDecision } from '../../../src/approval/gate.ts';
import { lockFacts } from '../../../src/approval/lock-facts.ts';
import { ok, unwrap } from '../../../src/base/result.ts';
import { canonicalJson } from '../../../src/ir/canonical.ts';
import { type RunStarted, SEMANTICS } from '../../../src/ir/events.ts';
import type { Lock } from '../../../src/ir/lock.ts';
import { approvalBy, people, requestOf, trust } from '../../approval/fixtures.ts';
import type { Decision } from './protocol.ts';

/** The lock, requested and signed by the people of the approval tests. */
export async function approvedLock(lock: Lock): Promise<ApprovedLock<Lock>> {
  const lock_bytes = utf8(canonicalJson(lock));
  const lock_sha256 = sha256Hex(lock_bytes);
  const facts = lockFacts(lock);
  const { environment, limits, plan_name } = facts;
  const now_ms = Date.now();
  const request = requestOf({ lock_sha256, environment, limits, plan_name, now_ms });
  const envelope = await approvalBy(people.alice, { lock_sha256, now_ms }, request);
  return unwrap(
    authorise({
      lock_bytes,
      read_lock: () => ok({ lock, facts }),
      request_bytes: request.bytes,
      envelopes: [envelope],
      trust,
      environment,
      engine: 'embedded',
      runs_used: 0,
      purpose: 'start',
      now_ms,
    }),
  );
}

export function startedFact({ lock_sha256, verdict }: ApprovedLock<Lock>): RunStarted {
  const approvals = verdict.approvals.map((approval) => approval.envelope_sha256).sort();
  const { request_sha256 } = verdict;
  return { type: 'run.started', semantics: SEMANTICS, lock_sha256, request_sha256, approvals };
}

export const DECISION: Decision = { outcome: 'continue', by: 'bob', statement_sha256: 'a'.repeat(64) };

/** What the signature says is the subject of other tests: here both engines believe the same decision. */
export function believed({ outcome, by, statement_sha256 }: Decision): VerifiedDecision {
  const details = { outcome, principal: by, statement_sha256, envelope_sha256: statement_sha256 };
  return { outcome, details } as unknown as VerifiedDecision;
}
