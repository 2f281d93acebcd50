import type { VerifiedDecision } from '../../../src/approval/gate.ts';
import { ExpctlError } from '../../../src/base/error.ts';
import type { JsonObject } from '../../../src/base/json.ts';
import { err, ok, type Result } from '../../../src/base/result.ts';
import { canonicalJson } from '../../../src/ir/canonical.ts';
import type { EffectResolved, GateDecided } from '../../../src/ir/events.ts';
import type { EngineDeps, VerifiedResolution } from '../../../src/engines/embedded/types.ts';
import { sha256Text } from '../../../src/engines/digest.ts';
import type { UnresolvedEffect } from '../../../src/kernel/run.ts';
import { ZERO } from '../../kernel/support.ts';
import { Dice } from '../../simulation/dice.ts';
import { nameOfEffect, type Which } from './scripted-tool.ts';

/*
 * What the people around a run decide, by its seed, and how engines find that it is theirs: signatures are the subject of other tests,
 * here both engines take a message's word for it, unless it is about something else.
 */

/** What is said at a gate; null where nobody says anything and its time runs out. */
export function decisionAt(seed: number, gate: string, occurrence: number, timeout_s: number | null): string | null {
  const dice = new Dice(seed, `gate ${gate} ${occurrence}`);
  if (timeout_s !== null && timeout_s < 1 && dice.chance(0.4)) return null;
  return dice.chance(0.85) ? 'continue' : 'stop';
}

/** What a person finds out about an effect of which nobody knows. */
export function resolutionOf(seed: number, which: Which, times: number): JsonObject {
  const name = `${nameOfEffect(which)} ${times}`;
  const dice = new Dice(seed, `resolved ${name}`);
  const as = times > 1 ? 'failed' : dice.pick(['done', 'failed', 'not_done']);
  const answer = { id: `${which.step}-${which.point}`, mass: 5, job: 'found', status: 'done' };
  const outcome = as === 'done' ? { ok: true, answer, artifacts: [] } : null;
  return { ...which, as, outcome, by: 'bob', statement_sha256: sha256Text(name) };
}

/** The message that leads to what a journal says was decided. */
export function messageOf(event: GateDecided | EffectResolved, point: number | null): JsonObject {
  const { type: _type, ...said } = event;
  return { ...said, ...(point === null ? {} : { point }) } as unknown as JsonObject;
}

export function gateMessage(gate: string, occurrence: number, outcome: string): JsonObject {
  return { gate, occurrence, outcome, statement_sha256: ZERO, by: 'bob' };
}

export const VERIFIERS: Pick<EngineDeps, 'verifyGate' | 'verifyResolution'> = {
  verifyGate: async (message, { gate, occurrence }) => {
    if (message['gate'] !== gate || message['occurrence'] !== occurrence) return err(ofAnother());
    const details = { outcome: String(message['outcome']), principal: 'bob', statement_sha256: ZERO };
    return ok({
      outcome: details.outcome,
      details: { ...details, envelope_sha256: ZERO },
    } as unknown as VerifiedDecision);
  },
  verifyResolution: async (message, effect) => resolution(message, effect),
};

function resolution(message: JsonObject, effect: UnresolvedEffect): Result<VerifiedResolution> {
  const { point, step, part, attempt, as, outcome, statement_sha256 } = message;
  const about = canonicalJson({ point: point!, step: step!, part: part!, attempt: attempt! });
  if (about !== canonicalJson({ ...effect })) return err(ofAnother());
  return ok({ as, outcome, by: 'bob', statement_sha256, envelope_sha256: ZERO } as unknown as VerifiedResolution);
}

function ofAnother(): ExpctlError {
  return new ExpctlError('APPROVAL_INVALID', 'It was said of something else.', { hint: 'Say it again.' });
}
