import { taskQueueOf } from '../engines/temporal/protocol.ts';
import type { App } from './app.ts';

/** The task queue of a store's workers; null where there is no store yet, or none that runs have been on Temporal from. */
export async function taskQueueIn(app: App, store: string): Promise<string | null> {
  const reader = await app.openReader(store).catch(() => null);
  if (reader === null || !reader.ok) return null;
  const identity = await reader.value.identity().finally(() => reader.value.close());
  return identity === null ? null : taskQueueOf(identity);
}
