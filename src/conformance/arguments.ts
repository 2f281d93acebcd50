import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { evaluate } from '../ir/expression/evaluate.ts';
import { parseExpression } from '../ir/expression/parse.ts';
import { toJson, type Value } from '../ir/expression/value.ts';

/** Answers by the names under which a test file calls them. */
export type Answers = Readonly<Record<string, Json>>;

/** Arguments with their expressions evaluated: as in a plan, strings that begin with `=`; a literal one is written `==`. The error is a sentence. */
export function boundArguments(written: JsonObject, answers: Answers): Result<JsonObject, string> {
  const bound = bind(written, (name) => (Object.hasOwn(answers, name) ? answers[name] : undefined));
  if (!bound.ok) return bound;
  return isJsonObject(bound.value) ? ok(bound.value) : err('The arguments are no map.');
}

type Lookup = (name: string) => Value | undefined;

function bind(value: Json, lookup: Lookup): Result<Json, string> {
  if (typeof value === 'string') return bindText(value, lookup);
  if (typeof value !== 'object' || value === null) return ok(value);
  const entries: [string, Json][] = [];
  for (const [name, item] of Object.entries(value)) {
    const bound = bind(item, lookup);
    if (!bound.ok) return bound;
    entries.push([name, bound.value]);
  }
  return ok(Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries));
}

function bindText(text: string, lookup: Lookup): Result<Json, string> {
  if (!text.startsWith('=')) return ok(text);
  return text.startsWith('==') ? ok(text.slice(1)) : evaluated(text.slice(1), lookup);
}

function evaluated(text: string, lookup: Lookup): Result<Json, string> {
  const expression = parseExpression(text);
  if (!expression.ok) return err(`\`${text}\`: ${expression.error.message}`);
  const value = evaluate(expression.value, lookup);
  return value.ok ? ok(toJson(value.value)) : err(`\`${text}\`: ${value.error.message}`);
}

/** An expression over an answer: its fields, and `answer` for the whole. The error is a sentence. */
export function overAnswer(text: string, answer: Json): Result<Json, string> {
  return evaluated(text, (name) => {
    if (isJsonObject(answer) && Object.hasOwn(answer, name)) return answer[name];
    return name === 'answer' ? answer : undefined;
  });
}

/**
 * The number of effects that an answer tells: by an expression; else the answer itself, its field `count`, or its only number or list.
 * The error is a sentence.
 */
export function countIn(answer: Json, expression: string | undefined): Result<number, string> {
  const value = expression === undefined ? ok(onlyNumber(answer)) : overAnswer(expression, answer);
  if (!value.ok) return value;
  if (typeof value.value === 'number' && Number.isInteger(value.value) && value.value >= 0) return ok(value.value);
  if (expression !== undefined) return err(`\`${expression}\` is no whole number from 0.`);
  return err('The answer does not say which number is meant: give `value`, an expression such as `size(jobs)`.');
}

function onlyNumber(answer: Json): Json {
  if (Array.isArray(answer)) return answer.length;
  if (!isJsonObject(answer)) return answer;
  if (typeof answer['count'] === 'number') return answer['count'];
  const found = Object.values(answer).filter((item) => typeof item === 'number' || Array.isArray(item));
  if (found.length !== 1) return null;
  return Array.isArray(found[0]) ? found[0].length : found[0]!;
}
