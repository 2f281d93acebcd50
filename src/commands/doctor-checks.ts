import { delimiter, isAbsolute, join } from 'node:path';
import type { ExpctlError } from '../base/error.ts';
import { sha256Hex, utf8 } from '../base/sha256.ts';
import { canonicalJson } from '../ir/canonical.ts';
import type { PinnedTool } from '../ir/tools.ts';
import type { App } from './app.ts';
import { namesTemporal, type TemporalFlags } from './temporal-options.ts';
import { taskQueueIn } from './temporal-queue.ts';
import type { TemporalFacts, TemporalPlace } from './temporal-port.ts';
import { projectHere, shownPath, storeOf } from './project.ts';
import { readTools, type ToolsProject } from './tools-project.ts';

/** What was found of one thing that a run needs, or can use. */
export interface Finding {
  readonly name: string;
  /** `missing`: not set up yet, or useful and not there; `broken`: what is there cannot be used. */
  readonly state: 'good' | 'missing' | 'broken';
  readonly message: string;
  /** What to do next; empty where nothing has to be done. */
  readonly hint: string;
}

const good = (name: string, message: string): Finding => ({ name, state: 'good', message, hint: '' });
const missing = (name: string, message: string, hint: string): Finding => ({ name, state: 'missing', message, hint });
const broken = (name: string, { message, hint }: Pick<ExpctlError, 'message' | 'hint'>): Finding => {
  return { name, state: 'broken', message, hint };
};

/** Looks at everything; starts the project's tools, and ends them again. */
export async function findings(
  app: App,
  { store, trust, temporal }: { store: string | undefined; trust: string | undefined; temporal: TemporalFlags },
): Promise<Finding[]> {
  const project = await projectHere(app);
  const facts = await app.hostFacts(project);
  return [
    nodeFinding(String(facts['node'])),
    await sqliteFinding(app),
    await storeFinding(app, storeOf(app, project, store)),
    await gitFinding(app, facts['git_commit']),
    await sshFinding(app),
    await trustFinding(app, project, trust),
    ...(await temporalFindings(app, temporal, storeOf(app, project, store))),
    ...(await toolFindings(app, project)),
  ];
}

/** The least version of package.json. */
const LEAST_NODE = [20, 19] as const;

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isEnough = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
  if (isEnough) return good('node', version);
  const message = `Node ${version} is older than ${LEAST_NODE.join('.')}.`;
  return broken('node', { message, hint: `Install Node ${LEAST_NODE.join('.')} or newer.` });
}

async function sqliteFinding(app: App): Promise<Finding> {
  const version = await app.sqliteVersion();
  return version.ok ? good('sqlite', version.value) : broken('sqlite', version.error);
}

async function storeFinding(app: App, folder: string): Promise<Finding> {
  const shown = shownPath(app, folder);
  try {
    const reader = await app.openReader(folder);
    if (reader.ok) return good('store', shown);
    if (reader.error.code === 'NOT_FOUND') return good('store', `${shown} will be made by the first run`);
    return broken('store', reader.error);
  } catch (error) {
    return broken('store', error as ExpctlError);
  }
}

async function gitFinding(app: App, commit: unknown): Promise<Finding> {
  if ((await programPath(app, 'git')) === undefined) {
    return missing('git', 'git is not in PATH.', 'Install it: runs then keep the commit of the project.');
  }
  if (typeof commit === 'string') return good('git', `commit ${commit.slice(0, 12)}`);
  return missing('git', 'The project has no commit.', 'Run `git init` and commit: runs then keep the commit.');
}

async function sshFinding(app: App): Promise<Finding> {
  const path = await programPath(app, 'ssh-keygen');
  if (path !== undefined) return good('ssh-keygen', path);
  const hint = 'Install OpenSSH to sign with SSH keys; built-in keys (`expctl keys new`) need nothing.';
  return missing('ssh-keygen', 'ssh-keygen is not in PATH.', hint);
}

/** Where PATH finds a program. Only looks: nothing is started. */
async function programPath(app: App, name: string): Promise<string | undefined> {
  for (const folder of (app.env['PATH'] ?? '').split(delimiter)) {
    if (isAbsolute(folder) && (await app.files.exists(join(folder, name)))) return join(folder, name);
  }
  return undefined;
}

