import type { JsonObject } from '../../base/json.ts';
import { type JournalRow, type PointFact, pointOf, pointStream, type StudyFact } from '../../ir/events.ts';
import type { RunCommand, RunMachine, Settled } from '../../kernel/run.ts';
import { effectKey } from '../effect-key.ts';
import type { Clock, JournalStore, Lease, NewEvent } from '../ports.ts';
import type { Pending } from './pending.ts';
import type { SnapshotKeeper } from './snapshot-keeper.ts';
import type { Tokens } from './tokens.ts';
import type { Trail } from './trail.ts';

export interface RecorderDeps {
  readonly run: string;
  readonly machine: RunMachine;
  readonly pending: Pending;
  readonly trail: Trail;
  readonly tokens: Tokens;
  readonly snapshots: SnapshotKeeper;
  readonly journal: Pick<JournalStore, 'append'>;
  readonly clock: Clock;
  /** Told at once of what follows from a fact. */
  readonly onSettled: (commands: readonly RunCommand[]) => void;
  /** Told of the same once the fact and its records are durable. */
  readonly onDurable: (commands: readonly RunCommand[]) => void;
  readonly onRow: (row: JournalRow) => void;
}

/** Takes facts in and has them made durable, in the order in which they came. */
export class Recorder {
  readonly #deps: RecorderDeps;
  #lease: Lease | null = null;
  /** Transactions on their way to the disk. One that failed stays counted: nothing is known of what came with it. */
  #appending = 0;
  #lastAppend: Promise<unknown> = Promise.resolve();

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  get isIdle(): boolean {
    return this.#appending === 0;
  }

  /** Resolves once everything that was appended so far is durable. */
  get durable(): Promise<unknown> {
    return this.#lastAppend;
  }

  /** From now on facts are recorded under this lease. */
  begin(lease: Lease): void {
    this.#lease = lease;
  }

  /** Takes in a fact that the caller has made durable. @returns with the events to write */
  settle(point: number | null, fact: StudyFact | PointFact): Settled {
    const settled = this.#deps.machine.settle(point, fact);
    const stream = point === null ? 'study' : pointStream(point);
    this.#deps.pending.follow(stream, fact, settled.commands, this.#deps.clock.now_ms());
    this.#deps.onSettled(settled.commands);
    return settled;
  }

  /** Events with what only this engine knows of them: `observed` belongs to the first, keys to the intents. */
  observed({ events }: Settled, observed: JsonObject): NewEvent[] {
    return events.map(({ stream, event }, index) => {
      if (event.type !== 'effect.intended') return { stream, event, observed: index === 0 ? observed : {} };
      const key = effectKey(this.#deps.run, pointOf(stream)!, event);
      return { stream, event, observed: { key } };
    });
  }

  /** Takes in a fact and appends what follows from it. @throws ImpossibleFact where it cannot happen now */
  async record(point: number | null, fact: StudyFact | PointFact, observed: JsonObject): Promise<void> {
    const { journal, tokens, snapshots, onDurable } = this.#deps;
    const settled = this.settle(point, fact);
    this.#appending += 1;
    const appended = journal.append(this.#lease!, this.observed(settled, observed));
    this.#lastAppend = appended;
    const exchanged = tokens.exchange(settled.events, settled.commands);
    exchanged?.catch(() => undefined); // where the append fails too, that is what is told
    const keepSnapshot = snapshots.appending(settled.events.length);
    const rows = await appended;
    for (const row of rows) this.took(row);
    keepSnapshot?.(this.#lease!);
    await exchanged;
    this.#appending -= 1;
    onDurable(settled.commands);
  }

  /** To be called when the performance ends well. */
  end(): void {
    if (this.#lease !== null && this.isIdle) this.#deps.snapshots.end(this.#lease);
  }

  /** A row is durable. */
  took(row: JournalRow): void {
    this.#deps.trail.take(row);
    this.#deps.onRow(row);
  }
}
