import { createHash, createPrivateKey } from 'node:crypto';
import { type ApprovedLock, authorise } from '../../approval/authorise.ts';
import { sha256Hex, utf8 } from '../../approval/bytes.ts';
import { lockFacts } from '../../approval/lock-facts.ts';
import { trustEntry } from '../../approval/public-key.ts';
import { buildRequest } from '../../approval/request.ts';
import { NAMESPACES } from '../../approval/signature.ts';
import { builtInSigner, type Signer, signEnvelope } from '../../approval/signer.ts';
import { buildApproval } from '../../approval/statement.ts';
import { parseTrust, type Trust } from '../../approval/trust.ts';
import { ok, unwrap } from '../../base/result.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import type { Lock } from '../../ir/lock.ts';

/** PrivateKeyInfo of an Ed25519 key is this prefix and 32 bytes (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PRINCIPAL = 'simulation';

interface Approver {
  readonly signer: Signer;
  readonly trust: Trust;
}

let approver: Approver | null = null;

/** A key that everybody knows, and a policy that trusts nobody else: neither is ever found where a real run looks. */
function simulationApprover(): Approver {
  if (approver !== null) return approver;
  const secret = createHash('sha256').update('expctl simulation').digest();
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, secret]), format: 'der', type: 'pkcs8' });
  const signer = unwrap(builtInSigner(key.export({ format: 'pem', type: 'pkcs8' }).toString()));
  const policy = {
    v: 1,
    persons: { [PRINCIPAL]: { keys: [trustEntry(signer.publicKey)], roles: [PRINCIPAL] } },
    rules: { approve: { roles: [PRINCIPAL], n: 1, allow_self: false, allow_without_terminal: true } },
  };
  approver = { signer, trust: unwrap(parseTrust(utf8(JSON.stringify(policy)))) };
  return approver;
}

/**
 * A lock that the simulated engine may perform. It goes the way of every approval, with a key and a policy of its own; only this folder
 * may use it (a test looks), where no tool can be started.
 *
 * @param now_ms milliseconds since 1970, from which it is valid for `validity_s` seconds
 */
export async function approvedForSimulation(
  lock: Lock,
  { now_ms, validity_s }: { readonly now_ms: number; readonly validity_s: number },
): Promise<ApprovedLock<Lock>> {
  const { signer, trust } = simulationApprover();
  const facts = lockFacts(lock);
  const lock_bytes = utf8(canonicalJson(lock));
  const lock_sha256 = sha256Hex(lock_bytes);
  const subject = { lock_sha256, plan_name: facts.plan_name, environment: facts.environment, limits: facts.limits };
  const request = unwrap(buildRequest({ ...subject, requested_by: 'requester', now_ms, validity_s }));
  const { not_before, not_after } = request.request.validity;
  const statement = buildApproval({
    decision: 'approve',
    lock_sha256,
    request_sha256: request.sha256,
    approver: { principal: PRINCIPAL, role: PRINCIPAL },
    displayed: { sha256: sha256Hex(utf8('nothing')), renderer: 'none' },
    not_before,
    not_after,
    comment: '',
    self_approved: false,
    now_ms,
    random: (count) => new Uint8Array(count),
  });
  return unwrap(
    authorise<Lock>({
      lock_bytes,
      read_lock: () => ok({ lock, facts }),
      request_bytes: request.bytes,
      envelopes: [unwrap(await signEnvelope(signer, NAMESPACES.approval, unwrap(statement)))],
      trust,
      environment: facts.environment,
      engine: 'embedded',
      runs_used: 0,
      purpose: 'start',
      now_ms,
    }),
  );
}
