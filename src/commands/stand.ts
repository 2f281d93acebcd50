import type { JournalReader } from '../engines/ports.ts';
import { pointStream } from '../ir/events.ts';
import type { Program } from '../kernel/program.ts';
import { foldRun, RunFold } from '../provenance/state.ts';

/** Rows before a snapshot from which the steps' durations are learnt. */
const ROWS_FOR_TIMES = 500;

/**
 * Where a run stands, from its latest snapshot and the rows behind it. From the whole journal where there is no snapshot, or it does not
 * hold: then what is wrong is found there too.
 */
export async function foldStand(
  program: Program,
  run: { readonly run: string; readonly lock_sha256: string },
  reader: Pick<JournalReader, 'read' | 'snapshot'>,
): Promise<RunFold> {
  const fold = await foldBehindSnapshot(program, run, reader).catch(() => null);
  return fold ?? foldRun(program, reader.read(run.run));
}

async function foldBehindSnapshot(
  program: Program,
  { run, lock_sha256 }: { readonly run: string; readonly lock_sha256: string },
  reader: Pick<JournalReader, 'read' | 'snapshot'>,
): Promise<RunFold | null> {
  const { restoreSnapshot } = await import('../engines/embedded/snapshot.ts');
  const restored = await restoreSnapshot(program, { run, lock_sha256 }, reader, () => undefined);
  if (restored === null) return null;
  const { machine, active_ms, position, trail } = restored;
  const { summary, last_wall_ms, fence } = trail;
  const fold = new RunFold(program, { machine, summary, active_ms, last_wall_ms, fence, position });
  await learnTimes(fold, run, reader);
  for await (const row of reader.read(run, { after_position: position })) fold.take(row);
  return fold.broken === null ? fold : null;
}

/** Since when steps of points in flight have been out, and how long the latest of the others took. */
async function learnTimes(fold: RunFold, run: string, reader: Pick<JournalReader, 'read'>): Promise<void> {
  const { position } = fold;
  const streams = new Set([...fold.machine.points.keys()].map(pointStream));
  for await (const row of reader.read(run, { after_position: Math.max(0, position - ROWS_FOR_TIMES) })) {
    if (row.position > position) break;
    if (!streams.has(row.stream)) fold.takeTimes(row);
  }
  for (const stream of streams) {
    for await (const row of reader.read(run, { stream })) {
      if (row.position > position) break;
      fold.takeTimes(row);
    }
  }
}
