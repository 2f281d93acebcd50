import { Buffer } from 'node:buffer';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file or a folder, whatever its names are. The folder that is recorded is 0. */
export type Inode = number;

/** Lines of the log at which something began and ended, and from which on it is on the disk for certain: `Infinity` if never. */
interface Timed {
  readonly begin: number;
  readonly end: number;
  durable: number;
}

/** Bytes at an offset of a file; without bytes, `offset` is its new size. */
export interface DataOperation extends Timed {
  readonly kind: 'data';
  readonly inode: Inode;
  readonly path: string;
  readonly offset: number;
  readonly bytes: Buffer | null;
}

/** One atomic change of names, made durable by a sync of `folder`. */
export interface NameOperation extends Timed {
  readonly kind: 'name';
  readonly folder: Inode;
  readonly sets: readonly NameSet[];
  /** Never without that one: a file that moves to another folder is never in neither. */
  readonly needs: NameOperation | null;
}

export interface NameSet {
  readonly folder: Inode;
  readonly name: string;
  /** What has the name now; null: nothing. */
  readonly inode: Inode | null;
}

export type Operation = DataOperation | NameOperation;

/** A part of an operation's bytes. */
export interface Range {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** How much of an operation came to the disk that nothing had synced; or noise in its place. */
export type Kept = 'all' | 'nothing' | readonly Range[] | { readonly noise: Buffer };

export interface Node {
  /** null for a folder. */
  bytes: Buffer | null;
  readonly mode: number;
}

/** Files and folders by their path below the root. */
export type Image = Map<string, Node>;

/** Bytes that grow; what lies in a gap is zero, as in a sparse file. */
class Growing {
  #buffer = Buffer.alloc(1 << 14);
  size = 0;

  write(offset: number, bytes: Buffer): void {
    this.resize(Math.max(this.size, offset + bytes.length));
    bytes.copy(this.#buffer, offset);
  }

  resize(size: number): void {
    if (size > this.#buffer.length) {
      const larger = Buffer.alloc(2 ** Math.ceil(Math.log2(size)));
      this.#buffer.copy(larger, 0, 0, this.size);
      this.#buffer = larger;
    }
    this.#buffer.fill(0, Math.min(size, this.size), this.size);
    this.size = size;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.size);
  }
}

/**
 * What is found after a power cut.
 *
 * @param cut line of the log before which everything may have happened
 * @param modes permissions of every inode, and whether it is a folder
 * @param keep how much of each operation is on the disk that had begun, and that nothing had synced
 */
export function imageOf(
  operations: readonly Operation[],
  modes: ReadonlyMap<Inode, { readonly mode: number; readonly folder: boolean }>,
  cut: number,
  keep: (operation: Operation) => Kept,
): Image {
  const names = new Map<Inode, Map<string, Inode>>();
  const contents = new Map<Inode, Growing>();
  const done = new Set<Operation>();
  for (const operation of operations) {
    if (operation.begin >= cut) continue;
    const kept = operation.durable < cut ? 'all' : keep(operation);
    if (kept === 'nothing') continue;
    if (operation.kind === 'data') applyData(contents, operation, kept);
    else if (operation.needs === null || done.has(operation.needs)) {
      for (const set of operation.sets) applyName(names, set);
      done.add(operation);
    }
  }
  const image: Image = new Map();
  const collect = (folder: Inode, prefix: string): void => {
    for (const [name, inode] of names.get(folder) ?? []) {
      const { mode, folder: isFolder } = modes.get(inode)!;
      const path = `${prefix}${name}`;
      const bytes = isFolder ? null : (contents.get(inode)?.bytes ?? Buffer.alloc(0));
      image.set(path, { bytes, mode });
      if (isFolder) collect(inode, `${path}/`);
    }
  };
  collect(0, '');
  return image;
}

function applyData(contents: Map<Inode, Growing>, { inode, offset, bytes }: DataOperation, kept: Kept): void {
  const content = contents.get(inode) ?? new Growing();
  contents.set(inode, content);
  if (bytes === null) return content.resize(offset);
  if (typeof kept === 'object' && 'noise' in kept) return content.write(offset, kept.noise);
  const ranges = typeof kept === 'string' ? [{ from: 0, to: bytes.length }] : kept;
  for (const { from, to } of ranges) content.write(offset + from, bytes.subarray(from, to));
}

function applyName(names: Map<Inode, Map<string, Inode>>, { folder, name, inode }: NameSet): void {
  const entries = names.get(folder) ?? new Map<string, Inode>();
  names.set(folder, entries);
  if (inode === null) entries.delete(name);
  else entries.set(name, inode);
}

/** Lays an image out in an empty folder. */
export function writeImage(image: Image, folder: string): void {
  for (const [path, { bytes, mode }] of image) {
    if (bytes === null) mkdirSync(join(folder, path), { mode });
    else writeFileSync(join(folder, path), bytes, { mode });
  }
}

/** The image of a real folder, parents before what they hold. */
export function readImage(folder: string): Image {
  const image: Image = new Map();
  const read = (prefix: string): void => {
    for (const entry of readdirSync(join(folder, prefix), { withFileTypes: true })) {
      const path = `${prefix}${entry.name}`;
      const mode = statSync(join(folder, path)).mode & 0o777;
      image.set(path, { bytes: entry.isDirectory() ? null : readFileSync(join(folder, path)), mode });
      if (entry.isDirectory()) read(`${path}/`);
    }
  };
  read('');
  return image;
}

/** Paths at which two images are not the same. */
export function differencesOf(one: Image, other: Image): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].filter((path) => {
    const [a, b] = [one.get(path)?.bytes, other.get(path)?.bytes];
    return a instanceof Buffer && b instanceof Buffer ? !a.equals(b) : a !== b;
  });
}
