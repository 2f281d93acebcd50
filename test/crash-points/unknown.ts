import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EffectIntended, eventOf, pointOf } from '../../src/ir/events.ts';
import { RUN, type Scenario } from './scenario.ts';

/*
 * What a `once` call that was out at a crash comes to: its step waits for a person, and the run with it. Here that person looks into the
 * world, says what became of it, and the run goes on. The one place that knows it.
 */

/** The status with which a process ends that has nothing left to do but to wait for a person. */
export const WAITS = 5;

interface Waiting {
  readonly point: number;
  readonly intent: EffectIntended;
  /** Under which lease it was intended, and under which one its end was found to be unknown. */
  readonly intended: number;
  readonly found: number;
}

/**
 * Says of each step that waits what became of it, as the world's own book has it. Only steps count whose intent was durable in a process
 * that died before the answer was: nothing else may be unknown.
 *
 * @returns what was said, `point/1/burn_0 done`
 */
export async function sayWhatBecame(scenario: Scenario): Promise<string[]> {
  await scenario.leftover(); // a program that outlives its engine may still be at it
  const said: string[] = [];
  for (const { point, intent, intended, found } of await waitingIn(scenario)) {
    if (intended >= found) continue;
    const folder = scenario.workFolder(point, intent);
    const done = (scenario.ledger('did', 'burn')[folder] ?? 0) > 0;
    const answer = join(scenario.folder, 'answer.json');
    writeFileSync(answer, JSON.stringify({ ash: Number(intent.arguments['x']) * 7 }));
    const flags = done ? ['--as', 'done', '--answer', answer] : ['--as', 'not-done'];
    const { status, text } = await scenario.command(
      ...['resolve', RUN, '--point', String(point), '--step', intent.step, ...flags, '--key', scenario.key],
    );
    if (status !== 0) throw new Error(`expctl resolve ended with ${status}: ${text}`);
    said.push(`${point}/${intent.step} ${done ? 'done' : 'not done'}`);
  }
  return said;
}

async function waitingIn(scenario: Scenario): Promise<Waiting[]> {
  const intents = new Map<string, { intent: EffectIntended; fence: number }>();
  const waiting = new Map<string, Waiting>();
  for (const row of await scenario.rows()) {
    const event = eventOf(row);
    if (!('step' in event)) continue;
    const step = `${row.stream}/${event.step}`;
    const intended = intents.get(step);
    if (event.type === 'effect.intended') intents.set(step, { intent: event, fence: row.fence });
    if (event.type === 'effect.resolved') waiting.delete(step);
    if (event.type !== 'step.unresolved' || intended === undefined) continue;
    const { intent, fence } = intended;
    waiting.set(step, { point: pointOf(row.stream)!, intent, intended: fence, found: row.fence });
  }
  return [...waiting.values()];
}
