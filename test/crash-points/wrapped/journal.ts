import * as real from '../../../src/adapters/sqlite/journal.ts';
import type { JournalStore } from '../../../src/engines/ports.ts';
import { counted } from './operations.ts';
import { planted } from './planted.ts';

export function openJournal(...args: Parameters<typeof real.openJournal>): JournalStore {
  return counted('journal', planted.journal(real.openJournal(...args)));
}
