import { constants } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ExpctlError, messageOf } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { exists, syncFolder } from './files.ts';

/** In one write, synced before it returns. A crash leaves the file as it was, or with a beginning of what was added. */
export async function appendWhole(
  path: string,
  text: string,
  options: { mode?: number; behind_bytes?: number } = {},
): Promise<Result<void>> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const isNew = !(await exists(path));
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
    if (isNew) await syncFolder(dirname(path));
    // The folder may be new too. That of another user above it need not be readable.
    if (isNew) await syncFolder(dirname(dirname(path))).catch(() => undefined);
    return ok(undefined);
  } catch (cause) {
    const hint = 'Look at the permissions and the free space, or name another folder.';
    return err(new ExpctlError('FILE_UNREADABLE', `${path} cannot be added to: ${messageOf(cause)}.`, { hint, cause }));
  }
}
