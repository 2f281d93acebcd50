import { authorise } from '../approval/authorise.ts';
import { parseEnvelope } from '../approval/dsse.ts';
import { verifyGateDecision } from '../approval/gate.ts';
import { lockFacts } from '../approval/lock-facts.ts';
import { parseRequest, type RequestDocument } from '../approval/request.ts';
import { differences, type OpenEffect, verifyResolution } from '../approval/resolution.ts';
import { parseApproval, parseGateDecision, parseResolution } from '../approval/statement.ts';
import type { Trust } from '../approval/trust.ts';
import type { Json } from '../base/json.ts';
import { ok } from '../base/result.ts';
import { sha256Hex } from '../approval/bytes.ts';
import { canonicalJson } from '../ir/canonical.ts';
import {
  type EffectIntended,
  type EffectResolved,
  type GateDecided,
  type GateOpened,
  isShared,
  type JournalRow,
  type PointEnded,
  pointOf,
  type RunStarted,
} from '../ir/events.ts';
import type { Lock } from '../ir/lock.ts';
import { openGate } from './gates.ts';
import { Mismatch } from './mismatch.ts';
import type { ObjectReader, RunFacts } from './ports.ts';

export interface EvidenceInput {
  readonly run: RunFacts;
  readonly lock: Lock;
  readonly lock_bytes: Uint8Array;
  readonly objects: ObjectReader;
  /** null: signatures are not checked, and that is said. */
  readonly trust: Trust | null;
}

/** The evidence of people: that approvals allowed the run when it began, and that gates were decided by who may. */
export class PeopleEvidence {
  readonly not_checked: string[] = [];
  approvals = 0;
  decisions = 0;
  signatures = 0;
  /** The last row of the study's stream that a person signed at a gate, by sequence number. */
  signed_to_seq: number | null = null;
  readonly #input: EvidenceInput;
  #request: RequestDocument | null = null;
  /** Intents of points in flight, by `point/N/step/part/attempt`. */
  readonly #intents = new Map<string, JournalRow>();
  #opened: { gate: GateOpened; row: JournalRow } | null = null;

  constructor(input: EvidenceInput) {
    this.#input = input;
    if (input.trust === null) {
      this.not_checked.push(
        'The signatures of approvals and decisions, for want of a trust policy: give --trust FILE.',
      );
    }
  }

