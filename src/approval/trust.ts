import { z } from 'zod';
import { ExpctlError } from '../base/error.ts';
import { err, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';
import { sha256Hex } from './bytes.ts';
import { decodeJson } from './decode.ts';
import { Instant, instantMs, Principal, Role } from './fields.ts';
import { parseBuiltInPublicKey, parseSshPublicKey, trustEntry } from './public-key.ts';
import type { PublicKey } from './public-key.ts';

const MAX_TRUST_BYTES = 1024 * 1024;

const Key = z.union([z.strictObject({ ssh: z.string() }), z.strictObject({ ed25519: z.string() })]);

const Person = z.strictObject({
  keys: z.array(Key).min(1),
  roles: z.array(Role).min(1).describe('Roles that the person has; `*` is every role.'),
});

/** A program that signs on its own account, such as an engine. It is nobody: no approval or decision by its key counts. */
const Service = z.strictObject({
  keys: z.array(z.strictObject({ ed25519: z.string() })).min(1),
  may: z
    .array(z.enum(['checkpoint']))
    .min(1)
    .describe('What its signatures count for.'),
});

const GateRule = z.strictObject({
  allow_self: z.boolean().describe('Whether who requested the run may decide.'),
  allow_without_terminal: z.boolean().describe('Whether `expctl gate` may sign without a terminal.'),
});

const Rules = z.strictObject({
  approve: z
    .strictObject({
      roles: z.array(Role).min(1).describe('Roles that may approve, reject and revoke; `*` is everybody listed.'),
      n: z.number().int().min(1).max(100).describe('How many different people must approve.'),
      allow_self: z.boolean().describe('Whether the approval of who requested the run counts.'),
      allow_without_terminal: z.boolean().describe('Whether `expctl approve` may sign without a terminal.'),
    })
    .optional(),
  gates: z
    .record(Role, GateRule)
    .default({})
    .describe('Rule by the role that a gate asks for; `*` is any role not named.'),
});

/** The trust policy, trust.json: which key is which person, and what needs whom. What it does not allow is denied. */
export const TrustPolicy = z.strictObject({
  v: z.literal(1, 'is a version that this expctl does not know'),
  expires: Instant.optional().describe('After this the policy allows nothing.'),
  persons: z.record(Principal, Person),
  services: z.record(Principal, Service).optional(),
  rules: Rules,
});
export type TrustPolicy = z.infer<typeof TrustPolicy>;

/** A policy that was read and is consistent, with the SHA-256 of its bytes. */
export interface Trust {
  readonly policy: TrustPolicy;
  readonly sha256: string;
  readonly keys: readonly PublicKey[];
  /** Fingerprint to the one person whose key it is. */
  readonly owners: ReadonlyMap<string, string>;
  /** Keys of services that may sign checkpoints; none of them is among `keys`. */
  readonly checkpoint_keys: readonly { readonly service: string; readonly key: PublicKey }[];
}

/** Reads a trust policy strictly. A key belongs to exactly one person and is listed once. `TRUST_INVALID` otherwise. */
export function parseTrust(bytes: Uint8Array): Result<Trust> {
  const policy = decodeJson(bytes, { schema: TrustPolicy, max_bytes: MAX_TRUST_BYTES });
  if (!policy.ok) return err(trustError(`The trust policy cannot be read: ${policy.error}.`));
  const keys: PublicKey[] = [];
  const owners = new Map<string, string>();
  for (const [principal, person] of Object.entries(policy.value.persons)) {
    for (const entry of person.keys) {
      const key = listedKey(entry, principal, owners);
      if (!key.ok) return key;
      owners.set(key.value.fingerprint, principal);
      keys.push(key.value);
    }
  }
  const checkpoint_keys = serviceKeys(policy.value, new Map(owners));
  if (!checkpoint_keys.ok) return checkpoint_keys;
  return ok({ policy: policy.value, sha256: sha256Hex(bytes), keys, owners, checkpoint_keys: checkpoint_keys.value });
}

function serviceKeys({ services = {} }: TrustPolicy, taken: Map<string, string>): Result<Trust['checkpoint_keys']> {
  const keys: { service: string; key: PublicKey }[] = [];
  for (const [service, { keys: entries }] of Object.entries(services)) {
    for (const entry of entries) {
      const key = listedKey(entry, service, taken);
      if (!key.ok) return key;
      taken.set(key.value.fingerprint, service);
      keys.push({ service, key: key.value });
    }
  }
  return ok(keys);
}

/** A key of the policy, which nobody else may have. */
function listedKey(
  entry: { readonly ssh: string } | { readonly ed25519: string },
  name: string,
  taken: ReadonlyMap<string, string>,
): Result<PublicKey> {
  const key = 'ssh' in entry ? parseSshPublicKey(entry.ssh) : parseBuiltInPublicKey(entry.ed25519);
  if (!key.ok) return err(trustError(`A key of ${name} in the trust policy is refused: ${key.error.message}`));
  const { fingerprint } = key.value;
  const owner = taken.get(fingerprint);
  if (owner === undefined) return key;
  return err(trustError(`The key ${fingerprint} is listed twice, at ${owner} and at ${name}.`));
}

/** The rule for gates that ask for this role, or undefined: then nobody may decide. */
export function gateRule(trust: Trust, role: string): z.infer<typeof GateRule> | undefined {
  const { gates } = trust.policy.rules;
  if (Object.hasOwn(gates, role)) return gates[role];
  return Object.hasOwn(gates, '*') ? gates['*'] : undefined;
}

export function hasRole(trust: Trust, principal: string, role: string): boolean {
  if (!Object.hasOwn(trust.policy.persons, principal)) return false;
  const roles = trust.policy.persons[principal]?.roles ?? [];
  return roles.includes('*') || roles.includes(role);
}

/** Whether a role is one that may approve. */
export function mayApprove(trust: Trust, role: string): boolean {
  const roles = trust.policy.rules.approve?.roles ?? [];
  return roles.includes('*') || roles.includes(role);
}

/** A policy past its end is no policy. The clock of another machine may not prolong it: there is no allowance here. */
export function checkTrustTime(trust: Trust, now_ms: number): Result<void> {
  const { expires } = trust.policy;
  if (expires === undefined || now_ms < (instantMs(expires) ?? Number.NEGATIVE_INFINITY)) return ok(undefined);
  return err(trustError(`The trust policy expired at ${expires}.`));
}

/** What a person wants to sign, as far as it decides whether they may. */
export type SigningPurpose =
  | {
      readonly purpose: 'approve';
      readonly decision: 'approve' | 'reject' | 'revoke';
      readonly requested_by: string | null;
    }
  | { readonly purpose: 'gate'; readonly role: string; readonly requested_by: string | null }
  /** To say what became of an effect: who may approve runs may, whoever requested this one, since it is a finding and no leave. */
  | { readonly purpose: 'resolve' };

/**
 * Who the key is and in which role it may sign this, before anything is signed: `authorise` would not count the signature otherwise.
 *
 * @param options.terminal whether a person sits at a terminal
 */
export function maySign(
  trust: Trust,
  key: PublicKey,
  options: SigningPurpose & { readonly terminal: boolean; readonly now_ms: number },
): Result<{ readonly principal: string; readonly role: string; readonly self_approved: boolean }> {
  const live = checkTrustTime(trust, options.now_ms);
  if (!live.ok) return live;
  const principal = trust.owners.get(key.fingerprint);
  if (
    principal === undefined ||
    !trust.keys.some((known) => known.fingerprint === key.fingerprint && known.kind === key.kind)
  ) {
    return err(denied(`The key ${key.fingerprint} is nobody's in the trust policy.`));
  }
  const rule = options.purpose === 'gate' ? gateRule(trust, options.role) : trust.policy.rules.approve;
  const role = options.purpose === 'gate' ? options.role : approvingRole(trust, principal);
  if (rule === undefined || role === undefined || !hasRole(trust, principal, role)) {
    return err(denied(`${principal} has no role that may ${purposeText(options)}.`));
  }
  if (!options.terminal && !rule.allow_without_terminal) {
    const hint = 'Sign at a terminal, or set allow_without_terminal in the rule of the trust policy.';
    return err(
      new ExpctlError('NOT_APPROVED', 'The trust policy does not allow signing without a terminal.', { hint }),
    );
  }
  if (options.purpose === 'resolve') return ok({ principal, role, self_approved: false });
  const self_approved = isSelf(options.requested_by, principal);
  const affirms = options.purpose === 'gate' || options.decision === 'approve';
  if (affirms && self_approved && !rule.allow_self) {
    return err(
      new ExpctlError('NOT_APPROVED', selfReason(options.requested_by, principal), { hint: selfHint(options.purpose) }),
    );
  }
  return ok({ principal, role, self_approved });
}

function purposeText(options: SigningPurpose): string {
  if (options.purpose === 'gate') return `decide a gate for the role ${options.role}`;
  return options.purpose === 'resolve' ? 'approve, and so say what became of an effect' : options.decision;
}

/** What helps where nobody may sign for themselves. */
function selfHint(purpose: 'approve' | 'gate'): string {
  if (purpose === 'gate') return 'Another person decides; `expctl trust show` lists who may.';
  return 'Another person signs, or another one asks: `expctl request LOCK --by PERSON`. A team of one: `expctl trust init --solo`.';
}

/** Whether the approver is who asked. Where nobody says who asked, it may have been the approver. */
export function isSelf(requested_by: string | null, principal: string): boolean {
  return requested_by === null || requested_by === principal;
}

export function selfReason(requested_by: string | null, principal: string): string {
  if (requested_by === null) return `The request does not say who asked, so ${principal} might approve their own.`;
  return `${principal} made the request and may not approve it.`;
}

/** The first policy of a team: one person, who has every role. */
export function trustInit(options: {
  readonly person: string;
  readonly key: PublicKey;
  /** A team of one: the person may approve what they requested; provenance then says so. */
  readonly solo: boolean;
  readonly allow_without_terminal?: boolean;
}): Result<TrustPolicy> {
  const allow = { allow_self: options.solo, allow_without_terminal: options.allow_without_terminal ?? false };
  const policy = TrustPolicy.safeParse({
    v: 1,
    persons: { [options.person]: { keys: [trustEntry(options.key)], roles: ['*'] } },
    rules: { approve: { roles: ['*'], n: 1, ...allow }, gates: { '*': allow } },
  });
  if (policy.success && Object.hasOwn(policy.data.persons, options.person)) return ok(policy.data);
  const hint = 'Use letters, digits and . _ @ + -, for instance an e-mail address.';
  return err(new ExpctlError('USAGE', `${JSON.stringify(options.person)} cannot be the name of a person.`, { hint }));
}

/** What is known of a trust file before its content is believed. */
interface TrustFileFacts {
  readonly path_real: string;
  /** The project's folder with links resolved; null where there is none. */
  readonly project_root_real: string | null;
  /** Mode bits of the file. */
  readonly mode: number;
  readonly is_symlink: boolean;
  readonly is_file: boolean;
  /** Whether it belongs to this user or to root. */
  readonly owner_is_safe: boolean;
}

/** The file must be one that neither the project nor other users can write. */
export function checkTrustFile(facts: TrustFileFacts): Result<void> {
  const problem = trustFileProblem(facts);
  return problem === undefined ? ok(undefined) : err(trustError(`The trust policy ${facts.path_real} ${problem}.`));
}

function trustFileProblem(facts: TrustFileFacts): string | undefined {
  if (facts.is_symlink) return 'is a symbolic link';
  if (!facts.is_file) return 'is not a regular file';
  if (isInside(facts.path_real, facts.project_root_real))
    return 'is inside the project, which anybody who edits the project can write';
  if ((facts.mode & 0o022) !== 0) return 'can be written by others (chmod 600 it)';
  if (!facts.owner_is_safe) return 'belongs to another user';
  return undefined;
}

function isInside(path: string, folder: string | null): boolean {
  if (folder === null) return false;
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** The role in which a person approves: one that the rule names, else the person's first where the rule takes everybody. */
function approvingRole(trust: Trust, principal: string): string | undefined {
  const named = trust.policy.rules.approve?.roles ?? [];
  const held = named.find((role) => role !== '*' && hasRole(trust, principal, role));
  return held ?? (named.includes('*') ? trust.policy.persons[principal]?.roles[0] : undefined);
}

function trustError(message: string): ExpctlError {
  const hint =
    'Look at it with `expctl trust show`, or make one with `expctl trust init`. Without a sound policy nothing is approved.';
  return new ExpctlError('TRUST_INVALID', message, { hint });
}

function denied(message: string): ExpctlError {
  const hint = '`expctl trust show` lists who may sign what.';
  return new ExpctlError('NOT_APPROVED', message, { hint });
}
