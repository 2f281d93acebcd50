import { join } from 'node:path';
import type { Json } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { PinnedCall } from '../../ir/tools.ts';
import { cleanAnswer } from '../tools-answer.ts';
import { exists } from '../files/files.ts';
import type { Failure } from '../tools-ends.ts';
import { wasKilled } from '../tools-group.ts';
import type { SchemaCheck } from '../tools-schema.ts';
import { endInWords, printableEnd, quoted } from '../tools-text.ts';
import type { Capture, ProgramRun } from './run.ts';

/** Standard output that is read as an answer, in bytes; as much as a message of MCP. */
const OUTPUT_BYTES = 10 * 1024 * 1024;

/** What a shell says of a child that SIGKILL or SIGTERM ended: 128 and the signal's number. */
const KILLED_CHILD: ReadonlySet<number> = new Set([137, 143]);

export type PinnedOutput = NonNullable<PinnedCall['output']>;

/** Why nobody knows how far the program came; null when its end is known. A limit that was reached is told apart by the caller. */
export function killedFromOutside({ end }: ProgramRun, { exit }: PinnedOutput): string | null {
  if (wasKilled(end)) return `It was ${endInWords(end.status, end.signal)}.`;
  if (end.status === null || !KILLED_CHILD.has(end.status) || exit.includes(end.status)) return null;
  return `It ended with ${endInWords(end.status, null)}, as when a child of it is killed.`;
}

/**
 * The answer of a program that came to its end: by exit status, texts that mean failure, files that must be there, and what
 * standard output holds. CalculiX exits with 0 when its input is missing, so no single one of these is enough.
 */
export async function judge(
  run: ProgramRun,
  output: PinnedOutput,
  work_folder: string,
  check: SchemaCheck | null,
): Promise<Result<Json, Failure>> {
  const { end, stdout, stderr } = run;
  if (end.status === null || !output.exit.includes(end.status)) {
    const said = printableEnd((stderr.bytes > 0 ? stderr : stdout).read().subarray(-8192).toString('utf8'));
    const message = `The program ended (${endInWords(end.status, end.signal)}). ${said === '' ? 'It wrote nothing.' : `It wrote: ${onOneLine(said)}`}`;
    return err({ class: 'tool_failed', message });
  }
  const denied = deniedLine(stdout, output.deny) ?? deniedLine(stderr, output.deny);
  if (denied !== null)
    return err({ class: 'tool_failed', message: `The program wrote a line that means failure: ${quoted(denied)}` });
  for (const { name, required } of output.files) {
    if (required && !(await exists(join(work_folder, name)))) {
      return err({
        class: 'tool_failed',
        message: `The program ended well but did not write the file ${quoted(name)}.`,
      });
    }
  }
  return answerOf(stdout, output, check);
}

/** Messages of failures stand in lines of their own; the lines themselves are in `expctl logs`. */
function onOneLine(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' / ');
}

function answerOf(stdout: Capture, output: PinnedOutput, check: SchemaCheck | null): Result<Json, Failure> {
  if (stdout.bytes > OUTPUT_BYTES)
    return broken(`Standard output has ${stdout.bytes} bytes; an answer has at most 1 MiB.`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(stdout.read());
  } catch {
    return broken(`Standard output is not UTF-8: ${quoted(stdout.read().subarray(0, 1000).toString('utf8'))}`);
  }
  const value = output.stdout === 'json' ? parsed(text) : ok(text);
  return value.ok ? judgeValue(value.value, check) : value;
}

function parsed(text: string): Result<unknown, Failure> {
  try {
    return ok(JSON.parse(text));
  } catch {
    const number = notFinite(text);
    if (number === null) return broken(`Standard output is not one JSON value: ${quoted(text.slice(0, 1000))}`);
    return err({ class: 'bad_metric', message: `The answer holds ${number}, which is no number of JSON.` });
  }
}

/** The first number that keeps a text from being JSON: Python writes NaN and Infinity. Null where something else is wrong as well. */
function notFinite(text: string): string | null {
  const found: string[] = [];
  // A string that has no end is one up to the end of the text, or each of its quotes would be looked at as the beginning of another.
  const mended = text.replace(/"(?:[^"\\]|\\[\s\S])*"?|-?\b(?:NaN|Infinity)\b/g, (token) => {
    if (token.startsWith('"')) return token;
    found.push(token);
    return '0';
  });
  try {
    JSON.parse(mended);
    return found[0] ?? null;
  } catch {
    return null;
  }
}

function judgeValue(value: unknown, check: SchemaCheck | null): Result<Json, Failure> {
  const answer = cleanAnswer(value);
  if (!answer.ok) return err(answer.problem);
  const problem = check?.(answer.answer) ?? null;
  return problem === null ? ok(answer.answer) : broken(`The answer does not fit the pinned schema: ${problem}`);
}

function broken(message: string): Result<never, Failure> {
  return err({ class: 'tool_broken', message });
}

/**
 * The first line that begins with one of the texts, blanks before it aside: Fortran puts one before each line, so CalculiX writes
 * ` *ERROR`. Bytes, not characters: a log in another encoding still has its lines.
 */
function deniedLine(capture: Capture, deny: readonly string[]): string | null {
  if (deny.length === 0 || capture.bytes === 0) return null;
  const texts = deny.map((text) => Buffer.from(text.trimStart(), 'utf8'));
  const bytes = capture.read();
  for (let start = 0; start < bytes.length; start += 1) {
    while (isBlank(bytes[start])) start += 1;
    const end = lineEnd(bytes, start);
    if (texts.some((text) => bytes.subarray(start, start + text.length).equals(text))) {
      return bytes.subarray(start, end).subarray(0, 500).toString('utf8');
    }
    start = end;
  }
  return null;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** A carriage return ends a line as well: progress bars are written that way. */
function lineEnd(bytes: Buffer, start: number): number {
  for (let at = start; at < bytes.length; at += 1) {
    if (bytes[at] === 0x0a || bytes[at] === 0x0d) return at;
  }
  return bytes.length;
}
