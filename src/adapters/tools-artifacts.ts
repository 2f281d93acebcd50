import { lstat, realpath } from 'node:fs/promises';
import { dirname, extname, isAbsolute, relative } from 'node:path';
import { messageOf } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { ArtifactRef } from '../ir/events.ts';
import type { ArtifactStore } from '../engines/ports.ts';
import { quoted } from './tools-text.ts';

const ARTIFACT_BYTES = 256 * 1024 * 1024;
const NAME_SEGMENTS = 8;
const SEGMENT_CHARACTERS = 128;
const RESERVED = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)/i;

/**
 * A name of a tool's choice as the name of an artifact: up to 8 segments of letters, digits, `.`, `_` and `-` that begin with a
 * letter or a digit and mean nothing to any file system. Other characters become `_`. A name that is taken, upper and lower case
 * being the same, gets a number.
 */
export function artifactName(given: string, taken: Set<string>): string {
  const segments = given
    .split(/[/\\]/)
    .map((segment) => segment.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^[^A-Za-z0-9]+/, ''))
    .filter((segment) => segment !== '')
    .map((segment) => segment.replace(RESERVED, '$&_').slice(0, SEGMENT_CHARACTERS));
  const name = segments.slice(-NAME_SEGMENTS).join('/') || 'artifact';
  let free = name;
  for (let number = 2; taken.has(free.toLowerCase()); number += 1) free = numbered(name, number);
  taken.add(free.toLowerCase());
  return free;
}

/** Before the extension: `log-2.txt`. */
function numbered(name: string, number: number): string {
  const at = name.length - extname(name).length;
  const folder = dirname(name) === '.' ? '' : `${dirname(name)}/`;
  const stem = name.slice(folder.length, at).slice(0, SEGMENT_CHARACTERS - 32);
  return `${folder}${stem}-${number}${name.slice(at).slice(0, 24)}`;
}

/** Whether a name needs no change to name an artifact. */
export function isArtifactName(name: string): boolean {
  return artifactName(name, new Set()) === name;
}

/**
 * Keeps a file that a tool named. It must be a regular file of at most 256 MiB whose true place, all links followed, is in one of
 * the folders: what a tool says is data, and must not make expctl copy a person's keys into a store. The error is a sentence.
 */
export async function keepFile(
  store: ArtifactStore,
  name: string,
  path: string,
  folders: readonly string[],
): Promise<Result<ArtifactRef, string>> {
  let place: string;
  try {
    place = await realpath(path);
    const status = await lstat(place);
    if (!status.isFile()) return err(`The tool names ${quoted(path)}, which is no regular file.`);
    if (status.size > ARTIFACT_BYTES) {
      return err(
        `The tool names ${quoted(path)}, which has ${status.size} bytes; at most ${ARTIFACT_BYTES} are taken.`,
      );
    }
  } catch (error) {
    return err(`The tool names ${quoted(path)}, which cannot be read: ${reason(error)}`);
  }
  const allowed = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  if (!allowed.some((folder) => isInside(folder, place))) {
    return err(
      `The tool names ${quoted(path)}, which is outside the project folder, the work folder and the folder for temporary files.`,
    );
  }
  const { sha256, bytes } = await store.putFile(place);
  return ok({ name, sha256, bytes });
}

export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}

/** The code of a file system's error, or its text. */
export function reason(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return messageOf(error);
}
