import type Database from 'better-sqlite3';
import type { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { Lease } from '../../engines/ports.ts';
import type { EngineHolder, SharedRun } from '../../engines/temporal/ports.ts';
import {
  type Acquisition,
  acquisitionRefusal,
  holderFor,
  type LeaseRow,
  leaseLost,
  sharedIn,
} from '../journal-rows/leases.ts';
import { clusterOf, type Holder, type ProcessFacts } from './lease.ts';

type HeldRow = Pick<Holder, 'machine' | 'pid'> & Lease;

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
    this.#insert.run({ ...holderFor(cluster, this.#here), run, now_ms });
    return { run, fence: 1 };
  }

  acquire(run: string, now_ms: number, { take_over = false, cluster = null }: Acquisition = {}): Result<Lease> {
    const row = this.#select.get(run);
    const refusal = acquisitionRefusal(run, row, this.#here, take_over);
    if (refusal !== null) return err(refusal);
    const fence = row!.fence + 1;
    this.#take.run({ ...holderFor(cluster, this.#here), run, fence, now_ms });
    return ok({ run, fence });
  }

  /** The run that a cluster performs. NOT_FOUND; RUN_LOCKED where none does. */
  shared(run: string): Result<SharedRun> {
    return sharedIn(run, this.#select.get(run));
  }

  /** Runs that clusters perform, those that have ended included. */
  allShared(): SharedRun[] {
    return this.#allHeld.all().flatMap(({ run, fence, machine, pid }) => {
      const holder = clusterOf({ machine, pid });
      return holder === null ? [] : [{ lease: { run, fence }, holder }];
    });
  }

  /** Why nothing may be appended under a lease any more, or null. */
  lost(lease: Lease): ExpctlError | null {
    return leaseLost(lease, this.#select.get(lease.run));
  }

  release({ run, fence }: Lease): void {
    this.#release.run(run, fence);
  }
}
