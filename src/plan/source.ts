import type { Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { Problem } from '../ir/problem.ts';
import { findSpan, type Position, positionsIn, type Span } from '../ir/span.ts';
import { parseStrictJson } from '../ir/strict-json.ts';
import { offsetInScalar } from './source-align.ts';
import { ProblemList } from './source-problems.ts';
import { decodeSource } from './source-text.ts';
import { readYaml } from './source-yaml.ts';

/** An authored file: its value, and where each part of it was written. */
export interface Source {
  readonly file: string;
  /** Its objects have no prototype. */
  readonly value: Json;
  /** Where the value of a JSON pointer begins, or that of the nearest ancestor that exists. */
  locate(pointer: string): Position;
  /** Where the key of a member begins; otherwise as `locate`. */
  locateKey(pointer: string): Position;
  /** Where a character of a string stands; `offset` counts the UTF-16 code units of the value before it. */
  locateIn(pointer: string, offset: number): Position;
}

/**
 * Reads an authored file; its extension says whether it is JSON (.json) or YAML (.yaml, .yml).
 *
 * JSON is read by `parseStrictJson`, YAML by `readYaml`; a JSON text gives the same value in both. At most 1 MiB,
 * 100,000 values and 64 levels. YAML reports all problems of one stage (bytes, syntax, values) at once, JSON the first.
 *
 * @param file as the person named it; only used for the extension and in problems
 */
export function readSource(file: string, bytes: Uint8Array): Result<Source, readonly Problem[]> {
  const problems = new ProblemList();
  const { text, usable } = decodeSource(bytes, problems);
  const read = usable ? readText(file, text, problems) : undefined;
  return read === undefined ? err(problems.toProblems(file, text)) : ok(sourceOf(file, text, read));
}

interface Read {
  readonly value: Json;
  readonly root: Span;
}

function readText(file: string, text: string, problems: ProblemList): Read | undefined {
  const extension = /\.[^./\\]+$/.exec(file)?.[0].toLowerCase();
  if (extension === '.yaml' || extension === '.yml') return readYaml(text, problems);
  if (extension === '.json') return readJson(text, problems);
  problems.add('FILE_TYPE', 0, 'The name says neither YAML nor JSON.', 'Name the file .yaml, .yml or .json.');
  return undefined;
}

function readJson(text: string, problems: ProblemList): Read | undefined {
  const parsed = parseStrictJson(text);
  if (parsed.ok) return parsed.value;
  problems.addProblem(parsed.error, parsed.error.offset, parsed.error.pointer);
  return undefined;
}

function sourceOf(file: string, text: string, { value, root }: Read): Source {
  const positionOf = positionsIn(text);
  const locate = (pointer: string): Position => positionOf(findSpan(root, pointer).span.start);
  return {
    file,
    value,
    locate,
    locateKey(pointer) {
      const { span, exact } = findSpan(root, pointer);
      return positionOf(exact ? (span.key_start ?? span.start) : span.start);
    },
    locateIn(pointer, offset) {
      const { span, exact, path } = findSpan(root, pointer);
      const scalar = exact ? valueAt(value, path) : undefined;
      if (typeof scalar !== 'string') return positionOf(span.start);
      return positionOf(offsetInScalar(text, span.start, span.end, scalar, offset));
    },
  };
}

function valueAt(value: Json, path: readonly string[]): Json | undefined {
  let at: Json | undefined = value;
  for (const token of path) at = (at as Readonly<Record<string, Json>>)[token];
  return at;
}
