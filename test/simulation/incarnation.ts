import { ExpctlError } from '../../src/base/error.ts';
import { err, ok, type Result } from '../../src/base/result.ts';
import { EffectiveClock } from '../../src/engines/effective-clock.ts';
import type { Clock, JournalStore, NewEvent } from '../../src/engines/ports.ts';
import { MemoryJournal } from '../../src/engines/simulated/memory-journal.ts';
import type { MemoryStore } from '../../src/engines/simulated/memory-store.ts';
import type { VirtualTime } from '../../src/engines/simulated/virtual-time.ts';
import type { JournalRow } from '../../src/ir/events.ts';
import { journalWith } from '../journal-with.ts';
import type { Dice } from './dice.ts';

/** What befalls a process at its n-th write to the store. */
export interface WriteFault {
  readonly write: number;
  readonly kind: 'crash_before' | 'crash_after' | 'stop_after' | 'disk_full';
}

export interface IncarnationDeps {
  readonly time: VirtualTime;
  readonly store: MemoryStore;
  readonly dice: Dice;
  readonly fault: WriteFault | null;
  /** Timers that fired fire once more, later. */
  readonly echoes: boolean;
  /** Commits take time, in which other things happen. */
  readonly slow_commits: boolean;
  readonly onCrash: () => void;
  /** It stands still right behind a write, before it can do what follows from it, and another process takes its run. */
  readonly onStop: () => void;
  /** Told of rows that the engine was told to be durable. */
  readonly onAcknowledged: (rows: readonly JournalRow[]) => void;
  readonly wrapJournal: (journal: JournalStore) => JournalStore;
  readonly wrapClock: (clock: Clock) => Clock;
}

/** One process of the engine: whatever reaches it comes through here, so that it can be stopped, go on, and die. */
export class Incarnation {
  readonly name: string;
  readonly clock: Clock;
  readonly checkClock: () => Result<void>;
  readonly journal: JournalStore;
  readonly #deps: IncarnationDeps;
  alive = true;
  #writes = 0;
  /** What came while the process was stopped; null while it runs. */
  #mailbox: (() => void)[] | null = null;

  constructor(name: string, deps: IncarnationDeps) {
    this.name = name;
    this.#deps = deps;
    const { time, store, dice } = deps;
    const machine: Clock = {
      now_ms: () => time.now_ms(),
      monotonic_ms: () => time.monotonic_ms(),
      after: (seconds, fire) => this.#after(seconds, fire),
    };
    // As the commands do: from the latest time that the journal holds.
    const clock = new EffectiveClock(machine, store.rows.at(-1)?.wall_ms ?? 0);
    this.checkClock = () => (clock.isAhead ? err(setForward(clock.jump!.by_ms)) : ok(undefined));
    this.clock = deps.wrapClock(clock);
    const commit_s = () => (deps.slow_commits ? dice.pick([0, 0.001, 0.05, 2]) : 0);
    const notice_s = () => dice.between(0, 0.4);
    const memory = new MemoryJournal({ store, clock: this.clock, process: name, commit_s, notice_s });
    this.journal = this.#guarded(deps.wrapJournal(memory));
  }

  get stopped(): boolean {
    return this.#mailbox !== null;
  }

  /** Lets something reach the process: at once, when it goes on, or never. */
  deliver(news: () => void): void {
    if (!this.alive) return;
    if (this.#mailbox === null) news();
    else this.#mailbox.push(news);
  }

  /** As SIGSTOP. */
  stop(): void {
    this.#mailbox ??= [];
  }

  /** As SIGCONT. */
  wake(): void {
    const mail = this.#mailbox ?? [];
    this.#mailbox = null;
    for (const news of mail) this.deliver(news);
  }

  /** As SIGKILL. */
  crash(): void {
    if (!this.alive) return;
    this.alive = false;
    this.#deps.onCrash();
  }

  /** What is awaited outside is heard of only by a process that lives. */
  hear<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.deliver(() => resolve(value)),
        (error: unknown) => this.deliver(() => reject(error as Error)),
      );
    });
  }

  #after(seconds: number, fire: () => void): () => void {
    const { time, dice, echoes } = this.#deps;
    let cancelled = false;
    const cancel = time.after(seconds, () =>
      this.deliver(() => {
        if (cancelled) return;
        fire();
        if (echoes && dice.chance(0.2)) time.after(dice.between(0, 100), () => this.deliver(fire));
      }),
    );
    return () => {
      cancelled = true;
      cancel();
    };
  }

  #guarded(journal: JournalStore): JournalStore {
    const write = <T>(work: () => Promise<T>): Promise<T> => this.#write(work);
    return journalWith(journal, {
      createRun: (...args) => write(() => journal.createRun(...args)),
      acquire: (...args) => write(() => journal.acquire(...args)),
      release: (...args) => write(() => journal.release(...args)),
      append: (lease, events: readonly NewEvent[]) =>
        write(() => journal.append(lease, events)).then((rows) => {
          this.#deps.onAcknowledged(rows);
          return rows;
        }),
      exchangeTokens: (...args) => this.#sameCommit(() => journal.exchangeTokens(...args)),
      reconcileTokens: (...args) => write(() => journal.reconcileTokens(...args)),
      onTokens: (lease, callback) => journal.onTokens(lease, (granted) => this.deliver(() => callback(granted))),
      keepSnapshot: (...args) => this.#sameCommit(() => journal.keepSnapshot(...args)),
      acknowledge: (...args) => write(() => journal.acknowledge(...args)),
    });
  }

  /** Goes with the append that was just called, whatever becomes of that. */
  #sameCommit<T>(work: () => Promise<T>): Promise<T> {
    if (!this.alive) return new Promise(() => undefined);
    return this.#full ? Promise.reject(diskFull()) : this.hear(work());
  }

  /** A store that failed once refuses everything from then on. */
  get #full(): boolean {
    const { fault } = this.#deps;
    return fault?.kind === 'disk_full' && this.#writes >= fault.write;
  }

  #write<T>(work: () => Promise<T>): Promise<T> {
    this.#writes += 1;
    const { fault } = this.#deps;
    const strikes = fault?.write === this.#writes;
    if (strikes && fault.kind === 'crash_before') this.crash();
    if (!this.alive) return new Promise(() => undefined);
    if (this.#full) return Promise.reject(diskFull());
    const written = work();
    if (strikes && fault.kind === 'stop_after') return this.hear(written.finally(() => this.#deps.onStop()));
    if (strikes && fault.kind === 'crash_after') {
      const crash = () => this.crash();
      return this.hear(written.finally(crash));
    }
    return this.hear(written);
  }
}

function setForward(by_ms: number): ExpctlError {
  const hint = 'Say that it is right.';
  return new ExpctlError('CLOCK_JUMPED', `The clock was set forward by ${by_ms} ms`, { hint, details: { by_ms } });
}

function diskFull(): ExpctlError {
  return new ExpctlError('STORE_UNUSABLE', 'The journal cannot be used: no space left', { hint: 'Free disk space.' });
}
