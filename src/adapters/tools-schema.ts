import { createContext, Script } from 'node:vm';
import { Ajv, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { messageOf } from '../base/error.ts';
import type { Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { PinnedCall } from '../ir/tools.ts';
import { printable } from './tools-text.ts';

/** Why a value does not fit a schema; null when it does. */
export type SchemaCheck = (value: Json) => string | null;

/** A schema is the tool's word, and a check by it may take for ever, so it is stopped. */
const CHECK_MS = 2000;
/** What this many parts of a schema can say, even of each item of the largest answer (1 MiB), is seen in about that time. */
const MOST_PARTS = 500;
/**
 * What lets a check take longer than the schema's size times the answer's: patterns that backtrack, references that meet the same
 * value again and again, items that are compared with each other.
 */
const SLOW_KEYWORDS = ['pattern', 'patternProperties', '$ref', '$dynamicRef', '$recursiveRef', 'uniqueItems'];

/**
 * Makes a check from a JSON Schema, draft 2020-12 or, where `$schema` says so, draft 6 or 7. Nothing is ever fetched: a `$ref` that
 * leads out of the schema makes it unusable. `format` is a remark, as both drafts allow. The error is a sentence.
 */
export function compileSchema(schema: Readonly<Record<string, unknown>>): Result<SchemaCheck, string> {
  // Own instance: two schemas may carry the same $id. What is referred to is compiled once: in place of each `$ref`, a small schema of
  // many to a large part would take minutes.
  const options: Options = {
    strict: false,
    inlineRefs: false,
    validateFormats: false,
    allErrors: false,
    logger: false,
  };
  // `$async` is no word of JSON Schema, but one of this library: such a check would answer with a promise, and fail where nobody hears it.
  const { $schema, $async: _, ...rest } = schema;
  const ajv = /draft-0[67]/.test(String($schema)) ? new Ajv(options) : new Ajv2020(options);
  try {
    const validate = ajv.compile(rest);
    return ok(partsOf(rest) > MOST_PARTS ? bounded(validate) : plain(validate));
  } catch (error) {
    return err(`The answer schema cannot be used: ${printable(messageOf(error), 500)}`);
  }
}

/** The checks of the answers of a tool's calls, each made once. */
export class AnswerChecks {
  readonly #made = new Map<string, Result<SchemaCheck, string>>();

  /** null when the pin has no schema for the answers of the call. */
  of(call: string, { answer }: Pick<PinnedCall, 'answer'>): Result<SchemaCheck | null, string> {
    if (answer === null) return ok(null);
    const check = this.#made.get(call) ?? compileSchema(answer);
    this.#made.set(call, check);
    return check;
  }
}

/** Values in a schema; endless where one has a slow keyword. A property of such a name counts as well: that costs a little time, no more. */
function partsOf(schema: unknown): number {
  if (typeof schema !== 'object' || schema === null) return 1;
  if (!Array.isArray(schema) && SLOW_KEYWORDS.some((keyword) => Object.hasOwn(schema, keyword)))
    return Number.POSITIVE_INFINITY;
  return Object.values(schema).reduce<number>((sum, part) => sum + partsOf(part), 1);
}

function plain(validate: ValidateFunction): SchemaCheck {
  return (value) => {
    try {
      return validate(value) === true ? null : firstProblem(validate);
    } catch (error) {
      return failedCheck(error);
    }
  };
}

function failedCheck(error: unknown): string {
  return `the check failed: ${printable(String(error), 200)}`;
}

/** `vm` is here for its watchdog alone: it can stop a pattern in the middle of its backtracking. */
function bounded(validate: ValidateFunction): SchemaCheck {
  let value: Json = null;
  const context = createContext({ check: () => validate(value) });
  const script = new Script('check()');
  return (given) => {
    value = given;
    try {
      return script.runInContext(context, { timeout: CHECK_MS }) === true ? null : firstProblem(validate);
    } catch (error) {
      if (!isTimeout(error)) return failedCheck(error);
      return `the check took more than ${CHECK_MS / 1000} s and was stopped`;
    } finally {
      value = null;
    }
  };
}

function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}

function firstProblem({ errors }: ValidateFunction): string {
  const first = errors?.[0];
  if (first === undefined) return 'it does not fit';
  const extra = 'additionalProperty' in first.params ? ` (${String(first.params['additionalProperty'])})` : '';
  return printable(`${first.instancePath || '/'} ${first.message ?? first.keyword}${extra}`, 500);
}
