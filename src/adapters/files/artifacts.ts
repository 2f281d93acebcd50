import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { ArtifactStore } from '../../engines/ports.ts';
import { makeDurableFolder } from './durable.ts';
import { syncFolder } from './files.ts';

const CHUNK_BYTES = 1 << 20;
const DIGEST = /^[0-9a-f]{64}$/;
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** Parts of a file in order; every part is used before the next one is asked for. */
type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * ArtifactStore over files: `FOLDER/cas/sha256/ab/REST`, where `ab` and REST are the SHA-256 of the content.
 *
 *   A1. An object appears under its name whole and synced, or not at all.
 *   A2. Bytes are handed out only after their digest was checked.
 *   A3. No symbolic link is followed within the store, nor as the last part of a file to be put.
 *
 * Putting what is there already reads and hashes the old object first, at most what hashing the new one costs: reusing a rotten
 * object would make a good result unreadable. A rotten one is replaced by the good bytes at hand.
 */
export class FileArtifacts implements ArtifactStore {
  readonly #root: string;
  readonly #folder: string;
  /** Folders whose entry in their parent was synced by this object; at most 259. */
  readonly #durable = new Set<string>();

  /** @param folder where `cas` is made, with the first object put */
  constructor(folder: string) {
    this.#folder = folder;
    this.#root = join(folder, 'cas');
  }

  async put(bytes: Uint8Array): Promise<{ sha256: string; bytes: number }> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return this.#using(async () => {
      if (!(await this.#holds(sha256))) return this.#write([bytes]);
      await this.#syncName(sha256);
      return { sha256, bytes: bytes.byteLength };
    });
  }

  async putFile(path: string): Promise<{ sha256: string; bytes: number }> {
    const { source, size } = await openSource(path);
    try {
      // What is hashed is what is written, even if the file changes meanwhile; and one that is written to for ever has an end here.
      return await this.#using(() => this.#write(chunksOf(source, size)));
    } finally {
      await source.close();
    }
  }

  async get(sha256: string): Promise<Result<Uint8Array>> {
    const bytes = DIGEST.test(sha256) ? await this.#using(() => readObject(this.#pathOf(sha256))) : null;
    if (bytes === null) {
      const hint = 'Restore the folder `.expctl/cas` from a backup, or name an artifact that `expctl trace` shows.';
      return err(new ExpctlError('NOT_FOUND', `There is no artifact ${sha256}`, { hint }));
    }
    if (bytes !== 'not a file' && createHash('sha256').update(bytes).digest('hex') === sha256) return ok(bytes);
    const message = `The file of artifact ${sha256} was changed: its content has another digest`;
    const hint = `Restore ${this.#pathOf(sha256)} from a backup, or run the step again that made it.`;
    return err(new ExpctlError('ARTIFACT_CORRUPT', message, { hint }));
  }

  /** Whether there is a file of that name; only `get` looks at its content. */
  async has(sha256: string): Promise<boolean> {
    if (!DIGEST.test(sha256)) return false;
    const status = await lstat(this.#pathOf(sha256)).catch(ignoreMissing);
    return status?.isFile() ?? false;
  }

  #pathOf(sha256: string): string {
    return join(this.#root, 'sha256', sha256.slice(0, 2), sha256.slice(2));
  }

  /** Writes to a temporary file in the same file system, since only there a rename is atomic. */
  async #write(chunks: Chunks): Promise<{ sha256: string; bytes: number }> {
    await this.#makeRoot();
    const waiting = join(this.#root, 'tmp');
    await this.#makeFolder(waiting, this.#root);
    const path = join(waiting, `${process.pid}-${randomBytes(8).toString('hex')}`);
    const file = await open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
    try {
      const written = await writeAll(file, chunks).finally(() => file.close());
      if (await this.#holds(written.sha256)) await unlink(path);
      else await this.#publish(path, written.sha256);
      await this.#syncName(written.sha256);
      return written;
    } catch (error) {
      await unlink(path).catch(ignoreMissing);
      throw error;
    }
  }

  async #publish(path: string, sha256: string): Promise<void> {
    const kind = join(this.#root, 'sha256');
    const shelf = join(kind, sha256.slice(0, 2));
    await this.#makeFolder(kind, this.#root);
    await this.#makeFolder(shelf, kind);
    await rename(path, this.#pathOf(sha256));
  }

  /** Also of an object that was there: whoever made it may have been ended before it came to that. */
  async #syncName(sha256: string): Promise<void> {
    const kind = join(this.#root, 'sha256');
    const shelf = join(kind, sha256.slice(0, 2));
    await this.#makeRoot();
    await this.#makeFolder(kind, this.#root);
    await this.#makeFolder(shelf, kind);
    await syncFolder(shelf);
  }

  async #makeRoot(): Promise<void> {
    makeDurableFolder(this.#folder, 0o700);
    await this.#makeFolder(this.#root, this.#folder);
  }

  /**
   * Makes a folder and refuses one that is a symbolic link to elsewhere. The parent is synced also where the folder exists:
   * whoever made it may not have come to that yet.
   */
  async #makeFolder(path: string, parent: string): Promise<void> {
    await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if (!(await lstat(path)).isDirectory()) {
      const hint = 'Remove it: the store makes its folders itself.';
      throw new ExpctlError('STORE_UNUSABLE', `${path} is not a folder`, { hint });
    }
    if (this.#durable.has(path)) return;
    await syncFolder(parent);
    this.#durable.add(path);
  }

  /** Whether the object is there and sound. */
  async #holds(sha256: string): Promise<boolean> {
    const file = await openObject(this.#pathOf(sha256));
    if (file === null || file === 'not a file') return false;
    try {
      const hash = createHash('sha256');
      for await (const chunk of chunksOf(file)) hash.update(chunk);
      return hash.digest('hex') === sha256;
    } finally {
      await file.close();
    }
  }

  async #using<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ExpctlError) throw error;
      const message = `The artifact store ${this.#root} cannot be used: ${(error as Error).message}`;
      const hint = 'Look at the disk and the permissions of the folder, then resume the run.';
      throw new ExpctlError('STORE_UNUSABLE', message, { hint, cause: error });
    }
  }
}

