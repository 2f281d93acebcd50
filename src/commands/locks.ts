import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { utf8Text } from '../approval/bytes.ts';
import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result, unwrap } from '../base/result.ts';
import type { DesignTable, Lock } from '../ir/lock.ts';
import { parseLock, verifyTables } from '../plan/lock-file.ts';
import type { App } from './app.ts';
import { lockFiles, planFiles, projectOf, tableFile } from './project.ts';

/** The bytes of a lock's file, read once. Nothing in them is believed yet: they may be anything. */
export interface LockFile {
  readonly lock_path: string;
  readonly lock_bytes: Uint8Array;
  readonly lock_sha256: string;
  /** Folder of the design tables. */
  readonly designs: string;
  /** NAME of NAME.lock.json. */
  readonly file_name: string;
  readonly project: string;
}

/** A lock as it lies on the disk, read once: these bytes are shown, signed and executed. */
export interface LockOnDisk extends LockFile {
  readonly lock: Lock;
  readonly tables: ReadonlyMap<string, DesignTable>;
  /** Texts of the tables' files by their SHA-256. */
  readonly table_texts: ReadonlyMap<string, string>;
}

/** Reads the file of a lock and does not look into it. Given a plan, reads the lock beside it. */
export async function readLockFile(app: App, path: string): Promise<LockFile> {
  const lock_path = resolve(app.cwd, /\.plan\.(yaml|yml|json)$/.test(path) ? unwrap(planFiles(path)).lock : path);
  const { designs } = unwrap(lockFiles(lock_path));
  const lock_bytes = unwrap(await app.files.read(lock_path));
  const project = await projectOf(app, lock_path);
  const file_name = basename(lock_path, '.lock.json');
  return { lock_path, lock_bytes, lock_sha256: sha256Of(lock_bytes), designs, file_name, project };
}

/** The lock in these bytes, and its design tables. LOCK_INVALID, LOCK_CHANGED */
export async function openLock(app: App, file: LockFile): Promise<Result<LockOnDisk>> {
  const lock = lockIn(file.lock_bytes);
  if (!lock.ok) return lock;
  const table_texts = new Map<string, string>();
  for (const { id, sha256 } of lock.value.tables) {
    const bytes = await app.files.read(tableFile(file.designs, sha256));
    if (!bytes.ok) continue; // `verifyTables` says which one is missing
    if (sha256Of(bytes.value) !== sha256) return err(tableChanged(id));
    table_texts.set(sha256, new TextDecoder().decode(bytes.value));
  }
  const tables = verifyTables(lock.value, (sha256) => table_texts.get(sha256));
  return tables.ok ? ok({ ...file, lock: lock.value, tables: tables.value, table_texts }) : tables;
}

/** Reads a lock and its design tables. Given a plan, reads the lock beside it. */
export async function readLock(app: App, path: string): Promise<LockOnDisk> {
  return unwrap(await openLock(app, await readLockFile(app, path)));
}

/** Bytes to a lock; bytes that are not UTF-8, or begin with a byte-order mark, are none. LOCK_INVALID */
export function lockIn(bytes: Uint8Array): Result<Lock> {
  const text = utf8Text(bytes);
  if (text !== undefined) return parseLock(text);
  const hint = 'Make it again with `expctl lock`, and have it approved.';
  return err(new ExpctlError('LOCK_INVALID', 'The lock is not UTF-8.', { hint }));
}

export function sha256Of(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Folder of requests and approvals, fit for the project's repository. */
export function approvalsFolder(project: string): string {
  return join(project, 'approvals');
}

function tableChanged(id: string): ExpctlError {
  const hint = 'Restore the file, or lock again and have the new lock approved.';
  return new ExpctlError('LOCK_CHANGED', `The design table ${id} is not the one that was locked.`, { hint });
}
