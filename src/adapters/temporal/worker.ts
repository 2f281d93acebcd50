import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ExpctlError, messageOf } from '../../base/error.ts';
import { ok, type Result } from '../../base/result.ts';
import type { RunningWorker, WorkerWishes } from '../../engines/temporal/cluster.ts';
import { Courier } from '../../engines/temporal/courier.ts';
import { LIMITS, taskQueueOf } from '../../engines/temporal/protocol.ts';
import type { WorkerDeps } from '../../engines/temporal/activities.ts';
import { ArtifactCodec } from './artifact-codec.ts';
import { messengerOf } from './client.ts';
import { callFailed, connect, connectionOptions, type TemporalPlace } from './connection.ts';
import { temporalPackage } from './packages.ts';

const CONCURRENCY = 200;
/** A call that is out when a worker ends is waited for: of a `once` call nobody knew otherwise whether it happened. */
const DRAIN_TIME = '30 days';

/** Starts a worker: it performs the workflows and the activities of every run of the store that lies on this cluster. */
export async function startWorker(
  place: TemporalPlace,
  deps: Omit<WorkerDeps, 'draining' | 'wrote'>,
  options: WorkerWishes,
): Promise<Result<RunningWorker>> {
  const packages = await temporalPackage('@temporalio/worker', async () => ({
    sdk: await import('@temporalio/worker'),
    engine: await import('../../engines/temporal/activities.ts'),
  }));
  if (!packages.ok) return packages;
  const { sdk, engine } = packages.value;
  const client = await connect(place);
  if (!client.ok) return client;
  quieten(sdk, deps.onNotice);
  const messenger = await messengerOf(client.value, place);
  const courier = new Courier({ ...deps, messenger, place: placeName(place) });
  const draining = new AbortController();
  const activities = new engine.Activities({
    ...deps,
    draining: draining.signal,
    wrote: () => courier.nudge(),
    ...(options.heartbeat_s === undefined ? {} : { heartbeat_s: options.heartbeat_s }),
  });
  try {
    const connection = await sdk.NativeConnection.connect(connectionOptions(place));
    const task_queue = options.task_queue ?? taskQueueOf((await deps.journal.identity()) ?? '');
    const heartbeat_ms = (options.heartbeat_s ?? LIMITS.heartbeat_s) * 1000;
    const worker = await sdk.Worker.create({
      connection,
      namespace: place.namespace,
      taskQueue: task_queue,
      workflowBundle: await workflowBundle(sdk),
      activities: activities.all,
      dataConverter: { payloadCodecs: [new ArtifactCodec(options.artifacts)] },
      maxConcurrentActivityTaskExecutions: options.concurrency ?? CONCURRENCY,
      shutdownGraceTime: DRAIN_TIME,
      // A heartbeat is not held back for longer than a lost worker may stay unnoticed.
      maxHeartbeatThrottleInterval: heartbeat_ms / 4,
      defaultHeartbeatThrottleInterval: heartbeat_ms / 4,
    });
    courier.begin();
    const ended = endOf(worker.run(), async () => {
      await courier.stop();
      await activities.close();
      await connection.close();
      await client.value.close();
    });
    const drain = (): void => {
      if (draining.signal.aborted) return;
      draining.abort();
      worker.shutdown();
    };
    return ok({
      task_queue,
      ended: ended.then((end) => (end instanceof Error ? failed(place, end) : ok(undefined))),
      drain,
    });
  } catch (error) {
    await client.value.close().catch(() => undefined);
    return failed(place, error);
  }
}

/** As the lease of a run names it. */
export function placeName({ address, namespace }: TemporalPlace): string {
  return `${address}/${namespace}`;
}

async function endOf(running: Promise<void>, clean: () => Promise<void>): Promise<Error | null> {
  const end = await running.then(
    () => null,
    (error: unknown) => (error instanceof Error ? error : new Error(messageOf(error))),
  );
  await clean().catch(() => undefined);
  return end;
}

function failed(place: TemporalPlace, cause: unknown): Result<never> {
  const isOfServer = cause instanceof Error && /^(Transport|ServiceError|IllegalState|Unexpected)/.test(cause.name);
  if (isOfServer) return { ok: false, error: callFailed(place, cause) };
  const hint = 'Run it again with --debug, and report what it prints.';
  return { ok: false, error: new ExpctlError('INTERNAL', `The worker failed: ${messageOf(cause)}`, { hint, cause }) };
}

let quiet = false;

/** What the SDK has to say goes where notices go; signals are this program's to handle. */
function quieten(sdk: typeof import('@temporalio/worker'), onNotice: (text: string) => void): void {
  if (quiet) return;
  quiet = true;
  const logger = new sdk.DefaultLogger('WARN', ({ message, meta }) => {
    const { error } = (meta ?? {}) as { error?: unknown };
    onNotice(error === undefined ? message : `${message}: ${messageOf(error)}`);
  });
  sdk.Runtime.install({ logger, shutdownSignals: [] });
}

const EMPTY_MAP = { version: 3, file: 'temporal-workflows.js', sources: [], names: [], mappings: '' };

/** The SDK asks for a map of the sources; the bundle is shipped without. In two parts, lest a bundler takes it for this file's own. */
const NO_MAP = [
  '//# source',
  `MappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(EMPTY_MAP)).toString('base64')}`,
].join('');

/** Made with the program; made now where it runs from its sources. */
async function workflowBundle(sdk: typeof import('@temporalio/worker')) {
  const built = fileURLToPath(new URL('./temporal-workflows.js', import.meta.url));
  if (existsSync(built)) return { code: `${await readFile(built, 'utf8')}\n${NO_MAP}` };
  const workflowsPath = fileURLToPath(new URL('../../engines/temporal/workflows/index.ts', import.meta.url));
  return sdk.bundleWorkflowCode({ workflowsPath, logger: new sdk.DefaultLogger('ERROR') });
}
