import { messageOf } from '../../base/error.ts';
import { type ChainHead, holds } from '../../ir/chain.ts';
import type { JournalRow } from '../../ir/events.ts';
import { type MachineSnapshot, RunMachine } from '../../kernel/run.ts';
import type { Program } from '../../kernel/program.ts';
import { StudySummary } from '../../ir/study-summary.ts';
import type { JournalReader, Snapshot } from '../ports.ts';
import { sha256Text } from '../digest.ts';
import { Pending, type PendingTimer, timerName } from './pending.ts';
import { refoldPoints } from './refold.ts';
import type { Gate } from './records.ts';
import { assertMachineShape, assertSummaryShape } from './snapshot-shape.ts';
import { type Head, Trail } from './trail.ts';
import type { RunEnd } from './types.ts';

/** Number of what is below; a snapshot of another number is ignored, so that it never has to be read by another build. */
const SNAPSHOT_FORMAT = 1;

/**
 * The state of a run behind one of its rows.
 *
 * Points in flight are not in it, nor failed ones that may be tried again: only which they are. Their states, and what they have asked for,
 * are made anew out of their own streams, so that nothing is ever sent that does not follow from the lock and the rows.
 */
interface SnapshotBody {
  readonly format: number;
  readonly run: string;
  readonly lock_sha256: string;
  readonly semantics: number;
  /** The row behind which it was taken. */
  readonly last: NonNullable<Trail['last']>;
  readonly heads: Readonly<Record<string, Head>>;
  readonly gate: Gate | null;
  readonly finished: RunEnd | null;
  readonly last_wall_ms: number;
  readonly fence: number;
  readonly summary: StudySummary;
  readonly machine: MachinePart;
}

/** What of the machine and of the engine was written down at the moment. */
interface MachinePart {
  readonly study: MachineSnapshot['study'];
  readonly pools: MachineSnapshot['pools'];
  readonly seqs: MachineSnapshot['seqs'];
  readonly points: readonly number[];
  readonly left: readonly number[];
  /** Those of the study. */
  readonly timers: readonly PendingTimer[];
  readonly active_ms: number;
}

/** Of which run a snapshot has to be. */
export interface SnapshotOf {
  readonly run: string;
  readonly lock_sha256: string;
}

/** The machine's part, as text: the machine goes on while the rows that led to it are on their way to the disk. */
export function machineText(machine: RunMachine, pending: Pending, active_ms: number): string {
  const { study, pools, seqs, points, left } = machine.snapshot();
  const part: MachinePart = {
    study,
    pools,
    seqs,
    points: points.map(({ point }) => point),
    left: left.map(({ point }) => point),
    timers: [...pending.timers.values()].filter(({ point }) => point === null),
    active_ms,
  };
  // Not in canonical order: that of the keys of a state is part of it.
  return JSON.stringify(part);
}

/** @param trail behind the last row that the machine's part knows */
export function snapshotOf(
  { run, lock_sha256 }: SnapshotOf,
  semantics: number,
  trail: Trail,
  machine: string,
): Snapshot | null {
  const { last, gate, finished, last_wall_ms, fence, summary } = trail;
  if (last === null) return null;
  const heads = Object.fromEntries(trail.heads);
  const rest: Omit<SnapshotBody, 'machine'> = {
    format: SNAPSHOT_FORMAT,
    ...{ run, lock_sha256, semantics },
    ...{ last, heads, gate, finished, last_wall_ms, fence, summary },
  };
  return { position: last.position, body: `${JSON.stringify(rest).slice(0, -1)},"machine":${machine}}` };
}

/** A run as a snapshot has it; what comes behind it is still to be taken in. */
export interface Restored {
  readonly machine: RunMachine;
  readonly pending: Pending;
  readonly trail: Trail;
  readonly active_ms: number;
  /** Where every stream stands that may go on. */
  readonly heads: ReadonlyMap<string, ChainHead>;
  readonly position: number;
}

/**
 * The state that a snapshot has; null where there is none, where it is of another build or run, and, with a reason, where it is not what
 * the journal says. Then the journal is read from its beginning: a snapshot only spares that.
 *
 * @param tell is given the reason
 */
export async function restoreSnapshot(
  program: Program,
  of: SnapshotOf,
  journal: Pick<JournalReader, 'read' | 'snapshot'>,
  tell: (reason: string) => void,
): Promise<Restored | null> {
  const snapshot = await journal.snapshot(of.run);
  if (snapshot === null) return null;
  try {
    const body = JSON.parse(snapshot.body) as SnapshotBody;
    if (body.format !== SNAPSHOT_FORMAT || body.semantics !== program.lock.semantics) return null;
    const { run, lock_sha256, last } = body;
    if (run !== of.run || lock_sha256 !== of.lock_sha256) throw new Error('it is of another run');
    if (last.position !== snapshot.position) throw new Error('it is of another row');
    return await restore(program, journal, body);
  } catch (error) {
    tell(messageOf(error));
    return null;
  }
}

