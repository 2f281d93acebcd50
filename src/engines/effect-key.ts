import { hash } from 'node:crypto';
import type { JsonObject } from '../base/json.ts';
import { canonicalJson } from '../ir/canonical.ts';
import type { EffectIntended } from '../ir/events.ts';

type Intent = Omit<EffectIntended, 'type'>;

interface Known extends Pick<Intent, 'step' | 'part' | 'attempt' | 'call'> {
  readonly run: string;
  readonly point: number;
  readonly key: string;
}

/** The last key that arguments were part of: an intent and the sending behind it share them, and are asked about one after the other. */
const known = new WeakMap<JsonObject, Known>();

/**
 * The key of an effect: SHA-256, as 64 hexadecimal digits, over the canonical array [run, point, step, logical attempt, argument
 * digest]. A part of a job is its own step, `solve.submit`. The same after a crash, another one only for another logical attempt.
 */
export function effectKey(run: string, point: number, intent: Intent): string {
  const { step, part, attempt, call } = intent;
  const last = known.get(intent.arguments);
  const isSame = last?.run === run && last.point === point && last.step === step && last.part === part;
  if (isSame && last.attempt === attempt && last.call === call) return last.key;
  const name = part === 'call' ? step : `${step}.${part}`;
  const arguments_sha256 = hash('sha256', canonicalJson([call, intent.arguments]));
  const key = hash('sha256', canonicalJson([run, point, name, attempt, arguments_sha256]));
  known.set(intent.arguments, { run, point, step, part, attempt, call, key });
  return key;
}
