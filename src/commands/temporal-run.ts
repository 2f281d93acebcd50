import type { ApprovedLock } from '../approval/authorise.ts';
import { ExpctlError } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import { err, ok, type Result, unwrap } from '../base/result.ts';
import type { RunEnd } from '../engines/embedded/engine.ts';
import type { ArtifactStore, JournalReader } from '../engines/ports.ts';
import type { Cluster, StudyLabels } from '../engines/temporal/cluster.ts';
import type { SharedJournal } from '../engines/temporal/ports.ts';
import { taskQueueOf } from '../engines/temporal/protocol.ts';
import { taskQueueIn } from './temporal-queue.ts';
import type { Lock } from '../ir/lock.ts';
import type { Program } from '../kernel/program.ts';
import { RunFold } from '../provenance/state.ts';
import type { App } from './app.ts';
import { storeFlag, type StoreOption, type TrustOption } from './options.ts';
import { conclude, type PerformFlags, userName } from './perform.ts';
import { openOutputs, type OutputFlags, type Outputs } from './run-outputs.ts';
import { temporalFlags, type TemporalFlags } from './temporal-options.ts';
import type { TemporalPlace } from './temporal-port.ts';

/** A run that is handed to a cluster, or lies there. */
export interface Handed {
  readonly run: string;
  readonly store: string;
  readonly project: string;
  readonly approved: ApprovedLock<Lock>;
  readonly program: Program;
  readonly artifacts: ArtifactStore;
}

export interface HandFlags extends TemporalFlags, StoreOption, TrustOption, OutputFlags {
  readonly detach?: boolean;
  readonly wait?: boolean;
  readonly json?: boolean;
}

const LOOK_S = 0.25;
/** How often the cluster itself is asked whether it still knows the run. */
const LOOKS_PER_ASKING = 12;

/** Starts a run on Temporal, and follows it. */
export async function startOnTemporal(app: App, what: Handed, flags: HandFlags): Promise<void> {
  const { run, approved, program } = what;
  const { firstEvents, studyArguments } = await import('../engines/temporal/begin.ts');
  const { startedFact } = await import('../engines/started-fact.ts');
  const { lock, lock_sha256, request, verdict } = approved;
  assertPerformable(lock);
  await withCluster(app, what, flags, async ({ cluster, journal, place }) => {
    const started = startedFact(approved);
    const host = await app.hostFacts(what.project);
    const observed = { ...host, engine: 'temporal', by: userName(app), verdict: verdict as unknown as JsonObject };
    const row = {
      run,
      name: lock.name,
      lock_sha256,
      request_sha256: verdict.request_sha256,
      created_ms: app.clock.now_ms(),
    };
    const holder = { engine: 'temporal', place: nameOf(place) } as const;
    const first = firstEvents(program, started, observed);
    unwrap(await journal.createShared(row, holder, request.max_runs, first, lock.pools));
    unwrap(await cluster.begin(studyArguments(run, program, { started }), await labelsOf(approved, journal)));
    await tellOfWorkers(app, what.store, place, flags);
    if (flags.detach === true) return tellDetached(app, what, place, flags);
    await follow(app, what, flags, { cluster, journal });
  });
}

/** Goes on with a run that lies on Temporal: un-pauses it, and gives it back to its cluster where that has lost it. */
export async function resumeOnTemporal(app: App, what: Handed, flags: HandFlags): Promise<void> {
  const { run, program, approved } = what;
  await withCluster(app, what, flags, async ({ cluster, journal, place }) => {
    const { holder } = unwrap(await journal.sharedRun(run));
    if (holder.place !== nameOf(place)) throw elsewhere(run, holder.place, place);
    const standing = unwrap(await cluster.standing(run));
    if (standing.kind !== 'running') await restart(app, what, cluster, journal);
    else await cluster.messagesCame(run);
    await tellOfWorkers(app, what.store, place, flags);
    if (flags.detach === true) return tellDetached(app, what, place, flags);
    await follow(app, { run, approved, program }, flags, { cluster, journal });
  });
}

