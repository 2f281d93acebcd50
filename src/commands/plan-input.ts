import { basename, dirname, join, resolve } from 'node:path';
import { ExpctlError } from '../base/error.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { unwrap } from '../base/result.ts';
import { type Environment, LOCAL_ENVIRONMENT } from '../ir/environment.ts';
import type { Problem } from '../ir/problem.ts';
import { pointerOf } from '../ir/span.ts';
import type { ToolsLock } from '../ir/tools.ts';
import { type CheckedPlan, checkPlan } from '../plan/check.ts';
import { isInside } from '../plan/check/tables.ts';
import { readSource, type Source } from '../plan/source.ts';
import { isAsPinned, parseEnvironment, parseToolsFile, parseToolsLock } from '../plan/tools-files.ts';
import type { App } from './app.ts';
import { ENVIRONMENT_NAME } from './environment.ts';
import { usage } from './options.ts';
import { projectOf, shownPath, toolsLockPath } from './project.ts';

/** A plan that was read and checked with the tools and the environment of its project. */
export interface PlanInput {
  /** As a person names it from here. */
  readonly file: string;
  readonly plan_path: string;
  readonly project: string;
  /** Of the plan, then of the environment and of the tools lock; each file's in its order. */
  readonly problems: readonly Problem[];
  readonly notes: readonly string[];
  /** null if a problem is an error. */
  readonly checked: CheckedPlan | null;
  /** False where the project has no tools lock, so that calls were not checked and nothing can be locked. */
  readonly pinned: boolean;
  /** Texts of the files that problems name, for excerpts. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Files of a project that are no plans: a list of all that a plan must hold would not help. */
function refuseOthers(path: string): void {
  const name = basename(path);
  if (/(^|\.)lock\.json$/.test(name)) {
    throw usage(
      `${path} is a lock, not a plan.`,
      'Read it with `expctl review`; give `check` and `lock` the plan beside it.',
    );
  }
  if (/^tools\.ya?ml$/.test(name)) {
    throw usage(`${path} is a tools file, not a plan.`, '`expctl tools list` and `expctl tools pin` read it.');
  }
}

/** Reads and checks a plan. Starts nothing and asks no network. Throws where a file cannot be read at all. */
export async function readPlan(
  app: App,
  path: string,
  environment_name: string = LOCAL_ENVIRONMENT.name,
): Promise<PlanInput> {
  const plan_path = resolve(app.cwd, path);
  refuseOthers(path);
  const bytes = unwrap(await app.files.read(plan_path));
  const project = await projectOf(app, plan_path);
  const file = shownPath(app, plan_path);
  const texts = new Map([[file, new TextDecoder().decode(bytes)]]);
  const environment = await readEnvironment(app, project, environment_name, texts);
  const tools = await readToolsLock(app, project);
  const others = [...environment.problems, ...tools.problems, ...(await stalePins(app, project, tools.lock))];
  const common = { file, plan_path, project, pinned: tools.lock !== null, texts };
  const source = readSource(file, bytes);
  if (!source.ok) return { ...common, problems: [...source.error, ...others], notes: [], checked: null };
  const { problems, notes, checked } = checkPlan({
    plan: source.value,
    tools: tools.lock,
    environment: environment.value,
    file: await namedFiles(app, dirname(plan_path), source.value),
  });
  const usable = others.some(({ severity }) => severity === 'error') ? null : checked;
  return { ...common, problems: [...problems, ...others], notes, checked: usable };
}

export function hasErrors({ problems }: PlanInput): boolean {
  return problems.some(({ severity }) => severity === 'error');
}

/** The files that the plan names (tables of points), read beforehand, for the checks are pure. */
export async function namedFiles(
  app: App,
  folder: string,
  { value }: Source,
): Promise<(relative_path: string) => Uint8Array | undefined> {
  const contents = new Map<string, Uint8Array>();
  const below = join(await app.files.real(folder), '/');
  for (const name of tableNames(value)) {
    const path = await app.files.real(resolve(folder, name));
    if (!path.startsWith(below)) continue; // a link to elsewhere: what is there would be shown, and signed
    const read = await app.files.read(path);
    if (read.ok) contents.set(name, read.value);
  }
  return (name) => contents.get(name);
}

/** Only names that stay in the plan's folder: any other is refused by the check, and must not even be opened. */
function tableNames(plan: Json): string[] {
  const study = memberOf(plan, 'study');
  return (Array.isArray(study) ? study : []).flatMap((phase) => {
    const name = memberOf(memberOf(memberOf(phase, 'design'), 'table'), 'file');
    return typeof name === 'string' && isInside(name) && !name.includes('\0') ? [name] : [];
  });
}

function memberOf(value: Json, key: string): Json {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key]! : null;
}

