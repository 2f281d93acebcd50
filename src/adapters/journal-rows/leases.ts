import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { Lease, RunHolder } from '../../engines/ports.ts';
import type { EngineHolder, SharedRun } from '../../engines/temporal/ports.ts';
import { clusterHolder, clusterOf, type Holder, holderState, type ProcessFacts } from '../sqlite/lease.ts';

/** A lease as a table holds it; `pid` is null once it was given back. */
export type LeaseRow = Omit<Holder, 'pid'> & { readonly fence: number; readonly pid: number | null };

export interface Acquisition {
  /** A person says that a holder who cannot be seen is gone. */
  readonly take_over?: boolean;
  /** For whose workers the run is taken; null for this process. */
  readonly cluster?: EngineHolder | null;
}

/** Why a run may not be taken, or null. */
export function acquisitionRefusal(run: string, row: LeaseRow | undefined, here: ProcessFacts, take_over: boolean) {
  if (row === undefined) return runNotFound(run);
  if (row.pid === null) return null;
  const holder = { ...row, pid: row.pid };
  const cluster = clusterOf(holder);
  if (cluster !== null) return heldByCluster(run, cluster);
  const state = holderState(holder, here);
  if (state === 'dead' || (state === 'unknown' && take_over)) return null;
  const hint =
    state === 'live'
      ? `Follow it with \`expctl watch ${run}\`, or end it with \`kill ${holder.pid}\` and try again.`
      : `Whether it still lives cannot be seen from here. Once you know that it is gone, run \`expctl resume ${run} --take-over\`.`;
  return heldBy(run, holder, hint);
}

/** The run that a cluster performs. NOT_FOUND; RUN_LOCKED where none does. */
export function sharedIn(run: string, row: LeaseRow | undefined): Result<SharedRun> {
  if (row === undefined) return err(runNotFound(run));
  if (row.pid === null) return err(heldByNobody(run));
  const holder = clusterOf({ ...row, pid: row.pid });
  if (holder !== null) return ok({ lease: { run, fence: row.fence }, holder });
  return err(heldBy(run, { ...row, pid: row.pid }, `Follow it with \`expctl watch ${run}\`.`));
}

/** Why nothing may be written under a lease any more, or null. */
export function leaseLost({ run, fence }: Lease, row: LeaseRow | undefined): ExpctlError | null {
  if (row === undefined) return runNotFound(run);
  if (row.fence === fence && row.pid !== null) return null;
  const who = row.pid === null ? 'nobody performs it' : `${nameOf({ ...row, pid: row.pid })} performs it`;
  const hint = 'Let whoever performs the run now go on; this process has to end.';
  return new ExpctlError('RUN_LOCKED', `Run ${run} was taken from this process; ${who} now`, { hint });
}

/** @param here this process; null where nobody can be seen */
export function standingOf(row: Omit<LeaseRow, 'fence'> | undefined, here: ProcessFacts | null): RunHolder {
  if (row === undefined || row.pid === null) return { state: 'nobody', pid: null, machine: null };
  const { pid, machine } = row;
  const cluster = clusterOf({ machine, pid });
  if (cluster !== null) return { state: 'live', pid: null, machine: cluster.place, engine: cluster.engine };
  const state = here === null ? 'unknown' : holderState({ ...row, pid }, here);
  return { state: state === 'dead' ? 'gone' : state, pid, machine };
}

/** What a lease says of its holder: a cluster, or this process where there is none. */
export function holderFor(cluster: EngineHolder | null, here: ProcessFacts): Holder {
  if (cluster !== null) return clusterHolder(cluster);
  const { machine, boot, namespace, pid, started } = here;
  return { machine, boot, namespace, pid, started };
}

export function runNotFound(run: string): ExpctlError {
  return new ExpctlError('NOT_FOUND', `There is no run ${run}`, { hint: 'Run `expctl list` to see the runs.' });
}

export function idTaken(run: string): ExpctlError {
  const hint = `Give another --id, or go on with it: expctl resume ${run}`;
  return new ExpctlError('USAGE', `There is a run ${run} already.`, { hint });
}

export function allUsed(uses: number, max_runs: number): ExpctlError {
  const message = `The request allows ${max_runs} run${max_runs === 1 ? '' : 's'}, and ${uses} began already`;
  return new ExpctlError('APPROVAL_USED', message, {
    hint: 'Make a new request with `expctl request`, and have it approved.',
  });
}

function nameOf(holder: Holder): string {
  const cluster = clusterOf(holder);
  return cluster === null ? `process ${holder.pid} on ${holder.machine}` : `Temporal at ${cluster.place}`;
}

function heldBy(run: string, holder: Holder, hint: string): ExpctlError {
  const details = { pid: holder.pid, machine: holder.machine };
  return new ExpctlError('RUN_LOCKED', `Run ${run} is performed by ${nameOf(holder)}`, { hint, details });
}

/** Never taken over: somebody may be working there. */
function heldByCluster(run: string, { engine, place }: EngineHolder): ExpctlError {
  const hint = `Follow it with \`expctl watch ${run}\`; \`expctl pause ${run}\` stops it.`;
  return new ExpctlError('RUN_LOCKED', `Run ${run} is performed on Temporal at ${place}`, {
    hint,
    details: { engine, place },
  });
}

function heldByNobody(run: string): ExpctlError {
  const hint = `Go on with it: \`expctl resume ${run}\`.`;
  return new ExpctlError('RUN_LOCKED', `Nobody performs run ${run} now`, { hint });
}
