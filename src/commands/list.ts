import type { Command } from 'commander';
import { parseRequest } from '../approval/request.ts';
import type { Trust } from '../approval/trust.ts';
import { unwrap } from '../base/result.ts';
import type { ArtifactStore, JournalReader, RunRow } from '../engines/ports.ts';
import type { Lock } from '../ir/lock.ts';
import { type ListedRun, listedRun, waitsForPerson } from '../provenance/list.ts';
import { listLines } from '../ui/run-status/list-view.ts';
import { styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { lockIn } from './locks.ts';
import { command, type JsonOption, type StoreOption, type TrustOption, usage, withExamples } from './options.ts';
import { withJson, withStore, withTrust } from './options.ts';
import { projectOfStore } from './project.ts';
import { withReader } from './runs.ts';

interface Options extends StoreOption, JsonOption, TrustOption {
  readonly waitingFor?: string;
}

export function listCommand(app: App): Command {
  const list = withTrust(withJson(withStore(command('list', 'list the runs of a store'))))
    .option('--waiting-for <person>', 'only runs that wait for a decision of this person; `me` is who EXPCTL_KEY is')
    .action(async (options: Options) =>
      withReader(app, options, async (reader, store) => listRuns(app, options, { reader, store })),
    );
  return withExamples(list, 'expctl list', 'expctl list --waiting-for me', 'expctl list --json --store /shared/store');
}

interface Opened {
  readonly reader: JournalReader;
  readonly store: string;
}

async function listRuns(app: App, options: Options, { reader, store }: Opened): Promise<void> {
  const artifacts = await app.artifacts(store);
  const locks = new Map<string, Lock | null>();
  const wanted = await personFilter(app, options, { store, artifacts });
  const runs: ListedRun[] = [];
  const { summaryBehind } = await import('../engines/embedded/snapshot.ts');
  for (const run of await reader.runs()) {
    const known = await summaryBehind(run.run, reader);
    const listed = await listedRun({
      run,
      known: known?.summary ?? null,
      rows: reader.read(run.run, known === null ? { stream: 'study' } : { after_position: known.position }),
      lock: await lockOf(artifacts, run.lock_sha256, locks),
      holder: await reader.holder(run.run),
      inbox: (await reader.inbox(run.run)).map(({ kind }) => kind),
    });
    if (await wanted(listed, run)) runs.push(listed);
  }
  show(app, options, runs);
}

function show(app: App, options: Options, runs: readonly ListedRun[]): void {
  if (options.json === true) return app.terminal.out(JSON.stringify(runs, null, 2));
  const who = options.waitingFor === undefined ? '' : ` that waits for ${options.waitingFor}`;
  if (runs.length === 0) return app.terminal.note(`There is no run${who} here.`);
  app.terminal.out(listLines(runs, styleFor(app.terminal.colour.out)).join('\n'));
  const waiting = runs.find(({ waits_for }) => waits_for !== null)?.waits_for;
  app.terminal.note(
    `\n${waiting === undefined || waiting === null ? 'More of one: expctl status RUN' : `Next: ${waiting.command}`}`,
  );
}

type Filter = (listed: ListedRun, run: RunRow) => Promise<boolean>;

async function personFilter(
  app: App,
  options: Options,
  { store, artifacts }: { store: string; artifacts: ArtifactStore },
): Promise<Filter> {
  if (options.waitingFor === undefined) return async () => true;
  const trust = unwrap(await app.trust(options.trust, await projectOfStore(app, store)));
  const person = options.waitingFor === 'me' ? await me(app, trust) : options.waitingFor;
  if (!Object.hasOwn(trust.policy.persons, person)) {
    throw usage(`The trust policy knows no ${person}.`, '`expctl trust show` lists who it knows.');
  }
  return async (listed, { request_sha256 }) =>
    waitsForPerson(listed, person, { trust, requested_by: await requestedBy(artifacts, request_sha256) });
}

/** Whose key EXPCTL_KEY is; else the login name, where the policy knows a person of that name. */
async function me(app: App, trust: Trust): Promise<string> {
  const key = app.env['EXPCTL_KEY'];
  if (key !== undefined && key !== '') {
    const { publicKey } = unwrap(await app.signer(key));
    const owner = trust.owners.get(publicKey.fingerprint);
    if (owner !== undefined) return owner;
    throw usage(`The key ${key} is nobody's in the trust policy.`, 'Name the person: --waiting-for PERSON.');
  }
  const login = app.env['USER'] ?? app.env['LOGNAME'] ?? '';
  if (Object.hasOwn(trust.policy.persons, login)) return login;
  throw usage('Nobody said who you are.', 'Set EXPCTL_KEY to your key, or name the person: --waiting-for PERSON.');
}

async function requestedBy(artifacts: ArtifactStore, sha256: string): Promise<string | null> {
  if (!(await artifacts.has(sha256))) return null;
  return unwrap(parseRequest(unwrap(await artifacts.get(sha256)))).request.requested_by;
}

async function lockOf(artifacts: ArtifactStore, sha256: string, known: Map<string, Lock | null>): Promise<Lock | null> {
  const seen = known.get(sha256);
  if (seen !== undefined) return seen;
  const bytes = (await artifacts.has(sha256)) ? await artifacts.get(sha256) : null;
  const lock = bytes?.ok === true ? lockIn(bytes.value) : null;
  const found = lock?.ok === true ? lock.value : null;
  known.set(sha256, found);
  return found;
}
