import type { Clock, JournalStore, ToolHost } from '../../src/engines/ports.ts';
import type { MemoryStore } from '../../src/engines/simulated/memory-store.ts';
import type { Program } from '../../src/kernel/program.ts';
import type { Dice } from './dice.ts';

/** A bug, planted into what the engine is given. Each part is left as it is unless named. */
export interface Mutation {
  readonly journal?: (journal: JournalStore, dice: Dice, clock: Clock, store: MemoryStore) => JournalStore;
  readonly tools?: (tools: ToolHost, dice: Dice, clock: Clock) => ToolHost;
  readonly clock?: (clock: Clock, dice: Dice) => Clock;
  readonly program?: (program: Program) => Program;
  /** Tools that say they know keys, and do not. */
  readonly forgetful?: boolean;
  /** What the disk does when a process dies. */
  readonly onCrash?: (store: MemoryStore, dice: Dice) => void;
}