async function trustFinding(app: App, project: string, flag: string | undefined): Promise<Finding> {
  const trust = await app.trust(flag, project);
  if (trust.ok) return good('trust', trust.value.path);
  const named = flag ?? app.env['EXPCTL_TRUST'] ?? '';
  const places = [await app.userTrustPath(), '/etc/expctl/trust.json'];
  const isThere = await Promise.all(places.map((place) => app.files.exists(place)));
  if (named !== '' || isThere.includes(true)) return broken('trust', trust.error);
  return missing('trust', 'There is no trust policy, so that nothing can be approved.', 'Run `expctl trust init`.');
}

/** Nothing where nobody has said that there is a Temporal server: most projects need none. */
async function temporalFindings(app: App, flags: TemporalFlags, store: string): Promise<Finding[]> {
  const temporal = await app.temporal();
  const place = await temporal.place(flags, store);
  // The store's own server has ended, be it by a restart of the machine: nothing is wrong, and it can be started again.
  if (!place.ok && place.error.code === 'ENGINE_UNAVAILABLE' && !namesTemporal(flags))
    return [missing('Temporal', place.error.message, place.error.hint)];
  if (!place.ok) return [broken('Temporal', place.error)];
  if (place.value.from === 'default' && !namesTemporal(flags)) return [];
  const facts = await temporal.probe(place.value, await taskQueueIn(app, store));
  return [facts.ok ? temporalFinding(place.value, facts.value) : broken('Temporal', facts.error)];
}

export function temporalFinding({ address, namespace }: TemporalPlace, facts: TemporalFacts): Finding {
  const { version, namespace_exists, missing_search_attributes, workers } = facts;
  const where = `Temporal ${version} at ${address}, namespace ${namespace}`;
  if (!namespace_exists) {
    const hint = `Make it (\`temporal operator namespace create -n ${namespace}\`), or name another one with --namespace.`;
    return broken('Temporal', { message: `${where}: there is no such namespace.`, hint });
  }
  const lacking = missing_search_attributes ?? [];
  const note = lacking.length === 0 ? '' : `; it lacks the search attributes ${lacking.join(', ')}`;
  if (workers > 0) return good('Temporal', `${where}, workers: ${workers}${note}`);
  const hint = 'Start a worker with `expctl worker`: until then, runs on Temporal wait.';
  return missing('Temporal', `${where}: no worker of this store waits for tasks${note}.`, hint);
}

async function toolFindings(app: App, project: string): Promise<Finding[]> {
  let found: ToolsProject;
  try {
    found = await readTools(app);
  } catch (error) {
    return [broken('tools', error as ExpctlError)];
  }
  const names = Object.keys(found.declared);
  if (names.length === 0 && Object.keys(found.pinned).length === 0) {
    return [missing('tools', 'The project has no tools yet.', 'Add one: expctl tools add NAME -- COMMAND ARG...')];
  }
  const unpinned = names.filter((name) => !Object.hasOwn(found.pinned, name));
  const findings = unpinned.map((name) =>
    missing(`tool ${name}`, 'It is not pinned.', `Run \`expctl tools pin ${name}\`.`),
  );
  for (const [name, pinned] of Object.entries(found.pinned))
    findings.push(await toolFinding(app, project, name, pinned));
  return findings;
}

/** Starts the tool as a run would, which compares all that is pinned. */
async function toolFinding(app: App, project: string, name: string, pinned: PinnedTool): Promise<Finding> {
  const artifacts = await app.artifacts(storeOf(app, project, undefined));
  const tools = await app.tools({ project_folder: project, artifacts });
  const session = await tools.open({ name, pin: sha256Hex(utf8(canonicalJson(pinned))), pinned });
  if (!session.ok) return broken(`tool ${name}`, session.error);
  await session.value.close();
  const { server } = pinned;
  return good(
    `tool ${name}`,
    `starts and is what was pinned${server === null ? '' : `: ${server.name} ${server.version}`}`,
  );
}