/** What a snapshot tells of a run as a whole, with the latest time before it. */
export interface SnapshotSummary {
  readonly position: number;
  readonly last_wall_ms: number;
  readonly summary: StudySummary;
}

/** For whoever needs no more than that; null where a snapshot is of no use, or its rows are not in the journal as they were. */
export async function summaryBehind(
  of_run: string,
  journal: Pick<JournalReader, 'read' | 'snapshot'>,
): Promise<SnapshotSummary | null> {
  const snapshot = await journal.snapshot(of_run);
  try {
    const body = JSON.parse(snapshot?.body ?? 'null') as SnapshotBody | null;
    if (body === null || body.format !== SNAPSHOT_FORMAT || body.run !== of_run) return null;
    const { last, heads, last_wall_ms, summary } = body;
    if (last.position !== snapshot?.position || !Number.isSafeInteger(last_wall_ms)) return null;
    await assertRows(journal, { run: of_run, last, heads: { study: heads['study']! } });
    assertSummaryShape(summary);
    return { position: last.position, last_wall_ms, summary: StudySummary.from(summary) };
  } catch {
    return null;
  }
}

async function restore(program: Program, journal: Pick<JournalReader, 'read'>, body: SnapshotBody): Promise<Restored> {
  const { run, machine: part, last } = body;
  await assertRows(journal, body);
  assertMachineShape(part.study, part.pools);
  assertSummaryShape(body.summary);
  if (!Number.isFinite(part.active_ms) || !Number.isSafeInteger(body.last_wall_ms))
    throw new Error('it tells no times');
  const pending = new Pending();
  for (const timer of part.timers) pending.timers.set(timerName(null, timer.timer), timer);
  const streams = { run, up_to: last.position };
  const points = await refoldPoints(program, journal, { ...streams, points: [...part.points, ...part.left], pending });
  for (const point of points.values()) {
    const seq = part.seqs[point.stream];
    const head = body.heads[point.stream];
    if (part.left.includes(point.state.point)) continue;
    if (point.head.seq !== seq || point.head.hash !== head?.hash) throw new Error(`${point.stream} stands elsewhere`);
  }
  const states = (numbers: readonly number[]) => numbers.map((number) => points.get(number)!);
  const machine = RunMachine.restore(program, {
    study: part.study,
    pools: part.pools,
    seqs: part.seqs,
    points: states(part.points).map(({ state }) => state),
    left: states(part.left).map(({ state, head }) => ({ point: state.point, state, seq: head.seq })),
  });
  const heads = new Map<string, ChainHead>([...points.values()].map(({ stream, head }) => [stream, head]));
  const study = body.heads['study'];
  if (study === undefined || study.seq !== part.seqs['study']) throw new Error('the study stands elsewhere');
  heads.set('study', study);
  return { machine, pending, trail: trailOf(body), active_ms: part.active_ms, heads, position: last.position };
}

/** The row at which it was taken, and those at which its streams stood, have to be in the journal as they were. */
async function assertRows(
  journal: Pick<JournalReader, 'read'>,
  { run, last, heads }: Pick<SnapshotBody, 'run' | 'last' | 'heads'>,
): Promise<void> {
  const rows = [last, ...Object.entries(heads).map(([stream, head]) => ({ stream, ...head }))];
  for (const { stream, position, hash } of rows) {
    const row = await rowAt(journal, run, position);
    const same = row !== null && row.stream === stream && row.hash === hash && holds(row, sha256Text);
    if (!same) throw new Error(`row ${position} of ${stream} is another one now`);
  }
}

async function rowAt(journal: Pick<JournalReader, 'read'>, run: string, position: number): Promise<JournalRow | null> {
  for await (const row of journal.read(run, { after_position: position - 1, limit: 1 })) {
    return row.position === position ? row : null;
  }
  return null;
}

function trailOf(body: SnapshotBody): Trail {
  const trail = new Trail();
  for (const [stream, head] of Object.entries(body.heads)) trail.heads.set(stream, head);
  const { gate, finished, last_wall_ms, fence, last } = body;
  Object.assign(trail, { gate, finished, last_wall_ms, fence, last, summary: StudySummary.from(body.summary) });
  return trail;
}
