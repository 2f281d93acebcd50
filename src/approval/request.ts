import { z } from 'zod';
import { ExpctlError } from '../base/error.ts';
import { err, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { sha256Hex, utf8, utf8Text } from './bytes.ts';
import { checkJson, decodeJson } from './decode.ts';
import { Digest, Instant, instantMs, instantOf, Label, Principal, Sha256, USUAL_VALIDITY_S } from './fields.ts';

const MAX_REQUEST_BYTES = 64 * 1024;
const MAX_VALIDITY_S = 10 * 366 * 24 * 3600;

const Count = z.number().int().nonnegative();
const Amount = z.number().nonnegative();

export const EngineName = z.enum(['embedded', 'temporal', 'prefect']);
export type EngineName = z.infer<typeof EngineName>;

/** The most that a run may use. What is absent is bounded by the lock alone. */
export const Limits = z.strictObject({
  points: Count.describe('Design points evaluated.'),
  calls: Count.describe('Calls of tools; polls are not calls.'),
  jobs: Count.optional().describe('Jobs submitted.'),
  failed_points: Count.optional().describe('Points that may fail before the run does.'),
  wall_time_s: Amount.optional().describe('Wall time in seconds, without time spent waiting for a person.'),
  pool_hours: z.record(Label, Amount).optional().describe('Token-hours of each pool.'),
});
export type Limits = z.infer<typeof Limits>;

const Environment = z.strictObject({ name: Label, sha256: Sha256 });
export type EnvironmentDigest = z.infer<typeof Environment>;

/** What is asked for a lock. Everybody who approves signs its digest, so approvals of two requests cannot be mixed. */
export const ApprovalRequest = z.strictObject({
  v: z.literal(1, 'is a version that this expctl does not know'),
  lock: Digest,
  plan_name: Label,
  engines: z
    .array(EngineName)
    .min(1)
    .refine((names) => new Set(names).size === names.length, 'names an engine twice'),
  environment: Environment,
  limits: Limits,
  max_runs: z.number().int().min(1).max(1_000_000).describe('How many runs may be started.'),
  validity: z
    .strictObject({ not_before: Instant, not_after: Instant })
    .refine(
      (window) => (instantMs(window.not_before) ?? 0) < (instantMs(window.not_after) ?? 0),
      'ends before it begins',
    ),
  requested_by: Principal.nullable().describe('The person who asks; null where nobody said.'),
  created_at: Instant,
});
export type ApprovalRequest = z.infer<typeof ApprovalRequest>;

/** A request with its exact bytes and their SHA-256, which is its name. */
export interface RequestDocument {
  readonly request: ApprovalRequest;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

export interface RequestOptions {
  readonly lock_sha256: string;
  readonly plan_name: string;
  readonly environment: EnvironmentDigest;
  /** Copied from the lock's forecast. Narrower ones can be asked for, and are refused until an engine keeps them. */
  readonly limits: Limits;
  readonly requested_by: string | null;
  /** Milliseconds since 1970. */
  readonly now_ms: number;
  readonly engines?: readonly EngineName[];
  readonly max_runs?: number;
  /** Seconds from now until the request ends; 14 days unless given. */
  readonly validity_s?: number;
}

/** Writes a request: one run on the embedded engine within 14 days, unless the options say otherwise. `USAGE` if they cannot be. */
export function buildRequest(options: RequestOptions): Result<RequestDocument> {
  const validity_s = options.validity_s ?? USUAL_VALIDITY_S;
  if (!(validity_s > 0 && validity_s <= MAX_VALIDITY_S)) return err(impossible('a validity is between 0 and 10 years'));
  const document: ApprovalRequest = {
    v: 1,
    lock: { sha256: options.lock_sha256 },
    plan_name: options.plan_name,
    engines: [...(options.engines ?? ['embedded' as const])],
    environment: { name: options.environment.name, sha256: options.environment.sha256 },
    limits: options.limits,
    max_runs: options.max_runs ?? 1,
    validity: {
      not_before: instantOf(options.now_ms),
      not_after: instantOf(options.now_ms + validity_s * 1000),
    },
    requested_by: options.requested_by,
    created_at: instantOf(options.now_ms),
  };
  const checked = checkJson(document, ApprovalRequest);
  if (!checked.ok) return err(impossible(checked.error));
  const bytes = utf8(canonicalJson(checked.value));
  return ok({ request: checked.value, bytes, sha256: sha256Hex(bytes) });
}

/** Reads a request. Its bytes must be the canonical ones: a digest names one text, and one text only says it. */
export function parseRequest(bytes: Uint8Array): Result<RequestDocument> {
  const request = decodeJson(bytes, { schema: ApprovalRequest, max_bytes: MAX_REQUEST_BYTES });
  if (!request.ok) return err(unreadable(request.error));
  if (canonicalJson(request.value) !== utf8Text(bytes))
    return err(unreadable('it is not in canonical form (RFC 8785)'));
  return ok({ request: request.value, bytes, sha256: sha256Hex(bytes) });
}

function impossible(reason: string): ExpctlError {
  const hint = 'Look at the names, engines, number of runs and validity that were given.';
  return new ExpctlError('USAGE', `This cannot be asked for: ${reason}.`, { hint });
}

function unreadable(reason: string): ExpctlError {
  const hint = 'Make a new one with `expctl request`; a request is never edited, since its digest is what is approved.';
  return new ExpctlError('APPROVAL_INVALID', `The request cannot be read: ${reason}.`, { hint });
}
