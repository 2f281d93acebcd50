import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { App } from './app.ts';

/**
 * The project of a file: the nearest folder above it with a `tools.yaml` or a store. An approver is sent neither: then the file's own
 * folder, or the one above it where that holds `approvals`.
 */
export async function projectOf(app: App, path: string): Promise<string> {
  const start = await app.files.real(resolve(app.cwd, path));
  for (let folder = dirname(start); ; folder = dirname(folder)) {
    if (await isProject(app, folder)) return folder;
    if (folder === dirname(folder)) return sentFolder(app, dirname(start));
  }
}

async function sentFolder(app: App, folder: string): Promise<string> {
  const above = dirname(folder);
  const isAbove = !(await app.files.exists(join(folder, 'approvals'))) && app.files.exists(join(above, 'approvals'));
  return (await isAbove) ? above : folder;
}

/** The project in whose folder, or below it, a command without a file is called. */
export async function projectHere(app: App): Promise<string> {
  return projectOf(app, join(app.cwd, 'x'));
}

/** Whether a folder says of itself that it is a project. */
export async function isProject(app: App, folder: string): Promise<boolean> {
  return (await app.files.exists(join(folder, 'tools.yaml'))) || (await app.files.exists(join(folder, '.expctl')));
}

export function storeOf(app: App, project: string, flag: string | undefined): string {
  return flag === undefined ? join(project, '.expctl') : resolve(app.cwd, flag);
}

/** `NAME.plan.yaml` or `.json` beside which `NAME.lock.json` and the folder of design tables lie. */
export function planFiles(plan_path: string): Result<{ plan: string; lock: string; designs: string }> {
  const name = /^(.+)\.plan\.(?:yaml|yml|json)$/.exec(basename(plan_path))?.[1];
  if (name === undefined) {
    const hint = 'Name the file NAME.plan.yaml or NAME.plan.json.';
    return err(new ExpctlError('USAGE', `${plan_path} is not named as a plan.`, { hint }));
  }
  return ok({ plan: plan_path, ...lockFilesNamed(dirname(plan_path), name) });
}

/** The lock's own file and the folder of its design tables, by the path of the lock. */
export function lockFiles(lock_path: string): Result<{ lock: string; designs: string }> {
  const name = /^(.+)\.lock\.json$/.exec(basename(lock_path))?.[1];
  if (name === undefined) {
    const hint = '`expctl lock NAME.plan.yaml` writes NAME.lock.json; give that file.';
    return err(new ExpctlError('USAGE', `${lock_path} is not named as a lock.`, { hint }));
  }
  return ok(lockFilesNamed(dirname(lock_path), name));
}

function lockFilesNamed(folder: string, name: string): { lock: string; designs: string } {
  return { lock: join(folder, `${name}.lock.json`), designs: join(folder, `${name}.designs`) };
}

export function toolsLockPath(project: string): string {
  return join(project, 'tools.lock.json');
}

/** A design table's file. */
export function tableFile(designs: string, sha256: string): string {
  return join(designs, `${sha256}.json`);
}

/** The path for a person: relative to where they are, unless that is longer. */
export function shownPath(app: App, path: string): string {
  const short = relative(app.cwd, path);
  return short !== '' && !isAbsolute(short) && short.length < path.length ? short : path;
}

/**
 * The project of a store: the folder in which it lies as `.expctl`, else the project in which the command is called. A store that lies
 * elsewhere may be called `.expctl` too; what tells is where tools are declared.
 */
export async function projectOfStore(app: App, store: string): Promise<string> {
  const here = await projectHere(app);
  if (basename(store) !== '.expctl') return here;
  const around = await app.files.real(dirname(store));
  const declares = (folder: string) => app.files.exists(join(folder, 'tools.yaml'));
  return !(await declares(around)) && (await declares(here)) ? here : around;
}
