import { canonicalJson } from '../../ir/canonical.ts';
import type { UnresolvedView } from '../../provenance/unresolved.ts';
import { plural, shownTime } from '../format.ts';
import { safeText } from '../safe-text.ts';

const LONGEST_ARGUMENTS = 400;

/** What a person needs to find out what became of effects: call, arguments, key and time. */
export function unresolvedText(run: string, effects: readonly UnresolvedView[]): string {
  if (effects.length === 0) return `No effect of run ${run} waits for a person.`;
  const waits = plural(effects.length, 'effect of which nobody knows', 'effects of which nobody knows');
  return [`Run ${run} has ${waits} what became of it:`, ...effects.flatMap(linesOf), ''].join('\n');
}

function linesOf({
  point,
  step,
  part,
  attempt,
  call,
  arguments: given,
  key,
  message,
  sent_ms,
}: UnresolvedView): string[] {
  const text = safeText(canonicalJson(given));
  const shown = text.length > LONGEST_ARGUMENTS ? `${text.slice(0, LONGEST_ARGUMENTS)}…` : text;
  const which = part === 'call' ? step : `${step}.${part}`;
  return [
    '',
    `  point ${point}, step ${safeText(which)}, attempt ${attempt}: ${safeText(call)}`,
    `    sent       ${shownTime(sent_ms)}`,
    `    arguments  ${shown}`,
    `    key        ${key ?? 'none'}`,
    `    why        ${safeText(message)}`,
  ];
}
