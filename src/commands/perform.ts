import { join } from 'node:path';
import type { ApprovedLock } from '../approval/authorise.ts';
import { type Result, unwrap } from '../base/result.ts';
import type { EngineDeps, PerformOptions, RunEnd } from '../engines/embedded/engine.ts';
import type { ArtifactStore, Clock, JournalStore, PoolReader } from '../engines/ports.ts';
import type { Lock } from '../ir/lock.ts';
import type { Program } from '../kernel/program.ts';
import type { App } from './app.ts';
import { type CheckpointFlags, Checkpoints } from './checkpoints.ts';
import { tellOfStandstill } from './pool-watch.ts';
import { endingOf } from './run-ending.ts';
import { openOutputs, type Outputs, type OutputFlags } from './run-outputs.ts';
import { messageVerifiers } from './verified-message.ts';

/** Flags that `run` and `resume` share. */
export interface PerformFlags extends CheckpointFlags, OutputFlags {
  readonly store?: string;
  readonly trust?: string;
  readonly wait?: boolean;
  readonly json?: boolean;
  readonly takeOver?: boolean;
}

/** A run that is about to be performed. */
export interface Undertaking {
  readonly run: string;
  readonly store: string;
  readonly project: string;
  readonly approved: ApprovedLock<Lock>;
  readonly program: Program;
  readonly journal: JournalStore & PoolReader;
  readonly artifacts: ArtifactStore;
  /** The time by which the run goes, and whether it is to be trusted. */
  readonly clock: Clock;
  readonly checkClock: () => Result<void>;
  readonly resumes: boolean;
}

/** Performs a run until it ends, waits or is interrupted, and says how; sets the exit status. */
export async function perform(app: App, what: Undertaking, flags: PerformFlags): Promise<void> {
  const interrupted = interruptions(app);
  let standstill: { stop(): void } | null = null;
  const checkpoints = await Checkpoints.open(app, what, flags);
  const outputs = await openOutputs(app, what, flags);
  const { startRun, resumeRun } = await import('../engines/embedded/engine.ts');
  const deps = await engineDeps(app, what, flags, { ...outputs, onRow: checkpoints.before(outputs) });
  const options: PerformOptions = {
    run: what.run,
    approved: what.approved,
    program: what.program,
    wait: flags.wait === true,
    by: userName(app),
    ...(flags.takeOver === true ? { take_over: true } : {}),
  };
  try {
    if (what.resumes && flags.junit !== undefined) {
      for await (const row of what.journal.read(what.run, { stream: 'study' })) outputs.onPastStudy(row);
    }
    const performance = unwrap(await (what.resumes ? resumeRun(deps, options) : startRun(deps, options)));
    interrupted.goesOn(performance, outputs.onNotice);
    standstill = usesPools(what.approved.lock) ? tellOfStandstill(app, what, outputs.onNotice) : null;
    const end = await performance.end;
    await checkpoints.close(end.ok ? end.value.kind : 'failure');
    await outputs.close();
    conclude(app, what, flags, unwrap(end), interrupted.signal());
  } finally {
    interrupted.stop();
    standstill?.stop();
    await checkpoints.close('failure');
    await outputs.close();
  }
}

/** Whether the store grants its tokens. */
function usesPools({ semantics, pools }: Lock): boolean {
  return semantics >= 2 && Object.keys(pools).length > 0;
}

interface Interruptible {
  drain(reason: string): void;
  stop(): void;
}

const DRAINS = 'Nothing new is sent; what is out is waited for. Once more to end now: nothing is lost either way.';

/** One Ctrl-C drains, two stop now; nothing is lost either way. One that comes before the run goes on counts once it does. */
function interruptions(app: App): {
  goesOn(started: Interruptible, tell: (text: string) => void): void;
  stop(): void;
  signal(): 'SIGINT' | 'SIGTERM' | null;
} {
  let first: 'SIGINT' | 'SIGTERM' | null = null;
  let performance: Interruptible | null = null;
  let drain = (): void => undefined;
  const stop = app.onInterrupt((signal) => {
    if (first !== null) return performance?.stop();
    first = signal;
    drain();
  });
  const goesOn = (started: Interruptible, tell: (text: string) => void): void => {
    performance = started;
    drain = () => {
      tell(DRAINS);
      started.drain(first === 'SIGTERM' ? 'SIGTERM' : 'Ctrl-C');
    };
    if (first !== null) drain();
  };
  return { goesOn, stop, signal: () => first };
}

async function engineDeps(app: App, what: Undertaking, flags: PerformFlags, outputs: Outputs): Promise<EngineDeps> {
  const { store, project, journal } = what;
  const tools = await app.tools({
    project_folder: project,
    artifacts: await app.artifacts(store, journal),
    ...(flags.verbose === true ? { onLog: (tool: string, line: string) => outputs.onNotice(`${tool}: ${line}`) } : {}),
  });
  return {
    journal,
    tools,
    clock: what.clock,
    checkClock: what.checkClock,
    workFolder: (run, point, step, attempt) => join(store, 'work', run, String(point), `${step}-${attempt}`),
    host: await app.hostFacts(project),
    ...messageVerifiers(app, what, flags.trust),
    onPast: outputs.onPast,
    onRow: outputs.onRow,
    onNotice: outputs.onNotice,
  };
}

// --- the end ---

/** Says how it ended, and what comes next; sets the exit status. */
export function conclude(
  app: App,
  { run, approved }: Pick<Undertaking, 'run' | 'approved'>,
  flags: PerformFlags,
  end: RunEnd,
  signal: 'SIGINT' | 'SIGTERM' | null,
): void {
  const ending = endingOf(end, { run, signal, given: flags });
  app.exit(ending.status);
  if (flags.json === true) {
    const { lock_sha256 } = approved;
    app.terminal.out(JSON.stringify({ run, lock_sha256, ...ending.document, exit: ending.status }, null, 2));
  }
  for (const line of ending.next) app.terminal.note(`  ${line}`);
}

/** Who is at the keyboard, for the journal: a name, not a proof. */
export function userName(app: App): string {
  return app.env['USER'] || app.env['LOGNAME'] || app.env['USERNAME'] || 'unknown';
}
