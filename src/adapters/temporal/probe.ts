import type { Connection } from '@temporalio/client';
import { err, ok, type Result } from '../../base/result.ts';
import { callFailed, connect, type TemporalPlace } from './connection.ts';

/** What runs are found by in Temporal's own screens. */
export const SEARCH_ATTRIBUTES = {
  ExpctlPlan: 'Keyword',
  ExpctlLock: 'Keyword',
  ExpctlPhase: 'Keyword',
  ExpctlApprover: 'KeywordList',
} as const;

/** What a server says of itself. */
export interface ServerFacts {
  readonly version: string;
  readonly namespace_exists: boolean;
  /** Names that the server does not know; null where it does not say (Temporal Cloud). */
  readonly missing_search_attributes: readonly string[] | null;
  /** Who polls the task queue, each counted once. */
  readonly workers: number;
}

const CALL_TIMEOUT_MS = 5_000;
const [NOT_FOUND, WORKFLOWS, ACTIVITIES] = [5, 1, 2] as const; // of gRPC, and of TaskQueueType

/** Asks a server who it is. */
export async function probe(place: TemporalPlace, task_queue: string | null): Promise<Result<ServerFacts>> {
  const connection = await connect(place);
  if (!connection.ok) return connection;
  try {
    return ok(
      await connection.value.withDeadline(Date.now() + CALL_TIMEOUT_MS, () => ask(connection.value, place, task_queue)),
    );
  } catch (cause) {
    return err(callFailed(place, cause));
  } finally {
    await connection.value.close();
  }
}

async function ask(
  connection: Connection,
  { namespace }: TemporalPlace,
  task_queue: string | null,
): Promise<ServerFacts> {
  const { workflowService } = connection;
  const { serverVersion } = await workflowService.getSystemInfo({});
  const namespace_exists = await exists(connection, namespace);
  return {
    version: serverVersion ?? 'unknown',
    namespace_exists,
    missing_search_attributes: namespace_exists ? await missingAttributes(connection, namespace) : null,
    workers: namespace_exists && task_queue !== null ? await countWorkers(connection, namespace, task_queue) : 0,
  };
}

async function exists({ workflowService }: Connection, namespace: string): Promise<boolean> {
  try {
    await workflowService.describeNamespace({ namespace });
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === NOT_FOUND) return false;
    throw error;
  }
}

async function missingAttributes({ operatorService }: Connection, namespace: string): Promise<string[] | null> {
  try {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    return Object.keys(SEARCH_ATTRIBUTES).filter((name) => !Object.hasOwn(customAttributes ?? {}, name));
  } catch {
    return null;
  }
}

async function countWorkers({ workflowService }: Connection, namespace: string, task_queue: string): Promise<number> {
  const queues = await Promise.all(
    [WORKFLOWS, ACTIVITIES].map((taskQueueType) =>
      workflowService.describeTaskQueue({ namespace, taskQueue: { name: task_queue }, taskQueueType }),
    ),
  );
  return new Set(queues.flatMap(({ pollers }) => (pollers ?? []).map(({ identity }) => identity))).size;
}

/** Whether a server that was just started has all that runs need. */
export function isReady(facts: ServerFacts): boolean {
  return facts.namespace_exists && facts.missing_search_attributes?.length === 0;
}

/** Asks until a server is ready, or the time is over: its last answer; null once `given_up` says so. */
export async function untilReady(
  place: TemporalPlace,
  options: { readonly timeout_s: number; readonly given_up: () => boolean },
): Promise<Result<ServerFacts> | null> {
  for (const end_ms = performance.now() + options.timeout_s * 1000; ; ) {
    const facts = await probe(place, null);
    if (options.given_up()) return null;
    if ((facts.ok && isReady(facts.value)) || performance.now() > end_ms) return facts;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
