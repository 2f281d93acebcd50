import { Buffer } from 'node:buffer';
import { resolve } from 'node:path';
import type { Argument, Call } from './calls.ts';
import {
  type Image,
  imageOf,
  type Inode,
  type Kept,
  type NameOperation,
  type NameSet,
  type Operation,
  readImage,
} from './image.ts';

interface FileContent {
  readonly kind: 'file';
  readonly mode: number;
  /** Where the next `write` goes. One process at a time writes to a file of a recording, or `differences` would show it. */
  cursor: number;
  size: number;
}

interface FolderContent {
  readonly kind: 'folder';
  readonly mode: number;
  readonly entries: Map<string, Inode>;
}

type Span = Pick<Call, 'begin' | 'end'>;

export interface Sync extends Span {
  readonly path: string;
  readonly failed: boolean;
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * The disk below one folder as a log of system calls tells of it: POSIX at its strictest.
 *
 *   D1. What was written to a file is on the disk after a sync of that file which began when the write had ended.
 *   D2. A name is on the disk after a sync of its folder. A synced file without a synced name is not found again.
 *   D3. After a sync of a file that failed, what it was to write is there or not, whatever syncs succeed later: Linux takes it for
 *       written. Names are written by the file system's own journal, and stay to be written.
 *   D4. Anything else is there or not, whatever was written before or after it, and in part; only a rename is atomic.
 */
export class Disk {
  readonly operations: Operation[] = [];
  readonly syncs: Sync[] = [];
  readonly #root: string;
  readonly #inodes = new Map<Inode, FileContent | FolderContent>();
  /** What a sync that failed was to write. */
  readonly #given_up = new Set<Operation>();
  #waiting: readonly Call[] = [];

  /** @param root a folder, with no link in its path; all that it holds before the recording is durable */
  constructor(root: string) {
    this.#root = root;
    this.#inodes.set(0, { kind: 'folder', entries: new Map(), mode: 0o755 });
    const before = { begin: -1, end: -1 };
    for (const [path, { bytes, mode }] of readImage(root)) {
      const whole = `${root}/${path}`;
      if (bytes === null) this.#create(before, whole, { kind: 'folder', mode, entries: new Map() });
      else {
        const inode = this.#create(before, whole, { kind: 'file', mode, cursor: 0, size: bytes.length });
        this.operations.push({ kind: 'data', inode, path: whole, offset: 0, bytes, ...before, durable: -1 });
      }
    }
    for (const operation of this.operations) operation.durable = -1;
  }

  /** Of calls that overlap, the log can show the later one first: that one waits until what it needs is there. */
  take(call: Call): void {
    this.#waiting = [...this.#waiting, call];
    for (let left = Number.POSITIVE_INFINITY; this.#waiting.length < left; ) {
      left = this.#waiting.length;
      this.#waiting = this.#waiting.filter((each) => !this.#understands(each));
    }
  }

  /** Calls that name what no call before them made; empty once the whole log was read. */
  get unexplained(): readonly Call[] {
    return this.#waiting;
  }

  #understands(call: Call): boolean {
    try {
      this.#apply(call);
      return true;
    } catch (error) {
      if (error instanceof Unexplained) return false;
      throw error;
    }
  }

