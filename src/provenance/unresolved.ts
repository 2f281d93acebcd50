import type { JournalHead } from '../approval/statement.ts';
import type { JsonObject } from '../base/json.ts';
import { type EffectIntended, pointStream, type StepUnresolved } from '../ir/events.ts';
import type { RunMachine, UnresolvedEffect } from '../kernel/run.ts';
import type { RowReader } from './ports.ts';
import { eventOf, observedOf, textIn } from './rows.ts';

/** An effect of which nobody knows what became of it, with what a person needs to find out. */
export interface UnresolvedView extends UnresolvedEffect {
  /** `tool/call` */
  readonly call: string;
  readonly arguments: JsonObject;
  /** The effect's key, as the tool got it. */
  readonly key: string | null;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly sent_ms: number;
  readonly unresolved_ms: number;
  /** The row with which it was intended. */
  readonly intent: JournalHead;
}

/** All effects of a run that wait for `expctl resolve`, by point. @param machine where the run stands */
export async function unresolvedEffects(
  machine: RunMachine,
  reader: RowReader,
  run: string,
): Promise<UnresolvedView[]> {
  const views: UnresolvedView[] = [];
  for (const effect of machine.unresolved().sort((a, b) => a.point - b.point)) {
    const view = await viewOf(reader, run, effect);
    if (view !== null) views.push(view);
  }
  return views;
}

async function viewOf(reader: RowReader, run: string, effect: UnresolvedEffect): Promise<UnresolvedView | null> {
  let intended: Omit<UnresolvedView, 'message' | 'unresolved_ms'> | null = null;
  let view: UnresolvedView | null = null;
  for await (const row of reader.read(run, { stream: pointStream(effect.point) })) {
    const event = eventOf(row) as EffectIntended | StepUnresolved;
    if (event.type !== 'effect.intended' && event.type !== 'step.unresolved') continue;
    if (event.step !== effect.step || event.part !== effect.part || event.attempt !== effect.attempt) continue;
    if (event.type === 'step.unresolved') {
      if (intended !== null) view = { ...intended, message: event.message, unresolved_ms: row.wall_ms };
      continue;
    }
    const intent = { stream: row.stream, seq: row.seq, hash: row.hash };
    const { call, arguments: given } = event;
    const key = textIn(observedOf(row), 'key');
    intended = { ...effect, call, arguments: given, key, sent_ms: row.wall_ms, intent };
  }
  return view;
}
