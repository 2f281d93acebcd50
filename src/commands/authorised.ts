import { dirname, join, resolve } from 'node:path';
import { authorise, type ApprovedLock, type AuthoriseInput } from '../approval/authorise.ts';
import { lockFacts } from '../approval/lock-facts.ts';
import { type EngineName, type EnvironmentDigest, parseRequest } from '../approval/request.ts';
import type { Trust } from '../approval/trust.ts';
import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { Lock } from '../ir/lock.ts';
import type { App } from './app.ts';
import { checkQuestions } from './approval-flow.ts';
import { environmentDigest } from './environment.ts';
import { approvalsFolder, type LockFile, lockIn, sha256Of } from './locks.ts';
import { storeOf } from './project.ts';
import {
  envelopeFiles,
  type FoundRequest,
  newestFor,
  type RequestFolder,
  readEnvelopes,
  requestNamed,
  requestsIn,
  usesOf,
} from './requests.ts';

/** What is asked about: bytes of a lock, whatever they are, and where approvals of it lie. */
export type Candidate = Pick<LockFile, 'lock_bytes' | 'lock_sha256' | 'file_name' | 'project'>;

export interface AuthoriseWishes {
  readonly purpose: AuthoriseInput<Lock>['purpose'];
  /** `--trust`. */
  readonly trust?: string | undefined;
  /** `--env`: the environment that the caller means; the one that was asked for unless given. */
  readonly env?: string | undefined;
  /** `--approval`: files of envelopes beside those in the project. Their folders may hold the request too. */
  readonly approvals?: readonly string[] | undefined;
  /** `--store`: where runs are counted. */
  readonly store?: string | undefined;
  /** Runs started so far, where the caller knows better than the store. */
  readonly runs_used?: number | undefined;
  /** The request of a run that goes on; the newest one for the lock unless given. */
  readonly request_sha256?: string | undefined;
  /** Request and envelopes that the store keeps of a run that goes on: the project's folder of approvals may be elsewhere. */
  readonly kept?: KeptEvidence | undefined;
  readonly engine?: EngineName | undefined;
  /** The last time that the journal holds, in milliseconds since 1970: the clock may not have gone back behind it. */
  readonly least_now_ms?: number | undefined;
}

export interface KeptEvidence {
  readonly request: Uint8Array;
  readonly envelopes: readonly Uint8Array[];
}

/** A request, and every folder in which it lies. */
interface AskedFor extends FoundRequest {
  readonly folders: readonly string[];
}

/** Everything that a verdict rests on. */
export interface Gathered extends FoundRequest {
  readonly trust: Trust & { readonly path: string };
  readonly envelopes: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  readonly environment: EnvironmentDigest;
  readonly runs_used: number;
}

/**
 * Decides whether a lock may be executed here and now: what `run`, `resume` and `verify` ask. Denies by default; a lock that nobody
 * asked about is not even read. Errors end with status 3.
 */
export async function authoriseLock(
  app: App,
  candidate: Candidate,
  wishes: AuthoriseWishes,
): Promise<Result<ApprovedLock<Lock>>> {
  const gathered = await gatherEvidence(app, candidate, wishes);
  return gathered.ok ? decideOn(app, candidate, gathered.value, wishes) : gathered;
}

/** Trust policy, request, envelopes, environment as it is now, and how many runs there were. */
export async function gatherEvidence(
  app: App,
  candidate: Candidate,
  wishes: AuthoriseWishes,
): Promise<Result<Gathered>> {
  const trust = await app.trust(wishes.trust, candidate.project);
  if (!trust.ok) return trust;
  const named = (wishes.approvals ?? []).map((path) => resolve(app.cwd, path));
  const asked = await requestFor(app, candidate, wishes, named);
  if (!asked.ok) return asked;
  const files = await envelopesFor(app, asked.value, named);
  if (!files.ok) return files;
  const envelopes = [...files.value, ...keptEnvelopes(wishes.kept, files.value)];
  const { request } = asked.value.request;
  const environment = await environmentDigest(app, candidate.project, wishes.env ?? request.environment.name);
  if (!environment.ok) return environment;
  const runs_used =
    wishes.runs_used ?? (await usesOf(app, storeOf(app, candidate.project, wishes.store), asked.value.request));
  const { folder, request: document } = asked.value;
  const evidence = { envelopes, environment: environment.value, runs_used };
  return ok({ folder, request: document, trust: trust.value, ...evidence });
}

/** Those beside every copy of the request, and those that were named: a refusal that lies beside one copy counts for all. */
async function envelopesFor(
  app: App,
  { folders }: AskedFor,
  named: readonly string[],
): Promise<Result<Gathered['envelopes']>> {
  const found: Gathered['envelopes'][number][] = [];
  for (const folder of folders) {
    const beside = await envelopeFiles(app, folder);
    if (!beside.ok) return beside;
    found.push(...beside.value);
  }
  const known = new Set(found.map(({ path }) => path));
  const others = await readEnvelopes(
    app,
    named.filter((path) => !known.has(path)),
  );
  return others.ok ? ok([...found, ...others.value]) : others;
}