  /** Signatures are judged as of the time at which the run began. */
  async started(row: JournalRow, event: RunStarted): Promise<void> {
    const { run } = this.#input;
    if (event.lock_sha256 !== run.lock_sha256) {
      throw new Mismatch('digest', row, `lock ${run.lock_sha256}`, `lock ${event.lock_sha256}`);
    }
    if (event.request_sha256 !== run.request_sha256) {
      throw new Mismatch('digest', row, `request ${run.request_sha256}`, `request ${event.request_sha256}`);
    }
    if (event.approvals.length === 0) throw new Mismatch('signature', row, 'an approval', 'none');
    const request = await this.#object(row, event.request_sha256, 'The request');
    if (request !== null) this.#request = this.#parsedRequest(row, request);
    const envelopes: Uint8Array[] = [];
    for (const sha256 of event.approvals) {
      const envelope = await this.#object(row, sha256, 'The approval');
      if (envelope !== null) envelopes.push(envelope);
    }
    if (request === null || envelopes.length < event.approvals.length) return;
    for (const envelope of envelopes) this.#checkApproval(row, envelope);
    if (this.#input.trust !== null) this.#authorised(row, event, request, envelopes, this.#input.trust);
  }

  opened(row: JournalRow, gate: GateOpened): void {
    this.#opened = { gate, row };
  }

  /** A decision counts for the gate as the journal showed it: its head is part of what was signed. */
  async decided(row: JournalRow, event: GateDecided, envelope_sha256: string | null): Promise<void> {
    this.decisions += 1;
    if (envelope_sha256 === null || this.#opened === null) {
      throw new Mismatch('digest', row, 'the digest of a signed decision', 'none');
    }
    const envelope = await this.#object(row, envelope_sha256, `The decision at gate ${event.gate}`);
    if (envelope === null) return;
    const { gate, row: head } = this.#opened;
    this.#checkDecision(row, envelope, event, head);
    const { trust, run } = this.#input;
    if (trust === null) return;
    if (this.#request === null) {
      // Whether somebody decided on what they had asked for themselves cannot be told without it.
      this.not_checked.push(`The signature of the decision at gate ${event.gate}, for want of the request.`);
      return;
    }
    const { requested_by } = this.#request.request;
    const verified = verifyGateDecision({
      envelope,
      gate: openGate(gate, head, { ...run, requested_by }),
      trust,
      now_ms: row.wall_ms,
    });
    const expected = `a decision that the trust policy allows at gate ${gate.gate}`;
    if (!verified.ok) throw new Mismatch('signature', row, expected, verified.error.message);
    const { outcome, principal } = verified.value.details;
    const told = `${event.outcome}, by ${event.by}`;
    if (`${outcome}, by ${principal}` !== told)
      throw new Mismatch('signature', row, `${outcome}, by ${principal}`, told);
    this.signatures += 1;
    this.signed_to_seq = head.seq;
  }

  intended(row: JournalRow, { step, part, attempt }: EffectIntended): void {
    this.#intents.set(`${row.stream}/${step}/${part}/${attempt}`, row);
  }

  /** Effects of a failed point may be resolved yet, when it is tried again. */
  pointEnded({ stream }: JournalRow, { result }: PointEnded): void {
    if (result.status === 'failed') return;
    for (const name of this.#intents.keys()) if (name.startsWith(`${stream}/`)) this.#intents.delete(name);
  }

  /** What a person said became of an effect counts for its intent as the journal holds it. */
  async resolved(row: JournalRow, event: EffectResolved, envelope_sha256: string | null): Promise<void> {
    this.decisions += 1;
    const { step, part, attempt } = event;
    const intent = this.#intents.get(`${row.stream}/${step}/${part}/${attempt}`);
    if (envelope_sha256 === null || intent === undefined) {
      throw new Mismatch('digest', row, 'the digest of a signed resolution', 'none');
    }
    const envelope = await this.#object(row, envelope_sha256, `The resolution of ${step}`);
    if (envelope === null) return;
    const { stream, seq, hash } = intent;
    const { run: run_id, lock_sha256, request_sha256 } = this.#input.run;
    const effect = { point: pointOf(stream) ?? 0, step, part, attempt };
    const open: OpenEffect = { lock_sha256, request_sha256, run_id, effect, intent: { stream, seq, hash } };
    this.#checkResolution(row, envelope, event, open);
    const { trust } = this.#input;
    if (trust === null) return;
    const verified = verifyResolution({ envelope, open, trust, now_ms: row.wall_ms });
    const expected = `a resolution of ${step} that the trust policy allows`;
    if (!verified.ok) throw new Mismatch('signature', row, expected, verified.error.message);
    const { principal } = verified.value;
    if (principal !== event.by) throw new Mismatch('signature', row, `by ${principal}`, `by ${event.by}`);
    this.signatures += 1;
  }

  /** What a resolution says of itself, whoever signed it. */
  #checkResolution(row: JournalRow, bytes: Uint8Array, event: EffectResolved, open: OpenEffect): void {
    const expected = `a resolution of ${event.step} with the digest ${event.statement_sha256}`;
    const payload = signedPayload(row, bytes, expected, event.statement_sha256);
    const statement = parseResolution(payload);
    if (!statement.ok) throw new Mismatch('digest', row, expected, statement.error.message);
    const [different] = differences(statement.value, open);
    if (different !== undefined) throw new Mismatch('digest', row, expected, `one of another ${different}`);
    const { as, answer } = statement.value.predicate;
    const signed = canonicalJson({ as, outcome: as === 'done' ? { ok: true, answer, artifacts: [] } : null });
    const told = canonicalJson({ as: event.as, outcome: event.outcome as Json });
    if (signed !== told) throw new Mismatch('digest', row, `${signed}, which was signed`, told);
  }

  /** An object of the store; null where the store lacks it, which is noted. */
  async #object(row: JournalRow, sha256: string, what: string): Promise<Uint8Array | null> {
    if (!(await this.#input.objects.has(sha256))) {
      this.not_checked.push(`${what} (${sha256.slice(0, 12)}): the store does not hold it.`);
      return null;
    }
    const bytes = await this.#input.objects.get(sha256);
    if (bytes.ok) return bytes.value;
    throw new Mismatch('artifact', row, `the object ${sha256}`, bytes.error.message);
  }

  #parsedRequest(row: JournalRow, bytes: Uint8Array): RequestDocument {
    const request = parseRequest(bytes);
    if (!request.ok) throw new Mismatch('digest', row, 'a request', request.error.message);
    const { lock } = request.value.request;
    const { lock_sha256 } = this.#input.run;
    if (lock.sha256 !== lock_sha256) {
      throw new Mismatch('digest', row, `a request for lock ${lock_sha256}`, `one for lock ${lock.sha256}`);
    }
    return request.value;
  }

