import { err, ok, type Result } from '../../base/result.ts';
import type { Lease, NewEvent, RunRow } from '../../engines/ports.ts';
import { prepareEvent } from '../../engines/prepared-event.ts';
import type { EngineHolder, SharedRun } from '../../engines/temporal/ports.ts';
import {
  type Acquisition,
  acquisitionRefusal,
  allUsed,
  holderFor,
  idTaken,
  type LeaseRow,
} from '../journal-rows/leases.ts';
import { Sequel } from '../journal-rows/sequel.ts';
import { clusterOf, type ProcessFacts } from '../sqlite/lease.ts';
import type { Query } from './link.ts';
import { beginPools } from './pools.ts';
import { NewRows } from './rows.ts';
import { lockLeases } from './turn.ts';

/** Held by whoever begins a run, so that uses of a request are counted by one at a time: "EXPR". */
const BEGIN_LOCK = 0x45585052;

/** How a run begins. */
export interface Beginning {
  readonly run: RunRow;
  readonly max_runs: number;
  readonly first: readonly NewEvent[];
  readonly pools: Readonly<Record<string, number>>;
  readonly cluster: EngineHolder | null;
  readonly now_ms: number;
}

/** Everything about a run's beginning, within a transaction that the caller opened. */
export async function beginRun(query: Query, beginning: Beginning, here: ProcessFacts): Promise<Result<Lease>> {
  const { run, max_runs, first, pools, cluster, now_ms } = beginning;
  await query('SELECT pg_advisory_xact_lock($1)', [BEGIN_LOCK]);
  const [before] = await query<{ uses: number; is_there: boolean }>(
    `SELECT (SELECT count(*) FROM approval_uses WHERE request_sha256 = $1) AS uses,
       EXISTS (SELECT 1 FROM runs WHERE run = $2) AS is_there`,
    [run.request_sha256, run.run],
  );
  const { uses, is_there } = before!;
  if (uses >= max_runs) return err(allUsed(uses, max_runs));
  if (is_there) return err(idTaken(run.run));
  await query(`INSERT INTO runs (run, name, lock_sha256, request_sha256, created_ms) VALUES ($1, $2, $3, $4, $5)`, [
    ...[run.run, run.name, run.lock_sha256, run.request_sha256, run.created_ms],
  ]);
  const use = 'INSERT INTO approval_uses (request_sha256, use_no, run) VALUES ($1, $2, $3)';
  await query(use, [run.request_sha256, uses + 1, run.run]);
  const lease = { run: run.run, fence: 1 };
  const { machine, boot, namespace, pid, started } = holderFor(cluster, here);
  await query(
    `INSERT INTO leases (run, fence, machine, boot, namespace, pid, started, taken_ms) VALUES ($1, 1, $2, $3, $4, $5, $6, $7)`,
    [run.run, machine, boot, namespace, pid, started, now_ms],
  );
  const rows = await NewRows.prepare(query, []);
  const sequel = new Sequel(lease, () => null);
  for (const event of first) sequel.add(prepareEvent(event, now_ms));
  rows.add(sequel);
  await rows.insert(query);
  if (Object.keys(pools).length > 0) await beginPools(query, run.run, pools);
  return ok(lease);
}

/** Takes a run that nobody performs, within a transaction that the caller opened. */
export async function acquireRun(
  query: Query,
  run: string,
  { take_over = false, cluster = null, now_ms }: Acquisition & { readonly now_ms: number },
  here: ProcessFacts,
): Promise<Result<Lease>> {
  const row = (await lockLeases(query, [run])).get(run);
  const refusal = acquisitionRefusal(run, row, here, take_over);
  if (refusal !== null) return err(refusal);
  const fence = row!.fence + 1;
  const { machine, boot, namespace, pid, started } = holderFor(cluster, here);
  await query(
    `UPDATE leases SET fence = $2, machine = $3, boot = $4, namespace = $5, pid = $6, started = $7, taken_ms = $8 WHERE run = $1`,
    [run, fence, machine, boot, namespace, pid, started, now_ms],
  );
  return ok({ run, fence });
}

export async function releaseRun(query: Query, { run, fence }: Lease): Promise<void> {
  await query('UPDATE leases SET pid = NULL WHERE run = $1 AND fence = $2', [run, fence]);
}

export async function leaseOf(query: Query, run: string): Promise<LeaseRow | undefined> {
  const text = 'SELECT fence, machine, boot, namespace, pid, started FROM leases WHERE run = $1';
  return (await query<LeaseRow>(text, [run]))[0];
}

/** Runs that clusters perform and that have not ended. */
export async function sharedRuns(query: Query): Promise<readonly SharedRun[]> {
  const rows = await query<Lease & { readonly machine: string; readonly pid: number }>(
    `SELECT run, fence, machine, pid FROM leases WHERE pid = 0 AND (
       SELECT type FROM events WHERE events.run = leases.run AND stream = 'study' ORDER BY seq DESC LIMIT 1
     ) IS DISTINCT FROM 'run.finished' ORDER BY run`,
    [],
  );
  return rows.flatMap(({ run, fence, machine, pid }) => {
    const holder = clusterOf({ machine, pid });
    return holder === null ? [] : [{ lease: { run, fence }, holder }];
  });
}
