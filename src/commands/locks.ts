import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { unwrap } from '../base/result.ts';
import type { DesignTable, Lock } from '../ir/lock.ts';
import { parseLock, verifyTables } from '../plan/lock-file.ts';
import type { App } from './app.ts';
import { lockFiles, planFiles, projectOf, tableFile } from './project.ts';

/** A lock as it lies on the disk, read once: these bytes are shown, signed and executed. */
export interface LockOnDisk {
  readonly lock: Lock;
  readonly lock_path: string;
  readonly lock_bytes: Uint8Array;
  readonly lock_sha256: string;
  readonly tables: ReadonlyMap<string, DesignTable>;
  /** Texts of the tables' files by their SHA-256. */
  readonly table_texts: ReadonlyMap<string, string>;
  readonly project: string;
}

/** Reads a lock and its design tables. Given a plan, reads the lock beside it. */
export async function readLock(app: App, path: string): Promise<LockOnDisk> {
  const lock_path = resolve(app.cwd, /\.plan\.(yaml|yml|json)$/.test(path) ? unwrap(planFiles(path)).lock : path);
  const { designs } = unwrap(lockFiles(lock_path));
  const lock_bytes = unwrap(await app.files.read(lock_path));
  const lock = unwrap(parseLock(new TextDecoder().decode(lock_bytes)));
  const table_texts = new Map<string, string>();
  for (const { sha256 } of lock.tables) {
    const bytes = await app.files.read(tableFile(designs, sha256));
    if (bytes.ok) table_texts.set(sha256, new TextDecoder().decode(bytes.value));
  }
  const tables = unwrap(verifyTables(lock, (sha256) => table_texts.get(sha256)));
  const project = await projectOf(app, lock_path);
  return { lock, lock_path, lock_bytes, lock_sha256: sha256Of(lock_bytes), tables, table_texts, project };
}

export function sha256Of(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Folder of requests and approvals, fit for the project's repository. */
export function approvalsFolder(project: string): string {
  return join(project, 'approvals');
}