  #apply(call: Call): void {
    const { name, args } = call;
    if (name === 'openat' || name === 'open' || name === 'creat') this.#open(call);
    else if (name === 'write' || name === 'writev') this.#write(call, null);
    else if (name === 'pwrite64') this.#write(call, Number(word(args, -1)));
    else if (name === 'ftruncate') this.#truncate(call);
    else if (name === 'fsync' || name === 'fdatasync') this.#sync(call);
    else if (name.startsWith('rename')) this.#rename(call);
    else if (name === 'unlink' || name === 'unlinkat' || name === 'rmdir') this.#remove(call);
    else if (name === 'link' || name === 'linkat') this.#link(call);
    else if (name === 'mkdir' || name === 'mkdirat') this.#make(call);
    else if (name !== 'execve' && this.#concerns(args)) {
      throw new Error(`the recording has a ${name} that the harness does not know`);
    }
  }

  /** What is found after a power cut; see `imageOf`. */
  image(cut: number, keep: (operation: Operation) => Kept): Image {
    const modes = new Map(
      [...this.#inodes].map(([inode, { kind, mode }]) => [inode, { mode, folder: kind === 'folder' }]),
    );
    return imageOf(this.operations, modes, cut, keep);
  }

  /** What the folder holds once everything has happened: the same as the real one, if the harness understood every call. */
  last(): Image {
    return this.image(NEVER, () => 'all');
  }

  /** Operations that had begun before a cut, and that nothing had synced. */
  unsynced(cut: number): Operation[] {
    return this.operations.filter(({ begin, durable }) => begin < cut && durable >= cut);
  }

  // --- calls ---

  #open({ args, begin, end }: Call): void {
    const flags = word(args, 0);
    const [path] = this.#paths(args);
    if (path === undefined || !this.#isInside(path) || !/O_WRONLY|O_RDWR|O_CREAT|O_TRUNC/.test(flags)) return;
    const { folder, name } = this.#split(path);
    const old = this.#folder(folder).entries.get(name);
    if (old === undefined) {
      const mode = Number.parseInt(word(args, 1), 8) & ~0o022;
      this.#create({ begin, end }, path, { kind: 'file', mode, cursor: 0, size: 0 });
      return;
    }
    const file = this.#file(old);
    file.cursor = flags.includes('O_APPEND') ? file.size : 0;
    if (flags.includes('O_TRUNC') && file.size > 0) this.#setSize({ begin, end }, path, 0);
  }

  #write({ args, result, begin, end }: Call, at: number | null): void {
    const path = this.#descriptor(args);
    if (path === null || result === 0) return;
    const inode = this.#inodeAt(path);
    const file = this.#file(inode);
    const offset = at ?? file.cursor;
    if (at === null) file.cursor += result;
    file.size = Math.max(file.size, offset + result);
    const bytes = bytesOf(args).subarray(0, result);
    this.operations.push({ kind: 'data', inode, path, offset, bytes, begin, end, durable: NEVER });
  }

  #truncate({ args, begin, end }: Call): void {
    const path = this.#descriptor(args);
    if (path !== null) this.#setSize({ begin, end }, path, Number(word(args, -1)));
  }

  #setSize(span: Span, path: string, offset: number): void {
    const inode = this.#inodeAt(path);
    this.#file(inode).size = offset;
    this.operations.push({ kind: 'data', inode, path, offset, bytes: null, ...span, durable: NEVER });
  }

  #sync({ args, result, begin, end }: Call): void {
    const path = this.#descriptor(args);
    if (path === null) return;
    const synced = this.#inodeAt(path);
    this.syncs.push({ begin, end, path, failed: result < 0 });
    for (const operation of this.operations) {
      const inode = operation.kind === 'data' ? operation.inode : operation.folder;
      if (inode !== synced || operation.end >= begin || this.#given_up.has(operation)) continue;
      if (result >= 0) operation.durable = Math.min(operation.durable, end);
      else if (operation.durable === NEVER && operation.kind === 'data') this.#given_up.add(operation);
    }
  }

  #rename({ args, begin, end }: Call): void {
    const [from, to] = this.#twoPaths(args);
    if (from === undefined || to === undefined) return;
    const [source, target] = [this.#split(from), this.#split(to)];
    const add = { ...target, inode: this.#inodeAt(from) };
    const take = { ...source, inode: null };
    if (source.folder === target.folder) {
      this.#setNames({ begin, end }, target.folder, [add, take]);
      return;
    }
    const arrival = this.#setNames({ begin, end }, target.folder, [add]);
    this.#setNames({ begin, end }, source.folder, [take], arrival);
  }

  #link({ args, begin, end }: Call): void {
    const [from, to] = this.#twoPaths(args);
    if (from === undefined || to === undefined) return;
    const target = this.#split(to);
    this.#setNames({ begin, end }, target.folder, [{ ...target, inode: this.#inodeAt(from) }]);
  }

  #remove({ args, begin, end }: Call): void {
    const [path] = this.#paths(args);
    if (path === undefined || !this.#isInside(path)) return;
    const { folder, name } = this.#split(path);
    this.#setNames({ begin, end }, folder, [{ folder, name, inode: null }]);
  }

  #make({ args, begin, end }: Call): void {
    const [path] = this.#paths(args);
    if (path === undefined || !this.#isInside(path)) return;
    const mode = Number.parseInt(word(args, 0), 8) & ~0o022;
    this.#create({ begin, end }, path, { kind: 'folder', mode, entries: new Map() });
  }

  // --- names ---

  #create(span: Span, path: string, content: FileContent | FolderContent): Inode {
    const place = this.#split(path);
    const inode = this.#inodes.size;
    this.#inodes.set(inode, content);
    this.#setNames(span, place.folder, [{ ...place, inode }]);
    return inode;
  }

  #setNames(span: Span, folder: Inode, sets: readonly NameSet[], needs: NameOperation | null = null): NameOperation {
    for (const { folder: of, name, inode } of sets) {
      const { entries } = this.#folder(of);
      if (inode === null) entries.delete(name);
      else entries.set(name, inode);
    }
    const operation: NameOperation = { kind: 'name', folder, sets, needs, ...span, durable: NEVER };
    this.operations.push(operation);
    return operation;
  }

  #split(path: string): { folder: Inode; name: string } {
    const names = path.slice(this.#root.length + 1).split('/');
    const name = names.pop()!;
    const folder = names.reduce((inode, step) => this.#folder(inode).entries.get(step) ?? unknown(path), 0);
    return { folder, name };
  }

  #inodeAt(path: string): Inode {
    if (path === this.#root) return 0;
    const { folder, name } = this.#split(path);
    return this.#folder(folder).entries.get(name) ?? unknown(path);
  }

  #file(inode: Inode): FileContent {
    const content = this.#inodes.get(inode);
    if (content?.kind !== 'file') throw new Error('a folder is used as a file');
    return content;
  }

  #folder(inode: Inode): FolderContent {
    const content = this.#inodes.get(inode);
    if (content?.kind !== 'folder') throw new Error('a file is used as a folder');
    return content;
  }

  #isInside(path: string): boolean {
    return path === this.#root || path.startsWith(`${this.#root}/`);
  }

  #concerns(args: readonly Argument[]): boolean {
    return [...this.#paths(args), this.#descriptor(args) ?? ''].some((path) => this.#isInside(path));
  }

  /** The path behind the first descriptor; null where it is elsewhere, or has no name any more. */
  #descriptor([first]: readonly Argument[]): string | null {
    if (first?.kind !== 'descriptor' || first.deleted || !this.#isInside(first.path)) return null;
    return first.path;
  }

  /** The paths that a call names; a relative one counts from the descriptor before it. */
  #paths(args: readonly Argument[]): string[] {
    return args.flatMap((arg, index) => {
      if (arg.kind !== 'bytes') return [];
      const before = args[index - 1];
      const path = arg.bytes.toString();
      if (path.startsWith('/')) return [path];
      return before?.kind === 'descriptor' ? [resolve(before.path, path)] : [];
    });
  }

  #twoPaths(args: readonly Argument[]): (string | undefined)[] {
    const paths = this.#paths(args);
    const inside = paths.filter((path) => this.#isInside(path));
    if (inside.length === 1) throw new Error(`a file moves over the border of the recording: ${paths.join(' to ')}`);
    return inside;
  }
}

/** The n-th argument that is a word; -1 is the last. */
function word(args: readonly Argument[], index: number): string {
  const words = args.flatMap((arg) => (arg.kind === 'word' ? [arg.text] : []));
  return words.at(index) ?? '';
}

function bytesOf(args: readonly Argument[]): Buffer {
  const parts = args.flatMap((arg) => (arg.kind === 'bytes' ? [arg.bytes] : arg.kind === 'list' ? arg.items : []));
  return Buffer.concat(parts);
}

class Unexplained extends Error {}

function unknown(path: string): never {
  throw new Unexplained(`the log does not tell how ${path} came to be`);
}
