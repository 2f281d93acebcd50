import { fromBase64 } from '../approval/bytes.ts';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import type { ObjectReader } from './ports.ts';
import { textIn } from './rows.ts';
import type { GateView, StudyFold } from './study.ts';

/** Who allowed it, as the journal and the signed statement tell it. Whether the signature holds is for `replay` to say. */
export interface ApprovalView {
  readonly principal: string;
  readonly role: string | null;
  readonly keyid: string | null;
  readonly statement_id: string | null;
  /** When it was signed, in milliseconds since 1970: the time in the statement's id. */
  readonly signed_ms: number | null;
  readonly self_approved: boolean | null;
  /** null where the store does not hold the envelope. */
  readonly comment: string | null;
  readonly envelope_sha256: string;
}

/** The approvals that allowed a run, from what was found when it began and from their envelopes. */
export async function approvalsOf(study: StudyFold, objects: ObjectReader): Promise<ApprovalView[]> {
  const { started } = study;
  if (started === null) return [];
  const verdict = started.observed['verdict'];
  const counted = isJsonObject(verdict) && Array.isArray(verdict['approvals']) ? verdict['approvals'] : [];
  const views: ApprovalView[] = [];
  for (const envelope_sha256 of started.approvals) {
    const found = counted.find((one) => isJsonObject(one) && one['envelope_sha256'] === envelope_sha256);
    const comment = await commentOf(objects, envelope_sha256);
    views.push(viewOf(isJsonObject(found) ? found : {}, envelope_sha256, comment));
  }
  return views;
}

/** The decision of a gate, with what the person wrote. */
export async function gateComment(gate: GateView, objects: ObjectReader): Promise<string | null> {
  const sha256 = gate.decided?.envelope_sha256 ?? null;
  return sha256 === null ? null : commentOf(objects, sha256);
}

function viewOf(counted: JsonObject, envelope_sha256: string, comment: string | null): ApprovalView {
  const statement_id = textIn(counted, 'statement_id');
  const self: Json | undefined = counted['self_approved'];
  return {
    principal: textIn(counted, 'principal') ?? 'unknown',
    role: textIn(counted, 'role'),
    keyid: textIn(counted, 'keyid'),
    statement_id,
    signed_ms: statement_id === null ? null : timeOfId(statement_id),
    self_approved: typeof self === 'boolean' ? self : null,
    comment,
    envelope_sha256,
  };
}

/** What a person wrote beside a signature, to be shown: it is read, not verified. */
async function commentOf(objects: ObjectReader, sha256: string): Promise<string | null> {
  const bytes = (await objects.has(sha256)) ? await objects.get(sha256) : null;
  const payload = bytes?.ok === true ? objectIn(bytes.value)['payload'] : undefined;
  const statement = typeof payload === 'string' ? objectIn(fromBase64(payload, { urlSafe: true })) : {};
  const { predicate } = statement;
  return isJsonObject(predicate ?? null) ? textIn(predicate as JsonObject, 'comment') : null;
}

/** An empty one where the bytes hold something else. */
function objectIn(bytes: Uint8Array | undefined): JsonObject {
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json;
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** UUID of version 7: its first 48 bits are milliseconds (RFC 9562, section 5.7). */
function timeOfId(id: string): number | null {
  const digits = id.replaceAll('-', '').slice(0, 12);
  return /^[0-9a-f]{12}$/.test(digits) ? Number.parseInt(digits, 16) : null;
}
