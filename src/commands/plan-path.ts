import { basename, join, resolve } from 'node:path';
import type { App } from './app.ts';
import { usage } from './options.ts';
import { shownPath } from './project.ts';

/** Where a new plan is written, and what may happen to one that is there. */
export interface OutputOptions {
  readonly output?: string;
  readonly force?: boolean;
}

/** Refuses an output file that is not named as a plan, or that is somebody's. Asked before the work, and again before writing. */
export async function assertOutput(app: App, { output, force }: OutputOptions): Promise<void> {
  if (output === undefined) return;
  const path = resolve(app.cwd, output);
  if (!/\.plan\.(yaml|yml)$/.test(basename(path))) {
    throw usage(`${shownPath(app, path)} is not named as a plan.`, 'Name it NAME.plan.yaml.');
  }
  if (force === true || !(await app.files.exists(path))) return;
  throw usage(`${shownPath(app, path)} exists already.`, 'Name another file with -o, or add --force to write over it.');
}

/** The file that -o names; else NAME.plan.yaml in the folder, with a number where that is taken. */
export async function outputPath(app: App, options: OutputOptions, folder: string, name: string): Promise<string> {
  await assertOutput(app, options);
  if (options.output !== undefined) return resolve(app.cwd, options.output);
  for (let number = 1; ; number++) {
    const path = join(folder, `${name}${number === 1 ? '' : `-${number}`}.plan.yaml`);
    if (!(await app.files.exists(path))) return path;
  }
}

/** NAME.draft.yaml beside NAME.plan.yaml, which no other command takes for a plan. */
export function draftPath(plan_path: string): string {
  return plan_path.replace(/\.plan\.(yaml|yml)$/, '.draft.yaml');
}
