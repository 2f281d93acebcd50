import type { ApprovedLock } from '../approval/authorise.ts';
import { ok, type Result } from '../base/result.ts';
import type { ArtifactStore } from '../engines/ports.ts';
import { eventOf, type RunStarted } from '../ir/events.ts';
import type { Lock } from '../ir/lock.ts';
import { compileProgram, type Program } from '../kernel/program.ts';
import type { App } from './app.ts';
import { type AuthoriseWishes, authoriseLock, type Candidate, type KeptEvidence } from './authorised.ts';
import type { LoadedRun, OpenedRun } from './runs.ts';

interface Wishes extends Omit<AuthoriseWishes, 'purpose'> {
  readonly loaded: LoadedRun;
  readonly project: string;
}

/** A run that goes on, with what allows it. */
export interface GoingOn {
  readonly approved: ApprovedLock<Lock>;
  readonly program: Program;
  /** The latest time in its journal, in milliseconds since 1970. */
  readonly least_now_ms: number;
}

/** Whether a run that was begun may go on here and now: by this process's own policy, and by what the store keeps of its approval. */
export async function authorisedRun(app: App, opened: OpenedRun, wishes: Wishes): Promise<Result<GoingOn>> {
  const { store, run, reader } = opened;
  const { loaded, project, ...others } = wishes;
  const candidate: Candidate = {
    lock_bytes: loaded.lock_bytes,
    lock_sha256: run.lock_sha256,
    file_name: run.name,
    project,
  };
  const { request_sha256 } = run;
  const kept = await keptEvidence(await app.artifacts(store), request_sha256, await approvalsOf(opened));
  const { latestTime_ms } = await import('../engines/embedded/engine.ts');
  const least_now_ms = Math.max(run.created_ms, await latestTime_ms(run.run, reader));
  const purpose = { purpose: 'resume', store, request_sha256, kept, least_now_ms } as const;
  const approved = await authoriseLock(app, candidate, { ...others, ...purpose });
  if (!approved.ok) return approved;
  const program = compileProgram(approved.value.lock, loaded.tables);
  return program.ok ? ok({ approved: approved.value, program: program.value, least_now_ms }) : program;
}

/** Digests of the approvals that a run was started with, from its first row. */
async function approvalsOf({ run, reader }: OpenedRun): Promise<readonly string[]> {
  for await (const row of reader.read(run.run, { stream: 'study', limit: 1 })) {
    if (row.type === 'run.started') return (eventOf(row) as RunStarted).approvals;
  }
  return [];
}

/** What the store keeps of a run's approval; undefined where it lacks a part: then the project's folder has to hold it. */
async function keptEvidence(
  artifacts: ArtifactStore,
  request_sha256: string,
  approvals: readonly string[],
): Promise<KeptEvidence | undefined> {
  const parts = await Promise.all([request_sha256, ...approvals].map((sha256) => artifacts.get(sha256)));
  const [request, ...envelopes] = parts.flatMap((part) => (part.ok ? [part.value] : []));
  return request === undefined || envelopes.length < approvals.length ? undefined : { request, envelopes };
}
