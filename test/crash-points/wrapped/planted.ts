import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ArtifactStore, JournalStore, Lease, NewEvent, ToolSession } from '../../../src/engines/ports.ts';
import { canonicalJson } from '../../../src/ir/canonical.ts';
import type { JournalRow } from '../../../src/ir/events.ts';

/*
 * Mistakes that are made on purpose, so that a test can see that they are found. EXPCTL_TEST_PLANTED names one:
 *
 *   early-append     an append resolves before its commit, so that intents are not durable when their calls are sent
 *   early-artifact   a file counts as kept before it is written
 *   changing-key     an effect has another key in every process
 */
const WHICH = process.env['EXPCTL_TEST_PLANTED'];

/** From the answer to what it promised. */
const LATE_MS = 40;

export const planted = {
  journal: (journal: JournalStore): JournalStore => (WHICH === 'early-append' ? appendingEarly(journal) : journal),
  artifacts: (store: ArtifactStore): ArtifactStore => (WHICH === 'early-artifact' ? keepingEarly(store) : store),
  session: (session: ToolSession): ToolSession => (WHICH === 'changing-key' ? changingKeys(session) : session),
};

function appendingEarly(journal: JournalStore): JournalStore {
  let late: Promise<unknown> = Promise.resolve();
  const append = async (lease: Lease, events: readonly NewEvent[]): Promise<readonly JournalRow[]> => {
    late = late.then(() => sleep(LATE_MS)).then(() => journal.append(lease, events));
    return events.map((event) => madeUp(lease, event));
  };
  const release = async (lease: Lease): Promise<void> => {
    await late;
    return journal.release(lease);
  };
  return changed(journal, { append, release });
}

function madeUp({ run, fence }: Lease, { stream, event, observed }: NewEvent): JournalRow {
  const { type, ...body } = event;
  const texts = { body: canonicalJson(body), observed: canonicalJson(observed) };
  return { run, stream, seq: 0, position: 0, type, ...texts, wall_ms: Date.now(), fence, prev: '', hash: '' };
}

function keepingEarly(store: ArtifactStore): ArtifactStore {
  const put = async (bytes: Uint8Array): Promise<{ sha256: string; bytes: number }> => {
    void sleep(LATE_MS).then(() => store.put(bytes));
    return { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.byteLength };
  };
  return changed(store, { put, putFile: (path) => put(readFileSync(path)) });
}

function changingKeys(session: ToolSession): ToolSession {
  const keyOf = (key: string): string => createHash('sha256').update(`${key} ${process.pid}`).digest('hex');
  return changed(session, { call: (call) => session.call({ ...call, key: keyOf(call.key) }) });
}

/** An object with some of its methods replaced. */
function changed<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
