import { join } from 'node:path';
import type { EnvironmentDigest } from '../approval/request.ts';
import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { type Environment, LOCAL_ENVIRONMENT } from '../ir/environment.ts';
import type { Problem } from '../ir/problem.ts';
import { readSource } from '../plan/source.ts';
import { parseEnvironment } from '../plan/tools-files.ts';
import type { App } from './app.ts';
import { sha256Of } from './locks.ts';

/** What an environment may be called: its file is named after it. */
export const ENVIRONMENT_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** An environment of a project as its file says now; without a file, `local` is the built-in one. INPUT_CHANGED where it cannot be read. */
export async function readEnvironment(app: App, project: string, name: string): Promise<Result<Environment>> {
  if (!ENVIRONMENT_NAME.test(name)) return err(unusable(name, 'its name is none: letters, digits, `_` and `-`'));
  const file = `environments/${name}.yaml`;
  const path = join(project, file);
  if (!(await app.files.exists(path))) {
    return name === LOCAL_ENVIRONMENT.name ? ok(LOCAL_ENVIRONMENT) : err(unusable(name, `there is no file ${file}`));
  }
  const bytes = await app.files.read(path);
  if (!bytes.ok) return err(unusable(name, bytes.error.message));
  const source = readSource(file, bytes.value);
  return parsed(name, source.ok ? parseEnvironment(source.value, name) : source);
}

/** What a lock and a request say of an environment. */
export async function environmentDigest(app: App, project: string, name: string): Promise<Result<EnvironmentDigest>> {
  const environment = await readEnvironment(app, project, name);
  return environment.ok ? ok({ name, sha256: sha256Of(canonicalJson(environment.value)) }) : environment;
}

function parsed(name: string, result: Result<Environment, readonly Problem[]>): Result<Environment> {
  if (result.ok) return result;
  const [first] = result.error;
  return err(unusable(name, first === undefined ? 'it cannot be read' : `line ${first.line}: ${first.message}`));
}

function unusable(name: string, reason: string): ExpctlError {
  const message = `The environment ${name} cannot be used: ${reason.replace(/\.$/, '')}.`;
  return new ExpctlError('INPUT_CHANGED', message, { hint: 'Restore or repair its file in the folder environments.' });
}
