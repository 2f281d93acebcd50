import { sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { authorise } from '../../src/approval/authorise.ts';
import type { AuthoriseInput } from '../../src/approval/authorise.ts';
import { sha256Hex, toBase64, utf8 } from '../../src/approval/bytes.ts';
import { generateBuiltInKey } from '../../src/approval/ed25519.ts';
import { publicKey, sshKeyBlob, trustEntry } from '../../src/approval/public-key.ts';
import { buildRequest } from '../../src/approval/request.ts';
import type { RequestDocument, RequestOptions } from '../../src/approval/request.ts';
import { NAMESPACES } from '../../src/approval/signature.ts';
import type { Namespace } from '../../src/approval/signature.ts';
import { builtInSigner, signEnvelope } from '../../src/approval/signer.ts';
import type { Signer } from '../../src/approval/signer.ts';
import { signedBytes } from '../../src/approval/sshsig.ts';
import { sshString } from '../../src/approval/ssh-wire.ts';
import { buildApproval } from '../../src/approval/statement.ts';
import type { ApprovalOptions } from '../../src/approval/statement.ts';
import { parseTrust } from '../../src/approval/trust.ts';
import type { Trust } from '../../src/approval/trust.ts';
import type { Json } from '../../src/base/json.ts';
import { ok, unwrap } from '../../src/base/result.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';

/** Noon of a day; requests of the tests begin here and end 14 days later. */
export const NOON_MS = Date.UTC(2026, 5, 1, 12);
export const DAY_MS = 24 * 3600 * 1000;

/** A file of published vectors, or undefined where they are absent; in CI they must be there. */
export function vectorFile(name: string): string | undefined {
  const path = fileURLToPath(new URL(`../../../shared/vectors/${name}`, import.meta.url));
  if (existsSync(path)) return path;
  if (process.env['CI']) throw new Error(`${path} is missing`);
  console.log(`skipped: ${path} is not here`);
  return undefined;
}

/** Bytes that look random and are the same in every test. */
export function countedBytes(): (count: number) => Uint8Array {
  let next = 1;
  return (count) => Uint8Array.from({ length: count }, () => next++ % 256);
}

/** An SSH key in memory that signs as `ssh-keygen -Y sign` does, and also as it never would. */
export class SshKey implements Signer {
  readonly #key: KeyObject;
  readonly publicKey;

  constructor() {
    const { privateKey, publicKey: half } = generateKeyPairSync('ed25519');
    this.#key = privateKey;
    this.publicKey = publicKey('ssh', new Uint8Array(half.export({ format: 'der', type: 'spki' }).subarray(12)));
  }

  /** A signature blob; each part may be replaced by another. */
  blob(namespace: string, message: Uint8Array, parts: SshsigParts = {}): Uint8Array {
    const hash = parts.hash ?? 'sha512';
    const tbs = signedBytes(namespace, hash === 'sha256' ? 'sha256' : 'sha512', message);
    const signature = parts.signature ?? new Uint8Array(sign(null, tbs, this.#key));
    return Buffer.concat([
      Buffer.from(parts.magic ?? 'SSHSIG'),
      Buffer.from([0, 0, 0, parts.version ?? 1]),
      sshString(parts.key ?? sshKeyBlob(this.publicKey.raw)),
      sshString(parts.namespace ?? namespace),
      sshString(parts.reserved ?? ''),
      sshString(hash),
      sshString(
        Buffer.concat([sshString(parts.algorithm ?? 'ssh-ed25519'), sshString(signature), parts.after ?? Buffer.of()]),
      ),
      parts.trailing ?? Buffer.of(),
    ]);
  }

  async sign(namespace: Namespace, message: Uint8Array) {
    return ok({ keyid: this.publicKey.fingerprint, sig: toBase64(this.blob(namespace, message)) });
  }
}

export interface SshsigParts {
  magic?: string;
  version?: number;
  key?: Uint8Array;
  namespace?: string;
  reserved?: string;
  hash?: string;
  algorithm?: string;
  signature?: Uint8Array;
  after?: Uint8Array;
  trailing?: Uint8Array;
}

export function armoured(blob: Uint8Array): string {
  const lines = toBase64(blob).match(/.{1,70}/g) ?? [];
  return `-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`;
}

export function newBuiltInSigner(): Signer {
  return unwrap(builtInSigner(generateBuiltInKey().private_pem));
}

/** People of the tests: alice and bob may approve, carol is only an operator; mallory is nobody. Alice has two keys. */
export const people = {
  alice: new SshKey(),
  alice2: newBuiltInSigner(),
  bob: new SshKey(),
  carol: newBuiltInSigner(),
  mallory: new SshKey(),
};

type Rules = { [key: string]: Json };
const APPROVE = { roles: ['pi', 'lead'], n: 1, allow_self: false, allow_without_terminal: false };

export function trustJson(approve: Rules = {}, changes: Rules = {}): Json {
  const allow = { allow_self: false, allow_without_terminal: false };
  return {
    v: 1,
    persons: {
      alice: { keys: [trustEntry(people.alice.publicKey), trustEntry(people.alice2.publicKey)], roles: ['pi'] },
      bob: { keys: [trustEntry(people.bob.publicKey)], roles: ['lead', 'operator'] },
      carol: { keys: [trustEntry(people.carol.publicKey)], roles: ['operator'] },
    },
    rules: { approve: { ...APPROVE, ...approve }, gates: { lead: allow } },
    ...changes,
  };
}

export function trustOf(json: Json): Trust {
  return unwrap(parseTrust(utf8(JSON.stringify(json))));
}

export const trust = trustOf(trustJson());

export const lockBytes = utf8(canonicalJson({ expctl_lock: 1, name: 'beam', points: [1, 2, 3] }));
export const lock_sha256 = sha256Hex(lockBytes);
export const environment = { name: 'local', sha256: sha256Hex(utf8('environment')) };
export const limits = { points: 60, calls: 600, jobs: 60, wall_time_s: 3600, pool_hours: { cores: 8 } };
export const facts = { plan_name: 'beam', environment, limits };
export const displayed = { sha256: sha256Hex(utf8('what was shown')), renderer: 'expctl-review/1' };

export function requestOf(options: Partial<RequestOptions> = {}): RequestDocument {
  const base = { lock_sha256, plan_name: 'beam', environment, limits, requested_by: 'dave', now_ms: NOON_MS };
  return unwrap(buildRequest({ ...base, ...options }));
}

export const request = requestOf();

export function approvalOptions(
  document: RequestDocument = request,
  changes: Partial<ApprovalOptions> = {},
): ApprovalOptions {
  return {
    decision: 'approve',
    lock_sha256,
    request_sha256: document.sha256,
    approver: { principal: 'alice', role: 'pi' },
    displayed,
    not_before: document.request.validity.not_before,
    not_after: document.request.validity.not_after,
    comment: '',
    self_approved: false,
    now_ms: NOON_MS,
    random: countedBytes(),
    ...changes,
  };
}

/** A signed approval; whose, by what key and for what purpose may be other than it says. */
export async function approvalBy(
  signer: Signer,
  changes: Partial<ApprovalOptions> = {},
  document: RequestDocument = request,
  namespace: Namespace = NAMESPACES.approval,
): Promise<Uint8Array> {
  return unwrap(await signEnvelope(signer, namespace, unwrap(buildApproval(approvalOptions(document, changes)))));
}

export const BOB = { approver: { principal: 'bob', role: 'lead' } };

export interface TestLock {
  readonly name: string;
  readonly points: readonly number[];
}

export function inputOf(
  envelopes: Uint8Array[],
  changes: Partial<AuthoriseInput<TestLock>> = {},
): AuthoriseInput<TestLock> {
  return {
    lock_bytes: lockBytes,
    read_lock: (bytes) => ok({ lock: JSON.parse(new TextDecoder().decode(bytes)) as TestLock, facts }),
    request_bytes: request.bytes,
    envelopes,
    trust,
    environment,
    engine: 'embedded',
    runs_used: 0,
    purpose: 'start',
    now_ms: NOON_MS + DAY_MS,
    ...changes,
  };
}

/** The code of the refusal, or 'approved'. */
export function verdictOf(envelopes: Uint8Array[], changes: Partial<AuthoriseInput<TestLock>> = {}): string {
  const result = authorise(inputOf(envelopes, changes));
  return result.ok ? 'approved' : result.error.code;
}
