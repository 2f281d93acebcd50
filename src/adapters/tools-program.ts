import { createHash } from 'node:crypto';
import { accessSync, constants, createReadStream, readFileSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { PinnedTool } from '../ir/tools.ts';
import { isInside, reason } from './tools-artifacts.ts';
import { quoted } from './tools-text.ts';

/** What a tool gets of the environment, besides what its declaration names: nothing that could hold a secret. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'TZ', 'USER', 'LOGNAME', 'SHELL', 'TERM'] as const;

export function toolEnvironment(declared: Readonly<Record<string, string>>): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(inherited), ...declared };
}

/** A command and where it counts from. */
export interface ProgramCommand {
  readonly project_folder: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The file that the first element means: a path counts from the project folder; a bare name is looked for in the absolute folders
 * of PATH (a relative one would mean another file in every folder). Undefined when there is none that may be executed.
 */
export function findExecutable({ project_folder, command, env }: ProgramCommand): string | undefined {
  const name = command[0]!;
  if (name.includes('/'))
    return isExecutable(resolve(project_folder, name)) ? resolve(project_folder, name) : undefined;
  for (const folder of (env['PATH'] ?? process.env['PATH'] ?? '').split(delimiter)) {
    if (isAbsolute(folder) && isExecutable(join(folder, name))) return join(folder, name);
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  if (!isFile(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** At once: a look at a file that the kernel knows costs less than the way through the thread pool, and there is one for each call. */
export function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false;
  }
}

/** The error for a command of which there is no program. */
export function notFound(name: string, { command }: ProgramCommand): ExpctlError {
  return new ExpctlError('TOOL_UNAVAILABLE', `The program ${quoted(command[0]!)} of tool ${name} was not found.`, {
    hint: 'Install it, put its folder into PATH, or write its path in tools.yaml; relative paths count from the project folder.',
  });
}

/**
 * The files of a program whose digests are pinned: every element of the command that names a file, and the further `files`.
 *
 * A first element that is found through PATH outside the project is an interpreter or an installed program. It is not recorded: its
 * digest would differ on every machine while its version is what the probe tells. Who wants it pinned writes its path, in the
 * command or under `files`. Inside the project (a virtual environment, node_modules/.bin) it is recorded; so a program that somebody
 * puts in front of PATH there shows as a file that was not pinned.
 *
 * @returns names relative to the project folder, or absolute outside it; sorted
 */
function programFiles(program: ProgramCommand, files: readonly string[] = []): string[] {
  const { project_folder, command } = program;
  const first = findExecutable(program);
  const names = first !== undefined && (command[0]!.includes('/') || isInside(project_folder, first)) ? [first] : [];
  for (const element of command.slice(1)) {
    if (!element.includes('\0') && isFile(resolve(project_folder, element))) names.push(element);
  }
  return [...new Set([...names, ...files].map((name) => shortName(project_folder, name)))].sort();
}

function shortName(project_folder: string, name: string): string {
  const path = resolve(project_folder, name);
  return isInside(project_folder, path) ? relative(project_folder, path) : path;
}

export async function pinProgram(
  tool: string,
  program: ProgramCommand,
  files: readonly string[],
): Promise<Result<PinnedTool['program']>> {
  const pinned: PinnedTool['program'] = [];
  for (const file of programFiles(program, files)) {
    try {
      pinned.push({ file, sha256: await fileDigest(resolve(program.project_folder, file)) });
    } catch (error) {
      const message = `The file ${quoted(file)} of tool ${tool} cannot be read: ${reason(error)}`;
      return err(new ExpctlError('TOOLS_INVALID', message, { hint: 'Correct `files` of the tool in tools.yaml.' }));
    }
  }
  return ok(pinned);
}

/**
 * What moved since the program was pinned, one sentence each. Between this look and the start of the program a file can still be
 * exchanged by somebody who may write it; no call of the operating system joins the two.
 */
export async function programDrift(program: ProgramCommand, pinned: PinnedTool['program']): Promise<string[]> {
  const moved: string[] = [];
  for (const { file, sha256 } of pinned) {
    const now = await fileDigest(resolve(program.project_folder, file)).catch(reason);
    if (now === sha256) continue;
    moved.push(
      /^[0-9a-f]{64}$/.test(now)
        ? `program file ${quoted(file)}: was sha256 ${sha256.slice(0, 16)}, is ${now.slice(0, 16)}`
        : `program file ${quoted(file)}: was sha256 ${sha256.slice(0, 16)}, cannot be read now (${now})`,
    );
  }
  const known = new Set(pinned.map(({ file }) => file));
  for (const file of programFiles(program)) {
    if (!known.has(file)) moved.push(`program file ${quoted(file)}: was not part of the command, is now`);
  }
  return moved;
}

/** Of larger files, by identity and times: a tool that is started for each call is not read anew each time. */
const digests = new Map<string, string>();
/** To read so many bytes takes little longer than to look whether they may have changed. */
const SMALL_BYTES = 64 * 1024;
/**
 * For so long a file may change again while its times stay: within one tick of the file system's clock, and through mapped memory until
 * its pages are written, on Linux for half a minute.
 */
const SETTLED_MS = 60_000;

async function fileDigest(path: string): Promise<string> {
  const status = statSync(path, { bigint: true });
  if (!status.isFile()) throw new Error('not a regular file');
  if (status.size <= SMALL_BYTES) return createHash('sha256').update(readFileSync(path)).digest('hex');
  const identity = [status.dev, status.ino, status.size, status.mtimeNs, status.ctimeNs].join(' ');
  const known = digests.get(identity);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const digest = hash.digest('hex');
  if (Math.abs(Date.now() - Number(status.ctimeMs)) > SETTLED_MS) digests.set(identity, digest);
  return digest;
}
