import { messageOf } from '../../base/error.ts';
import type { Clock, PoolClaimRow } from '../ports.ts';
import type { SharedJournal, SharedRun } from './ports.ts';

/** How often the store is looked at; a worker that has written something looks at once. */
const LOOK_S = 0.25;
/** How often a run that waits for tokens asks whether some have become free, since a process that dies gives nothing back. */
const LOOKS_PER_SETTLE = 8;
/** How often the same news is told again, while nothing came of it. */
const LOOKS_PER_TELL = 20;

/** Tells workflows that there is something for them; whether it is still so is for them to find out. */
export interface Messenger {
  messagesCame(run: string): Promise<void>;
  tokensGranted(run: string, point: number, step: string, attempt: number): Promise<void>;
}

export interface CourierDeps {
  readonly journal: SharedJournal;
  readonly messenger: Messenger;
  readonly clock: Clock;
  /** Runs of this cluster; others are for their own workers. */
  readonly place: string;
  readonly onNotice: (text: string) => void;
}

/**
 * Carries news from the store to the workflows of its runs: messages of people, and tokens of pools, so that whoever waits for them holds
 * neither a worker nor a process. Every worker has one; what two of them tell counts once, and what is lost is told again.
 */
export class Courier {
  readonly #deps: CourierDeps;
  /** By `run`, and by `run point step attempt`: at which look it was told last. */
  readonly #told = new Map<string, number>();
  readonly #messages = new Map<string, number>();
  #looks = 0;
  #looking: Promise<void> | null = null;
  #again = false;
  #stopped = false;
  #cancel: () => void = () => undefined;
  #failure: string | null = null;

  constructor(deps: CourierDeps) {
    this.#deps = deps;
  }

  begin(): void {
    this.#cancel = this.#deps.clock.after(LOOK_S, () => {
      this.nudge();
      if (!this.#stopped) this.begin();
    });
  }

  /** Looks now. */
  nudge(): void {
    if (this.#stopped) return;
    if (this.#looking !== null) {
      this.#again = true;
      return;
    }
    this.#looking = this.#look().finally(() => {
      this.#looking = null;
      if (this.#again) this.nudge();
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#looking;
  }

  async #look(): Promise<void> {
    this.#again = false;
    this.#looks += 1;
    try {
      const { journal, place } = this.#deps;
      const runs = (await journal.sharedRuns()).filter(({ holder }) => holder.place === place);
      if (runs.length === 0) return;
      for (const run of runs) await this.#carryMessages(run);
      await this.#carryTokens(runs);
      this.#failure = null;
    } catch (error) {
      // A server or a store that is away for a while is looked at again; it is told once.
      const message = messageOf(error);
      if (message !== this.#failure) this.#deps.onNotice(`News of the store cannot be carried: ${message}`);
      this.#failure = message;
    }
  }

  async #carryMessages({ lease: { run } }: SharedRun): Promise<void> {
    const newest = (await this.#deps.journal.inbox(run)).at(-1)?.id ?? 0;
    const known = this.#messages.get(run) ?? 0;
    if (newest === 0 || (newest <= known && !this.#isDue(run))) return;
    this.#note(run);
    await this.#deps.messenger.messagesCame(run);
    this.#messages.set(run, Math.max(newest, known));
  }

  async #carryTokens(runs: readonly SharedRun[]): Promise<void> {
    const { journal, messenger } = this.#deps;
    const ours = new Map(runs.map((run) => [run.lease.run, run]));
    const claims = (await journal.pools()).claims.filter(({ run, taken }) => ours.has(run) && !taken);
    const waiting = new Set(claims.filter(({ held_ms }) => held_ms === null).map(({ run }) => run));
    if (this.#looks % LOOKS_PER_SETTLE === 0) {
      for (const run of waiting) {
        await journal.exchangeTokens(ours.get(run)!.lease, { released: [], bound: [], wanted: [] });
      }
    }
    const granted = claims.filter(({ held_ms }) => held_ms !== null);
    const untold = granted.filter((claim) => this.#isDue(nameOf(claim)));
    for (const claim of untold) this.#note(nameOf(claim));
    await Promise.all(
      untold.map(({ run, point, step, attempt }) => messenger.tokensGranted(run, point, step, attempt)),
    );
    this.#forget(new Set([...granted.map(nameOf), ...ours.keys()]));
  }

  #isDue(name: string): boolean {
    const told = this.#told.get(name);
    return told === undefined || this.#looks - told >= LOOKS_PER_TELL;
  }

  #note(name: string): void {
    this.#told.set(name, this.#looks);
  }

  #forget(known: ReadonlySet<string>): void {
    for (const name of this.#told.keys()) if (!known.has(name)) this.#told.delete(name);
  }
}

function nameOf({ run, point, step, attempt, arrival }: PoolClaimRow): string {
  return `${run} ${point} ${step} ${attempt} ${arrival}`;
}
