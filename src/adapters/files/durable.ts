import { closeSync, constants, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Folders whose names, up to the root, this process has synced. */
const durable = new Set<string>();

/**
 * Makes a folder, with those that it lies in, and syncs its name and theirs: a file in a folder whose own name was not synced is not
 * found after a power cut, whatever was done for the file itself (fsync(2)).
 *
 * What exists is synced too, once in a process, since whoever made it may have been ended before it came to that.
 */
export function makeDurableFolder(folder: string, mode = 0o777): void {
  const path = resolve(folder);
  let made = mkdirSync(path, { recursive: true, mode });
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    if (made === undefined && durable.has(at)) return;
    if (made !== undefined) syncNames(dirname(at));
    else trySync(dirname(at));
    durable.add(at);
    if (at === made) made = undefined;
  }
}

/** Makes all names in a folder durable. */
function syncNames(folder: string): void {
  const handle = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** What a folder of somebody else says, or a file system on which folders cannot be synced. */
const CANNOT: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP', 'EBADF']);

/** A folder that may not be read holds nothing that expctl has made. */
function trySync(folder: string): void {
  try {
    syncNames(folder);
  } catch (error) {
    if (!CANNOT.has((error as NodeJS.ErrnoException).code)) throw error;
  }
}
