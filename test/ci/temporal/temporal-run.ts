import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setTimeout as pauseFor } from 'node:timers/promises';
import { Client, type WorkflowHandle } from '@temporalio/client';
import type { ApprovedLock } from '../../../src/approval/authorise.ts';
import type { Lock } from '../../../src/ir/lock.ts';
import { type JournalLine, journalOf } from './activities.ts';
import { startedFact } from './approved.ts';
import type { DevServer } from './dev-server.ts';
import { pointWorkflowId, TASK_QUEUE, WORKFLOW_TASK_TIMEOUT } from './protocol.ts';
import { TABLES } from './small-lock.ts';
import type { studyWorkflow } from './study-workflow.ts';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

/** One execution of a workflow, as the server keeps it. */
export interface Execution {
  readonly workflowId: string;
  readonly history: History;
  readonly bytes: number;
}

/** Starts a worker in a process of its own, and waits until it works. */
export async function startWorker(server: DevServer, bundle: string, store: string): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('worker.ts', import.meta.url));
  const argv = ['--import', 'tsx', script, server.address, bundle, store];
  const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<never>((_resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the worker ended with status ${code} before it was ready`)));
  });
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).once('line', () => resolve());
  });
  await Promise.race([ready, ended]);
  ended.catch(() => undefined);
  return child;
}

/** A run on the server: its study, and its journal. */
export class TemporalRun {
  readonly client: Client;
  readonly run: string;
  readonly store: string;

  constructor(server: DevServer, run: string, store: string) {
    this.client = new Client({ connection: server.connection });
    this.run = run;
    this.store = store;
  }

  get study(): WorkflowHandle<typeof studyWorkflow> {
    return this.client.workflow.getHandle<typeof studyWorkflow>(this.run);
  }

  async start(approved: ApprovedLock<Lock>, facts_per_execution: number): Promise<void> {
    const { lock } = approved;
    const started = startedFact(approved);
    const given = { run: this.run, lock, tables: TABLES, started, facts_per_execution, carried: null };
    await this.client.workflow.start<typeof studyWorkflow>('studyWorkflow', {
      workflowId: this.run,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      taskQueue: TASK_QUEUE,
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
      args: [given],
    });
  }

  journal(): JournalLine[] {
    return journalOf(this.store, this.run);
  }

  /** Waits until the journal is as asked. */
  async until(what: string, is: (lines: readonly JournalLine[]) => boolean): Promise<void> {
    await until(`${this.run}: ${what}`, () => is(this.journal()));
  }

  /** The study's executions, in order, and those of the points. */
  async executions(points: number): Promise<{ study: Execution[]; points: Execution[] }> {
    const study: Execution[] = [];
    for (let run_id = await this.#firstExecution(); run_id !== undefined; ) {
      const execution = await this.#execution(this.run, run_id);
      study.push(execution);
      const continued = execution.history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes;
      run_id = continued?.newExecutionRunId ?? undefined;
    }
    const numbers = Array.from({ length: points }, (_, index) => index + 1);
    return {
      study,
      points: await Promise.all(numbers.map((point) => this.#execution(pointWorkflowId(this.run, point)))),
    };
  }

  async #execution(workflowId: string, run_id?: string): Promise<Execution> {
    const handle = this.client.workflow.getHandle(workflowId, run_id);
    const [history, { historySize }] = [await handle.fetchHistory(), await handle.describe()];
    return { workflowId, history, bytes: historySize ?? 0 };
  }

  async #firstExecution(): Promise<string | undefined> {
    const last = await this.study.fetchHistory();
    const started = last.events?.[0]?.workflowExecutionStartedEventAttributes;
    return started?.firstExecutionRunId ?? undefined;
  }
}

/** Asks again until it is so; fails after 60 s. */
export async function until(what: string, is: () => boolean): Promise<void> {
  for (const end_ms = Date.now() + 60_000; !is(); await pauseFor(50)) {
    if (Date.now() > end_ms) throw new Error(`not reached in 60 s: ${what}`);
  }
}
