import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import type { Problem } from '../ir/problem.ts';

/*
 * A plan as a file that a person reads and edits: sections and steps in block style, small parts on one line. No string is
 * folded, so that a comment may stand above any line.
 */

const WIDTH = 110;
/** What begins and goes on in these characters is no number, no word of YAML and no syntax, wherever it stands. */
const PLAIN = /^(?:=?[A-Za-z_][A-Za-z0-9_./^ ()*+-]*|=)$/;
const PLAIN_QUANTITY = /^[0-9]+(?:\.[0-9]+)? ?[A-Za-z][A-Za-z0-9/^*]*$/;
/** Words and numbers that one reader or another takes for something else than text. */
const TAKEN = /^(?:true|false|yes|no|on|off|y|n|null|nan|inf(?:inity)?|[0-9.]+e[0-9]+|0[xob].*)$/i;

export const SCHEMA_COMMENT = '# yaml-language-server: $schema=../schema/plan.v1.draft-07.schema.json';

/** The text of a plan file; reading it gives the value. */
export function planYaml(plan: JsonObject): string {
  return `${[SCHEMA_COMMENT, ...blockMap(plan, 0)].join('\n')}\n`;
}

/** The text of any other YAML file. */
export function valueYaml(value: JsonObject): string {
  return `${blockMap(value, 0).join('\n')}\n`;
}

function blockMap(map: JsonObject, indent: number): string[] {
  const space = ' '.repeat(indent);
  return Object.entries(map).flatMap(([key, value]) => {
    const name = `${space}${scalar(key)}:`;
    const flow = flowOf(value);
    const isShort = name.length + 1 + flow.length <= WIDTH;
    if (!isContainer(value) || isEmpty(value)) return [`${name} ${flow}`];
    if (isShort && indent > 0 && !holdsCalls(value)) return [`${name} ${flow}`];
    if (isJsonObject(value)) return [name, ...blockMap(value, indent + 2)];
    return [name, ...blockList(value as Json[], indent + 2)];
  });
}

function blockList(list: readonly Json[], indent: number): string[] {
  const space = ' '.repeat(indent);
  return list.flatMap((item) => {
    const flow = flowOf(item);
    const isShort = indent + 2 + flow.length <= WIDTH;
    if (!isJsonObject(item) || isEmpty(item) || (isShort && !Object.hasOwn(item, 'phase')))
      return [`${space}- ${flow}`];
    const [first = '', ...rest] = blockMap(item, indent + 2);
    return [`${space}- ${first.slice(indent + 2)}`, ...rest];
  });
}

function flowOf(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(flowOf).join(', ')}]`;
  if (!isJsonObject(value)) return typeof value === 'string' ? scalar(value) : number(value);
  const members = Object.entries(value).map(([key, member]) => `${scalar(key)}: ${flowOf(member)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

/** A step is always a block, so that its call is on a line of its own. */
function holdsCalls(value: Json): boolean {
  return isJsonObject(value) && (Object.hasOwn(value, 'call') || Object.hasOwn(value, 'job'));
}

function isContainer(value: Json): boolean {
  return typeof value === 'object' && value !== null;
}

function isEmpty(value: Json): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function number(value: Json): string {
  return Object.is(value, -0) ? '0' : JSON.stringify(value);
}

/** Plain where no reader can take it for anything else, else in double quotes, with escapes for what cannot be seen. */
function scalar(text: string): string {
  const isPlain = (PLAIN.test(text) || PLAIN_QUANTITY.test(text)) && !TAKEN.test(text) && !text.endsWith(' ');
  if (isPlain && text.length <= WIDTH && text !== '=') return text;
  return JSON.stringify(text).replace(UNSEEN, escaped);
}

/** Control characters, bidirectional marks, zero-width, private and tag characters, and what a reader of YAML breaks lines at. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Cn}\p{Default_Ignorable_Code_Point}]/gu;

function escaped(character: string): string {
  const code = character.codePointAt(0)!.toString(16);
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`;
}

/** The text with `# error:` above each line that has problems; its value stays the same. */
export function withProblems(text: string, problems: readonly Problem[]): string {
  const lines = text.split('\n');
  const notes = new Map<number, string[]>();
  for (const { severity, line, message, fix } of problems) {
    if (severity !== 'error') continue;
    const indent = /^ */.exec(lines[line - 1] ?? '')![0];
    const note = `${indent}# error: ${`${message} ${fix}`.replace(UNSEEN, (each) => escaped(each))}`;
    const here = notes.get(line);
    if (here === undefined) notes.set(line, [note]);
    else if (!here.includes(note)) here.push(note);
  }
  return lines.flatMap((line, at) => [...(notes.get(at + 1) ?? []), line]).join('\n');
}
