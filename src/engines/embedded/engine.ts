import { err, ok, type Result } from '../../base/result.ts';
import type { JsonObject } from '../../base/json.ts';
import type { Lease } from '../ports.ts';
import { startedFact } from '../started-fact.ts';
import { Performer } from './performer.ts';
import { pastOf } from './past.ts';
import { recoverRun, unbegun } from './recover.ts';
import type { EngineDeps, Performance, PerformOptions } from './types.ts';

export { latestTime_ms } from './past.ts';
export type {
  EngineDeps,
  Performance,
  PerformOptions,
  RunEnd,
  VerifiedResolution,
} from './types.ts';

/** Starts a run of an approved lock. Tools are opened and compared with their pins first; then the use of the approval is counted. */
export async function startRun(deps: EngineDeps, options: PerformOptions): Promise<Result<Performance>> {
  const performer = new Performer(deps, options, unbegun(options.program));
  const opened = await performer.openTools();
  if (!opened.ok) return opened;
  try {
    const begun = await begin(performer, deps, options);
    if (!begun.ok) await performer.closeTools();
    return begun;
  } catch (error) {
    await performer.closeTools();
    throw error;
  }
}

function begin(performer: Performer, deps: EngineDeps, options: PerformOptions): Promise<Result<Performance>> {
  const { run, by } = options;
  const { verdict, lock, lock_sha256, request } = options.approved;
  const { request_sha256 } = verdict;
  const started = startedFact(options.approved);
  const observed = { ...deps.host, engine: 'embedded', by, verdict: verdict as unknown as JsonObject };
  const row = { run, name: lock.name, lock_sha256, request_sha256, created_ms: deps.clock.now_ms() };
  const pools = lock.semantics < 2 ? {} : lock.pools; // of semantics 1, a run grants its own
  return performer.begin(started, observed, (events) => deps.journal.createRun(row, request.max_runs, events, pools));
}

/** Goes on with a run where its journal stands. A paused run goes on too: whoever resumes it wants that. */
export async function resumeRun(deps: EngineDeps, options: PerformOptions): Promise<Result<Performance>> {
  const { run, take_over } = options;
  const lease = await deps.journal.acquire(run, take_over === undefined ? {} : { take_over });
  if (!lease.ok) return lease;
  try {
    const performance = await goOn(deps, options, lease.value);
    if (!performance.ok) await deps.journal.release(lease.value);
    return performance;
  } catch (error) {
    await deps.journal.release(lease.value).catch(() => undefined);
    throw error;
  }
}

async function goOn(deps: EngineDeps, options: PerformOptions, lease: Lease): Promise<Result<Performance>> {
  const { run, program, approved } = options;
  // Messages that are there already were sent before this resumption, which has the last word.
  const messages = await deps.journal.inbox(run);
  const earlier = messages.at(-1)?.id ?? 0;
  const of = { run, lock_sha256: approved.lock_sha256 };
  const recovered = await recoverRun(program, of, deps.journal, (reason) => {
    deps.onNotice(`The snapshot of the run does not hold (${reason}); its whole journal is read instead.`);
  });
  if (!recovered.ok) return err(recovered.error);
  deps.onPast?.(pastOf(recovered.value));
  const performer = new Performer(deps, options, recovered.value);
  const finished = recovered.value.machine.study?.status === 'finished';
  const needs_tools = !finished || messages.some(({ kind }) => kind === 'retry');
  const opened = needs_tools ? await performer.openTools() : ok(undefined);
  return opened.ok ? ok(performer.goOn(lease, earlier)) : opened;
}
