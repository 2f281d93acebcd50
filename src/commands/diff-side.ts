import { basename, dirname, join, resolve } from 'node:path';
import { unwrap } from '../base/result.ts';
import type { DesignTable, Lock } from '../ir/lock.ts';
import { parseTable } from '../plan/lock-file.ts';
import type { App } from './app.ts';
import { lockOf } from './lock.ts';
import { lockIn, sha256Of } from './locks.ts';
import { hasErrors, type PlanInput, readPlan } from './plan-input.ts';
import { lockFiles, planFiles, projectOf, shownPath, tableFile } from './project.ts';

/** One side of a comparison: a lock, or a plan that was locked in memory. */
export interface DiffSide {
  /** As a person names it. */
  readonly name: string;
  readonly lock: Lock;
  readonly lock_sha256: string;
  /** Design tables by id, where all of them are at hand. */
  readonly tables: ReadonlyMap<string, DesignTable>;
  readonly project: string;
  /** Where design tables of the same plan lie. */
  readonly designs: string | null;
}

/** A plan with errors has no lock. */
export type SideRead = { readonly side: DiffSide } | { readonly invalid: PlanInput };

/** Reads one side. `lock.json` and `NAME.lock.json` are locks, everything else is a plan. Starts nothing. */
export async function readSide(app: App, path: string, environment: string | undefined): Promise<SideRead> {
  if (/(^|\.)lock\.json$/.test(basename(path))) return { side: await lockSide(app, path) };
  const input = await readPlan(app, path, environment);
  if (hasErrors(input)) return { invalid: input };
  const { lock, bytes, tables } = lockOf(input);
  const files = planFiles(input.plan_path);
  const side: DiffSide = {
    name: input.file,
    lock,
    lock_sha256: sha256Of(bytes),
    tables: parsedTables(lock, tables),
    project: input.project,
    designs: files.ok ? files.value.designs : null,
  };
  return { side };
}

async function lockSide(app: App, path: string): Promise<DiffSide> {
  const lock_path = resolve(app.cwd, path);
  const bytes = unwrap(await app.files.read(lock_path));
  const lock = unwrap(lockIn(bytes));
  const named = lockFiles(lock_path);
  const designs = named.ok ? named.value.designs : join(dirname(lock_path), `${lock.name}.designs`);
  return {
    name: shownPath(app, lock_path),
    lock,
    lock_sha256: sha256Of(bytes),
    tables: await tablesIn(app, lock, designs),
    project: await projectOf(app, lock_path),
    designs,
  };
}

/** The tables of a lock that lie in a folder; one that is missing or altered is left out, and compared by its digest. */
export async function tablesIn(app: App, lock: Lock, designs: string): Promise<ReadonlyMap<string, DesignTable>> {
  const texts = new Map<string, string>();
  for (const { sha256 } of lock.tables) {
    const bytes = await app.files.read(tableFile(designs, sha256));
    if (bytes.ok && sha256Of(bytes.value) === sha256) texts.set(sha256, new TextDecoder().decode(bytes.value));
  }
  return parsedTables(lock, texts);
}

function parsedTables(lock: Lock, texts: ReadonlyMap<string, string>): Map<string, DesignTable> {
  const tables = new Map<string, DesignTable>();
  for (const { id, sha256 } of lock.tables) {
    const table = parseTable(texts.get(sha256) ?? '');
    if (table !== null) tables.set(id, table);
  }
  return tables;
}
