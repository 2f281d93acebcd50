import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { exists, readWhole, writeWhole } from '../files/files.ts';
import { holderState, type ProcessFacts } from '../sqlite/lease.ts';

/** What `expctl server up` writes down of the server that it started. */
const ServerState = z.strictObject({
  pid: z.int().positive(),
  /** When that process began, and on which machine, boot and process-id namespace: a number alone is used again. */
  started: z.string(),
  machine: z.string(),
  boot: z.string(),
  namespace: z.string(),
  address: z.string(),
  /** null without a Web UI. */
  ui: z.string().nullable(),
  /** null where the server keeps nothing. */
  db: z.string().nullable(),
  /** Of the server; null until it has answered once. */
  version: z.string().nullable(),
});
export type ServerState = z.infer<typeof ServerState>;

/** `unknown`: of another machine or container, where this process cannot look. */
export type Liveness = 'live' | 'dead' | 'unknown';

export interface KnownServer {
  readonly state: ServerState;
  readonly life: Liveness;
}

/** The folder of a store in which its Temporal server keeps everything. */
export function serverFolder(store: string): string {
  return join(store, 'temporal');
}

export function serverStateFile(store: string): string {
  return join(serverFolder(store), 'server.json');
}

/** The server that was started for a store, and whether that very process lives; null if there is none. */
export async function readServer(store: string, here: ProcessFacts): Promise<Result<KnownServer | null>> {
  const file = serverStateFile(store);
  if (!(await exists(file))) return ok(null);
  const bytes = await readWhole(file, 64 * 1024);
  if (!bytes.ok) return bytes;
  const parsed = ServerState.safeParse(parsedJson(bytes.value));
  if (parsed.success) return ok({ state: parsed.data, life: holderState(parsed.data, here) });
  const hint = `Remove ${file} once no such server runs any more (\`ps -ef | grep start-dev\`).`;
  return err(new ExpctlError('DATA_INVALID', `${file} is not what \`expctl server up\` writes.`, { hint }));
}

function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
}

export function writeServer(store: string, state: ServerState): Promise<Result<void>> {
  return writeWhole(serverStateFile(store), `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}

export function forgetServer(store: string): Promise<void> {
  return rm(serverStateFile(store), { force: true });
}

/** A server on another machine: its address means nothing here, and nobody here can end it. */
export function elsewhere({ pid, machine }: Pick<ServerState, 'pid' | 'machine'>): ExpctlError {
  const message = `The Temporal server of this store was started on another machine or in another container: process ${pid} of ${machine.split(' ')[0]}.`;
  const hint = 'Run `expctl server down` there, or name another server with --address.';
  return new ExpctlError('ENGINE_UNAVAILABLE', message, { hint });
}
