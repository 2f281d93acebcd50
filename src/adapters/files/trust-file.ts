import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { checkTrustFile, parseTrust } from '../../approval/trust.ts';
import type { Trust } from '../../approval/trust.ts';
import { ExpctlError, messageOf } from '../../base/error.ts';
import { err, ok } from '../../base/result.ts';
import type { Result } from '../../base/result.ts';

export interface TrustSearch {
  /** `--trust`. */
  readonly flag?: string | undefined;
  /** The environment of the process: EXPCTL_TRUST, XDG_CONFIG_HOME. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly project_root: string | null;
  /** The machine's folder of settings, `/etc` unless given. */
  readonly etc?: string;
}

/** Where `trust init` writes and where a policy is looked for when nobody names one. */
export function userTrustPath(search: Pick<TrustSearch, 'env' | 'home'>): string {
  const config = search.env['XDG_CONFIG_HOME'];
  return join(config === undefined || config === '' ? join(search.home, '.config') : config, 'expctl', 'trust.json');
}

/**
 * Finds and reads the trust policy: `--trust`, else EXPCTL_TRUST, else the user's, else the machine's. A path that was named is the
 * only one looked at. A file that exists and is not sound denies; the next is not tried.
 */
export async function readTrustFile(search: TrustSearch): Promise<Result<Trust & { readonly path: string }>> {
  const variable = search.env['EXPCTL_TRUST'];
  const named = search.flag ?? (variable === '' ? undefined : variable);
  const places = [userTrustPath(search), join(search.etc ?? '/etc', 'expctl', 'trust.json')];
  const paths = named === undefined ? places : [named];
  for (const path of paths.map((place) => resolve(place))) {
    const stats = await statsOf(path);
    if (!stats.ok) return stats;
    if (stats.value !== undefined) return readSound(path, stats.value, search.project_root);
  }
  const hint = 'Make one with `expctl trust init`, or name one with --trust.';
  return err(new ExpctlError('TRUST_INVALID', `There is no trust policy at ${paths.join(' or ')}.`, { hint }));
}

async function statsOf(path: string): Promise<Result<Stats | undefined>> {
  try {
    return ok(await lstat(path));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    return code === 'ENOENT' || code === 'ENOTDIR' ? ok(undefined) : err(unreadable(path, cause));
  }
}

async function readSound(
  path: string,
  stats: Stats,
  project_root: string | null,
): Promise<Result<Trust & { readonly path: string }>> {
  const first = soundness(path, stats, null);
  if (!first.ok) return first;
  try {
    const path_real = await realpath(path);
    const project_root_real = project_root === null ? null : await realpath(project_root);
    // Facts and bytes are of one open file: it cannot be exchanged between check and reading.
    const file = await open(path_real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const sound = soundness(path_real, await file.stat(), project_root_real);
      if (!sound.ok) return sound;
      const trust = parseTrust(await file.readFile());
      return trust.ok ? ok({ ...trust.value, path: path_real }) : trust;
    } finally {
      await file.close();
    }
  } catch (cause) {
    return err(unreadable(path, cause));
  }
}

function soundness(path_real: string, stats: Stats, project_root_real: string | null): Result<void> {
  return checkTrustFile({
    path_real,
    project_root_real,
    mode: stats.mode,
    is_symlink: stats.isSymbolicLink(),
    is_file: stats.isFile(),
    owner_is_safe: stats.uid === 0 || stats.uid === process.getuid?.(),
  });
}

function unreadable(path: string, cause: unknown): ExpctlError {
  const hint = 'Look at the file and its folder; without a policy that can be read nothing is approved.';
  return new ExpctlError('TRUST_INVALID', `The trust policy ${path} cannot be read: ${messageOf(cause)}`, {
    hint,
    cause,
  });
}
