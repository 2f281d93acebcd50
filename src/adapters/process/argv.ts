import type { Json, JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { quoted } from '../tools-text.ts';

const PLACEHOLDER = /^\{([A-Za-z_][A-Za-z0-9_.-]*)\}$/;
const INNER_PLACEHOLDER = /\{[A-Za-z_][A-Za-z0-9_.-]*\}/;

/**
 * The arguments of one call: an element that is `{name}` and nothing else becomes that argument of the call, as one element,
 * whatever it holds; no shell reads it. The error is a sentence.
 *
 * Refused: what is neither text, number nor true or false; a NUL, which would end the element; half of a
 * surrogate pair, which has no bytes; a text that begins with `-`, which
 * many programs take for an option (a number may).
 */
export function callArgv(template: readonly string[], args: JsonObject): Result<string[], string> {
  const argv: string[] = [];
  for (const element of template) {
    const name = PLACEHOLDER.exec(element)?.[1];
    const value =
      name === undefined ? ok(element) : elementOf(name, Object.hasOwn(args, name) ? args[name] : undefined);
    if (!value.ok) return value;
    argv.push(value.value);
  }
  return ok(argv);
}

function elementOf(name: string, value: Json | undefined): Result<string, string> {
  if (typeof value === 'number' || typeof value === 'boolean') return ok(String(value));
  if (value === undefined) return err(`The argument ${quoted(name)} is not given.`);
  if (typeof value !== 'string')
    return err(`The argument ${quoted(name)} is no single value; read it from standard input.`);
  if (value.includes('\0')) return err(`The argument ${quoted(name)} holds a NUL character.`);
  if (/\p{Surrogate}/u.test(value)) return err(`The argument ${quoted(name)} holds half of a surrogate pair.`);
  if (!value.startsWith('-')) return ok(value);
  return err(
    `The argument ${quoted(name)} begins with \`-\`, as an option does; let the program read it from standard input.`,
  );
}

/** Why an element of a declared `argv` would not do what it seems to; null when it does. */
export function templateProblem(element: string): string | null {
  if (element.includes('\0')) return `The element ${quoted(element)} of argv holds a NUL character.`;
  if (PLACEHOLDER.test(element) || !INNER_PLACEHOLDER.test(element)) return null;
  return `The element ${quoted(element)} of argv holds a placeholder and more; a placeholder stands alone in its element.`;
}
