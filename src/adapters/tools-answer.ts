import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';

/** Larger answers belong into files. */
const ANSWER_BYTES = 1024 * 1024;
/** Arrays and objects inside each other, as many as the kernel takes. */
const ANSWER_DEPTH = 64;

/** What is wrong with an answer, as a failure class and a sentence. */
export interface AnswerProblem {
  readonly class: 'bad_metric' | 'tool_broken';
  readonly message: string;
}

class Refusal extends Error {
  readonly problem: AnswerProblem;
  constructor(problem: AnswerProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

/**
 * An answer as the journal can hold it: -0 is 0; infinities (1e400 is read as one) and integers past 2^53, whose last digits reading
 * has lost, are `bad_metric`; what canonical JSON cannot say, what is nested deeper than 64 levels and what has more than 1 MiB is
 * `tool_broken`.
 */
export function cleanAnswer(value: unknown): { ok: true; answer: Json } | { ok: false; problem: AnswerProblem } {
  try {
    const answer = clean(value, '', 0);
    const bytes = Buffer.byteLength(JSON.stringify(answer));
    if (bytes <= ANSWER_BYTES) return { ok: true, answer };
    const message = `The answer has ${bytes} bytes; at most ${ANSWER_BYTES} are taken. Large results belong into files.`;
    return { ok: false, problem: { class: 'tool_broken', message } };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, problem: error.problem };
    throw error;
  }
}

function clean(value: unknown, path: string, depth: number): Json {
  if (typeof value === 'number') return cleanNumber(value, path);
  if (typeof value === 'string') return cleanText(value, path);
  if (typeof value === 'boolean' || value === null) return value;
  if (depth >= ANSWER_DEPTH) refuse('tool_broken', `The answer is nested more than ${ANSWER_DEPTH} levels deep.`);
  if (Array.isArray(value)) return value.map((item, index) => clean(item, `${path}/${index}`, depth + 1));
  if (typeof value !== 'object') throw new TypeError(`an answer that is no JSON: ${typeof value}`);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key === '__proto__') refuse('tool_broken', `The answer has a key "__proto__" at "${shownPath(path)}".`);
      cleanText(key, path);
      return [key, clean(item, `${path}/${key}`, depth + 1)];
    }),
  );
}

function cleanNumber(value: number, path: string): number {
  if (!Number.isFinite(value)) {
    return refuse('bad_metric', `The number at "${shownPath(path)}" of the answer is not finite.`);
  }
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return refuse('bad_metric', `The number at "${shownPath(path)}" of the answer, ${value}, is an integer past 2^53.`);
  }
  return value === 0 ? 0 : value;
}

function cleanText(text: string, path: string): string {
  if (!/\p{Surrogate}/u.test(text)) return text;
  return refuse('tool_broken', `The text at "${shownPath(path)}" of the answer has half of a surrogate pair.`);
}

function shownPath(path: string): string {
  return path === '' ? '/' : path.slice(0, 200).replace(/[\p{Cc}\p{Cf}\p{Surrogate}]/gu, '?');
}

function refuse(kind: AnswerProblem['class'], message: string): never {
  throw new Refusal({ class: kind, message });
}

/**
 * A probe's answer as the pin holds it: an object, the object that a text holds, or `{ text }`. Without `host`: a lock says what runs,
 * not on which machine, and another machine with the same tools may execute it.
 */
export function probeFacts(answer: Json): JsonObject {
  const { host: _host, ...facts } = probeObject(answer);
  return facts;
}

function probeObject(answer: Json): JsonObject {
  if (isJsonObject(answer)) return answer;
  if (typeof answer !== 'string') return { value: answer };
  try {
    const parsed = cleanAnswer(JSON.parse(answer));
    if (parsed.ok && isJsonObject(parsed.answer)) return parsed.answer;
  } catch {
    // A text that is no JSON is a fact as well.
  }
  return { text: answer };
}