/** Writes all chunks, syncs, and takes away the right to write. */
async function writeAll(file: FileHandle, chunks: Chunks): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    for (let done = 0; done < chunk.byteLength; ) done += (await file.write(chunk, done)).bytesWritten;
    bytes += chunk.byteLength;
  }
  await file.chmod(0o444);
  await file.sync();
  return { sha256: hash.digest('hex'), bytes };
}

/** One buffer serves all chunks. */
async function* chunksOf(file: FileHandle, most_bytes = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let left = most_bytes; left > 0; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK_BYTES, left));
    if (bytesRead === 0) return;
    left -= bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Opens a regular file that a tool made: neither a link, which could point anywhere, nor a pipe, which could never end. */
async function openSource(path: string): Promise<{ source: FileHandle; size: number }> {
  const refuse = (why: string, cause?: unknown): ExpctlError =>
    new ExpctlError('FILE_UNREADABLE', `${path} cannot be kept as an artifact: ${why}`, {
      hint: 'Let the tool write a regular file at that path.',
      cause,
    });
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    throw refuse(error.code === 'ELOOP' ? 'it is a symbolic link' : error.message, error);
  });
  const status = await file.stat();
  if (status.isFile()) return { source: file, size: status.size };
  await file.close();
  throw refuse('it is not a regular file');
}

/** An object's bytes, whatever they are; null if nothing lies there. */
async function readObject(path: string): Promise<Uint8Array | 'not a file' | null> {
  const file = await openObject(path);
  if (file === null || file === 'not a file') return file;
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function openObject(path: string): Promise<FileHandle | 'not a file' | null> {
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    if (error.code === 'ELOOP') return 'not a file' as const;
    throw error;
  });
  if (file === null || file === 'not a file') return file;
  if ((await file.stat()).isFile()) return file;
  await file.close();
  return 'not a file';
}

function ignoreMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
