// Everything the server knows is in files under one folder, so that it may be killed and started again at any moment.
import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A failure the caller can understand and mend: it becomes `isError: true` with this message. */
export class ToolError extends Error {}

/** The state folder: BEAM_STATE, else `.beam` in the working folder. */
export function stateFolder() {
  return resolve(process.env.BEAM_STATE || '.beam');
}

/** JSON with sorted keys and no spaces: equal values give equal text. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const names = Object.keys(value)
    .filter((name) => value[name] !== undefined)
    .sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
}

export function sha256(text) {
  return createHash('sha256').update(text).digest('hex');
}

/** An immutable id: the kind, and 16 hexadecimal digits of the SHA-256 of what the thing was made from. */
export function idOf(kind, inputs) {
  return `${kind}_${sha256(canonical([kind, inputs])).slice(0, 16)}`;
}

/** The value in a JSON file, or undefined if there is no such file. */
export function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes a file so that others see the old content or the whole new one. */
export function replaceFile(file, text) {
  renameSync(temporaryFile(file, text), file);
}

/**
 * Writes a file unless it exists, as O_EXCL does; but who sees the name sees the whole content.
 *
 * @returns true if this call made the file
 */
export function createFile(file, text) {
  const temporary = temporaryFile(file, text);
  try {
    linkSync(temporary, file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(temporary);
  }
}

export function toJson(value) {
  return `${JSON.stringify(value, null, 1)}\n`;
}

function temporaryFile(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}.tmp`;
  const descriptor = openSync(temporary, 'wx');
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return temporary;
}

/**
 * Binds an idempotency key of a call to its arguments, for ever.
 *
 * @throws ToolError if the key is already bound to other arguments
 * @returns the file in which the answer of a finished call is kept
 */
export function bindKey(root, call, key, inputs) {
  const folder = `${root}/keys/${call}/${sha256(key)}`;
  const file = `${folder}/arguments.json`;
  createFile(file, toJson({ call, key, inputs }));
  if (canonical(readJson(file).inputs) !== canonical(inputs)) {
    throw new ToolError(`idempotency_key ${JSON.stringify(key)} was already used for ${call} with other arguments.`);
  }
  return `${folder}/answer.json`;
}

const inFlight = new Map();

/** Does `work` once per key and keeps its answer; the same key gives that answer again, also after a restart. */
export async function oncePerKey(root, call, key, inputs, work) {
  const file = bindKey(root, call, key, inputs);
  if (!inFlight.has(file)) {
    const answer = async () => {
      if (readJson(file) === undefined) createFile(file, toJson(await work()));
      return readJson(file);
    };
    inFlight.set(
      file,
      answer().finally(() => inFlight.delete(file)),
    );
  }
  return inFlight.get(file);
}
