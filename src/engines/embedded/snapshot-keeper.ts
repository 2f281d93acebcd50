import type { RunMachine } from '../../kernel/run.ts';
import type { JournalStore, Lease } from '../ports.ts';
import type { Pending } from './pending.ts';
import { machineText, type SnapshotOf, snapshotOf } from './snapshot.ts';
import type { Trail } from './trail.ts';

/** A snapshot is due after so many events: the fewer, the less is read by `resume` and `status`. A large one is worth it less often. */
const LEAST_EVENTS = 1_000;
const MOST_EVENTS = 10_000;
const BYTES_AN_EVENT = 5;
/** At the end of a performance it is worth it sooner: there is time. */
const LEAST_EVENTS_AT_END = 100;

interface KeeperDeps {
  readonly of: SnapshotOf;
  readonly machine: RunMachine;
  readonly pending: Pending;
  readonly trail: Trail;
  readonly journal: Pick<JournalStore, 'keepSnapshot'>;
  readonly active_ms: () => number;
  /** Events behind the latest snapshot: a process that is killed again and again must not leave ever more to read. */
  readonly events_behind: number;
}

/** Has snapshots of a run kept while it is performed. */
export class SnapshotKeeper {
  readonly #deps: KeeperDeps;
  #events: number;
  #due = LEAST_EVENTS;

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
    this.#events = deps.events_behind;
  }

  /**
   * To be called right behind every append, in the same turn, when the machine knows these events and no others. Where a snapshot is due,
   * what is returned is to be called once the trail has them too.
   */
  appending(events: number): ((lease: Lease) => void) | null {
    this.#events += events;
    if (this.#events < this.#due) return null;
    const machine = this.#machineText();
    return machine === null ? null : (lease) => this.#keep(lease, machine);
  }

  /** To be called when the performance ends and everything is durable. */
  end(lease: Lease): void {
    const machine = this.#events < LEAST_EVENTS_AT_END ? null : this.#machineText();
    if (machine !== null) this.#keep(lease, machine);
  }

  /** A state that cannot be written down costs the next `resume` some time, and this run nothing. */
  #machineText(): string | null {
    const { machine, pending, active_ms } = this.#deps;
    this.#events = 0;
    try {
      return machineText(machine, pending, active_ms());
    } catch {
      return null;
    }
  }

  /** A snapshot that is not kept is not missed, and what keeps it from the disk the next append will meet as well. */
  #keep(lease: Lease, text: string): void {
    const { of, machine, trail, journal } = this.#deps;
    const snapshot = snapshotOf(of, machine.program.lock.semantics, trail, text);
    if (snapshot === null) return;
    this.#due = Math.min(MOST_EVENTS, Math.max(LEAST_EVENTS, Math.ceil(snapshot.body.length / BYTES_AN_EVENT)));
    journal.keepSnapshot(lease, snapshot).catch(() => undefined);
  }
}
