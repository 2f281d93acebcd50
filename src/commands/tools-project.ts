import { join } from 'node:path';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import type { ToolDiscovery } from '../engines/ports.ts';
import { canonicalJson } from '../ir/canonical.ts';
import type { Problem } from '../ir/problem.ts';
import type { PinnedTool, ToolsFile } from '../ir/tools.ts';
import { readSource } from '../plan/source.ts';
import { parseToolsFile, parseToolsLock } from '../plan/tools-files.ts';
import type { App } from './app.ts';
import { projectHere, shownPath, storeOf, toolsLockPath } from './project.ts';

/** The tools file and the tools lock of a project. */
export interface ToolsProject {
  readonly project: string;
  readonly file_path: string;
  /** Text of the tools file; null if there is none yet. */
  readonly text: string | null;
  readonly declared: ToolsFile['tools'];
  readonly pinned: Readonly<Record<string, PinnedTool>>;
}

/** Reads both files of the project here. TOOLS_INVALID with every problem of the tools file. */
export async function readTools(app: App): Promise<ToolsProject> {
  const project = await projectHere(app);
  const file_path = join(project, 'tools.yaml');
  const pinned = await readPins(app, project);
  if (!(await app.files.exists(file_path))) return { project, file_path, text: null, declared: {}, pinned };
  const bytes = unwrap(await app.files.read(file_path));
  const source = readSource(shownPath(app, file_path), bytes);
  // A file of comments alone declares nothing yet.
  if (source.ok && source.value.value === null) {
    return { project, file_path, text: new TextDecoder().decode(bytes), declared: {}, pinned };
  }
  const parsed = source.ok ? parseToolsFile(source.value) : source;
  if (!parsed.ok) throw invalid(parsed.error);
  return { project, file_path, text: new TextDecoder().decode(bytes), declared: parsed.value.tools, pinned };
}

async function readPins(app: App, project: string): Promise<Readonly<Record<string, PinnedTool>>> {
  const path = toolsLockPath(project);
  if (!(await app.files.exists(path))) return {};
  return unwrap(parseToolsLock(unwrap(await app.files.read(path)))).tools;
}

function invalid(problems: readonly Problem[]): ExpctlError {
  const lines = problems.map(({ file, line, column, message, fix }) => `${file}:${line}:${column}: ${message} ${fix}`);
  const message = `The tools file has problems.\n${lines.join('\n')}`;
  const hint = 'Correct the tools file; its schema is schema/tools.v1.schema.json.';
  return new ExpctlError('TOOLS_INVALID', message, { hint, details: { problems } });
}

/** Canonical JSON, so that the same pins are the same bytes. Returns whether anything changed. */
export async function writePins(
  app: App,
  project: string,
  tools: Readonly<Record<string, PinnedTool>>,
): Promise<boolean> {
  const path = toolsLockPath(project);
  const text = canonicalJson({ expctl_tools: 1, tools });
  const old = (await app.files.exists(path)) ? new TextDecoder().decode(unwrap(await app.files.read(path))) : null;
  if (old === text) return false;
  unwrap(await app.files.write(path, text));
  return true;
}

export async function discovery(app: App, project: string): Promise<ToolDiscovery> {
  const artifacts = await app.artifacts(storeOf(app, project, undefined));
  return app.tools({ project_folder: project, artifacts });
}
