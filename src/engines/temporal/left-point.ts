import { eventOf, isFact, type PointFact, pointStream } from '../../ir/events.ts';
import { type PointState, stepPoint } from '../../kernel/point.ts';
import { Pending } from '../embedded/pending.ts';
import type { JournalReader } from '../ports.ts';
import type { PerformedRun } from './performed-run.ts';
import type { CarriedPoint } from './protocol.ts';
import { refused } from './run-mirror.ts';

/** A point as its stream left it: what goes on from there is checked, event by event, when it is written. */
export async function leftPoint(
  { authorised: { run, program } }: PerformedRun,
  journal: JournalReader,
  point: number,
): Promise<CarriedPoint> {
  const stream = pointStream(point);
  const pending = new Pending();
  let state: PointState | null = null;
  let seq = 0;
  for await (const row of journal.read(run, { stream })) {
    seq = row.seq;
    if (!isFact(row.type)) continue;
    const fact = eventOf(row) as PointFact;
    const [next, { commands }] = stepPoint(program, state, fact);
    state = next;
    const asked = commands.flatMap((command) => (command.do === 'end' ? [] : [{ point, command }]));
    pending.follow(stream, fact, asked, row.wall_ms);
  }
  if (state === null) throw refused(run, `point ${point} has not begun`);
  return {
    state,
    seq,
    effects: [...pending.effects.values()].map(({ command }) => command),
    timers: Object.fromEntries([...pending.timers.values()].map(({ timer, due_ms }) => [timer, due_ms])),
    fact: null,
  };
}
