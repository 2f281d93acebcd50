import { createHash, hash } from 'node:crypto';
import { sameBytes, toBase64 } from '../approval/bytes.ts';
import { MerkleTree } from '../ir/merkle.ts';
import type { JournalRow } from '../ir/events.ts';
import { type Checkpoint, originOf, parseCheckpoint } from './checkpoint.ts';
import { isSignedBy, type Note, parseNote, splitNotes } from './note.ts';
import { problem, type Problems } from './verdicts.ts';

/** A file of signed checkpoints, as it was read. */
export interface CheckpointFile {
  /** For messages. */
  readonly path: string;
  /** Null where it is no UTF-8. */
  readonly text: string | null;
}

/** A public key with which checkpoints may be signed. */
export interface CheckpointKey {
  /** 32 bytes. */
  readonly raw: Uint8Array;
  readonly fingerprint: string;
  /** The service whose key it is by the trust policy, if that lets it sign checkpoints; null for a key that only the store names. */
  readonly service: string | null;
}

/** A checkpoint that was compared with the rows. */
export interface CheckedCheckpoint {
  readonly file: string;
  readonly size: number;
  readonly time_ms: number | null;
  readonly at: string | null;
  /** Who signed; null where no key that is known here did, so that its signature could not be looked at. */
  readonly key: CheckpointKey | null;
  /** Up to its size, the rows are those that were signed. */
  readonly holds: boolean;
}

interface Read {
  readonly file: string;
  readonly checkpoint: Checkpoint;
  readonly key: CheckpointKey | null;
}

/** SHA-256 as the Merkle tree needs it. */
export function digestBytes(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}

/** The bytes of a row's hash, as a leaf; of a hash that is none, something that no sound row has. */
export function leafOf(row_hash: unknown): Uint8Array {
  const text = String(row_hash);
  return /^[0-9a-f]{64}$/.test(text) ? Buffer.from(text, 'hex') : createHash('sha256').update(text).digest();
}

/**
 * Compares checkpoints with the rows of their run, read from the first on: the root at the size of each is recomputed, so that what it
 * was signed over is what is there, row for row and in this order.
 */
export class CheckpointVerifier {
  readonly not_checked: string[] = [];
  readonly #run: string;
  readonly #keys: readonly CheckpointKey[];
  readonly #problems: Problems;
  readonly #read: Read[] = [];
  readonly #sizes = new Set<number>();
  /** By size: the root of the rows up to there, and the last of them. */
  readonly #roots = new Map<number, { readonly root: Uint8Array; readonly row: JournalRow }>();
  readonly #tree = new MerkleTree(digestBytes);

  constructor(run: string, files: readonly CheckpointFile[], keys: readonly CheckpointKey[], problems: Problems) {
    this.#run = run;
    this.#keys = keys;
    this.#problems = problems;
    for (const file of files) this.#readFile(file);
  }

  take(row: JournalRow): void {
    this.#tree.append(leafOf(row.hash));
    const { size } = this.#tree;
    if (this.#sizes.has(size)) this.#roots.set(size, { root: this.#tree.root(), row });
  }

  /** Base64 of the root of all rows. */
  get root(): string {
    return toBase64(this.#tree.root());
  }

  /** @param whole false where the rows could not be read to their end. @returns all checkpoints that could be read, by size */
  close(whole: boolean): CheckedCheckpoint[] {
    const bySize = this.#read.toSorted((a, b) => a.checkpoint.size - b.checkpoint.size);
    const judged = bySize.map((read) => ({ ...read, holds: this.#holds(read.checkpoint) }));
    const forked = judged.find(({ checkpoint, holds }) => !holds && checkpoint.size <= this.#tree.size);
    if (forked !== undefined) this.#reportFork(forked, judged);
    const longest = judged.at(-1);
    if (whole && longest !== undefined && longest.checkpoint.size > this.#tree.size) this.#reportCut(longest);
    return judged.map(({ file, checkpoint, key, holds }) => {
      const { size, time_ms, at } = checkpoint;
      return { file, size, time_ms, at, key, holds };
    });
  }

  #holds({ size, root }: Checkpoint): boolean {
    if (size === 0) return true;
    const found = this.#roots.get(size);
    return found !== undefined && sameBytes(found.root, root);
  }

  #readFile({ path, text }: CheckpointFile): void {
    if (text === null) return this.#invalid(path, 'it is no text');
    const { notes, rest } = splitNotes(text);
    const isBegun = `${originOf(this.#run)}\n`.startsWith(rest.slice(0, originOf(this.#run).length + 1));
    if (notes.length === 0 && !isBegun) this.#invalid(path, 'there is no signed checkpoint in it');
    else if (rest !== '')
      this.not_checked.push(`The end of ${path}: what was written there last is no whole checkpoint.`);
    for (const [index, whole] of notes.entries()) {
      const note = parseNote(whole);
      if (note.ok) this.#readNote(path, index + 1, note.value);
      else this.#invalid(path, `checkpoint ${index + 1} cannot be read: ${note.error}`);
    }
  }

  #readNote(path: string, number: number, note: Note): void {
    const checkpoint = parseCheckpoint(note.text);
    if (!checkpoint.ok) return this.#invalid(path, `checkpoint ${number} cannot be read: ${checkpoint.error}`);
    const { run, size } = checkpoint.value;
    if (run !== this.#run) return this.#invalid(path, `checkpoint ${number} is one of run ${run}`);
    const key = this.#signerOf(note);
    if (key === 'forged') {
      return this.#invalid(path, `checkpoint ${number}, of ${size} rows, was changed: its signature does not hold`);
    }
    if (key === null) {
      this.not_checked.push(
        `The signature of checkpoint ${number} in ${path}: neither the trust policy nor the store knows its key.`,
      );
    }
    this.#read.push({ file: path, checkpoint: checkpoint.value, key });
    this.#sizes.add(size);
  }

  /** The first known key that signed it; null where none claims to. */
  #signerOf(note: Note): CheckpointKey | 'forged' | null {
    const name = originOf(this.#run);
    for (const key of this.#keys) {
      const signed = isSignedBy(note, name, key.raw);
      if (signed !== null) return signed ? key : 'forged';
    }
    return null;
  }

  #reportFork({ file, checkpoint }: Read, judged: readonly (Read & { readonly holds: boolean })[]): void {
    const { size } = checkpoint;
    const agreed = Math.max(
      0,
      ...judged
        .filter(({ holds }) => holds)
        .map((each) => each.checkpoint.size)
        .filter((n) => n < size),
    );
    const where = agreed === 0 ? `among the first ${size}` : `from row ${agreed + 1} to row ${size}`;
    const message = `${this.#named(checkpoint, file)} was signed over other rows: ${where}, at least one is not the one that was there`;
    this.#problems.add(problem('FORK', this.#roots.get(size)!.row, message));
  }

  #reportCut({ file, checkpoint }: Read): void {
    const message = `the journal was cut: ${this.#named(checkpoint, file)} holds ${checkpoint.size} rows, ${this.#tree.size} are there`;
    this.#problems.add(problem('TRUNCATED', checkpoint.last, message));
  }

  #named({ time_ms }: Checkpoint, file: string): string {
    return `the checkpoint${time_ms === null ? '' : ` of ${new Date(time_ms).toISOString()}`} in ${file}`;
  }

  #invalid(path: string, why: string): void {
    this.#problems.add(problem('CHECKPOINT_INVALID', null, `${path}: ${why}`));
  }
}
