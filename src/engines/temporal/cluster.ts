import type { Result } from '../../base/result.ts';
import type { ArtifactStore } from '../ports.ts';
import type { StudyArguments, StudyStatus } from './protocol.ts';

/** How a study's workflow stands on the server. */
export type StudyStanding =
  | { readonly kind: 'running' }
  /** It ended as the study did. */
  | { readonly kind: 'completed' }
  /** It stopped because something did not hold: why. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Somebody ended it from outside, or the server lost it: `expctl resume` goes on. */
  | { readonly kind: 'terminated' | 'lost' };

/** Where a run goes, and what is shown of it in Temporal's own tools, where the namespace has these attributes. */
export interface StudyLabels {
  readonly plan: string;
  readonly lock_sha256: string;
  readonly approvers: readonly string[];
  /** Whose workers take it: those of the store. */
  readonly task_queue: string;
}

/** A cluster, as commands speak with it. */
export interface Cluster {
  /** Begins a study's workflow, or leaves the one that runs. */
  begin(given: StudyArguments, labels: StudyLabels): Promise<Result<'begun' | 'running'>>;
  standing(run: string): Promise<Result<StudyStanding>>;
  status(run: string): Promise<Result<StudyStatus>>;
  /** Tells a study that there are messages for it in the store. */
  messagesCame(run: string): Promise<void>;
  /** Ends the workflows of a run, and of its points; whatever is out is left as it is. */
  terminate(run: string, points: readonly number[], reason: string): Promise<Result<void>>;
  close(): Promise<void>;
}

/** How a worker goes about it. */
export interface WorkerWishes {
  /** Where large payloads lie; that of the store. */
  readonly artifacts: ArtifactStore;
  readonly task_queue?: string | undefined;
  /** Calls that are out at once, polls of jobs among them. */
  readonly concurrency?: number | undefined;
  readonly heartbeat_s?: number | undefined;
}

/** A worker at work. */
export interface RunningWorker {
  readonly task_queue: string;
  /** Resolves once it has ended. */
  readonly ended: Promise<Result<void>>;
  /** Takes no new task; calls that are out are waited for, jobs go on at the next worker. */
  drain(): void;
}
