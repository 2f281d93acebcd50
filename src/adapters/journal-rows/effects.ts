import { ExpctlError } from '../../base/error.ts';
import type { EffectAnswer, EffectIntent, LedgerEntry } from '../../engines/temporal/ports.ts';
import { canonicalJson } from '../../ir/canonical.ts';

/** An effect as a table holds it: its answer is text. */
export type EffectRow = Omit<LedgerEntry, 'answer'> & { readonly answer: string | null };

/** What can be wrong with an intent is found here, before it can spoil the commit of others. */
export function assertIntent({ key, point, step, part, attempt }: EffectIntent): void {
  const texts = [key, step, part].every((text) => typeof text === 'string');
  if (!texts || ![point, attempt].every(Number.isSafeInteger)) {
    throw new TypeError(`no effect is ${step} of point ${point}, attempt ${attempt}`);
  }
}

/** Why an intent is refused, or null: its key is that of another effect. */
export function intentRefusal(run: string, intent: EffectIntent, before: EffectIntent | undefined): ExpctlError | null {
  if (before === undefined || isSame(before, intent)) return null;
  const message = `The key of ${nameOf(intent)} of run ${run} is that of ${nameOf(before)} in the ledger`;
  const hint = `Nothing was sent. Run \`expctl replay ${run}\` to see whether the journal holds.`;
  return new ExpctlError('EVIDENCE_BROKEN', message, { hint });
}

/** An answer was given to what nobody was to send. */
export function neverIntended(run: string, key: string): ExpctlError {
  const hint = 'This is a defect in expctl; please report it with the journal of the run.';
  return new ExpctlError('NOT_FOUND', `Run ${run} has no effect ${key}: nothing was to be sent under it`, { hint });
}

/** An answer as a table holds it, in canonical form. */
export function answerText({ outcome, observed }: EffectAnswer): string {
  return canonicalJson({ outcome, observed });
}

export function answerIn(text: string): EffectAnswer {
  return JSON.parse(text) as EffectAnswer;
}

export function entryOf(row: EffectRow): LedgerEntry {
  return { ...row, answer: row.answer === null ? null : answerIn(row.answer) };
}

function isSame(one: EffectIntent, other: EffectIntent): boolean {
  return (['point', 'step', 'part', 'attempt'] as const).every((name) => one[name] === other[name]);
}

function nameOf({ point, step, part, attempt }: EffectIntent): string {
  return `${step} (${part}, attempt ${attempt}) of point ${point}`;
}
