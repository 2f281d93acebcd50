import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import type { PinnedTool } from '../../ir/tools.ts';
import { isArtifactName } from '../tools-artifacts.ts';
import type { CallLimit, Failure } from '../tools-ends.ts';
import { findExecutable, isFile, toolEnvironment } from '../tools-program.ts';
import { quoted } from '../tools-text.ts';
import type { SendingFault } from '../../engines/ports.ts';
import { callArgv } from './argv.ts';
import type { PinnedOutput } from './judge.ts';
import { type ProgramRun, runProgram, type Scratch } from './run.ts';

export interface CallRequest {
  readonly project_folder: string;
  readonly pinned: Pick<PinnedTool, 'transport' | 'calls'>;
  readonly call: string;
  /** With the key among them. */
  readonly args: JsonObject;
  readonly work_folder: string;
}

/** One start of the program, ready to be made. */
export interface PreparedCall {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
  readonly output: PinnedOutput;
  /** Files that must not be there before. */
  readonly stale: readonly string[];
}

/** What the arguments make of a pinned call. A failure means that nothing was started. */
export function prepareCall(request: CallRequest): Result<PreparedCall, Failure> {
  const { project_folder, pinned, args, work_folder } = request;
  const { command, env } = pinned.transport;
  const call = pinned.calls[request.call]!;
  const rest = callArgv(call.argv ?? [], args);
  if (!rest.ok) return err({ class: 'tool_failed', message: `${rest.error} Nothing was started.` });
  const executable = findExecutable({ project_folder, command, env });
  if (executable === undefined) {
    return err({
      class: 'tool_broken',
      message: `The program ${quoted(command[0]!)} was not found; nothing was started.`,
    });
  }
  const output = call.output ?? { stdout: 'json', files: [], deny: [], exit: [0] };
  const astray = output.files.find(({ name }) => !isArtifactName(name));
  if (astray !== undefined) {
    const message = `The file name ${quoted(astray.name)} could lead out of the work folder; nothing was started.`;
    return err({ class: 'tool_broken', message });
  }
  // Another effect's files cannot be here; those of an earlier sending of this one could pass for its result.
  const stale = call.effect === 'pure' ? output.files.map(({ name }) => join(work_folder, name)) : [];
  const argv = [executable, ...inProject(project_folder, command.slice(1)), ...rest.value];
  return ok({ argv, cwd: work_folder, env: toolEnvironment(env), stdin: canonicalJson(args), output, stale });
}

/** The program runs in the work folder, so what the command names relative to the project must be named in full. */
function inProject(project_folder: string, elements: readonly string[]): string[] {
  return elements.map((element) => {
    const path = resolve(project_folder, element);
    return !element.includes('\0') && isFile(path) ? path : element;
  });
}

export async function startCall(
  { stale, output: _, ...start }: PreparedCall,
  options: {
    scratch: Scratch;
    limit: CallLimit;
    log: (line: string) => void;
    fault?: SendingFault | undefined;
  },
): Promise<ProgramRun> {
  for (const path of stale) await rm(path, { recursive: true, force: true });
  return runProgram({ ...start, ...options });
}
