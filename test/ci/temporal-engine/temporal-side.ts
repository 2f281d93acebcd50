import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { FileArtifacts } from '../../../src/adapters/files/artifacts.ts';
import { systemClock } from '../../../src/adapters/host.ts';
import { openJournal } from '../../../src/adapters/sqlite/journal.ts';
import { thisProcess } from '../../../src/adapters/sqlite/process-facts.ts';
import { openSharedJournal } from '../../../src/adapters/sqlite/shared-journal.ts';
import { openCluster } from '../../../src/adapters/temporal/client.ts';
import type { TemporalPlace } from '../../../src/adapters/temporal/connection.ts';
import { placeName, startWorker } from '../../../src/adapters/temporal/worker.ts';
import type { RunningWorker } from '../../../src/engines/temporal/cluster.ts';
import type { ApprovedLock } from '../../../src/approval/authorise.ts';
import { ok, unwrap } from '../../../src/base/result.ts';
import type { JournalStore } from '../../../src/engines/ports.ts';
import { approvedForSimulation } from '../../../src/engines/simulated/approved.ts';
import { startedFact } from '../../../src/engines/started-fact.ts';
import { firstEvents, studyArguments } from '../../../src/engines/temporal/begin.ts';
import type { Cluster } from '../../../src/engines/temporal/cluster.ts';
import type { SharedJournal } from '../../../src/engines/temporal/ports.ts';
import type { JournalRow } from '../../../src/ir/events.ts';
import type { Lock } from '../../../src/ir/lock.ts';
import { type DevServer, startDevServer } from '../temporal/dev-server.ts';
import { Operator } from './operator.ts';
import { VERIFIERS } from './people.ts';
import type { ScriptedPlan } from './scripted-plan.ts';
import { ScriptedTool } from './scripted-tool.ts';

/** A run that was performed on Temporal. */
export interface OnTemporal {
  readonly run: string;
  readonly approved: ApprovedLock<Lock>;
  readonly rows: readonly JournalRow[];
  /** How the study's workflow ended, and why the run was given up where it did not. */
  readonly failure: string | null;
  readonly notices: readonly string[];
}

const MOST_SECONDS = 90;
const TASK_QUEUE = 'expctl';

/** A server, a worker in this process, and a store in which all runs lie. */
export class TemporalSide {
  readonly folder: string;
  readonly server: DevServer;
  readonly client: Client;
  readonly artifacts: FileArtifacts;
  readonly #place: TemporalPlace;
  readonly #journal: SharedJournal;
  /** Another connection to the store, as commands of people have one. */
  readonly #desk: JournalStore;
  readonly #cluster: Cluster;
  readonly #worker: RunningWorker;
  readonly #runs: Map<string, Operator>;

  static async start(): Promise<TemporalSide> {
    const folder = mkdtempSync(join(tmpdir(), 'expctl-parity-'));
    const server = await startDevServer();
    const place: TemporalPlace = { address: server.address, namespace: 'default', from: 'flag' };
    const deps = { clock: systemClock, process: thisProcess() };
    const artifacts = new FileArtifacts(folder);
    const journal = openSharedJournal(folder, deps);
    const desk = openJournal(folder, deps);
    const runs = new Map<string, Operator>();
    const worker = await startWorker(
      place,
      {
        journal: overheard(journal, (run) => runs.get(run)?.look()),
        clock: systemClock,
        authorise: async (run) => ok(runs.get(run)!.authorised),
        onNotice: (text) => {
          for (const [run, operator] of runs) if (text.includes(run)) operator.notices.push(text);
        },
      },
      { artifacts, task_queue: TASK_QUEUE },
    );
    const cluster = unwrap(await openCluster(place, artifacts));
    return new TemporalSide(folder, server, place, artifacts, journal, desk, cluster, unwrap(worker), runs);
  }

  private constructor(
    folder: string,
    server: DevServer,
    place: TemporalPlace,
    artifacts: FileArtifacts,
    journal: SharedJournal,
    desk: JournalStore,
    cluster: Cluster,
    worker: RunningWorker,
    runs: Map<string, Operator>,
  ) {
    this.folder = folder;
    this.server = server;
    this.client = new Client({ connection: server.connection });
    this.artifacts = artifacts;
    this.#place = place;
    this.#journal = journal;
    this.#desk = desk;
    this.#cluster = cluster;
    this.#worker = worker;
    this.#runs = runs;
  }

  /** Performs a plan to its end, with the people that its seed gives. */
  async perform(plan: ScriptedPlan): Promise<OnTemporal> {
    const { lock, program } = plan.made;
    const run = `run-${plan.seed}`;
    const approved = await approvedForSimulation(lock, { now_ms: Date.now(), validity_s: 86_400 });
    const operator = new Operator(run, plan, this.#desk, (tool) => ({
      run,
      approved,
      program,
      tools: new ScriptedTool(plan, tool).host,
      workFolder: (_run, point, step, attempt) => ScriptedTool.folder(point, step, attempt),
      host: {},
      ...VERIFIERS,
    }));
    this.#runs.set(run, operator);
    const started = startedFact(approved);
    const { lock_sha256, verdict } = approved;
    const row = { run, name: lock.name, lock_sha256, request_sha256: verdict.request_sha256, created_ms: Date.now() };
    const holder = { engine: 'temporal', place: placeName(this.#place) } as const;
    unwrap(
      await this.#journal.createShared(
        row,
        holder,
        1,
        firstEvents(program, started, { engine: 'temporal' }),
        lock.pools,
      ),
    );
    const given = studyArguments(run, program, { started });
    const limits = { ...given.limits, history_events: plan.history_events };
    unwrap(
      await this.#cluster.begin(
        { ...given, limits },
        { plan: lock.name, lock_sha256, approvers: [], task_queue: TASK_QUEUE },
      ),
    );
    const failure = await this.#endOf(run, operator);
    operator.stop();
    this.#runs.delete(run);
    return { run, approved, rows: await this.#rows(run), failure, notices: operator.notices };
  }

  /** Ends everything that was started, and removes what was written. */
  async stop(): Promise<void> {
    this.#worker.drain();
    await this.#worker.ended;
    await this.#cluster.close();
    await this.#journal.close();
    await this.#desk.close();
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #rows(run: string): Promise<JournalRow[]> {
    const rows: JournalRow[] = [];
    for await (const row of this.#desk.read(run)) rows.push(row);
    return rows;
  }

  async #endOf(run: string, operator: Operator): Promise<string | null> {
    const result = this.client.workflow
      .getHandle(run)
      .result()
      .then(
        () => null,
        (error: unknown) => `the workflow failed: ${String((error as Error).cause ?? error)}`,
      );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(
        () => resolve(`it has not ended after ${MOST_SECONDS} s: ${operator.standing()}`),
        MOST_SECONDS * 1000,
      );
    });
    const failure = await Promise.race([result, late, operator.failed]);
    clearTimeout(timer);
    if (failure !== null)
      await this.client.workflow
        .getHandle(run)
        .terminate('given up')
        .catch(() => undefined);
    return failure;
  }
}

/** A journal of whose commits somebody is told. */
function overheard(journal: SharedJournal, wrote: (run: string) => void): SharedJournal {
  const commit: SharedJournal['commit'] = async (lease, turn) => {
    const written = await journal.commit(lease, turn);
    wrote(lease.run);
    return written;
  };
  return new Proxy(journal, {
    get(target, name: keyof SharedJournal) {
      if (name === 'commit') return commit;
      return (target[name] as (...args: unknown[]) => unknown).bind(target);
    },
  });
}
