/** When SQLite can be trusted with a journal, and how it is set up. Decisions are pure; database.ts carries them out. */

/** A fixed release of each line that has the WAL-reset fix; a line that is not named has it from its first release on, or never. */
const FIXED_PATCH: Readonly<Record<string, number>> = { '3.44': 6, '3.50': 7, '3.51': 3 };
const FIRST_FIXED_MINOR = 52;

/**
 * Why a version of SQLite cannot be used, or null.
 *
 * In 3.7.0 to 3.51.2 a commit can be lost, or the database corrupted, when one connection resets the write-ahead log while another
 * one begins to write. Fixed in 3.51.3, and carried back to 3.50.7 and 3.44.6.
 *
 * Source: the changes page of sqlite.org, releases 3.51.3 and 3.53.0.
 */
export function sqliteVersionProblem(version: string): string | null {
  const match = /^(\d+)\.(\d+)\.(\d+)$/.exec(version);
  if (match === null) return `SQLite calls its version ${JSON.stringify(version)}`;
  const [major, minor, patch] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const fixed = FIXED_PATCH[`${major}.${minor}`] ?? (minor >= FIRST_FIXED_MINOR ? 0 : Number.POSITIVE_INFINITY);
  if (major > 3 || (major === 3 && patch >= fixed)) return null;
  return `SQLite ${version} can lose commits when its write-ahead log is reset`;
}

/** `statfs` types of file systems without the shared memory, or the locks, that a write-ahead log needs (linux/magic.h). */
const SHARED_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xfe534d42, // SMB 2
  0xff534d42, // CIFS
  0x0bd00bd0, // Lustre
  0x47504653, // GPFS
  0x19830326, // BeeGFS
  0x00c36400, // Ceph
  0x5346414f, // AFS
  0x6b414653, // AFS in the kernel
  0x73757245, // Coda
  0x01161970, // GFS2
  0x7461636f, // OCFS2
  0x20030528, // OrangeFS
  0xaad7aaea, // PanFS
  0x01021997, // 9P: virtual machines, WSL
  0x786f4256, // VirtualBox shared folder
  0x65735546, // FUSE: could be anything, sshfs among it
]);

export interface Profile {
  readonly journal_mode: 'wal' | 'delete';
  /** 2 FULL, 3 EXTRA: a commit is on the disk before it returns, and in DELETE mode so is the end of the rollback journal. */
  readonly synchronous: 2 | 3;
}

/** For where a write-ahead log does not work. */
export const ROLLBACK_PROFILE: Profile = { journal_mode: 'delete', synchronous: 3 };

/**
 * A write-ahead log where every process sees one shared memory, the rollback journal elsewhere.
 *
 * @param file_system `type` of `statfs` on Linux, null where it says nothing (macOS)
 */
export function profileFor(file_system: number | null): Profile {
  // A 32-bit type can come out negative.
  const shared = file_system !== null && SHARED_FILE_SYSTEMS.has(file_system >>> 0);
  return shared ? ROLLBACK_PROFILE : { journal_mode: 'wal', synchronous: 2 };
}

/**
 * What is set on a writer's connection, in this order, and read back. `synchronous` comes after `journal_mode`: the library is built
 * to fall to NORMAL when a write-ahead log begins, and NORMAL may lose acknowledged commits in a power cut.
 */
export function pragmasOf(profile: Profile): readonly (readonly [name: string, value: string | number])[] {
  return [
    ['journal_mode', profile.journal_mode],
    ['synchronous', profile.synchronous],
    ['fullfsync', 1],
    ['checkpoint_fullfsync', 1],
    ['mmap_size', 0],
    ['foreign_keys', 1],
    ['trusted_schema', 0],
    ['cell_size_check', 1],
    ['recursive_triggers', 1],
  ];
}
