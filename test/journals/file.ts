import { hash } from 'node:crypto';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import type { JsonObject } from '../../src/base/json.ts';
import type { RunRow } from '../../src/engines/ports.ts';
import type { JournalRow } from '../../src/ir/events.ts';

/** A run, as one file of JSON lines: what replay needs, and nothing of the machine on which it was recorded. */
export interface GoldenJournal {
  readonly run: RunRow;
  /** The trust policy by which people were allowed to sign, as its file has it. */
  readonly trust: string;
  /** The content of the store: lock, design tables, request, signed statements, files and output of tools. */
  readonly objects: readonly Uint8Array[];
  readonly rows: readonly JournalRow[];
}

/** One line of the file. Rows are in order of position; event and observed fields are canonical JSON in the journal. */
type Line =
  | { readonly kind: 'run'; readonly format: 1; readonly run: RunRow }
  | { readonly kind: 'trust'; readonly text: string }
  | { readonly kind: 'object'; readonly sha256: string; readonly text: string }
  | { readonly kind: 'files_of_tools'; readonly sha256: readonly string[]; readonly brotli_base64: string }
  | ({ readonly kind: 'row'; readonly body: JsonObject; readonly observed: JsonObject } & RowRest);
type RowRest = Omit<JournalRow, 'run' | 'position' | 'body' | 'observed'>;

/** @throws Error where the file would not give the same journal again */
export function writeGolden(journal: GoldenJournal): string {
  const { run, trust, objects, rows } = journal;
  const named = rows.filter(({ type }) => type === 'effect.answered').map(({ body, observed }) => body + observed);
  const ofTools = (bytes: Uint8Array) => named.some((text) => text.includes(sha256Of(bytes)));
  const ordered = [...objects].sort((a, b) => a.length - b.length || (sha256Of(a) < sha256Of(b) ? -1 : 1));
  const lines: Line[] = [
    { kind: 'run', format: 1, run },
    { kind: 'trust', text: trust },
    ...ordered.filter((bytes) => !ofTools(bytes)).map(objectLine),
    filesLine(ordered.filter(ofTools)),
    ...rows.map(rowLine),
  ];
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const again = readGolden(text);
  if (JSON.stringify(again.rows) !== JSON.stringify(rows)) throw new Error('a row would not be the same again');
  return text;
}

/** @throws Error where the text is not what `writeGolden` writes: a golden file is never repaired */
export function readGolden(text: string): GoldenJournal {
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const [first] = lines;
  const trust = lines.find((line) => line.kind === 'trust');
  if (first?.kind !== 'run' || first.format !== 1 || trust === undefined)
    throw new Error('no golden journal, format 1');
  return {
    run: first.run,
    trust: trust.text,
    objects: lines.flatMap(objectsIn),
    rows: lines.filter((line) => line.kind === 'row').map((line, index) => rowIn(line, first.run.run, index + 1)),
  };
}

function objectLine(bytes: Uint8Array): Line {
  return { kind: 'object', sha256: sha256Of(bytes), text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
}

/** STEP and its like: long, and all of one pattern, so that together they take little room. */
function filesLine(files: readonly Uint8Array[]): Line {
  const texts = files.map((bytes) => Buffer.from(bytes).toString('latin1'));
  const packed = brotliCompressSync(Buffer.from(JSON.stringify(texts)));
  return { kind: 'files_of_tools', sha256: files.map(sha256Of), brotli_base64: packed.toString('base64') };
}

function objectsIn(line: Line): readonly Uint8Array[] {
  if (line.kind === 'object') return [checked(Buffer.from(line.text), line.sha256)];
  if (line.kind !== 'files_of_tools') return [];
  const unpacked = brotliDecompressSync(Buffer.from(line.brotli_base64, 'base64')).toString();
  const texts = JSON.parse(unpacked) as readonly string[];
  return line.sha256.map((sha256, index) => checked(Buffer.from(texts[index] ?? '', 'latin1'), sha256));
}

function rowLine({ run: _run, position: _position, body, observed, ...rest }: JournalRow): Line {
  return { kind: 'row', ...rest, body: JSON.parse(body) as JsonObject, observed: JSON.parse(observed) as JsonObject };
}

function rowIn(line: Extract<Line, { kind: 'row' }>, run: string, position: number): JournalRow {
  const { stream, seq, type, wall_ms, fence, prev, hash: digest } = line;
  const [body, observed] = [JSON.stringify(line.body), JSON.stringify(line.observed)];
  return { run, stream, seq, position, type, body, observed, wall_ms, fence, prev, hash: digest };
}

function checked(bytes: Uint8Array, sha256: string): Uint8Array {
  if (sha256Of(bytes) !== sha256) throw new Error(`the object ${sha256} is another one`);
  return bytes;
}

function sha256Of(bytes: Uint8Array): string {
  return hash('sha256', bytes);
}