async function readEnvironment(
  app: App,
  project: string,
  name: string,
  texts: Map<string, string>,
): Promise<{ value: Environment; problems: readonly Problem[] }> {
  if (!ENVIRONMENT_NAME.test(name)) {
    throw usage(
      `\`${name}\` is not the name of an environment.`,
      'Name a file of the folder environments, without .yaml.',
    );
  }
  const folder = join(project, 'environments');
  const path = join(folder, `${name}.yaml`);
  if (!(await app.files.exists(path))) {
    if (name === LOCAL_ENVIRONMENT.name) return { value: LOCAL_ENVIRONMENT, problems: [] };
    const known = (await app.files.list(folder)).flatMap((entry) => /^(.+)\.yaml$/.exec(entry)?.[1] ?? []);
    const hint =
      known.length === 0 ? `Write ${shownPath(app, path)}, or leave out --env.` : `Known: ${known.join(', ')}.`;
    throw usage(`There is no environment \`${name}\`.`, hint);
  }
  const bytes = unwrap(await app.files.read(path));
  const file = shownPath(app, path);
  texts.set(file, new TextDecoder().decode(bytes));
  const source = readSource(file, bytes);
  const parsed = source.ok ? parseEnvironment(source.value, name) : source;
  return parsed.ok
    ? { value: parsed.value, problems: [] }
    : { value: { ...LOCAL_ENVIRONMENT, name }, problems: parsed.error };
}

export async function readToolsLock(
  app: App,
  project: string,
): Promise<{ lock: ToolsLock | null; problems: readonly Problem[] }> {
  const path = toolsLockPath(project);
  if (!(await app.files.exists(path))) return { lock: null, problems: [] };
  const parsed = parseToolsLock(unwrap(await app.files.read(path)));
  if (parsed.ok) return { lock: parsed.value, problems: [] };
  return { lock: null, problems: [asProblem(shownPath(app, path), parsed.error)] };
}

/** The tools lock, where a plan cannot be made without one. TOOLS_INVALID */
export async function requireToolsLock(app: App, project: string): Promise<ToolsLock> {
  const { lock, problems } = await readToolsLock(app, project);
  if (problems[0] !== undefined) throw new ExpctlError('TOOLS_INVALID', problems[0].message, { hint: problems[0].fix });
  if (lock !== null) return lock;
  const hint = 'Add one first: `expctl tools add NAME -- COMMAND`. A plan can only use calls that are pinned.';
  throw new ExpctlError('TOOLS_INVALID', 'No tool is pinned in this project: there is no tools.lock.json.', { hint });
}

/** Where the tools file says something else than the pins: a lock names the pins, so that a change there would have no effect. */
async function stalePins(app: App, project: string, lock: ToolsLock | null): Promise<readonly Problem[]> {
  const path = join(project, 'tools.yaml');
  if (lock === null || !(await app.files.exists(path))) return [];
  const source = readSource(shownPath(app, path), unwrap(await app.files.read(path)));
  const declared = source.ok ? parseToolsFile(source.value) : source;
  if (!source.ok || !declared.ok) return []; // `expctl tools` says what is wrong; the pins are what counts here
  const stale = Object.entries(declared.value.tools).filter(([name, tool]) => {
    const pinned = lock.tools[name];
    return pinned === undefined || !isAsPinned(tool, pinned);
  });
  return stale.map(([name]): Problem => {
    const pointer = pointerOf(['tools', name]);
    const message = `The tools file says something else of \`${name}\` than what is pinned.`;
    const where = { file: source.value.file, ...source.value.locateKey(pointer), pointer };
    return {
      code: 'TOOLS_NOT_PINNED',
      severity: 'warning',
      ...where,
      message,
      fix: `Run \`expctl tools pin ${name}\`.`,
    };
  });
}

function asProblem(file: string, { code, message, hint }: ExpctlError): Problem {
  return { code, severity: 'error', file, line: 1, column: 1, pointer: '', message, fix: hint };
}
