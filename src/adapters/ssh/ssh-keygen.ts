import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { parseSshPublicKey } from '../../approval/public-key.ts';
import type { PublicKey } from '../../approval/public-key.ts';
import type { Namespace, Signature } from '../../approval/signature.ts';
import type { Signer } from '../../approval/signer.ts';
import { parseArmouredSshsig } from '../../approval/sshsig.ts';
import { ExpctlError } from '../../base/error.ts';
import { err, ok } from '../../base/result.ts';
import type { Result } from '../../base/result.ts';

/** Longer answers than this are none: a signature has about 400 bytes. */
const MAX_OUTPUT_BYTES = 64 * 1024;

interface ProcessOutput {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `-Y sign` with a file of a private key, or of a public one whose private half an agent holds (man ssh-keygen). The message is stdin. */
export function signArgv(key_path: string, namespace: Namespace): string[] {
  return ['-Y', 'sign', '-n', namespace, '-f', key_path];
}

/** `-y` prints the public half of a private key. */
export function publicKeyArgv(key_path: string): string[] {
  return ['-y', '-f', key_path];
}

/** What `-Y sign` printed to the signature of an envelope. */
export function parseSign(output: ProcessOutput, key: PublicKey): Result<Signature> {
  const blob = parseArmouredSshsig(output.stdout);
  if (output.exitCode === 0 && blob.ok) {
    return ok({ keyid: key.fingerprint, sig: Buffer.from(blob.value).toString('base64') });
  }
  return err(failed('could not sign', output));
}

/**
 * Signs with an SSH key by way of `ssh-keygen`: the key may be a file, in an agent, or on a token. ssh-keygen asks for a passphrase at
 * the terminal itself (not on stdin), so prompts work as ever.
 *
 * @param options.key_path file of a private key, or of its public half (`.pub`) where an agent holds the private one
 * @param options.notice   what ssh-keygen says while it works, such as that a token waits to be touched
 */
export async function sshSigner(options: {
  readonly key_path: string;
  readonly program?: string;
  readonly notice?: (text: string) => void;
}): Promise<Result<Signer>> {
  const { key_path, program = 'ssh-keygen', notice = () => {} } = options;
  const publicKey = await readPublicKey(key_path, program, notice);
  if (!publicKey.ok) return publicKey;
  const key = publicKey.value;
  return ok({
    publicKey: key,
    sign: async (namespace, message) => {
      const output = await run(program, signArgv(key_path, namespace), message, notice);
      return output.ok ? parseSign(output.value, key) : output;
    },
  });
}

/** The public half: the file itself, the `.pub` beside it, or what ssh-keygen derives. */
async function readPublicKey(
  key_path: string,
  program: string,
  notice: (text: string) => void,
): Promise<Result<PublicKey>> {
  for (const path of [key_path, `${key_path}.pub`]) {
    const text = await readText(path);
    if (path === key_path && text === undefined) return err(unreadable(key_path));
    if (text !== undefined && !text.includes('PRIVATE KEY')) return parseSshPublicKey(text);
  }
  const output = await run(program, publicKeyArgv(key_path), new Uint8Array(), notice);
  if (!output.ok) return output;
  if (output.value.exitCode !== 0) return err(failed('could not read the key', output.value));
  return parseSshPublicKey(output.value.stdout);
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

function run(
  program: string,
  argv: readonly string[],
  input: Uint8Array,
  notice: (text: string) => void,
): Promise<Result<ProcessOutput>> {
  return new Promise((resolve) => {
    const child = spawn(program, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let bytes = 0;
    const keep = (chunks: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_OUTPUT_BYTES) chunks.push(chunk);
      else child.kill();
    };
    child.stdout.on('data', keep(stdout));
    child.stderr.on('data', keep(stderr));
    child.stderr.on('data', (chunk: Buffer) => notice(chunk.toString()));
    child.on('error', (cause) => resolve(err(cannotStart(program, cause))));
    child.on('close', (exitCode) => {
      resolve(ok({ exitCode, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }));
    });
    child.stdin.on('error', () => {}); // it ended without reading: its exit status tells
    child.stdin.end(input);
  });
}

function failed(what: string, { exitCode, stderr }: ProcessOutput): ExpctlError {
  const hint = 'Look whether the key is the right one, and the agent holds it: `ssh-add -l`.';
  const said = stderr.trim() || 'no message';
  return new ExpctlError('TOOL_UNAVAILABLE', `ssh-keygen ${what} (exit ${exitCode ?? 'by signal'}): ${said}`, { hint });
}

function unreadable(key_path: string): ExpctlError {
  const hint = 'Give a private key, such as ~/.ssh/id_ed25519, or the .pub file of one that your agent holds.';
  return new ExpctlError('FILE_UNREADABLE', `The key ${key_path} cannot be read.`, { hint });
}

function cannotStart(program: string, cause: Error): ExpctlError {
  const hint = 'Install OpenSSH 8.1 or later, or sign with a built-in key (`expctl keys`).';
  return new ExpctlError('TOOL_UNAVAILABLE', `${program} cannot be started: ${cause.message}`, { hint, cause });
}
