import { eventOf, isFact, type PointFact, type PointResult, pointStream } from '../../ir/events.ts';
import { type PointState, stepPoint } from '../../kernel/point.ts';
import { valuesOf } from '../../kernel/study.ts';
import { Pending } from '../embedded/pending.ts';
import type { JournalReader } from '../ports.ts';
import type { PerformedRun } from './performed-run.ts';
import type { CarriedPoint, PointArguments } from './protocol.ts';

/** A point as its stream left it: what goes on from there is checked, event by event, when it is written. */
export async function leftPoint(
  { authorised: { run, program } }: PerformedRun,
  journal: JournalReader,
  point: number,
): Promise<PointArguments['begins']> {
  const stream = pointStream(point);
  const pending = new Pending();
  let state: PointState | null = null;
  let result: PointResult | null = null;
  let seq = 0;
  for await (const row of journal.read(run, { stream })) {
    seq = row.seq;
    const event = eventOf(row);
    if (event.type === 'point.ended') result = event.result;
    if (!isFact(event.type)) continue;
    const fact = event as PointFact;
    result = null;
    const [next, { commands }] = stepPoint(program, state, fact);
    state = next;
    const asked = commands.flatMap((command) => (command.do === 'end' ? [] : [{ point, command }]));
    pending.follow(stream, fact, asked, row.wall_ms);
  }
  // The study has started it, and nobody has begun it yet.
  if (state === null) return { values: valuesOf(program, point) };
  const carried: CarriedPoint = {
    state,
    seq,
    result,
    effects: [...pending.effects.values()].map(({ command }) => command),
    timers: Object.fromEntries([...pending.timers.values()].map(({ timer, due_ms }) => [timer, due_ms])),
    fact: null,
  };
  return { carried };
}
