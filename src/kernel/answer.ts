import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';

export interface BadAnswer {
  readonly class: 'bad_metric' | 'unexpected';
  readonly message: string;
}

/**
 * What a step sees of a tool's answer: -0 becomes 0; numbers that a double cannot hold are refused (class bad_metric); with
 * `parse: json`, a text answer, or `{ result: "<text>" }`, is read as JSON (class unexpected if it is none).
 */
export function readAnswer(answer: Json, parse_json: boolean): Result<Json, BadAnswer> {
  const parsed = parse_json ? parseText(answer) : ok(answer);
  return parsed.ok ? cleaned(parsed.value) : parsed;
}

function parseText(answer: Json): Result<Json, BadAnswer> {
  const text = isJsonObject(answer) ? answer['result'] : answer;
  if (typeof text !== 'string')
    return err({ class: 'unexpected', message: 'the answer holds no text to parse as JSON' });
  try {
    return ok(JSON.parse(text) as Json);
  } catch {
    // Cut between characters: half of a surrogate pair could not be written into the journal.
    const begin = [...text.slice(0, 2 * LONGEST_SHOWN)].slice(0, LONGEST_SHOWN).join('');
    return err({ class: 'unexpected', message: `the answer is not JSON: ${begin}` });
  }
}

const LONGEST_SHOWN = 200;
const DEEPEST = 64;

function cleaned(value: Json, depth = 0): Result<Json, BadAnswer> {
  if (depth > DEEPEST) return err({ class: 'unexpected', message: `the answer is nested more than ${DEEPEST} deep` });
  if (typeof value === 'number') return cleanedNumber(value);
  if (Array.isArray(value)) {
    const items: Json[] = [];
    for (const item of value) {
      const clean = cleaned(item, depth + 1);
      if (!clean.ok) return clean;
      items.push(clean.value);
    }
    return ok(items);
  }
  if (!isJsonObject(value)) return ok(value);
  const object: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    const clean = cleaned(item, depth + 1);
    if (!clean.ok) return clean;
    Object.defineProperty(object, key, { value: clean.value, enumerable: true, writable: true, configurable: true });
  }
  return ok(object);
}

function cleanedNumber(value: number): Result<Json, BadAnswer> {
  if (!Number.isFinite(value))
    return err({ class: 'bad_metric', message: 'the answer holds a number that is not finite' });
  if (Number.isInteger(value) && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    return err({ class: 'bad_metric', message: `the answer holds the integer ${value}, past 2^53` });
  }
  return ok(value === 0 ? 0 : value);
}
