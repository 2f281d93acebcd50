import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `statfs` types of file systems that are no disk (linux/magic.h). */
const MEMORY: ReadonlySet<number> = new Set([0x01021994 /* tmpfs */, 0x858458f6 /* ramfs */]);

/** A folder on a real disk, for as long as `work` takes. `EXPCTL_BENCH_FOLDER` names another place than the one of temporary files. */
export async function withDisk<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const place = process.env['EXPCTL_BENCH_FOLDER'] ?? tmpdir();
  if (process.platform === 'linux' && MEMORY.has(statfsSync(place).type >>> 0)) {
    throw new Error(
      `${place} is in memory, where nothing is ever synced: name a folder on a disk by EXPCTL_BENCH_FOLDER`,
    );
  }
  const folder = mkdtempSync(join(place, 'expctl-bench-'));
  chmodSync(folder, 0o755); // PostgreSQL runs as another user
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
