import { dirname, join, resolve } from 'node:path';
import { parseRequest, type RequestDocument } from '../approval/request.ts';
import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { App } from './app.ts';
import { approvalsFolder } from './locks.ts';

/** Larger files are no request and no envelope; a folder may hold many. */
const MOST_BYTES = 1024 * 1024;

/*
 * Where approvals lie: approvals/NAME-REQUEST12/ holds `request.json`, `lock.json` (the lock that was asked about, for later
 * comparison) and one `*.dsse.json` for each decision.
 */

/** A request's folder. The request in it may be damaged. */
export interface RequestFolder {
  readonly folder: string;
  /** Of the folder, without the path. */
  readonly name: string;
  readonly request: Result<RequestDocument>;
}

/** A request that was read, and the folder of its decisions. */
export interface FoundRequest {
  readonly folder: string;
  readonly request: RequestDocument;
}

/** Every request of a project, oldest first; damaged ones last. */
export async function requestsIn(app: App, project: string): Promise<RequestFolder[]> {
  const root = approvalsFolder(project);
  const found: RequestFolder[] = [];
  for (const name of await app.files.list(root)) {
    const folder = join(root, name);
    const path = join(folder, 'request.json');
    if (await app.files.exists(path)) found.push({ folder, name, request: await readRequest(app, path) });
  }
  return found.sort((a, b) => createdAt(a) - createdAt(b));
}

/** A request that was named: its file. */
export async function requestNamed(app: App, path: string): Promise<Result<FoundRequest>> {
  const whole = resolve(app.cwd, path);
  const request = await readRequest(app, whole);
  return request.ok ? ok({ request: request.value, folder: dirname(whole) }) : request;
}

/**
 * The newest request for a lock with this digest; null if there is none. A damaged request of the same plan stops everything: it
 * might be the newest. APPROVAL_INVALID
 *
 * @param file_name how the lock's file is called, for want of the plan's name
 */
export function newestFor(
  requests: readonly RequestFolder[],
  lock_sha256: string,
  file_name: string,
): Result<FoundRequest | null> {
  let newest: FoundRequest | null = null;
  for (const { folder, request } of [...requests].sort((a, b) => createdAt(a) - createdAt(b))) {
    if (request.ok && request.value.request.lock.sha256 === lock_sha256) newest = { folder, request: request.value };
  }
  const plan_name = newest?.request.request.plan_name ?? file_name;
  for (const { name, request } of requests) {
    if (!request.ok && name.startsWith(`${plan_name}-`)) return err(request.error);
  }
  return ok(newest);
}

/** The bytes of every envelope beside a request, with their paths. */
export async function envelopeFiles(
  app: App,
  folder: string,
): Promise<Result<readonly { readonly path: string; readonly bytes: Uint8Array }[]>> {
  const names = (await app.files.list(folder)).filter((name) => name.endsWith('.dsse.json'));
  return readEnvelopes(
    app,
    names.map((name) => join(folder, name)),
  );
}

/** Envelopes of these files. One that cannot be read may have been a refusal: APPROVAL_INVALID. */
export async function readEnvelopes(
  app: App,
  paths: readonly string[],
): Promise<Result<readonly { readonly path: string; readonly bytes: Uint8Array }[]>> {
  const read: { path: string; bytes: Uint8Array }[] = [];
  for (const path of paths) {
    const bytes = await app.files.read(path, MOST_BYTES);
    if (!bytes.ok) return err(unreadable(bytes.error));
    read.push({ path, bytes: bytes.value });
  }
  return ok(read);
}

async function readRequest(app: App, path: string): Promise<Result<RequestDocument>> {
  const bytes = await app.files.read(path, MOST_BYTES);
  if (!bytes.ok) return err(unreadable(bytes.error));
  const request = parseRequest(bytes.value);
  if (request.ok) return request;
  const { code, message, hint } = request.error;
  return err(new ExpctlError(code, `${path}: ${message}`, { hint }));
}

function createdAt({ request }: RequestFolder): number {
  return request.ok ? Date.parse(request.value.request.created_at) : Number.POSITIVE_INFINITY;
}

function unreadable(cause: ExpctlError): ExpctlError {
  return new ExpctlError('APPROVAL_INVALID', cause.message, { hint: cause.hint, cause });
}

/** Runs that a store counts for a request; none where there is no store. Throws STORE_UNUSABLE. */
export async function usesOf(app: App, store: string, request: RequestDocument): Promise<number> {
  const reader = await app.openReader(store);
  if (!reader.ok) {
    if (reader.error.code === 'NOT_FOUND') return 0;
    throw reader.error;
  }
  try {
    return await reader.value.usesOf(request.sha256);
  } finally {
    await reader.value.close();
  }
}
