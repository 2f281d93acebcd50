import { utf8 } from '../approval/bytes.ts';
import { verifyGateDecision } from '../approval/gate.ts';
import { verifyResolution } from '../approval/resolution.ts';
import type { Trust } from '../approval/trust.ts';
import { ExpctlError } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { EngineDeps } from '../engines/embedded/engine.ts';
import { openGate } from '../provenance/gates.ts';
import type { App } from './app.ts';
import type { Undertaking } from './perform.ts';

/** How whoever performs a run verifies what people have signed about it (signed-message.ts). What counts is kept as an artifact. */
export function messageVerifiers(
  app: App,
  {
    run,
    approved,
    artifacts,
    project,
    clock,
  }: Pick<Undertaking, 'run' | 'approved' | 'artifacts' | 'project' | 'clock'>,
  trust_flag: string | undefined,
): Pick<EngineDeps, 'verifyGate' | 'verifyResolution'> {
  const { lock_sha256, request, verdict } = approved;
  const { request_sha256 } = verdict;

  /** Each message is judged by the policy as it is when it comes. */
  async function verified<T>(message: JsonObject, what: Expected, verify: (signed: Signed) => Result<T>) {
    const envelope = message['envelope'];
    if (typeof envelope !== 'string') return err(lacks(what));
    const trust = await app.trust(trust_flag, project);
    if (!trust.ok) return trust;
    const bytes = utf8(envelope);
    const found = verify({ envelope: bytes, trust: trust.value, now_ms: clock.now_ms() });
    if (found.ok) await artifacts.put(bytes);
    return found;
  }

  return {
    verifyGate: (message, opened, head) => {
      const { requested_by } = request;
      const gate = openGate(opened, head, { run, lock_sha256, request_sha256, requested_by });
      return verified(message, DECISION, (signed) => verifyGateDecision({ ...signed, gate }));
    },
    verifyResolution: async (message, effect, { stream, seq, hash }) => {
      const open = { lock_sha256, request_sha256, run_id: run, effect, intent: { stream, seq, hash } };
      const resolution = await verified(message, RESOLUTION, (signed) => verifyResolution({ ...signed, open }));
      if (!resolution.ok) return resolution;
      const { as, answer, principal: by, statement_sha256, envelope_sha256 } = resolution.value;
      const outcome = as === 'done' ? { ok: true as const, answer, artifacts: [] } : null;
      return ok({ as, outcome, by, statement_sha256, envelope_sha256 });
    },
  };
}

interface Signed {
  readonly envelope: Uint8Array;
  readonly trust: Trust;
  readonly now_ms: number;
}

interface Expected {
  readonly name: string;
  readonly hint: string;
}

const DECISION = { name: 'decision', hint: 'Decide with `expctl gate`.' };
const RESOLUTION = { name: 'resolution', hint: 'Say what became of the effect with `expctl resolve`.' };

function lacks({ name, hint }: Expected): ExpctlError {
  return new ExpctlError('APPROVAL_INVALID', `The message holds no signed ${name}.`, { hint });
}
