import type Database from 'better-sqlite3';
import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { Lease } from '../../engines/ports.ts';
import { type Holder, holderState, type ProcessFacts } from './lease.ts';

type LeaseRow = Omit<Holder, 'pid'> & { readonly fence: number; readonly pid: number | null };

/** The table of leases; every method runs within a transaction that the caller opened. */
export class Leases {
  readonly #here: ProcessFacts;
  readonly #insert: Database.Statement;
  readonly #select: Database.Statement<unknown[], LeaseRow>;
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
    this.#take = database.prepare(`UPDATE leases SET fence = @fence, taken_ms = @now_ms, ${holder} WHERE run = @run`);
    this.#release = database.prepare('UPDATE leases SET pid = NULL WHERE run = ? AND fence = ?');
  }

  create(run: string, now_ms: number): Lease {
    this.#insert.run({ ...this.#me(), run, now_ms });
    return { run, fence: 1 };
  }

  acquire(run: string, now_ms: number, take_over: boolean): Result<Lease> {
    const row = this.#select.get(run);
    if (row === undefined) return err(runNotFound(run));
    const refusal = row.pid === null ? null : this.#refusal(run, { ...row, pid: row.pid }, take_over);
    if (refusal !== null) return err(refusal);
    const fence = row.fence + 1;
    this.#take.run({ ...this.#me(), run, fence, now_ms });
    return ok({ run, fence });
  }

  /** Why nothing may be appended under a lease any more, or null. */
  lost({ run, fence }: Lease): ExpctlError | null {
    const row = this.#select.get(run);
    if (row === undefined) return runNotFound(run);
    if (row.fence === fence && row.pid !== null) return null;
    const who = row.pid === null ? 'nobody' : `process ${row.pid} on ${row.machine}`;
    const hint = 'Let the process that performs the run now go on; this one has to end.';
    return new ExpctlError('RUN_LOCKED', `Run ${run} was taken from this process; ${who} performs it now`, { hint });
  }

  release({ run, fence }: Lease): void {
    this.#release.run(run, fence);
  }

  #refusal(run: string, holder: Holder, take_over: boolean): ExpctlError | null {
    const state = holderState(holder, this.#here);
    if (state === 'dead' || (state === 'unknown' && take_over)) return null;
    const message = `Run ${run} is performed by process ${holder.pid} on ${holder.machine}`;
    const hint =
      state === 'live'
        ? `Follow it with \`expctl watch ${run}\`, or end it with \`kill ${holder.pid}\` and try again.`
        : `Whether it still lives cannot be seen from here. Once you know that it is gone, run \`expctl resume ${run} --take-over\`.`;
    return new ExpctlError('RUN_LOCKED', message, { hint, details: { pid: holder.pid, machine: holder.machine } });
  }

  #me(): Holder {
    const { machine, boot, namespace, pid, started } = this.#here;
    return { machine, boot, namespace, pid, started };
  }
}

export function runNotFound(run: string): ExpctlError {
  return new ExpctlError('NOT_FOUND', `There is no run ${run}`, { hint: 'Run `expctl list` to see the runs.' });
}
