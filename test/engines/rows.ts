import { hash } from 'node:crypto';
import { unwrap } from '../../src/base/result.ts';
import { recover, type Recovered } from '../../src/engines/embedded/recover.ts';
import { machineText, snapshotOf } from '../../src/engines/embedded/snapshot.ts';
import type { JournalReader, Snapshot } from '../../src/engines/ports.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import { type ChainHead, genesis, rowPreimage } from '../../src/ir/chain.ts';
import { type JournalRow, pointStream } from '../../src/ir/events.ts';
import type { Program } from '../../src/kernel/program.ts';
import { RunMachine } from '../../src/kernel/run.ts';
import { Driver, type Entry, seededDice, type Watch } from '../kernel/driver.ts';
import { STARTED } from '../kernel/support.ts';

/*
 * Journals of the kernel's random worlds as rows in memory, with snapshots behind any of their transactions.
 */

export const RUN = 'run-1';
const { lock_sha256: LOCK } = STARTED as { lock_sha256: string };
export const OF = { run: RUN, lock_sha256: LOCK };
const sha256 = (text: string) => hash('sha256', text);

/** Transactions are five seconds apart. */
export const wallTime_ms = (transaction: number) => 1_000 + transaction * 5_000;

/** Rows as the writer would have written them, over several performances. */
export function rowsOf(
  transactions: readonly (readonly Entry[])[],
  wallOf: (transaction: number) => number,
): JournalRow[] {
  const heads = new Map<string, ChainHead>();
  const entries = transactions.flatMap((events, time) => events.map((entry) => ({ ...entry, time })));
  return entries.map(({ stream, seq, event, time }, index) => {
    const { type, ...fields } = event;
    const ends = event.type === 'point.finished' ? { head: heads.get(pointStream(event.point))?.hash ?? null } : {};
    const content = {
      ...{ run: RUN, stream, seq, type, body: canonicalJson(fields), observed: canonicalJson(ends) },
      ...{ wall_ms: wallOf(time), fence: 1 + Math.floor(time / 20) },
      prev: heads.get(stream)?.hash ?? genesis(RUN, stream, sha256),
    };
    const row = { ...content, position: index + 1, hash: sha256(rowPreimage(content)) };
    heads.set(stream, { seq, hash: row.hash });
    return row;
  });
}

/** Rows in memory, with a snapshot; `read` counts the rows that were asked for. */
export class Rows implements Pick<JournalReader, 'read' | 'head' | 'snapshot'> {
  readonly #rows: readonly JournalRow[];
  readonly #snapshot: Snapshot | null;
  read_rows = 0;

  constructor(rows: readonly JournalRow[], snapshot: Snapshot | null) {
    this.#rows = rows;
    this.#snapshot = snapshot;
  }

  async *read(_run: string, options: Parameters<JournalReader['read']>[1] = {}): AsyncGenerator<JournalRow> {
    const { stream, after_position = 0, limit = Number.POSITIVE_INFINITY } = options;
    const found = this.#rows.filter((row) => row.position > after_position && (stream ?? row.stream) === row.stream);
    for (const row of found.slice(0, limit)) {
      this.read_rows += 1;
      yield row;
    }
  }

  async head(_run: string, stream: string): Promise<ChainHead | null> {
    return this.#rows.findLast((row) => row.stream === stream) ?? null;
  }

  async snapshot(): Promise<Snapshot | null> {
    return this.#snapshot;
  }
}

export async function folded(program: Program, rows: readonly JournalRow[]): Promise<Recovered> {
  return unwrap(await recover(program, LOCK, new Rows(rows, null).read(RUN)));
}

export async function snapshotBehind(program: Program, rows: readonly JournalRow[]): Promise<Snapshot> {
  const { machine, pending, active_ms, trail } = await folded(program, rows);
  return snapshotOf(OF, program.lock.semantics, trail, machineText(machine, pending, active_ms))!;
}

/** All that a recovered run is, as text: the order of keys and of what is pending too. */
export function shown({ machine, pending, active_ms, trail }: Recovered): string {
  const maps = [pending.effects, trail.heads].map((map) => [...map]);
  const timers = [...pending.timers].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({ machine: machine.snapshot(), maps, timers, active_ms, trail }, null, 1);
}

/** How many rows may stand in a journal: behind each whole transaction. */
export function boundaries(program: Program, rows: readonly JournalRow[]): number[] {
  const machine = new RunMachine(program);
  return rows.flatMap((row, index) => {
    machine.take(row.stream, row.seq, { type: row.type, ...JSON.parse(row.body) });
    try {
      machine.close();
      return [index + 1];
    } catch {
      return [];
    }
  });
}

/** @param wallOf time of a transaction */
export function journal(program: Program, seed: number, wallOf = wallTime_ms): JournalRow[] {
  const weights = { disturbances: 40, cancels: seed % 3 === 0, failures: 0.1 };
  const transactions: Entry[][] = [];
  const watch: Watch = ({ journal: all }, { events }) => void transactions.push(all.slice(-events.length));
  new Driver(program, seededDice(seed), weights, watch).play();
  return rowsOf(transactions, wallOf);
}
