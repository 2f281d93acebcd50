import type { z } from 'zod';
import type { Json } from '../base/json.ts';
import { err, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';
import { parseStrictJson } from '../ir/strict-json.ts';
import { utf8Text } from './bytes.ts';

/**
 * Bytes to a value of a schema, or one phrase that says why not: too long, not UTF-8, not strict JSON (duplicate keys, -0, lone
 * surrogates), or not of the schema.
 */
export function decodeJson<T>(
  bytes: Uint8Array,
  options: { readonly schema: z.ZodType<T>; readonly max_bytes: number },
): Result<T, string> {
  if (bytes.length > options.max_bytes) return err(`it is longer than ${options.max_bytes} bytes`);
  const text = utf8Text(bytes);
  if (text === undefined) return err('it is not UTF-8');
  const json = parseStrictJson(text, { max_bytes: options.max_bytes });
  if (json.ok) return checkJson(json.value.value, options.schema);
  const { message, line, column } = json.error;
  return err(`line ${line}, column ${column}: ${message.replace(/\.$/, '')}`);
}

/** A parsed value to one of the schema, or every problem in one phrase. */
export function checkJson<T>(value: Json, schema: z.ZodType<T>): Result<T, string> {
  const checked = schema.safeParse(value);
  if (checked.success) return ok(checked.data);
  return err(checked.error.issues.slice(0, 5).map(issueText).join('; '));
}

function issueText(issue: z.core.$ZodIssue): string {
  const where = issue.path.map(String).join('.');
  return where === '' ? issue.message : `${where}: ${issue.message}`;
}
