import { z } from 'zod';
import { ExpctlError } from '../base/error.ts';
import type { Json } from '../base/json.ts';
import { err, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { toBase64, utf8 } from './bytes.ts';
import { checkJson, decodeJson } from './decode.ts';
import { Digest, Instant, Label, Principal, Role, Sha256, Words } from './fields.ts';

/*
 * What a person signs: an in-toto Statement v1 (github.com/in-toto/attestation) about the lock, matched by digest only. Names of
 * fields follow in-toto (camelCase). A field or version that is not known here is refused: who signed it meant something by it.
 */

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const APPROVAL_TYPE = 'https://expctl.dev/attestation/plan-approval/v1';
const RESOLUTION_TYPE = 'https://expctl.dev/attestation/effect-resolution/v1';
const GATE_DECISION_TYPE = 'https://expctl.dev/attestation/gate-decision/v1';

const MAX_STATEMENT_BYTES = 64 * 1024;

const Subject = z.strictObject({ name: Label, digest: Digest });
const Approver = z.strictObject({ principal: Principal, role: Role });
const Nonce = z.string().regex(/^[A-Za-z0-9_-]{22}$/, 'must be 128 bits in base64url');
const StatementId = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'must be a UUID of version 7');
const Comment = Words.max(2_048);
const Validity = z.strictObject({ notBefore: Instant, notAfter: Instant });

function statement<Type extends string, Predicate extends z.ZodType>(type: Type, predicate: Predicate) {
  return z.strictObject({
    _type: z.literal(STATEMENT_TYPE),
    subject: z.array(Subject).length(1),
    predicateType: z.literal(type),
    predicate,
  });
}

const ApprovalPredicate = z.strictObject({
  decision: z.enum(['approve', 'reject', 'revoke']),
  request: Digest,
  approver: Approver,
  nonce: Nonce,
  statementId: StatementId,
  displayed: z.strictObject({ sha256: Sha256, renderer: Label }),
  validity: Validity,
  comment: Comment,
  selfApproved: z.boolean(),
});

/** Of every statement on a run. */
const AboutRun = {
  request: Digest,
  approver: Approver,
  nonce: Nonce,
  statementId: StatementId,
  validity: Validity,
  comment: Comment,
};

const Head = z.strictObject({ stream: Label, seq: z.number().int().nonnegative(), hash: Sha256 });

const GateDecisionPredicate = z.strictObject({
  runId: Label,
  gate: Label,
  occurrence: z.number().int().min(1),
  outcome: Label,
  journalHead: Head,
  evidence: Digest,
  ...AboutRun,
});

export const ApprovalStatement = statement(APPROVAL_TYPE, ApprovalPredicate);
export type ApprovalStatement = z.infer<typeof ApprovalStatement>;

export const GateDecisionStatement = statement(GATE_DECISION_TYPE, GateDecisionPredicate);
export type GateDecisionStatement = z.infer<typeof GateDecisionStatement>;

const ResolutionPredicate = z.strictObject({
  runId: Label,
  effect: z.strictObject({
    point: z.number().int().min(1),
    step: Label,
    part: z.enum(['call', 'submit', 'poll', 'fetch']),
    attempt: z.number().int().min(1),
  }),
  /** The row with which the effect was intended: its arguments and its key are in it. */
  intent: Head,
  as: z.enum(['done', 'failed', 'not_done']),
  /** What the tool would have answered; only of what is done. */
  answer: z.json(),
  ...AboutRun,
});

export const ResolutionStatement = statement(RESOLUTION_TYPE, ResolutionPredicate);
export type ResolutionStatement = z.infer<typeof ResolutionStatement>;

/** Draws so many random bytes. Passed in, as time is. */
type RandomBytes = (count: number) => Uint8Array;

/** Who signs, for how long it may be used, and what makes it unique. */
export interface SigningTerms {
  readonly approver: { readonly principal: string; readonly role: string };
  readonly not_before: string;
  readonly not_after: string;
  readonly comment: string;
  /** Milliseconds since 1970. */
  readonly now_ms: number;
  readonly random: RandomBytes;
}

interface Circumstances extends SigningTerms {
  readonly lock_sha256: string;
  readonly request_sha256: string;
}

export interface ApprovalOptions extends Circumstances {
  readonly decision: 'approve' | 'reject' | 'revoke';
  /** SHA-256 of exactly the text that the person saw, and what drew it. */
  readonly displayed: { readonly sha256: string; readonly renderer: string };
  readonly self_approved: boolean;
}

