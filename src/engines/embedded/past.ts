import type { PointState } from '../../kernel/point.ts';
import type { JournalReader } from '../ports.ts';
import type { Recovered } from './recover.ts';
import { summaryBehind } from './snapshot.ts';
import type { RunPast } from './types.ts';

/** Where a recovered run stands. */
export function pastOf({ machine, trail }: Recovered): RunPast {
  const order = machine.program.steps.map(({ name }) => name).reverse();
  const stepOf = ({ steps }: PointState) => order.find((name) => AT_WORK.has(steps[name]!.status)) ?? '';
  const in_flight = new Map([...machine.points.values()].map((point) => [point.point, stepOf(point)]));
  const best = machine.study?.tally.best[0];
  return {
    summary: trail.summary,
    in_flight,
    best: best === undefined ? null : { point: best.point, metrics: best.metrics },
  };
}

const AT_WORK: ReadonlySet<string> = new Set(['out', 'unresolved', 'backing_off', 'held']);

/**
 * The latest time in a run's journal, in milliseconds since 1970; 0 where it is empty. Not that of the last row: the clock may have been
 * set back. Reads only what lies behind the latest snapshot.
 */
export async function latestTime_ms(run: string, journal: Pick<JournalReader, 'read' | 'snapshot'>): Promise<number> {
  const known = await summaryBehind(run, journal);
  let latest_ms = known?.last_wall_ms ?? 0;
  for await (const { wall_ms } of journal.read(run, { after_position: known?.position ?? 0 })) {
    latest_ms = Math.max(latest_ms, wall_ms);
  }
  return latest_ms;
}
