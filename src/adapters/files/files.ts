import { randomBytes } from 'node:crypto';
import { constants, mkdirSync } from 'node:fs';
import { link, lstat, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ExpctlError, machineFault, messageOf } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { makeDurableFolder } from './durable.ts';

/** Larger files are no plan, lock, table or key. */
const MOST_BYTES = 256 * 1024 * 1024;

/**
 * The bytes of a regular file, links followed. What is judged and what is read are one open file, and neither a pipe, which might never
 * be written to, nor a device, which might never end, is read.
 */
export async function readWhole(path: string, most_bytes = MOST_BYTES): Promise<Result<Uint8Array>> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (stats.isDirectory()) return err(unreadable(path, 'it is a folder'));
      if (!stats.isFile()) return err(unreadable(path, 'it is no regular file'));
      if (stats.size > most_bytes) return err(unreadable(path, `it is larger than ${most_bytes / 2 ** 20} MiB`));
      return ok(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (cause) {
    return err(unreadable(path, reason(cause), cause));
  }
}

/** Old or new, never half: written beside the file, synced, then renamed (or linked, where it must not exist yet). */
export async function writeWhole(
  path: string,
  bytes: Uint8Array | string,
  options: { mode?: number; exclusive?: boolean } = {},
): Promise<Result<void>> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    makeDurableFolder(folder);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const file = await open(temporary, flags, options.mode ?? 0o644);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    if (options.exclusive === true) await link(temporary, path);
    else await rename(temporary, path);
    await syncFolder(folder);
    return ok(undefined);
  } catch (cause) {
    const fault = machineFault(cause, `${path} cannot be written`);
    if (fault !== null) return err(fault);
    const hint = 'Look at the permissions and the free space, or name another file.';
    return err(new ExpctlError('FILE_UNREADABLE', `${path} cannot be written: ${reason(cause)}.`, { hint, cause }));
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

export async function listFolder(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    return [];
  }
}

/** Whether a name is taken, be it by a link that leads nowhere. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}

export async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return resolve(path);
  }
}

/** A folder to work in. At once: the asynchronous call of Node 20 hides that a disk is full. Throws ExpctlError STORE_UNUSABLE. */
export async function makeFolder(path: string): Promise<void> {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    const hint = 'Look at the disk and the permissions of the folder, then resume the run.';
    throw new ExpctlError('STORE_UNUSABLE', `The folder ${path} cannot be made: ${reason(cause)}`, { hint, cause });
  }
}

/** So that the new name is there after a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function unreadable(path: string, why: string, cause?: unknown): ExpctlError {
  return new ExpctlError('FILE_UNREADABLE', `${path} cannot be read: ${why}.`, { hint: 'Look at the path.', cause });
}

function reason(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code;
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EEXIST: 'it exists already',
    ENOSPC: 'the disk is full',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of its path is no folder',
    EROFS: 'the file system is read-only',
  };
  return known[code ?? ''] ?? messageOf(cause);
}
