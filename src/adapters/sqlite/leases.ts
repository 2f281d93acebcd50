import type Database from 'better-sqlite3';
import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { Lease } from '../../engines/ports.ts';
import type { EngineHolder, SharedRun } from '../../engines/temporal/ports.ts';
import { clusterHolder, clusterOf, type Holder, holderState, type ProcessFacts } from './lease.ts';

type LeaseRow = Omit<Holder, 'pid'> & { readonly fence: number; readonly pid: number | null };
type HeldRow = Pick<Holder, 'machine' | 'pid'> & Lease;

interface Acquisition {
  /** A person says that a holder who cannot be seen is gone. */
  readonly take_over?: boolean;
  /** For whose workers the run is taken; null for this process. */
  readonly cluster?: EngineHolder | null;
}

/** The table of leases; every method runs within a transaction that the caller opened. */
export class Leases {
  readonly #here: ProcessFacts;
  readonly #insert: Database.Statement;
  readonly #select: Database.Statement<unknown[], LeaseRow>;
  readonly #allHeld: Database.Statement<unknown[], HeldRow>;
  readonly #take: Database.Statement;
  readonly #release: Database.Statement;

  constructor(database: Database.Database, here: ProcessFacts) {
    this.#here = here;
    const holder = 'machine = @machine, boot = @boot, namespace = @namespace, pid = @pid, started = @started';
    this.#insert = database.prepare(
      `INSERT INTO leases (run, fence, machine, boot, namespace, pid, started, taken_ms)
       VALUES (@run, 1, @machine, @boot, @namespace, @pid, @started, @now_ms)`,
    );
    this.#select = database.prepare('SELECT fence, machine, boot, namespace, pid, started FROM leases WHERE run = ?');
    this.#allHeld = database.prepare('SELECT run, fence, machine, pid FROM leases WHERE pid IS NOT NULL ORDER BY run');
    this.#take = database.prepare(`UPDATE leases SET fence = @fence, taken_ms = @now_ms, ${holder} WHERE run = @run`);
    this.#release = database.prepare('UPDATE leases SET pid = NULL WHERE run = ? AND fence = ?');
  }

  /** @param cluster whose workers perform the run; null for this process */
  create(run: string, now_ms: number, cluster: EngineHolder | null = null): Lease {
    this.#insert.run({ ...this.#holderFor(cluster), run, now_ms });
    return { run, fence: 1 };
  }

  acquire(run: string, now_ms: number, { take_over = false, cluster = null }: Acquisition = {}): Result<Lease> {
    const row = this.#select.get(run);
    if (row === undefined) return err(runNotFound(run));
    const refusal = row.pid === null ? null : this.#refusal(run, { ...row, pid: row.pid }, take_over);
    if (refusal !== null) return err(refusal);
    const fence = row.fence + 1;
    this.#take.run({ ...this.#holderFor(cluster), run, fence, now_ms });
    return ok({ run, fence });
  }

  /** The run that a cluster performs. NOT_FOUND; RUN_LOCKED where none does. */
  shared(run: string): Result<SharedRun> {
    const row = this.#select.get(run);
    if (row === undefined) return err(runNotFound(run));
    if (row.pid === null) return err(heldByNobody(run));
    const holder = clusterOf({ ...row, pid: row.pid });
    if (holder !== null) return ok({ lease: { run, fence: row.fence }, holder });
    return err(heldBy(run, { ...row, pid: row.pid }, `Follow it with \`expctl watch ${run}\`.`));
  }

  /** Runs that clusters perform, those that have ended included. */
  allShared(): SharedRun[] {
    return this.#allHeld.all().flatMap(({ run, fence, machine, pid }) => {
      const holder = clusterOf({ machine, pid });
      return holder === null ? [] : [{ lease: { run, fence }, holder }];
    });
  }

  /** Why nothing may be appended under a lease any more, or null. */
  lost({ run, fence }: Lease): ExpctlError | null {
    const row = this.#select.get(run);
    if (row === undefined) return runNotFound(run);
    if (row.fence === fence && row.pid !== null) return null;
    const who = row.pid === null ? 'nobody performs it' : `${nameOf({ ...row, pid: row.pid })} performs it`;
    const hint = 'Let whoever performs the run now go on; this process has to end.';
    return new ExpctlError('RUN_LOCKED', `Run ${run} was taken from this process; ${who} now`, { hint });
  }

  release({ run, fence }: Lease): void {
    this.#release.run(run, fence);
  }

  #refusal(run: string, holder: Holder, take_over: boolean): ExpctlError | null {
    const cluster = clusterOf(holder);
    if (cluster !== null) return heldByCluster(run, cluster);
    const state = holderState(holder, this.#here);
    if (state === 'dead' || (state === 'unknown' && take_over)) return null;
    const hint =
      state === 'live'
        ? `Follow it with \`expctl watch ${run}\`, or end it with \`kill ${holder.pid}\` and try again.`
        : `Whether it still lives cannot be seen from here. Once you know that it is gone, run \`expctl resume ${run} --take-over\`.`;
    return heldBy(run, holder, hint);
  }

  #holderFor(cluster: EngineHolder | null): Holder {
    if (cluster !== null) return clusterHolder(cluster);
    const { machine, boot, namespace, pid, started } = this.#here;
    return { machine, boot, namespace, pid, started };
  }
}

export function runNotFound(run: string): ExpctlError {
  return new ExpctlError('NOT_FOUND', `There is no run ${run}`, { hint: 'Run `expctl list` to see the runs.' });
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
