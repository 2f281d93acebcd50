import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ExpctlError, machineFault, messageOf } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { makeDurableFolder } from './durable.ts';
import { syncFolder } from './files.ts';

/** In one write, synced before it returns. A crash leaves the file as it was, or with a beginning of what was added. */
export async function appendWhole(
  path: string,
  text: string,
  options: { mode?: number; behind_bytes?: number } = {},
): Promise<Result<void>> {
  try {
    makeDurableFolder(dirname(path));
    const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
    const file = await open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, options.mode ?? 0o644);
    try {
      const { behind_bytes } = options;
      if (behind_bytes !== undefined && (await file.stat()).size > behind_bytes) await file.truncate(behind_bytes);
      await file.appendFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    // Each time: whoever made the file may have been ended before it came to that.
    await syncFolder(dirname(path));
    return ok(undefined);
  } catch (cause) {
    const fault = machineFault(cause, `${path} cannot be added to`);
    if (fault !== null) return err(fault);
    const hint = 'Look at the permissions and the free space, or name another folder.';
    return err(new ExpctlError('FILE_UNREADABLE', `${path} cannot be added to: ${messageOf(cause)}.`, { hint, cause }));
  }
}
