import type { Client, Connection } from '@temporalio/client';
import { err, ok, type Result } from '../../base/result.ts';
import type { ArtifactStore } from '../../engines/ports.ts';
import type { Cluster, StudyLabels, StudyStanding } from '../../engines/temporal/cluster.ts';
import type { Messenger } from '../../engines/temporal/courier.ts';
import {
  pointWorkflowId,
  STUDY_WORKFLOW,
  type StudyArguments,
  type StudyStatus,
} from '../../engines/temporal/protocol.ts';
import { ArtifactCodec } from './artifact-codec.ts';
import { callFailed, connect, type TemporalPlace } from './connection.ts';
import { temporalClient } from './packages.ts';

/** Connects. ENGINE_UNAVAILABLE. */
export async function openCluster(place: TemporalPlace, artifacts: ArtifactStore): Promise<Result<Cluster>> {
  const packages = await temporalClient();
  if (!packages.ok) return packages;
  const connection = await connect(place);
  if (!connection.ok) return connection;
  const { Client, WorkflowExecutionAlreadyStartedError } = packages.value;
  const dataConverter = { payloadCodecs: [new ArtifactCodec(artifacts)] };
  const client = new Client({ connection: connection.value, namespace: place.namespace, dataConverter });
  const isRunning = (error: unknown): boolean => error instanceof WorkflowExecutionAlreadyStartedError;
  return ok({
    begin: (given, labels) => begin(place, client, given, labels, isRunning),
    standing: (run) => standing(place, client, run),
    status: (run) => attempt(place, () => client.workflow.getHandle(run).query<StudyStatus>('studyStatus')),
    messagesCame: (run) =>
      client.workflow
        .getHandle(run)
        .signal('messagesCame')
        .catch(() => undefined),
    terminate: (run, points, reason) =>
      attempt(place, async () => {
        await terminateOne(client, run, reason);
        for (const point of points) await terminateOne(client, pointWorkflowId(run, point), reason);
      }),
    close: () => connection.value.close(),
  });
}

/** Tells workflows of what lies in the store for them. */
export async function messengerOf(connection: Connection, { namespace }: TemporalPlace): Promise<Messenger> {
  const { Client } = await import('@temporalio/client');
  const client = new Client({ connection, namespace });
  const tell = async (id: string, signal: string, ...args: readonly unknown[]): Promise<void> => {
    try {
      await client.workflow.getHandle(id).signal(signal, ...args);
    } catch (error) {
      if (!isNotFound(error)) throw error; // it has ended meanwhile
    }
  };
  return {
    messagesCame: (run) => tell(run, 'messagesCame'),
    tokensGranted: (run, point, step, attempted) =>
      tell(pointWorkflowId(run, point), 'tokensGranted', { step, attempt: attempted }),
  };
}

async function begin(
  place: TemporalPlace,
  client: Client,
  given: StudyArguments,
  { plan, lock_sha256, approvers, task_queue }: StudyLabels,
  isRunning: (error: unknown) => boolean,
): Promise<Result<'begun' | 'running'>> {
  const options = {
    workflowId: given.run,
    taskQueue: task_queue,
    workflowIdConflictPolicy: 'FAIL' as const,
    args: [given] as [StudyArguments],
    memo: { plan, lock_sha256 },
  };
  const labels = { ExpctlPlan: [plan], ExpctlLock: [lock_sha256], ExpctlApprover: [...approvers] };
  try {
    await client.workflow.start(STUDY_WORKFLOW, { ...options, searchAttributes: labels });
    return ok('begun');
  } catch (error) {
    if (isRunning(error)) return ok('running');
    if (!lacksAttributes(error)) return err(callFailed(place, error));
  }
  // Without them everything works, but for searching in Temporal's own tools.
  try {
    await client.workflow.start(STUDY_WORKFLOW, options);
    return ok('begun');
  } catch (error) {
    return isRunning(error) ? ok('running') : err(callFailed(place, error));
  }
}

async function standing(place: TemporalPlace, client: Client, run: string): Promise<Result<StudyStanding>> {
  try {
    const { status } = await client.workflow.getHandle(run).describe();
    if (status.name === 'RUNNING' || status.name === 'CONTINUED_AS_NEW') return ok({ kind: 'running' });
    if (status.name === 'COMPLETED') return ok({ kind: 'completed' });
    if (status.name !== 'FAILED') return ok({ kind: 'terminated' });
    const reason = await client.workflow
      .getHandle(run)
      .result()
      .then(() => '', reasonOf);
    return ok({ kind: 'failed', reason });
  } catch (error) {
    return isNotFound(error) ? ok({ kind: 'lost' }) : err(callFailed(place, error));
  }
}

async function attempt<T>(place: TemporalPlace, work: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await work());
  } catch (error) {
    return err(callFailed(place, error));
  }
}

async function terminateOne(client: Client, id: string, reason: string): Promise<void> {
  try {
    await client.workflow.getHandle(id).terminate(reason);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as { cause?: { message?: string }; message?: string };
  return cause?.message ?? message ?? String(error);
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && error.name === 'WorkflowNotFoundError';
}

/** The namespace does not know a search attribute of ours. */
function lacksAttributes(error: unknown): boolean {
  const { cause } = error as { cause?: { details?: unknown } };
  return /search attribute/i.test(String(cause?.details ?? (error as Error).message));
}
