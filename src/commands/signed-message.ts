import { utf8Text } from '../approval/bytes.ts';
import { instantOf, USUAL_VALIDITY_S } from '../approval/fields.ts';
import type { Namespace } from '../approval/signature.ts';
import { signEnvelope } from '../approval/signer.ts';
import type { SigningTerms } from '../approval/statement.ts';
import { maySign, type SigningPurpose, type Trust } from '../approval/trust.ts';
import { type Result, unwrap } from '../base/result.ts';
import { keyPath } from './approval-flow.ts';
import type { App } from './app.ts';
import { type StoreOption, sameFlags, type TrustOption } from './options.ts';
import { projectOfStore } from './project.ts';
import type { OpenedRun } from './runs.ts';

/** Flags of a command with which a person says something about a run, signed. */
export interface SigningOptions extends StoreOption, TrustOption {
  readonly comment?: string;
  readonly key?: string;
  /** Seconds. */
  readonly valid?: number;
}

/** What a person says about a run. */
export interface Saying {
  readonly purpose: SigningPurpose;
  readonly namespace: Namespace;
  readonly build: (terms: SigningTerms) => Result<Uint8Array>;
  /** As whoever performs the run verifies it. */
  readonly verify: (signed: { envelope: Uint8Array; trust: Trust; now_ms: number }) => Result<unknown>;
}

/**
 * Signs what a person says about a run, if they may, and if it would be taken.
 *
 * @returns the envelope, as text for a message
 * @throws ExpctlError NOT_APPROVED, TRUST_INVALID, USAGE
 */
export async function signSaying(
  app: App,
  { store }: Pick<OpenedRun, 'store'>,
  options: SigningOptions,
  { purpose, namespace, build, verify }: Saying,
): Promise<string> {
  const trust = unwrap(await app.trust(options.trust, await projectOfStore(app, store)));
  const signer = unwrap(await app.signer(keyPath(app, options.key)));
  const now_ms = app.clock.now_ms();
  const terminal = app.terminal.interactive;
  const { principal, role } = unwrap(maySign(trust, signer.publicKey, { ...purpose, terminal, now_ms }));
  const payload = unwrap(
    build({
      approver: { principal, role },
      not_before: instantOf(now_ms),
      not_after: instantOf(now_ms + (options.valid ?? USUAL_VALIDITY_S) * 1000),
      comment: options.comment ?? '',
      now_ms,
      random: (count) => app.randomBytes(count),
    }),
  );
  const envelope = unwrap(await signEnvelope(signer, namespace, payload));
  unwrap(verify({ envelope, trust, now_ms }));
  return utf8Text(envelope)!;
}

/** Who obeys the message that was left. */
export function noteWhoGoesOn(app: App, { run }: Pick<OpenedRun, 'run'>, options: SigningOptions): void {
  app.terminal.note(
    `  Whoever performs the run goes on at once; if nobody does: expctl resume ${run.run}${sameFlags(options)}`,
  );
}