/** Those of the store that are not among the files: an envelope counts once, and a refusal in a file still beats it. */
function keptEnvelopes(kept: KeptEvidence | undefined, files: Gathered['envelopes']): Gathered['envelopes'] {
  const known = new Set(files.map(({ bytes }) => sha256Of(bytes)));
  return (kept?.envelopes ?? [])
    .filter((bytes) => !known.has(sha256Of(bytes)))
    .map((bytes) => ({ path: 'the store', bytes }));
}

/** The verdict on what was gathered. */
export function decideOn(
  app: App,
  candidate: Candidate,
  gathered: Gathered,
  wishes: AuthoriseWishes,
): Result<ApprovedLock<Lock>> {
  return authorise({
    lock_bytes: candidate.lock_bytes,
    read_lock: readApprovable,
    request_bytes: gathered.request.bytes,
    envelopes: gathered.envelopes.map(({ bytes }) => bytes),
    trust: gathered.trust,
    environment: gathered.environment,
    engine: wishes.engine ?? 'embedded',
    runs_used: gathered.runs_used,
    purpose: wishes.purpose,
    now_ms: Math.max(app.clock.now_ms(), wishes.least_now_ms ?? 0),
  });
}

function readApprovable(bytes: Uint8Array): ReturnType<AuthoriseInput<Lock>['read_lock']> {
  const lock = lockIn(bytes);
  if (!lock.ok) return lock;
  const answered = checkQuestions(lock.value);
  return answered.ok ? ok({ lock: lock.value, facts: lockFacts(lock.value) }) : answered;
}

async function requestFor(
  app: App,
  candidate: Candidate,
  wishes: AuthoriseWishes,
  named: readonly string[],
): Promise<Result<AskedFor>> {
  const requests = [
    ...(await requestsIn(app, candidate.project)),
    ...(await requestsBeside(app, named)),
    ...keptRequest(candidate, wishes.kept),
  ];
  const found = requestAmong(requests, candidate, wishes.request_sha256);
  if (!found.ok) return found;
  const { sha256 } = found.value.request;
  const copies = requests.filter(({ request }) => request.ok && request.value.sha256 === sha256);
  return ok({ ...found.value, folders: [...new Set(copies.map(({ folder }) => folder))] });
}

function requestAmong(
  requests: readonly RequestFolder[],
  candidate: Candidate,
  of_run: string | undefined,
): Result<FoundRequest> {
  if (of_run !== undefined) return requestOfRun(requests, of_run);
  const newest = newestFor(requests, candidate.lock_sha256, candidate.file_name);
  if (!newest.ok) return newest;
  return newest.value === null ? err(notAskedFor(candidate, requests)) : ok(newest.value);
}

/** As if it lay where requests of the project lie; a refusal that is put there counts. */
function keptRequest(candidate: Candidate, kept: KeptEvidence | undefined): RequestFolder[] {
  if (kept === undefined) return [];
  const name = `${candidate.file_name}-${sha256Of(kept.request).slice(0, 12)}`;
  return [{ folder: join(approvalsFolder(candidate.project), name), name, request: parseRequest(kept.request) }];
}

/** Requests beside envelopes that were named: both may have been handed over together. */
async function requestsBeside(app: App, named: readonly string[]): Promise<RequestFolder[]> {
  const found: RequestFolder[] = [];
  for (const folder of new Set(named.map((path) => dirname(path)))) {
    const path = join(folder, 'request.json');
    if (!(await app.files.exists(path))) continue;
    const request = await requestNamed(app, path);
    found.push({ folder, name: '', request: request.ok ? ok(request.value.request) : request });
  }
  return found;
}

function requestOfRun(requests: readonly RequestFolder[], sha256: string): Result<FoundRequest> {
  for (const { request, folder } of requests) {
    if (request.ok && request.value.sha256 === sha256) return ok({ folder, request: request.value });
  }
  const hint = 'Restore its folder below approvals/: what was approved is proved anew before a run goes on.';
  return err(new ExpctlError('NOT_APPROVED', `The request ${sha256.slice(0, 12)} of the run is missing.`, { hint }));
}

/** Nobody asked for a lock with this digest. Where another one of the same name was asked for, this one was changed. */
function notAskedFor(candidate: Candidate, requests: readonly RequestFolder[]): ExpctlError {
  const found = candidate.lock_sha256;
  const documents = requests.flatMap(({ request }) => (request.ok ? [request.value.request] : []));
  const asked = documents.filter(({ plan_name }) => plan_name === candidate.file_name).at(-1)?.lock.sha256;
  if (asked === undefined) {
    const hint = 'Have it reviewed and signed: `expctl review`, or `expctl request` and `expctl approve`.';
    return new ExpctlError('NOT_APPROVED', `Nobody has asked for approval of this lock (${found.slice(0, 12)}…).`, {
      hint,
      details: { found },
    });
  }
  const message = `Nobody has asked for approval of this lock (${found.slice(0, 12)}…); what was asked for is ${asked.slice(0, 12)}….`;
  const hint =
    'If the change is meant, have it signed: `expctl review`, or `expctl request`. If not, restore the lock that was approved.';
  return new ExpctlError('LOCK_CHANGED', message, { hint, details: { asked, found } });
}
