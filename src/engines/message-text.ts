import type { Json } from '../base/json.ts';

/** What a journal takes of a text in a message, in UTF-16 units. */
const TEXT_UNITS = 4000;

/** A text for the journal. Anybody may have written the message: one that cannot be held must not end the run of whoever reads it. */
export function textOf(value: Json | undefined, otherwise: string): string {
  if (typeof value !== 'string') return otherwise;
  const text = value.length > TEXT_UNITS ? `${value.slice(0, TEXT_UNITS)}…` : value;
  return text.toWellFormed();
}
