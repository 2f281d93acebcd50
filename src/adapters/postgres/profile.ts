/** When a PostgreSQL server can be trusted with a journal. Decisions are pure; link.ts carries them out. */

/** A setting as a session of its own sees it. */
export type Settings = Readonly<Record<string, string>>;

/** Asked of the server when a connection is made. */
export const ASKED = ['synchronous_commit', 'fsync', 'server_encoding', 'server_version_num'] as const;

const LEAST_VERSION = 130_000;

export interface SettingProblem {
  readonly message: string;
  readonly hint: string;
}

/**
 * Why a server cannot keep a journal, or null.
 *
 * With `synchronous_commit` off a COMMIT returns before its record is on the disk, and a crash of the server takes back the last ones. What
 * was sent because of such a commit would be sent again, for the ledger would not know of it. With `fsync` off a power cut can damage the
 * whole database.
 *
 * Source: PostgreSQL 15 documentation, section 20.5.1.
 */
export function settingProblem(settings: Settings): SettingProblem | null {
  const { synchronous_commit, fsync, server_encoding, server_version_num } = settings;
  if (Number(server_version_num) < LEAST_VERSION) {
    return { message: 'The server is older than PostgreSQL 13', hint: 'Use PostgreSQL 13 or newer.' };
  }
  if (fsync !== 'on') {
    return {
      message: `The server runs with fsync = ${fsync}: a power cut could lose or damage what it says is written`,
      hint: 'Set `fsync = on` in postgresql.conf and reload the server.',
    };
  }
  if (synchronous_commit === 'off') {
    return {
      message:
        'The server answers commits before they are on its disk (synchronous_commit = off): a crash would take them back',
      hint: 'Set it for the user of expctl: `ALTER ROLE name SET synchronous_commit = on`.',
    };
  }
  if (server_encoding !== 'UTF8') {
    return {
      message: `The database holds text in ${server_encoding}, which cannot hold every text`,
      hint: 'Make one with `createdb --encoding=UTF8 --template=template0 NAME`.',
    };
  }
  return null;
}
