import type { ApprovedLock } from '../approval/authorise.ts';
import type { RunStarted } from '../ir/events.ts';
import type { Lock } from '../ir/lock.ts';

/** The first fact of a run, whatever performs it. */
export function startedFact({ verdict, lock, lock_sha256 }: ApprovedLock<Lock>): RunStarted {
  const { request_sha256 } = verdict;
  const approvals = verdict.approvals.map((approval) => approval.envelope_sha256).sort();
  return { type: 'run.started', semantics: lock.semantics, lock_sha256, request_sha256, approvals };
}
