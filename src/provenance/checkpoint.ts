import { fromBase64, toBase64 } from '../approval/bytes.ts';
import { err, ok, type Result } from '../base/result.ts';
import { isState, type MerkleState } from '../ir/merkle.ts';

/*
 * Checkpoints: how many rows a run's journal has and the root of the Merkle tree over their hashes, as a text that an engine signs.
 *
 * Source: C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint). Leaves are the 32 bytes of the rows' hashes, by position. The format allows
 * further lines and advises against them, since no witness can check them: ours say when and why it was made, and spare whoever goes
 * on with a run to read all of it again. No verdict rests on them alone.
 */

/** A row of the journal as a checkpoint names it. */
export interface NamedRow {
  readonly stream: string;
  readonly seq: number;
  readonly hash: string;
}

export interface Checkpoint {
  readonly run: string;
  /** Rows. */
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** Milliseconds since 1970, by the clock of the engine; null where it is not said. */
  readonly time_ms: number | null;
  /** Why it was made, such as `gate pilot 1`. */
  readonly at: string | null;
  /** The last row of the study's stream: what a person signs at a gate. */
  readonly study: NamedRow | null;
  /** The last row of all, with its position in the store. */
  readonly last: (NamedRow & { readonly position: number }) | null;
  /** The tree at this size, to go on with. */
  readonly tree: MerkleState | null;
}

const ORIGIN = 'expctl/journal/';
const ROOT_BYTES = 32;

/** Identity of a run's journal as a log; the key that signs for it has the same name. */
export function originOf(run: string): string {
  return `${ORIGIN}${run}`;
}

/** The text that is signed. */
export function checkpointText(checkpoint: Checkpoint): string {
  const { run, size, root, time_ms, at, study, last, tree } = checkpoint;
  const lines = [originOf(run), String(size), toBase64(root)];
  if (time_ms !== null) lines.push(`time ${new Date(time_ms).toISOString()}`);
  if (at !== null) lines.push(`at ${at}`);
  if (study !== null) lines.push(`study ${study.stream}/${study.seq} ${study.hash}`);
  if (last !== null) lines.push(`last ${last.stream}/${last.seq} ${last.hash} ${last.position}`);
  if (tree !== null) lines.push(`tree ${toBase64(Buffer.concat(tree.nodes))}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** Reads the text of a note. Lines that this expctl does not know are passed over. @returns why it is none, as the end of a sentence */
export function parseCheckpoint(text: string): Result<Checkpoint, string> {
  const lines = text.split('\n').slice(0, -1);
  const [origin = '', size = '', root = '', ...more] = lines;
  if (!text.endsWith('\n') || lines.some((line) => line === '')) return err('its lines are not those of a checkpoint');
  if (!origin.startsWith(ORIGIN)) return err(`it is of ${JSON.stringify(origin)}, which is no journal of expctl`);
  if (!/^(?:0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) return err('its size is no number');
  const bytes = fromBase64(root);
  if (bytes?.length !== ROOT_BYTES) return err('its root is not the base64 of 32 bytes');
  return ok({
    run: origin.slice(ORIGIN.length),
    size: Number(size),
    root: bytes,
    time_ms: timeIn(more),
    at: lineOf(more, 'at'),
    study: rowIn(lineOf(more, 'study')),
    last: lastIn(lineOf(more, 'last')),
    tree: treeIn(lineOf(more, 'tree'), Number(size)),
  });
}

function lineOf(lines: readonly string[], name: string): string | null {
  const line = lines.find((each) => each.startsWith(`${name} `));
  return line === undefined ? null : line.slice(name.length + 1);
}

function timeIn(lines: readonly string[]): number | null {
  const time_ms = Date.parse(lineOf(lines, 'time') ?? '');
  return Number.isNaN(time_ms) ? null : time_ms;
}

function rowIn(line: string | null): NamedRow | null {
  const [, stream, seq, hash] = /^(study|point\/\d+)\/(\d+) ([0-9a-f]{64})(?: \d+)?$/.exec(line ?? '') ?? [];
  return stream === undefined ? null : { stream, seq: Number(seq), hash: hash! };
}

function lastIn(line: string | null): Checkpoint['last'] {
  const row = rowIn(line);
  const position = Number(/ (\d+)$/.exec(line ?? '')?.[1]);
  return row === null || !Number.isSafeInteger(position) ? null : { ...row, position };
}

function treeIn(line: string | null, size: number): MerkleState | null {
  const bytes = line === null ? undefined : fromBase64(line);
  if (bytes === undefined) return null;
  const nodes: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += ROOT_BYTES) nodes.push(bytes.subarray(at, at + ROOT_BYTES));
  return isState({ size, nodes }) ? { size, nodes } : null;
}
