import { join } from 'node:path';
import type { Command } from 'commander';
import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result, unwrap } from '../base/result.ts';
import type { AuthorisedRun } from '../engines/temporal/performed-run.ts';
import type { App } from './app.ts';
import { authorisedRun } from './authorised-run.ts';
import {
  command,
  integerAtLeast,
  type JsonOption,
  type StoreOption,
  type TrustOption,
  withExamples,
  withJson,
  withStore,
  withTrust,
} from './options.ts';
import { projectHere, projectOfStore, storeOf } from './project.ts';
import { findRun, lookAtRun } from './runs.ts';
import { temporalFlags, type TemporalFlags, withTemporal } from './temporal-options.ts';
import { messageVerifiers } from './verified-message.ts';

interface WorkerOptions extends TemporalFlags, StoreOption, TrustOption, JsonOption {
  readonly taskQueue?: string;
  readonly concurrency?: number;
  readonly heartbeat?: number;
  readonly env?: string;
  readonly verbose?: boolean;
}

export function workerCommand(app: App): Command {
  const worker = withTemporal(withJson(withTrust(withStore(command('worker', 'perform runs that lie on Temporal')))))
    .option('--task-queue <name>', 'which tasks it takes (default: expctl)')
    .option(
      '--concurrency <n>',
      'calls that are out at once, jobs that are asked after among them (default: 200)',
      integerAtLeast(1),
    )
    .option('--heartbeat <seconds>', 'how long a worker that is silent is waited for (default: 30)', integerAtLeast(1))
    .option('--env <name>', 'the environment that you mean; runs of others are refused')
    .option('--verbose', 'what tools say on standard error too')
    .action((options: WorkerOptions) => work(app, options));
  return withExamples(worker, 'expctl worker', 'expctl worker --address temporal.example.org:7233 --concurrency 20');
}

/** Works until it is told to end: one SIGINT or SIGTERM lets calls that are out come home, two end at once. */
async function work(app: App, options: WorkerOptions): Promise<void> {
  const project = await projectHere(app);
  const store = storeOf(app, project, options.store);
  const temporal = await app.temporal();
  const place = unwrap(await temporal.place(temporalFlags(options), store));
  const journal = await app.openSharedJournal(store);
  const artifacts = await app.artifacts(store);
  const note = (text: string): void => app.terminal.note(text);
  try {
    const worker = unwrap(
      await temporal.worker(
        place,
        {
          journal,
          clock: app.clock,
          authorise: (run) => authorise(app, store, run, options),
          onNotice: note,
        },
        { artifacts, task_queue: options.taskQueue, concurrency: options.concurrency, heartbeat_s: options.heartbeat },
      ),
    );
    let signal: 'SIGINT' | 'SIGTERM' | null = null;
    const stop = app.onInterrupt((which) => {
      if (signal !== null) process.exit(which === 'SIGINT' ? 130 : 143);
      signal = which;
      note('No new task is taken; calls that are out are waited for. Once more to end now.');
      worker.drain();
    });
    const { address, namespace } = place;
    if (options.json === true) {
      app.terminal.out(JSON.stringify({ address, namespace, task_queue: worker.task_queue, store }));
    }
    note(
      `Working for ${address}, namespace ${namespace}, task queue ${worker.task_queue}. Ctrl-C ends it in good order.`,
    );
    const ended = await worker.ended;
    stop();
    unwrap(ended);
  } finally {
    await journal.close();
  }
}

/** Believes nothing but bytes: lock, request and approvals from the store, and this worker's own policy. */
async function authorise(
  app: App,
  store: string,
  run_id: string,
  options: WorkerOptions,
): Promise<Result<AuthorisedRun>> {
  const reader = await app.openReader(store);
  if (!reader.ok) return reader;
  try {
    const run = await findRun(reader.value, run_id);
    const project = await projectOfStore(app, store);
    const loaded = await lookAtRun(app, store, run);
    if (loaded.lock.semantics < 2) return err(tooOld(run_id));
    const { trust, env } = options;
    const wishes = { trust, env, loaded, project, engine: 'temporal' as const };
    const going = await authorisedRun(app, { store, reader: reader.value, run }, wishes);
    if (!going.ok) return going;
    const { approved, program } = going.value;
    const artifacts = await app.artifacts(store);
    const log = (tool: string, line: string): void => app.terminal.note(`${tool}: ${line}`);
    return ok({
      run: run.run,
      approved,
      program,
      tools: await app.tools({
        project_folder: project,
        artifacts,
        ...(options.verbose === true ? { onLog: log } : {}),
      }),
      workFolder: (name, point, step, attempt) => join(store, 'work', name, String(point), `${step}-${attempt}`),
      host: await app.hostFacts(project),
      ...messageVerifiers(app, { run: run.run, approved, artifacts, project, clock: app.clock }, trust),
    });
  } catch (error) {
    if (error instanceof ExpctlError) return err(error);
    throw error;
  } finally {
    await reader.value.close();
  }
}

function tooOld(run: string): ExpctlError {
  const hint = 'Lock the plan again, and have it approved.';
  return new ExpctlError('USAGE', `Run ${run} was signed under semantics 1, which Temporal does not perform.`, {
    hint,
  });
}
