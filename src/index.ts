/*
 * expctl as a library: the pure core, without files, network and processes. Expected failures are returned as `Result`; what is
 * thrown is a defect. Everything exported here is documented and stays compatible within a major version.
 *
 *   const source = readSource('beam.plan.yaml', bytes);
 *   if (!source.ok) throw new Error(source.error[0].message);
 *   const { problems, checked } = checkPlan({ plan: source.value, tools, environment: LOCAL_ENVIRONMENT, file: () => undefined });
 *   if (checked !== null) console.log(lockPlan(checked));
 */
import { authorise, type Verdict } from './approval/authorise.ts';
import { lockFacts } from './approval/lock-facts.ts';
import type { EngineName } from './approval/request.ts';
import { parseTrust } from './approval/trust.ts';
import { ExpctlError } from './base/error.ts';
import { err, ok, type Result } from './base/result.ts';
import type { Lock } from './ir/lock.ts';
import { parseLock } from './plan/lock-file.ts';

export type { EngineName, Verdict };
export type { Json, JsonObject } from './base/json.ts';
export type { Result } from './base/result.ts';
export { type ErrorCode, ExpctlError } from './base/error.ts';
/** RFC 8785: what is hashed, signed and compared. */
export { canonicalJson } from './ir/canonical.ts';
export { type Environment, LOCAL_ENVIRONMENT } from './ir/environment.ts';
export type { DesignTable, Forecast, Lock } from './ir/lock.ts';
export type { Plan } from './ir/plan.ts';
export type { Problem } from './ir/problem.ts';
export type { ToolsLock } from './ir/tools.ts';
/** YAML or JSON, strictly: the value, and where each part of it stands. */
export { readSource, type Source } from './plan/source.ts';
/** The bytes of `tools.lock.json`. */
export { parseToolsLock } from './plan/tools-files.ts';
/** All problems of a plan at once; what passed can be locked. */
export { type CheckedPlan, type CheckInput, type CheckOutput, checkPlan } from './plan/check.ts';
/** The exact bytes of everything that will run. */
export { type LockedPlan, lockPlan } from './plan/lock.ts';
/** The text of a lock; only the canonical form of a lock is one. */
export { parseLock };
/** What differs between two locks, by meaning. */
export { diffLocks as diffPlans, type LockChange, type TablesOfBoth } from './plan/diff.ts';
/** Seeded designs: the same arguments give the same points, to the bit, on every machine. */
export {
  type DesignVariable,
  type Drawn,
  drawDesign,
  type Generator,
  type PointValues,
  type Quality,
} from './design/draw.ts';

export interface VerifyInput {
  /** The bytes of the lock, as they would be executed. */
  readonly lock: Uint8Array;
  /** The bytes of `request.json`. */
  readonly request: Uint8Array;
  /** The bytes of every DSSE envelope beside the request: one left out may be a refusal. */
  readonly envelopes: readonly Uint8Array[];
  /** The bytes of the trust policy. */
  readonly trust: Uint8Array;
  /** Milliseconds since 1970. */
  readonly now_ms: number;
  /** Default `embedded`. */
  readonly engine?: EngineName;
  /** Runs already started on this request; default 0. */
  readonly runs_used?: number;
}

/**
 * Whether a run of this lock could start now: who approved it, or the reason why not. The environment is taken to be the one that
 * was locked. Says what is so and permits nothing: only the engine's own check lets anything run.
 */
export function verifyApproval(input: VerifyInput): Result<Verdict> {
  const trust = parseTrust(input.trust);
  if (!trust.ok) return trust;
  const lock = lockOf(input.lock);
  if (!lock.ok) return lock;
  const facts = lockFacts(lock.value);
  const approved = authorise({
    lock_bytes: input.lock,
    read_lock: () => ok({ lock: lock.value, facts }),
    request_bytes: input.request,
    envelopes: input.envelopes,
    trust: trust.value,
    environment: facts.environment,
    engine: input.engine ?? 'embedded',
    runs_used: input.runs_used ?? 0,
    purpose: 'start',
    now_ms: input.now_ms,
  });
  return approved.ok ? ok(approved.value.verdict) : approved;
}

function lockOf(bytes: Uint8Array): Result<Lock> {
  try {
    return parseLock(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    const hint = 'Make it again with `expctl lock`, and have it approved.';
    return err(new ExpctlError('LOCK_INVALID', 'The lock is not UTF-8.', { hint }));
  }
}
