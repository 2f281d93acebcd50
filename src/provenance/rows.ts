import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import type { JournalRow, RunEvent } from '../ir/events.ts';

/**
 * The event that a row holds, of whatever journal: a body that is no JSON object gives an event without fields. Replay finds such rows
 * by their digest.
 */
export function eventOf(row: JournalRow): RunEvent {
  return { type: row.type, ...objectOf(row.body) } as unknown as RunEvent;
}

/** What the engine observed beside the event. */
export function observedOf(row: JournalRow): JsonObject {
  return objectOf(row.observed);
}

/** A text among observed fields. */
export function textIn(object: JsonObject, name: string): string | null {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return typeof value === 'string' ? value : null;
}

export function numberIn(object: JsonObject, name: string): number | null {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return typeof value === 'number' ? value : null;
}

function objectOf(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as Json;
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}