/** A decision on a request as the payload to sign. `USAGE` where a text is too long or a name impossible. */
export function buildApproval(options: ApprovalOptions): Result<Uint8Array> {
  return payloadOf(ApprovalStatement, {
    ...headOf(options),
    predicateType: APPROVAL_TYPE,
    predicate: {
      decision: options.decision,
      displayed: options.displayed,
      selfApproved: options.self_approved,
      ...common(options),
    },
  });
}

export interface JournalHead {
  readonly stream: string;
  readonly seq: number;
  /** Hash of that row of the chain, hex. */
  readonly hash: string;
}

export interface GateDecisionOptions extends Circumstances {
  readonly run_id: string;
  readonly gate: string;
  /** How often this gate has been reached in this run, from 1. */
  readonly occurrence: number;
  readonly outcome: string;
  readonly journal_head: JournalHead;
  /** SHA-256 of the evidence that the person saw. */
  readonly evidence_sha256: string;
}

/** A decision at a gate as the payload to sign. */
export function buildGateDecision(options: GateDecisionOptions): Result<Uint8Array> {
  const { stream, seq, hash } = options.journal_head;
  return payloadOf(GateDecisionStatement, {
    ...headOf(options),
    predicateType: GATE_DECISION_TYPE,
    predicate: {
      runId: options.run_id,
      gate: options.gate,
      occurrence: options.occurrence,
      outcome: options.outcome,
      journalHead: { stream, seq, hash },
      evidence: { sha256: options.evidence_sha256 },
      ...common(options),
    },
  });
}

export interface ResolutionOptions extends Circumstances {
  readonly run_id: string;
  readonly effect: ResolutionStatement['predicate']['effect'];
  readonly intent: JournalHead;
  readonly as: 'done' | 'failed' | 'not_done';
  readonly answer: Json;
}

/** What became of an effect, as the payload to sign. */
export function buildResolution(options: ResolutionOptions): Result<Uint8Array> {
  const { run_id, effect, intent, as, answer } = options;
  return payloadOf(ResolutionStatement, {
    ...headOf(options),
    predicateType: RESOLUTION_TYPE,
    predicate: { runId: run_id, effect, intent, as, answer, ...common(options) },
  });
}

export function parseResolution(payload: Uint8Array): Result<ResolutionStatement> {
  return parsePayload(payload, ResolutionStatement);
}

export function parseApproval(payload: Uint8Array): Result<ApprovalStatement> {
  return parsePayload(payload, ApprovalStatement);
}

export function parseGateDecision(payload: Uint8Array): Result<GateDecisionStatement> {
  return parsePayload(payload, GateDecisionStatement);
}

/** UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, 74 random bits. */
export function statementId(now_ms: number, random: RandomBytes): string {
  const bytes = new Uint8Array(16);
  bytes.set(random(10), 6);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(now_ms / 2 ** 32));
  view.setUint32(2, now_ms % 2 ** 32);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function headOf({ lock_sha256 }: Circumstances) {
  const subject = [{ name: 'plan.lock.json', digest: { sha256: lock_sha256 } }];
  return { _type: STATEMENT_TYPE, subject } as const;
}

function common(options: Circumstances) {
  return {
    request: { sha256: options.request_sha256 },
    approver: { principal: options.approver.principal, role: options.approver.role },
    nonce: toBase64(options.random(16)).replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'),
    statementId: statementId(options.now_ms, options.random),
    validity: { notBefore: options.not_before, notAfter: options.not_after },
    comment: options.comment,
  };
}

function payloadOf<T extends ApprovalStatement | GateDecisionStatement | ResolutionStatement>(
  schema: z.ZodType<T>,
  statement: T,
): Result<Uint8Array> {
  const checked = checkJson(statement, schema);
  if (checked.ok) return ok(utf8(canonicalJson(checked.value)));
  const hint = 'A comment has at most 2048 characters; names are those of the trust policy and the plan.';
  return err(new ExpctlError('USAGE', `This cannot be signed: ${checked.error}.`, { hint }));
}

function parsePayload<T>(payload: Uint8Array, schema: z.ZodType<T>): Result<T> {
  const statement = decodeJson(payload, { schema, max_bytes: MAX_STATEMENT_BYTES });
  if (statement.ok) return statement;
  const hint =
    'It may need a newer expctl. What is not understood is refused: ask the signer to sign again with this version.';
  return err(
    new ExpctlError('APPROVAL_INVALID', `The signed statement is not understood: ${statement.error}.`, { hint }),
  );
}
