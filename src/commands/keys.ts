import { resolve } from 'node:path';
import type { Command } from 'commander';
import { generateBuiltInKey } from '../approval/ed25519.ts';
import { publicKey, type PublicKey, trustEntry } from '../approval/public-key.ts';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import type { App } from './app.ts';
import { readPublicKey } from './key-files.ts';
import { command, type JsonOption, withExamples, withJson } from './options.ts';
import { shownPath } from './project.ts';

export function keysCommand(app: App): Command {
  const create = withJson(command('new', 'make a built-in Ed25519 key, and FILE.pub with its public half'))
    .argument('<file>', 'where the private key is written; it must not exist')
    .action((file: string, options: JsonOption) => newKey(app, file, options));
  const show = withJson(command('show', 'say what a key is, and how the trust policy writes it'))
    .argument('<file>', 'a built-in or SSH key, or its .pub')
    .action((file: string, options: JsonOption) => showKey(app, file, options));
  const keys = command('keys', 'make and show keys')
    .addCommand(withExamples(create, 'expctl keys new ~/.config/expctl/alice.key'))
    .addCommand(withExamples(show, 'expctl keys show ~/.ssh/id_ed25519.pub'));
  return withExamples(keys, 'expctl keys new ~/.config/expctl/alice.key', 'expctl keys show ~/.ssh/id_ed25519.pub');
}

async function newKey(app: App, file: string, { json }: JsonOption): Promise<void> {
  const path = resolve(app.cwd, file);
  const public_path = `${path}.pub`;
  for (const taken of [path, public_path]) if (await app.files.exists(taken)) throw exists(app, taken);
  const { private_pem, key } = generateBuiltInKey();
  const own = publicKey('ed25519', key.raw);
  unwrap(await app.files.write(path, private_pem, { mode: 0o600, exclusive: true }));
  unwrap(await app.files.write(public_path, `${entryText(own)}\n`, { exclusive: true }));
  if (json === true) app.terminal.out(JSON.stringify({ file: path, public_file: public_path, ...facts(own) }, null, 2));
  else app.terminal.out(`${own.fingerprint}  ${shownPath(app, path)}`);
  app.terminal.note(
    `  The private key is not encrypted: keep ${shownPath(app, path)} to yourself, outside the project.`,
  );
  app.terminal.note(`  Next: expctl trust init --person NAME --key ${shownPath(app, public_path)}`);
}

async function showKey(app: App, file: string, { json }: JsonOption): Promise<void> {
  const key = unwrap(await readPublicKey(app, file));
  if (json === true) return app.terminal.out(JSON.stringify(facts(key), null, 2));
  const kind = key.kind === 'ssh' ? 'SSH key, Ed25519' : 'built-in key, Ed25519';
  app.terminal.out(`fingerprint  ${key.fingerprint}\nkind         ${kind}\ntrust entry  ${entryText(key)}`);
}

function facts(key: PublicKey): { fingerprint: string; kind: string; trust_entry: object } {
  return { fingerprint: key.fingerprint, kind: key.kind, trust_entry: trustEntry(key) };
}

/** The key as it is pasted into the list `keys` of a person in the trust policy. */
function entryText(key: PublicKey): string {
  return JSON.stringify(trustEntry(key));
}

function exists(app: App, path: string): ExpctlError {
  const hint = 'Name another file: a key is never overwritten.';
  return new ExpctlError('FILE_UNREADABLE', `${shownPath(app, path)} exists already.`, { hint });
}