async function restart(
  app: App,
  { run, program, approved }: Handed,
  cluster: Cluster,
  journal: SharedJournal,
): Promise<void> {
  const { recoverRun } = await import('../engines/embedded/recover.ts');
  const { carriedStudy } = await import('../engines/temporal/standing.ts');
  const { studyArguments } = await import('../engines/temporal/begin.ts');
  const of = { run, lock_sha256: approved.lock_sha256 };
  const recovered = unwrap(await recoverRun(program, of, journal, () => undefined));
  const carried = carriedStudy(recovered);
  const begun = unwrap(
    await cluster.begin(studyArguments(run, program, { carried }), await labelsOf(approved, journal)),
  );
  if (begun === 'begun') app.terminal.note(`  Its cluster had no such workflow: it goes on where its journal stands.`);
}

interface OnCluster {
  readonly cluster: Cluster;
  readonly journal: SharedJournal;
  readonly place: TemporalPlace;
}

async function withCluster(
  app: App,
  { store, artifacts }: Pick<Handed, 'store' | 'artifacts'>,
  flags: HandFlags,
  work: (on: OnCluster) => Promise<void>,
): Promise<void> {
  const temporal = await app.temporal();
  const place = unwrap(await temporal.place(temporalFlags(flags), store));
  const cluster = unwrap(await temporal.cluster(place, artifacts));
  const journal = await app.openSharedJournal(store);
  try {
    await work({ cluster, journal, place });
  } finally {
    await journal.close();
    await cluster.close();
  }
}

// --- following ---

/** Shows the run as its journal grows, until it ends or waits for a person. Ctrl-C ends the showing alone. */
async function follow(
  app: App,
  what: Pick<Handed, 'run' | 'approved' | 'program'>,
  flags: HandFlags,
  { cluster, journal }: Pick<OnCluster, 'cluster' | 'journal'>,
): Promise<void> {
  const outputs = await openOutputs(app, { run: what.run, approved: what.approved }, flags);
  let signal: 'SIGINT' | 'SIGTERM' | null = null;
  const stop = app.onInterrupt((which) => {
    signal ??= which;
  });
  try {
    const end = await endOf(app, what, flags.wait === true, { cluster, journal, outputs }, () => signal !== null);
    await outputs.close();
    if (end === null) return left(app, what.run, flags, signal!);
    conclude(app, what, flags as PerformFlags, unwrap(end), null);
  } finally {
    stop();
    await outputs.close();
  }
}

async function endOf(
  app: App,
  { run, program }: Pick<Handed, 'run' | 'program'>,
  wait: boolean,
  { cluster, journal, outputs }: { cluster: Cluster; journal: JournalReader; outputs: Outputs },
  isLeft: () => boolean,
): Promise<Result<RunEnd> | null> {
  const fold = new RunFold(program);
  for (let looks = 1; ; looks += 1) {
    if (isLeft()) return null;
    for await (const row of journal.read(run, { after_position: fold.position })) {
      fold.take(row);
      outputs.onRow(row);
    }
    const end = standing(fold, wait);
    if (end !== null) return ok(end);
    if (looks % LOOKS_PER_ASKING === 0) {
      const lost = await lostBy(cluster, run);
      if (lost !== null) return err(lost);
    }
    await new Promise<void>((resolve) => void app.clock.after(LOOK_S, resolve));
  }
}

/** How the run stands, where nothing more happens by itself; null as long as something may. */
function standing({ study, machine }: RunFold, wait: boolean): RunEnd | null {
  const { finished, open_gate } = study;
  if (finished !== null) return { kind: 'finished', status: finished.status, reason: finished.reason };
  const statuses = [...machine.points.values()].flatMap(({ steps }) =>
    Object.values(steps).map(({ status }) => status),
  );
  const isOut = statuses.includes('out');
  if (study.paused && !isOut) return { kind: 'paused' };
  if (wait) return null;
  if (open_gate !== null) {
    const { gate, occurrence, role, ask, outcomes, evidence } = open_gate;
    return { kind: 'gate', gate: { type: 'gate.opened', gate, occurrence, role, ask, outcomes, evidence } };
  }
  const goesOn = isOut || statuses.some((status) => status === 'wanting' || status === 'backing_off');
  const effects = goesOn ? [] : machine.unresolved();
  return effects.length === 0 ? null : { kind: 'unresolved', effects };
}

