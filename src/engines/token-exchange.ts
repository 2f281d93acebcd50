import { pointOf } from '../ir/events.ts';
import type { RunCommand, StreamEvent } from '../kernel/run.ts';
import { effectKey } from './effect-key.ts';
import type { PoolExchange, PoolHolder, PoolWant } from './ports.ts';

/**
 * What a run gives back to the store's pools, has bound, and wants, because of events and the commands that they led to; null where
 * that is nothing.
 *
 * @param uses_pools steps that use pools
 */
export function tokenExchange(
  run: string,
  uses_pools: ReadonlySet<string>,
  events: readonly StreamEvent[],
  commands: readonly RunCommand[],
): PoolExchange | null {
  if (uses_pools.size === 0) return null;
  const released: PoolHolder[] = [];
  let wanted: PoolWant[] = [];
  for (const { point, command } of commands) {
    if (command.do === 'release') {
      released.push({ point: point!, step: command.step });
      // Wanted and given up by the same fact: a failure of another step.
      wanted = wanted.filter((want) => want.point !== point || want.step !== command.step);
    } else if (command.do === 'want') {
      const { step, attempt, uses } = command;
      wanted.push({ point: point!, step, attempt, uses });
    }
  }
  const bound = boundBy(run, uses_pools, events);
  return released.length + wanted.length + bound.length === 0 ? null : { released, wanted, bound };
}

/** Whose grants are in the journal now, and the effects for which the tokens are held. */
function boundBy(run: string, uses_pools: ReadonlySet<string>, events: readonly StreamEvent[]): PoolExchange['bound'] {
  return events.flatMap(({ stream, event }) => {
    if (event.type !== 'effect.intended' && event.type !== 'step.granted') return [];
    if (!uses_pools.has(event.step)) return [];
    const point = pointOf(stream)!;
    const key = event.type === 'step.granted' ? null : effectKey(run, point, event);
    return [{ point, step: event.step, key }];
  });
}

/** Steps of a program for which the store grants tokens; of semantics 1, a run grants its own. */
export function pooledSteps({
  lock,
  steps,
}: {
  readonly lock: { readonly semantics: number };
  readonly steps: readonly { readonly name: string; readonly uses: Readonly<Record<string, number>> }[];
}): ReadonlySet<string> {
  const pooled = lock.semantics < 2 ? [] : steps.filter(({ uses }) => Object.keys(uses).length > 0);
  return new Set(pooled.map(({ name }) => name));
}
