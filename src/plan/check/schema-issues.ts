import * as z from 'zod';
import { closest } from '../../ir/expression/suggest.ts';
import { quote } from '../../ir/strict-values.ts';
import { type Path, placeOf, type Reporter } from './reporter.ts';
import { knownKeys, schemaAt } from './schema-walk.ts';

type Issue = z.core.$ZodIssue;

/** Turns what the schema says into problems: what is there, what is expected, what was probably meant. */
export function reportIssues(root: z.core.$ZodType, value: unknown, issues: readonly Issue[], report: Reporter): void {
  for (const issue of issues) reportIssue(root, value, issue, report);
}

function reportIssue(root: z.core.$ZodType, value: unknown, issue: Issue, report: Reporter): void {
  const path = pathOf(issue);
  const found = valueAt(value, path);
  if (issue.code === 'unrecognized_keys') return reportUnknownKeys(root, issue.keys, path, found, report);
  if (found === undefined && path.length > 0) {
    const name = quote(String(path.at(-1)));
    return report.error(
      'MISSING',
      path,
      `${where(path.slice(0, -1))} has no ${name}.`,
      `Add ${name}${meant(root, path)}.`,
    );
  }
  const subject = where(path);
  switch (issue.code) {
    case 'invalid_key':
      return report.keyError(
        'BAD_NAME',
        path,
        `${quote(String(path.at(-1)))} is not a name.`,
        firstMessage(issue.issues),
      );
    case 'invalid_union':
      return reportUnion(root, value, issue, report);
    case 'invalid_type': {
      const message = `${subject} is ${kindOf(found)}, not ${article(issue.expected)}.`;
      return report.error('WRONG_TYPE', path, message, `Write ${article(issue.expected)}${meant(root, path)}.`);
    }
    case 'invalid_value': {
      const words = issue.values.map(String);
      const near = typeof found === 'string' ? closest(found, words) : undefined;
      const fix = near === undefined ? `Write ${oneOf(words)}.` : `Did you mean \`${near}\`? It is ${oneOf(words)}.`;
      return report.error('BAD_VALUE', path, `${subject} is ${quote(String(found))}.`, fix);
    }
    case 'too_small':
    case 'too_big':
      return report.error('OUT_OF_RANGE', path, `${subject} is ${shown(found)}; ${limit(issue)}.`, 'Change it.');
    default:
      return report.error('BAD_VALUE', path, `${subject} is ${shown(found)}.`, sentence(issue.message));
  }
}

function reportUnknownKeys(
  root: z.core.$ZodType,
  keys: readonly string[],
  path: Path,
  found: unknown,
  report: Reporter,
): void {
  const known = knownKeys(schemaAt(root, path));
  const free = known.filter((key) => !(typeof found === 'object' && found !== null && key in found));
  for (const key of keys) {
    const near = closest(key, free) ?? closest(key, known);
    const fix = near === undefined ? `Remove it. Known here: ${known.join(', ')}.` : `Did you mean \`${near}\`?`;
    report.keyError('UNKNOWN_KEY', [...path, key], `${where(path)} has no key ${quote(key)}.`, fix);
  }
}

/** An alternative of the right kind has better news than "none of these". */
function reportUnion(
  root: z.core.$ZodType,
  value: unknown,
  issue: Issue & { code: 'invalid_union' },
  report: Reporter,
): void {
  const path = pathOf(issue);
  const closer = issue.errors.find(
    (errors) => !errors.some((error) => error.path.length === 0 && error.code === 'invalid_type'),
  );
  if (closer !== undefined && closer.length > 0) {
    for (const inner of closer) reportIssue(root, value, { ...inner, path: [...issue.path, ...inner.path] }, report);
    return;
  }
  const kinds = issue.errors.flatMap((errors) =>
    errors.map((error) => (error.code === 'invalid_type' ? error.expected : '')),
  );
  const expected = oneOf([...new Set(kinds.filter((kind) => kind !== ''))].map(article));
  report.error('WRONG_TYPE', path, `${where(path)} is ${kindOf(valueAt(value, path))}.`, `Write ${expected}.`);
}

/** Where an issue is. */
export function pathOf(issue: Pick<Issue, 'path'>): (string | number)[] {
  return issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key));
}

/** The first thing that a schema says of a file that no person writes, with its place. */
export function firstIssueText({ issues: [first] }: z.ZodError): string {
  const at = first === undefined ? '' : placeOf(pathOf(first));
  return `${at === '' ? '' : `${at}: `}${first?.message ?? 'it breaks the schema'}`;
}

/** What the path leads to, for the beginning of a sentence. */
function where(path: Path): string {
  return path.length === 0 ? 'This file' : `\`${placeOf(path)}\``;
}

/** Undefined where the path leads to nothing. */
export function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Readonly<Record<string | number, unknown>>)[key];
  }
  return at;
}

function meant(root: z.core.$ZodType, path: Path): string {
  const schema = schemaAt(root, path);
  const description = schema === undefined ? undefined : z.globalRegistry.get(schema)?.description;
  return description === undefined ? '' : `: ${description.replace(/\.$/, '')}`;
}

function firstMessage(issues: readonly Issue[]): string {
  return sentence(issues[0]?.message ?? 'choose another name');
}

function sentence(text: string): string {
  const rest = text.endsWith('.') ? text : `${text}.`;
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}

function limit(issue: Issue & { code: 'too_small' | 'too_big' }): string {
  const isSmall = issue.code === 'too_small';
  const bound = issue.code === 'too_small' ? issue.minimum : issue.maximum;
  const counted =
    { string: ' characters', array: ' entries', set: ' entries', map: ' entries' }[issue.origin as string] ?? '';
  const atBound = issue.inclusive === false ? (isSmall ? 'more than' : 'less than') : isSmall ? 'at least' : 'at most';
  return `it must ${counted === '' ? 'be' : 'have'} ${atBound} ${bound}${counted}`;
}

const ARTICLES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
  tuple: 'a list of two',
};

function article(expected: string): string {
  return ARTICLES[expected] ?? expected;
}

function kindOf(found: unknown): string {
  if (found === null) return 'empty';
  if (Array.isArray(found)) return 'a list';
  return typeof found === 'object' ? 'a map' : shown(found);
}

function shown(found: unknown): string {
  if (typeof found === 'string') return found.length > 40 ? `a text of ${found.length} characters` : quote(found);
  if (typeof found === 'number' || typeof found === 'boolean') return String(found);
  return Array.isArray(found) ? `a list of ${found.length}` : kindOf(found);
}

export function oneOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
