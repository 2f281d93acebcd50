import {
  isFact,
  type EffectPart,
  type PointFinished,
  type PointFact,
  pointOf,
  type PointRecord,
  type PointResult,
  pointStream,
  type RunEvent,
  type StudyFact,
  type StudyRecord,
} from '../ir/events.ts';
import { assertFact } from './assert-fact.ts';
import { assertSameEvent, Divergence, shownEvent } from './divergence.ts';
import { ImpossibleFact } from './impossible.ts';
import { type PointCommand, type PointState, pollEnded, stepPoint } from './point.ts';
import { grantable, newPools, nextGrant, type PoolState, releaseTokens, takeGrant, wantTokens } from './pools.ts';
import type { Program } from './program.ts';
import { type StudyCommand, type StudyState, stepStudy } from './study.ts';
import type { Json } from '../base/json.ts';

/** What the engine is to do, once the events are durable. What the machines tell each other is done already. */
export type RunCommand =
  | {
      readonly point: null;
      readonly command: Exclude<StudyCommand, { do: 'start_point' | 'retry_point' | 'signal_points' }>;
    }
  /** `want` and `release` only from semantics 2 on, where tokens are the store's to grant. */
  | { readonly point: number; readonly command: Exclude<PointCommand, { do: 'end' }> };

export interface StreamEvent {
  readonly stream: string;
  readonly event: RunEvent;
}

/** One transaction: the events that a fact leads to, to be appended together, and what to do then. */
export interface Settled {
  readonly events: readonly StreamEvent[];
  readonly commands: readonly RunCommand[];
}

type Fact = { readonly point: null; readonly fact: StudyFact } | { readonly point: number; readonly fact: PointFact };
type Signal = 'point.paused' | 'point.resumed' | 'point.cancelled';

interface Stepped {
  readonly records: readonly (StudyRecord | PointRecord)[];
  readonly commands: readonly RunCommand[];
  readonly told: readonly Fact[];
}

interface StreamState {
  seq: number;
  /** Records that must come next; only while a journal is taken. */
  expected: (StudyRecord | PointRecord)[];
}

/** A point that failed, as it may go on. */
interface Left {
  readonly state: PointState;
  readonly seq: number;
}

/** State of a run between two transactions; plain JSON. Cut off from the machine only by being written down. */
export interface MachineSnapshot {
  readonly study: StudyState | null;
  readonly points: readonly PointState[];
  readonly left: readonly (Left & { readonly point: number })[];
  readonly pools: PoolState;
  /** Sequence numbers of the streams of the study and of points in flight. */
  readonly seqs: Readonly<Record<string, number>>;
}

/** An effect of which nobody knows whether it happened. */
export interface UnresolvedEffect {
  readonly point: number;
  readonly step: string;
  readonly part: EffectPart;
  readonly attempt: number;
}

const END = 'the end of the stream';

const SIGNALS: Readonly<Record<'pause' | 'resume' | 'cancel', Signal>> = {
  pause: 'point.paused',
  resume: 'point.resumed',
  cancel: 'point.cancelled',
};

/**
 * The machines of one run: its study, its points in flight, its pools, and what they tell each other.
 *
 * A running engine calls `settle` with each fact from outside, appends what it returns, and performs the commands. `resume` and
 * `replay` call `take` with each event of the journal: facts are fed to the machines, and the records that they give must be the
 * next events of their stream, equal in every field; what one machine tells another must stand in the other's stream. So an
 * altered argument, an added call, an answer before its intent and a decision that does not follow are each found, whatever the
 * hash chains say. Memory: O(points in flight).
 */
export class RunMachine {
  readonly program: Program;
  /** The study and each point append their own streams, so that what they tell each other stands there later (docs/decisions/0002). */
  has_many_writers = false;
  study: StudyState | null = null;
  readonly points = new Map<number, PointState>();
  pools: PoolState;
  readonly #left = new Map<number, Left>();
  readonly #streams = new Map<string, StreamState>();
  /** What machines have told and is not in the journal yet. */
  readonly #to_begin = new Map<number, PointFact>();
  readonly #to_retry = new Set<number>();
  readonly #to_signal = new Map<number, Signal[]>();
  readonly #to_finish = new Map<number, PointResult>();