  /** What an approval says of itself, whoever signed it. */
  #checkApproval(row: JournalRow, bytes: Uint8Array): void {
    const expected = `an approval of lock ${this.#input.run.lock_sha256.slice(0, 12)} by this request`;
    const statement = parseApproval(payloadIn(row, bytes, expected));
    if (!statement.ok) throw new Mismatch('digest', row, expected, statement.error.message);
    const { subject, predicate } = statement.value;
    const fits =
      subject[0]?.digest.sha256 === this.#input.run.lock_sha256 &&
      predicate.request.sha256 === this.#input.run.request_sha256 &&
      predicate.decision === 'approve';
    if (!fits) throw new Mismatch('digest', row, expected, `${predicate.decision} of something else`);
    this.approvals += 1;
  }

  #authorised(
    row: JournalRow,
    event: RunStarted,
    request_bytes: Uint8Array,
    envelopes: readonly Uint8Array[],
    trust: Trust,
  ): void {
    const { lock, lock_bytes } = this.#input;
    const facts = lockFacts(lock);
    const authorised = authorise({
      lock_bytes,
      read_lock: () => ok({ lock, facts }),
      request_bytes,
      envelopes,
      trust,
      // As of then: what environment and uses are now says nothing about what was allowed.
      environment: facts.environment,
      engine: isShared(row) ? 'temporal' : 'embedded',
      runs_used: 0,
      purpose: 'start',
      now_ms: row.wall_ms,
    });
    const expected = 'approvals that the trust policy accepts as of the beginning';
    if (!authorised.ok) throw new Mismatch('signature', row, expected, authorised.error.message);
    const counted = authorised.value.verdict.approvals.map(({ envelope_sha256 }) => envelope_sha256).sort();
    if (counted.join() !== event.approvals.join()) {
      throw new Mismatch('signature', row, `approvals ${counted.join(', ')}`, event.approvals.join(', '));
    }
    this.signatures += counted.length;
  }

  /** What a decision says of itself, whoever signed it: that it is this one, and made on this journal. */
  #checkDecision(row: JournalRow, bytes: Uint8Array, event: GateDecided, head: JournalRow): void {
    const expected = `a decision of ${event.gate} with the digest ${event.statement_sha256}`;
    const payload = signedPayload(row, bytes, expected, event.statement_sha256);
    const statement = parseGateDecision(payload);
    if (!statement.ok) throw new Mismatch('digest', row, expected, statement.error.message);
    const { outcome, journalHead } = statement.value.predicate;
    if (outcome !== event.outcome) throw new Mismatch('digest', row, `the outcome ${outcome}`, event.outcome);
    if (journalHead.hash !== head.hash) {
      throw new Mismatch('digest', row, `the journal's head ${journalHead.hash}, which was signed`, head.hash);
    }
  }
}

/** What was signed, whoever did. */
function payloadIn(row: JournalRow, bytes: Uint8Array, expected: string): Uint8Array {
  const envelope = parseEnvelope(bytes);
  if (envelope.ok) return envelope.value.payloadBytes;
  throw new Mismatch('digest', row, expected, envelope.error.message);
}

function signedPayload(row: JournalRow, bytes: Uint8Array, expected: string, statement_sha256: string): Uint8Array {
  const payload = payloadIn(row, bytes, expected);
  const sha256 = sha256Hex(payload);
  if (sha256 === statement_sha256) return payload;
  throw new Mismatch('digest', row, expected, `the digest ${sha256}`);
}
