import type { JournalStore } from '../src/engines/ports.ts';

/** A journal of which some methods are others. */
export function journalWith(journal: JournalStore, own: Partial<JournalStore>): JournalStore {
  const get = (target: JournalStore, name: keyof JournalStore) => {
    const method = (own[name] ?? target[name]) as (...args: unknown[]) => unknown;
    return (...args: unknown[]) => method.apply(own[name] === undefined ? target : own, args);
  };
  return new Proxy(journal, { get: (target, name) => get(target, name as keyof JournalStore) });
}
