import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { type Trust, trustInit } from '../approval/trust.ts';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import { safeText } from '../ui/safe-text.ts';
import { trustLines } from '../ui/trust.ts';
import type { App } from './app.ts';
import { readPublicKey } from './key-files.ts';
import { command, type JsonOption, type TrustOption, withExamples, withJson, withTrust } from './options.ts';
import { isProject, projectHere, projectOf, shownPath } from './project.ts';

interface InitOptions extends JsonOption {
  readonly person: string;
  readonly key: string;
  readonly solo?: boolean;
  readonly allowWithoutTerminal?: boolean;
  readonly output?: string;
}

export function trustCommand(app: App): Command {
  const init = withJson(command('init', 'write the first trust policy: one person, with every role'))
    .requiredOption('--person <name>', 'who the key belongs to, such as alice or alice@lab.org')
    .requiredOption('--key <file>', 'their key: built-in or SSH, private or .pub')
    .option('--solo', 'a team of one: the person may approve what they requested (provenance says so)')
    .option('--allow-without-terminal', 'keys may sign where nobody sits at a terminal, as in CI')
    .option('-o, --output <file>', 'where to write it (default: your config folder)')
    .action((options: InitOptions) => initTrust(app, options));
  const show = withJson(withTrust(command('show', 'say in plain words who may sign what'))).action(
    (options: TrustOption & JsonOption) => showTrust(app, options),
  );
  const trust = command('trust', 'make and show the trust policy')
    .addCommand(withExamples(init, 'expctl trust init --person alice --key ~/.ssh/id_ed25519.pub --solo'))
    .addCommand(withExamples(show, 'expctl trust show', 'expctl trust show --trust /etc/expctl/trust.json'));
  return withExamples(trust, 'expctl trust init --person alice --key alice.key.pub --solo', 'expctl trust show');
}

async function initTrust(app: App, options: InitOptions): Promise<void> {
  const path = options.output === undefined ? await app.userTrustPath() : resolve(app.cwd, options.output);
  if (await app.files.exists(path)) throw exists(app, path);
  await assertOutsideProjects(app, path);
  const key = unwrap(await readPublicKey(app, options.key));
  const { person, solo = false, allowWithoutTerminal = false } = options;
  const policy = unwrap(trustInit({ person, key, solo, allow_without_terminal: allowWithoutTerminal }));
  const text = `${JSON.stringify(policy, null, 2)}\n`;
  unwrap(await app.files.write(path, text, { mode: 0o600, exclusive: true }));
  const { fingerprint } = key;
  if (options.json === true) app.terminal.out(JSON.stringify({ file: path, person, fingerprint, policy }, null, 2));
  else app.terminal.out(`${shownPath(app, path)}: ${person} is whoever holds ${fingerprint}, and may approve.`);
  if (!solo) {
    app.terminal.note('  Nobody may approve what they requested: add another person to the file, or use --solo.');
  }
  const flag = options.output === undefined ? '' : ` --trust ${shownPath(app, path)}`;
  app.terminal.note(`  Next: expctl trust show${flag}`);
}

async function showTrust(app: App, options: TrustOption & JsonOption): Promise<void> {
  const here = await projectHere(app);
  const trust = unwrap(await app.trust(options.trust, (await isProject(app, here)) ? here : null));
  if (options.json === true) return app.terminal.out(JSON.stringify(document(trust), null, 2));
  app.terminal.out(
    [`Trust policy ${safeText(trust.path)} (${trust.sha256.slice(0, 12)})`, ...trustLines(trust)].join('\n'),
  );
}

function document({ path, sha256, policy, keys, owners }: Trust & { readonly path: string }): object {
  const fingerprints = keys.map(({ fingerprint, kind }) => ({ fingerprint, kind, person: owners.get(fingerprint) }));
  return { file: path, sha256, policy, keys: fingerprints };
}

/** Whoever can edit a project could make themselves an approver: such a file would be refused when it is read. */
async function assertOutsideProjects(app: App, path: string): Promise<void> {
  const parent = await realFolder(app, dirname(path));
  for (const project of [await projectHere(app), await projectOf(app, join(parent, 'trust.json'))]) {
    const real = await app.files.real(project);
    if (!(await isProject(app, real)) || !(parent === real || parent.startsWith(`${real}/`))) continue;
    const hint = 'Leave -o out to write it to your config folder, or name a file outside the project.';
    throw new ExpctlError('TRUST_INVALID', `${shownPath(app, path)} is inside the project ${real}.`, { hint });
  }
}

/** Without symbolic links, also where the last folders do not exist yet. */
async function realFolder(app: App, folder: string): Promise<string> {
  if (folder === dirname(folder) || (await app.files.exists(folder))) return app.files.real(folder);
  return join(await realFolder(app, dirname(folder)), folder.slice(dirname(folder).length));
}

function exists(app: App, path: string): ExpctlError {
  const hint = 'Edit that file, or name another one with -o; a policy is never overwritten.';
  return new ExpctlError('FILE_UNREADABLE', `${shownPath(app, path)} exists already.`, { hint });
}
