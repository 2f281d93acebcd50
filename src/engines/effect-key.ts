import { createHash } from 'node:crypto';
import { canonicalJson } from '../ir/canonical.ts';
import type { EffectIntended } from '../ir/events.ts';

/**
 * The key of an effect: SHA-256, as 64 hexadecimal digits, over the canonical array [run, point, step, logical attempt, argument
 * digest]. A part of a job is its own step, `solve.submit`. The same after a crash, another one only for another logical attempt.
 */
export function effectKey(run: string, point: number, intent: Omit<EffectIntended, 'type'>): string {
  const step = intent.part === 'call' ? intent.step : `${intent.step}.${intent.part}`;
  const arguments_sha256 = sha256(canonicalJson([intent.call, intent.arguments]));
  return sha256(canonicalJson([run, point, step, intent.attempt, arguments_sha256]));
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
