import { ExpctlError } from '../../base/error.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import { ChainVerifier } from '../../ir/chain.ts';
import { eventOf, type JournalRow, pointOf, type RunEvent } from '../../ir/events.ts';
import { Divergence } from '../../kernel/divergence.ts';
import type { PollCommand, SendCommand } from '../../kernel/point.ts';
import type { Program } from '../../kernel/program.ts';
import { type RunCommand, RunMachine, type StreamEvent } from '../../kernel/run.ts';
import { sha256Text } from '../digest.ts';
import { Pending } from '../embedded/pending.ts';
import { type Gate, gateOf } from '../embedded/records.ts';
import type { JournalReader } from '../ports.ts';
import { OpenEffects } from './open-effects.ts';
import type { Tail } from './protocol.ts';

/** An event with its place in its stream. */
export interface NumberedEvent extends StreamEvent {
  readonly seq: number;
}

/**
 * A run as its journal stands, in a worker: each event is fed to the kernel before it is written, so that nothing gets into the journal
 * that does not follow from the lock, whoever asked for it.
 *
 * Others write the same run. What they wrote is taken in first (`catchUp`). Two streams of a run only order each other by what one tells
 * the other, and whoever is told was told of something durable.
 */
export class RunMirror {
  readonly #run: string;
  readonly #program: Program;
  readonly #journal: JournalReader;
  readonly #now_ms: () => number;
  #machine: RunMachine;
  #pending = new Pending();
  #open = new OpenEffects();
  #chain = new ChainVerifier(sha256Text);
  /** Number of the last event of each stream that the machine has taken; of those whose points have not finished. */
  #taken = new Map<string, number>();
  #position = 0;
  #gate: Gate | null = null;
  #last_wall_ms = 0;
  /** Turns, one after another. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(run: string, program: Program, journal: JournalReader, now_ms: () => number) {
    this.#run = run;
    this.#program = program;
    this.#journal = journal;
    this.#now_ms = now_ms;
    this.#machine = new RunMachine(program);
  }

  /** The machines behind the last turn. To be asked within a turn, or right behind it. */
  get machine(): RunMachine {
    return this.#machine;
  }

  /** The gate that opened last; it may be closed again. */
  get gate(): Gate | null {
    return this.#gate;
  }

  get open(): OpenEffects {
    return this.#open;
  }

  get last_wall_ms(): number {
    return this.#last_wall_ms;
  }

  /** Does something with the journal caught up, while nobody else of this process does. */
  turn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      await this.#catchUp();
      return work();
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Forgets everything: what it took was not written. The next turn reads the journal from its beginning. */
  reset(): void {
    this.#machine = new RunMachine(this.#program);
    this.#pending = new Pending();
    this.#open = new OpenEffects();
    this.#chain = new ChainVerifier(sha256Text);
    this.#taken = new Map();
    this.#position = 0;
    this.#gate = null;
  }

  /** Those events of a tail that are not in the journal yet. Within a turn. */
  async fresh(tail: Tail): Promise<readonly NumberedEvent[]> {
    const taken = await this.#takenOf(tail.stream);
    // A study writes one tail after another: one that is behind what stands there has lost a part of its history.
    if (tail.stream === 'study' && taken >= tail.first_seq + tail.events.length) throw putBack(this.#run);
    return tail.events
      .map((event, index) => ({ stream: tail.stream, seq: tail.first_seq + index, event }))
      .filter(({ seq }) => seq > taken);
  }

  /** Takes in an event that is to be written now. Within a turn. @throws ExpctlError EVIDENCE_BROKEN where it does not follow */
  take({ stream, seq, event }: NumberedEvent): readonly RunCommand[] {
    try {
      return this.#takeOne(stream, seq, event);
    } catch (error) {
      this.reset();
      throw error instanceof Divergence ? refused(this.#run, error.message) : error;
    }
  }

  /** Whether the run waits for the answer of this very call. */
  asks(point: number, { do: _do, ...command }: SendCommand | PollCommand): boolean {
    const pending = this.#pending.effects.get(`point/${point}/${command.step}`)?.command;
    if (pending === undefined) return false;
    const { do: _done, ...asked } = pending;
    return canonicalJson({ ...asked }) === canonicalJson({ ...command });
  }

  #takeOne(stream: string, seq: number, event: RunEvent): readonly RunCommand[] {
    const commands = this.#machine.take(stream, seq, event);
    this.#pending.follow(stream, event, commands, this.#now_ms());
    this.#open.take(this.#run, pointOf(stream), event);
    this.#taken.set(stream, seq);
    return commands;
  }

  /** @throws ExpctlError EVIDENCE_BROKEN */
  async #catchUp(): Promise<void> {
    try {
      for await (const row of this.#journal.read(this.#run, { after_position: this.#position })) this.#takeRow(row);
    } catch (error) {
      this.reset();
      throw error instanceof Divergence ? refused(this.#run, error.message) : error;
    }
    const report = this.#chain.report();
    if (report.ok) return;
    this.reset();
    throw refused(this.#run, report.problems[0]!.message);
  }

  #takeRow(row: JournalRow): void {
    const event = eventOf(row);
    if (row.seq > (this.#taken.get(row.stream) ?? 0)) this.#takeOne(row.stream, row.seq, event);
    this.#chain.take(row);
    this.#position = row.position;
    this.#last_wall_ms = Math.max(this.#last_wall_ms, row.wall_ms);
    if (event.type === 'gate.opened') this.#gate = gateOf(row);
    if (event.type === 'point.finished') {
      this.#taken.delete(`point/${event.point}`);
      // One that failed may be tried again, and an effect of it that was never resolved be sent once more.
      if (this.#machine.study?.failed[event.point] === undefined) this.#open.forget(event.point);
    }
  }

  async #takenOf(stream: string): Promise<number> {
    return this.#taken.get(stream) ?? (await this.#journal.head(this.#run, stream))?.seq ?? 0;
  }
}

export function refused(run: string, why: string): ExpctlError {
  const hint = `\`expctl replay ${run}\` says whether its journal holds; nothing was written or sent.`;
  return new ExpctlError(
    'EVIDENCE_BROKEN',
    `Run ${run}: what was to be written does not follow from its lock: ${why}`,
    {
      hint,
    },
  );
}

function putBack(run: string): ExpctlError {
  const message = `Run ${run}: its workflow was put back behind its journal, which alone says what has happened`;
  return new ExpctlError('WAITS_FOR_PERSON', message, {
    hint: `\`expctl resume ${run}\` goes on where the journal stands.`,
  });
}
