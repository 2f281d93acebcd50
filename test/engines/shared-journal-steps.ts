import type { JsonObject } from '../../src/base/json.ts';
import { unwrap } from '../../src/base/result.ts';
import type { InboxMessage, Lease, NewEvent, PoolExchange } from '../../src/engines/ports.ts';
import type {
  EffectAnswer,
  EffectIntent,
  EngineHolder,
  NumberedEvents,
  SharedJournal,
} from '../../src/engines/temporal/ports.ts';
import { runRow, STARTED } from '../adapters/sqlite/support.ts';

/** A store of its own for one test. */
export interface SharedStore {
  /** As the first worker sees it. */
  readonly journal: SharedJournal;
  /** As another worker sees it, that is over another connection. */
  readonly another: () => Promise<SharedJournal>;
  /** Leaves a message for a run, as commands do. */
  readonly post: (run: string, kind: InboxMessage['kind'], body: JsonObject) => Promise<number>;
  readonly close: () => Promise<void>;
}

export const CLUSTER: EngineHolder = { engine: 'temporal', place: 'localhost:7233/default' };
export const A: Lease = { run: 'a', fence: 1 };

/** The events of one stream, from a number on. */
export function tail(first_seq: number, ...events: readonly [NewEvent, ...NewEvent[]]): NumberedEvents {
  return { stream: events[0].stream, first_seq, events: events.map(({ event, observed }) => ({ event, observed })) };
}

export function intent(point: number, other: Partial<EffectIntent> = {}): EffectIntent {
  return { key: `key-${point}`, point, step: 'solve', part: 'call', attempt: 1, ...other };
}

export function answered(answer: string): EffectAnswer {
  return { outcome: { ok: true, answer, artifacts: [] }, observed: { host: answer } };
}

export function exchange(given: Partial<PoolExchange>): PoolExchange {
  return { released: [], bound: [], wanted: [], ...given };
}

export function want(point: number, attempt = 1): PoolExchange['wanted'][number] {
  return { point, step: 'solve', attempt, uses: { licence: 1 } };
}

export function runFinished(): NewEvent {
  const points = { succeeded: 0, failed: 0, cancelled: 0 };
  return { stream: 'study', event: { type: 'run.finished', status: 'completed', reason: '', points }, observed: {} };
}

/** An event that says where it was observed. */
export function seenAt(host: string, event: NewEvent): NewEvent {
  return { ...event, observed: { host } };
}

/** What is held and wanted, in order of arrival. */
export async function claimsOf({ journal }: SharedStore): Promise<string[]> {
  const { claims } = await journal.pools();
  return claims.map(({ point, attempt, held_ms, taken, key }) => {
    const state = held_ms === null ? 'waits' : taken ? `held for ${key}` : 'granted';
    return `${point}/${attempt} ${state}`;
  });
}

/** The run `a`, which the cluster performs, with a licence for one. */
export async function withRun(opened: () => Promise<SharedStore>): Promise<SharedStore> {
  const store = await opened();
  unwrap(await store.journal.createShared(runRow('a'), CLUSTER, 1, [STARTED], { licence: 1 }));
  return store;
}

export const BROKEN = { code: 'EVIDENCE_BROKEN' };
export const LOCKED = { code: 'RUN_LOCKED' };