/** Why the run does not go on, where its cluster does not perform it any more; null while it does, or cannot be asked. */
async function lostBy(cluster: Cluster, run: string): Promise<ExpctlError | null> {
  const standing = await cluster.standing(run);
  if (!standing.ok || standing.value.kind === 'running' || standing.value.kind === 'completed') return null;
  const resume = `\`expctl resume ${run}\` goes on where its journal stands.`;
  if (standing.value.kind === 'failed') {
    const message = `Run ${run} has stopped: ${standing.value.reason}`;
    return new ExpctlError('WAITS_FOR_PERSON', message, {
      hint: `Look with \`expctl replay ${run}\`. If its journal holds, ${resume}`,
    });
  }
  const how =
    standing.value.kind === 'lost' ? 'The cluster does not know it (any more)' : 'Somebody has terminated its workflow';
  return new ExpctlError('WAITS_FOR_PERSON', `Run ${run} is not performed. ${how}.`, { hint: resume });
}

// --- what is told ---

/** The run goes on without whoever has shown it. */
function left(app: App, run: string, flags: HandFlags, signal: 'SIGINT' | 'SIGTERM'): void {
  const store = storeFlag(flags);
  app.exit(signal === 'SIGINT' ? 130 : 143);
  app.terminal.note(`Run ${run} goes on on Temporal; only this view of it has ended.`);
  app.terminal.note(`  Look: expctl watch ${run}${store}   Stop it: expctl pause ${run}${store}`);
}

function tellDetached(app: App, { run }: Pick<Handed, 'run'>, place: TemporalPlace, flags: HandFlags): void {
  const store = storeFlag(flags);
  const { address, namespace } = place;
  if (flags.json === true) app.terminal.out(JSON.stringify({ run, engine: 'temporal', address, namespace }, null, 2));
  app.terminal.note(`Run ${run} lies on Temporal at ${nameOf(place)}.`);
  app.terminal.note(`  Look: expctl watch ${run}${store}   Stop it: expctl pause ${run}${store}`);
}

/** A run that nobody works for waits without a word. */
async function tellOfWorkers(app: App, store: string, place: TemporalPlace, flags: HandFlags): Promise<void> {
  const facts = await (await app.temporal()).probe(place, await taskQueueIn(app, store));
  if (!facts.ok || facts.value.workers > 0) return;
  app.terminal.note(`  No worker takes its tasks yet: start one with \`expctl worker${storeFlag(flags)}\`.`);
}

function nameOf({ address, namespace }: TemporalPlace): string {
  return `${address}/${namespace}`;
}

async function labelsOf(
  { lock, lock_sha256, verdict }: ApprovedLock<Lock>,
  journal: Pick<JournalReader, 'identity'>,
): Promise<StudyLabels> {
  const approvers = verdict.approvals.map(({ principal }) => principal);
  const task_queue = taskQueueOf((await journal.identity()) ?? '');
  return { plan: lock.name, lock_sha256, approvers, task_queue };
}

function assertPerformable({ semantics }: Lock): void {
  if (semantics >= 2) return;
  const hint = 'Lock the plan again, and have it approved.';
  throw new ExpctlError('USAGE', 'The lock is one of semantics 1, which Temporal does not perform.', { hint });
}

function elsewhere(run: string, where: string, place: TemporalPlace): ExpctlError {
  const hint = `Name that server with --address and --namespace.`;
  return new ExpctlError('USAGE', `Run ${run} lies on Temporal at ${where}, not at ${nameOf(place)}.`, { hint });
}