  constructor(program: Program) {
    this.program = program;
    this.pools = newPools(program.lock.pools);
  }

  /**
   * A machine in the state that a snapshot of the same program kept. Whether the snapshot is true is for its keeper to know.
   */
  static restore(program: Program, { study, points, left, pools, seqs }: MachineSnapshot): RunMachine {
    const machine = new RunMachine(program);
    machine.study = study;
    machine.pools = pools;
    for (const point of points) machine.points.set(point.point, point);
    for (const { point, state, seq } of left) machine.#left.set(point, { state, seq });
    for (const [stream, seq] of Object.entries(seqs)) machine.#streams.set(stream, { seq, expected: [] });
    return machine;
  }

  /** @throws Error within a transaction: while something that was told, or must follow, is not there yet */
  snapshot(): MachineSnapshot {
    this.close();
    const seqs = [...this.#streams].map(([stream, { seq }]) => [stream, seq] as const);
    return {
      study: this.study,
      points: [...this.points.values()],
      left: [...this.#left].map(([point, { state, seq }]) => ({ point, state, seq })),
      pools: this.pools,
      seqs: Object.fromEntries(seqs),
    };
  }

  /** Steps that wait for a person to say what became of their effect. */
  unresolved(): UnresolvedEffect[] {
    return [...this.points.values()].flatMap(({ point, steps }) =>
      this.program.steps.flatMap(({ name: step, parts }) => {
        const { status, part, attempt } = steps[step]!;
        return status === 'unresolved' ? [{ point, step, part: parts[part]!.part, attempt }] : [];
      }),
    );
  }

  /** Takes in a fact from outside, and all that the machines tell each other because of it. @throws ImpossibleFact */
  settle(point: number | null, fact: StudyFact | PointFact): Settled {
    const events: StreamEvent[] = [];
    const commands: RunCommand[] = [];
    if (point !== null && fact.type === 'step.granted') this.#takeGranted(point, fact.step);
    const queue: Fact[] = [point === null ? { point, fact: fact as StudyFact } : { point, fact: fact as PointFact }];
    // Tokens are granted when nothing else is left to be told, so that a cancel starts nothing new. (Semantics 1; later a grant is
    // a fact from outside.)
    for (let next = queue.shift() ?? this.#grant(); next !== null; next = queue.shift() ?? this.#grant()) {
      const stream = next.point === null ? 'study' : pointStream(next.point);
      const output = this.#step(next);
      events.push({ stream, event: next.fact });
      for (const event of output.records) events.push({ stream, event });
      this.#stream(stream).seq += 1 + output.records.length;
      if (next.point === null && next.fact.type === 'point.finished') this.#forget(next.fact.point);
      commands.push(...output.commands);
      queue.push(...output.told);
    }
    return { events, commands };
  }

  /**
   * Takes the next event of a journal, in the journal's order. A record gives no commands: they came with its fact.
   * @throws Divergence
   */
  take(stream: string, seq: number, event: RunEvent): readonly RunCommand[] {
    const point = this.#pointOf(stream, seq);
    const state = this.#stream(stream);
    if (state.seq + 1 !== seq) throw new Divergence(stream, seq, `sequence number ${state.seq + 1}`, `${seq}`);
    state.seq = seq;
    const expected = state.expected.shift();
    if (expected !== undefined) {
      assertSameEvent(stream, seq, expected, event);
      return [];
    }
    if (!isFact(event.type))
      throw new Divergence(stream, seq, 'nothing that follows from the last fact', shownEvent(event));
    try {
      assertFact(point === null ? 'study' : 'point', event);
      return this.#takeFact(stream, seq, point, event as StudyFact | PointFact);
    } catch (error) {
      if (!(error instanceof ImpossibleFact)) throw error;
      throw new Divergence(stream, seq, 'a fact that can have happened', `${shownEvent(event)}: ${error.message}`);
    }
  }

  /** To be called behind the journal's last event: whether all that must follow is there. @throws Divergence */
  close(): void {
    for (const [name, stream] of this.#streams) {
      const missing = stream.expected[0];
      if (missing !== undefined) throw new Divergence(name, stream.seq + 1, shownEvent(missing), END);
    }
    // Where points write their own streams, what one was told may be on its way as long as the run goes on.
    if (this.has_many_writers && this.study?.status !== 'finished') return;
    for (const [point, fact] of this.#to_begin) throw new Divergence(pointStream(point), 1, shownEvent(fact), END);
    for (const [point, [signal]] of this.#to_signal) {
      if (signal !== undefined)
        throw new Divergence(pointStream(point), this.#seqOf(pointStream(point)) + 1, signal, END);
    }
    for (const [point] of this.#to_finish) {
      throw new Divergence('study', this.#seqOf('study') + 1, `point.finished for point ${point}`, END);
    }
    for (const point of this.#to_retry) {
      throw new Divergence(pointStream(point), this.#seqOf(pointStream(point)) + 1, 'point.retried', END);
    }
    const want = this.program.lock.semantics < 2 ? nextGrant(this.pools) : null;
    if (want !== null) {
      const stream = pointStream(want.point);
      throw new Divergence(stream, this.#seqOf(stream) + 1, `step.granted for ${want.step}`, END);
    }
  }

  /** The engine asks after each poll whether the job has ended. */
  pollEnded(point: number, step: string, answer: Json): boolean {
    const state = this.points.get(point);
    return state === undefined || pollEnded(this.program, state, step, answer);
  }

  #takeFact(stream: string, seq: number, point: number | null, fact: StudyFact | PointFact): readonly RunCommand[] {
    if (point !== null) this.#assertTold(stream, seq, point, fact as PointFact);
    else if (fact.type === 'point.finished') this.#assertEnded(seq, fact);
    const output = this.#step({ point, fact } as Fact);
    this.#stream(stream).expected.push(...output.records);
    if (fact.type === 'point.finished') this.#forget(fact.point);
    return output.commands;
  }

  /**
   * The study takes in what the point told, whose own stream is complete. A pause or a cancel that the study told it may have crossed
   * with its end, where they are not in one process: then it is not in the point's stream, and nothing followed from it.
   */
  #assertEnded(seq: number, { point, result }: PointFinished): void {
    const ended = this.#to_finish.get(point);
    if (ended === undefined) throw new ImpossibleFact(`point ${point} has not ended`);
    const stream = pointStream(point);
    const missing = this.#streams.get(stream)?.expected[0];
    if (missing !== undefined) throw new Divergence(stream, this.#seqOf(stream) + 1, shownEvent(missing), END);
    const expected: RunEvent = { type: 'point.finished', point, result: ended };
    assertSameEvent('study', seq, expected, { type: 'point.finished', point, result });
  }

  /** Facts that another machine tells must be those that it told. */
  #assertTold(stream: string, seq: number, point: number, fact: PointFact): void {
    switch (fact.type) {
      case 'point.began': {
        const told = this.#to_begin.get(point);
        if (told === undefined) throw new ImpossibleFact(`the study has not started point ${point}`);
        return assertSameEvent(stream, seq, told, fact);
      }
      case 'step.granted':
        return this.#takeGranted(point, fact.step);
      case 'point.retried':
        if (!this.#to_retry.has(point)) throw new ImpossibleFact('the study has not said so');
        return;
      case 'point.paused':
      case 'point.resumed':
      case 'point.cancelled':
        if (this.#to_signal.get(point)?.[0] !== fact.type) throw new ImpossibleFact('the study has not said so');
        return;
      default:
    }
  }

  #takeGranted(point: number, step: string): void {
    const want = grantable(this.pools, point, step);
    if (want === null) throw new ImpossibleFact('it does not wait for tokens, or they are not free');
    takeGrant(this.pools, want);
  }

  #step(next: Fact): Stepped {
    return next.point === null ? this.#stepStudy(next.fact) : this.#stepPoint(next.point, next.fact);
  }

  #stepStudy(fact: StudyFact): Stepped {
    const [state, output] = stepStudy(this.program, this.study, fact);
    this.study = state;
    const commands: RunCommand[] = [];
    const told: Fact[] = [];
    for (const command of output.commands) {
      if (command.do === 'start_point') {
        const began: PointFact = { type: 'point.began', point: command.point, values: command.values };
        this.#to_begin.set(command.point, began);
        told.push({ point: command.point, fact: began });
      } else if (command.do === 'retry_point') {
        told.push({ point: command.point, fact: this.#takeUp(command.point) });
      } else if (command.do === 'signal_points') {
        const type = SIGNALS[command.signal];
        for (const point of command.points) {
          this.#to_signal.set(point, [...(this.#to_signal.get(point) ?? []), type]);
          told.push({ point, fact: { type } });
        }
      } else commands.push({ point: null, command });
    }
    return { records: output.records, commands, told };
  }

  #stepPoint(point: number, fact: PointFact): Stepped {
    const [state, output] = stepPoint(this.program, this.points.get(point) ?? null, fact);
    this.points.set(point, state);
    if (fact.type === 'point.began') this.#to_begin.delete(point);
    if (fact.type === 'point.retried') this.#to_retry.delete(point);
    if (fact.type === this.#to_signal.get(point)?.[0]) this.#to_signal.get(point)?.shift();
    const commands: RunCommand[] = [];
    const told: Fact[] = [];
    for (const command of output.commands) {
      if (command.do === 'want') wantTokens(this.pools, { point, step: command.step, uses: command.uses });
      if (command.do === 'release') releaseTokens(this.pools, point, command.step);
      if (this.#grants && (command.do === 'want' || command.do === 'release')) continue;
      if (command.do === 'end') {
        this.#to_finish.set(point, command.result);
        told.push({ point: null, fact: { type: 'point.finished', point, result: command.result } });
      } else commands.push({ point, command });
    }
    return { records: output.records, commands, told };
  }

  /** Whether this machine grants its own pools. */
  get #grants(): boolean {
    return this.program.lock.semantics < 2;
  }

  #grant(): Fact | null {
    const want = this.#grants ? nextGrant(this.pools) : null;
    if (want === null) return null;
    takeGrant(this.pools, want);
    return { point: want.point, fact: { type: 'step.granted', step: want.step } };
  }

  /** A finished point leaves nothing behind, unless it can be tried again. */
  #forget(point: number): void {
    const state = this.points.get(point);
    if (state !== undefined && this.study?.failed[point] !== undefined) this.#leave(point, state);
    this.points.delete(point);
    this.#to_finish.delete(point);
    this.#to_signal.delete(point);
    this.#streams.delete(pointStream(point));
  }

  #leave(point: number, state: PointState): void {
    const { failed, retryable, to_retry } = this.study!;
    this.#left.set(point, { state, seq: this.#seqOf(pointStream(point)) });
    for (const other of this.#left.keys()) {
      if (this.#left.size <= retryable + to_retry.length) return;
      if (failed[other] === undefined && !to_retry.includes(other)) this.#left.delete(other);
    }
  }

  #takeUp(point: number): PointFact {
    const { state, seq } = this.#left.get(point)!;
    this.#left.delete(point);
    this.points.set(point, state);
    this.#streams.set(pointStream(point), { seq, expected: [] });
    this.#to_retry.add(point);
    return { type: 'point.retried' };
  }

  #pointOf(stream: string, seq: number): number | null {
    if (stream === 'study') return null;
    const point = pointOf(stream);
    if (point === null) throw new Divergence(stream, seq, 'a stream of the run', 'a stream of another name');
    return point;
  }

  #seqOf(stream: string): number {
    return this.#streams.get(stream)?.seq ?? 0;
  }

  #stream(name: string): StreamState {
    let state = this.#streams.get(name);
    if (state === undefined) {
      state = { seq: 0, expected: [] };
      this.#streams.set(name, state);
    }
    return state;
  }
}
