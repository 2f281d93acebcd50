import type { Json, JsonObject } from '../base/json.ts';
import { unreachable } from '../base/unreachable.ts';
import type { EffectAnswered, EffectPart, FailureClass, PointFact, PointRecord, PointResult } from '../ir/events.ts';
import type { EffectKind } from '../ir/tools.ts';
import { readAnswer } from './answer.ts';
import { ImpossibleFact } from './impossible.ts';
import { resultOf } from './metrics.ts';
import { answerNames, bindArguments, holds, type Lookup, type PointValues, pointNames } from './names.ts';
import type { Program, ProgramPart, ProgramStep } from './program.ts';

/*
 * The point machine: evaluates one design point, a DAG of steps. A step is one call, or a job of submit, poll and fetch.
 */

type StepStatus = 'waiting' | 'wanting' | 'out' | 'held' | 'backing_off' | 'succeeded' | 'failed' | 'skipped';

export interface StepState {
  status: StepStatus;
  /** Logical attempt, from 1. */
  attempt: number;
  /** Index into the step's parts. */
  part: number;
  granted: boolean;
  /** The poll's intent is written: after a pause it goes on without a new one. */
  polling: boolean;
  /** Answers of this attempt by part. */
  answers: Partial<Record<EffectPart, Json>>;
}

/** Plain JSON; owned and changed in place by `stepPoint`. */
export interface PointState {
  readonly point: number;
  readonly values: PointValues;
  readonly steps: Record<string, StepState>;
  paused: boolean;
  cancelled: boolean;
  ended: boolean;
  calls: number;
  failure: PointResult['failure'];
}

/** What the engine is to do; it reports back by facts. */
export type PointCommand =
  | SendCommand
  | PollCommand
  /** Stop asking; the job itself goes on. */
  | { readonly do: 'stop_poll'; readonly step: string }
  | { readonly do: 'timer'; readonly timer: string; readonly after_s: number }
  | { readonly do: 'cancel_timer'; readonly timer: string }
  | { readonly do: 'want'; readonly step: string; readonly uses: Readonly<Record<string, number>> }
  | { readonly do: 'release'; readonly step: string }
  | { readonly do: 'end'; readonly result: PointResult };

interface Call {
  readonly step: string;
  readonly part: EffectPart;
  readonly attempt: number;
  readonly call: string;
  readonly arguments: JsonObject;
  readonly effect: EffectKind;
  readonly timeout_s: number;
}
export interface SendCommand extends Call {
  readonly do: 'send';
}
/** Call until `pollEnded` says so, every `every_s` seconds, then report the last answer. */
export interface PollCommand extends Call {
  readonly do: 'poll';
  readonly every_s: number;
}

export interface PointOutput {
  /** Appended right behind the fact, in the same transaction. */
  readonly records: PointRecord[];
  /** Performed once fact and records are durable. */
  readonly commands: PointCommand[];
}

const LONGEST_BACKOFF_S = 3600;

/**
 * Takes in one fact about a point and says what to do next.
 *
 * Deterministic: same state and fact, same output, in plan order. May change `state`, which it owns. Cost: O(steps).
 *   K1. A step starts only after every step that it needs has succeeded.
 *   K2. A step that uses pools is out only while it holds their tokens (`step.granted` until `release`).
 *   K4. A new attempt starts only after the end of the one before is known.
 *   K5. Nothing is sent while paused, after a cancel, or after a step of the point has failed for good.
 * @throws ImpossibleFact when the fact cannot have happened in this state: evidence that does not hold
 */
export function stepPoint(program: Program, state: PointState | null, fact: PointFact): [PointState, PointOutput] {
  const machine = new PointMachine(program, state ?? begin(program, fact));
  if (state !== null) machine.take(fact);
  machine.advance();
  return [machine.state, machine.output];
}

/** The engine asks after each poll whether the job has ended. An error in `until` ends it too: the fact then fails the step. */
export function pollEnded(program: Program, state: PointState, step: string, answer: Json): boolean {
  const machine = new PointMachine(program, state);
  return machine.pollEnded(step, answer);
}

function begin(program: Program, fact: PointFact): PointState {
  if (fact.type !== 'point.began') throw new ImpossibleFact(`${fact.type} before point.began`);
  const steps: Record<string, StepState> = {};
  for (const step of program.steps) {
    steps[step.name] = { status: 'waiting', attempt: 1, part: 0, granted: false, polling: false, answers: {} };
  }
  const { point, values } = fact;
  return { point, values, steps, paused: false, cancelled: false, ended: false, calls: 0, failure: null };
}

class PointMachine {
  readonly program: Program;
  readonly state: PointState;
  readonly output: PointOutput = { records: [], commands: [] };
  readonly #names: Lookup;

  constructor(program: Program, state: PointState) {
    this.program = program;
    this.state = state;
    this.#names = pointNames(program, state.values);
  }

  take(fact: PointFact): void {
    if (this.state.ended) throw new ImpossibleFact(`${fact.type} after the point's end`);
    switch (fact.type) {
      case 'point.began':
        throw new ImpossibleFact('point.began twice');
      case 'step.granted':
        return this.#granted(fact.step);
      case 'effect.answered':
        return this.#answered(fact);
      case 'effect.resent':
        return void this.#outStep(fact.step, fact.part, fact.attempt, fact.type);
      case 'point.timer_fired':
        return this.#timerFired(fact.timer);
      case 'point.paused':
        return this.#pause();
      case 'point.resumed':
        return this.#resume();
      case 'point.cancelled':
        return this.#cancel();
      default:
        return unreachable(fact);
    }
  }

  /** Starts what may start and ends the point when nothing is left to do. */
  advance(): void {
    if (this.state.ended) return;
    for (const step of this.program.steps) this.#advanceStep(step);
    if (this.#stopping()) for (const step of this.program.steps) this.#letGo(step);
    if (this.#isOver()) this.#end();
  }

  pollEnded(name: string, answer: Json): boolean {
    const part = this.#current(name);
    const read = readAnswer(answer, part.parse_json);
    if (!read.ok || part.until === null) return true;
    const until = holds(part.until, answerNames(read.value, this.#jobNames(name)));
    return until === true || !until.is_told;
  }

  // --- facts ---

  #granted(name: string): void {
    const { state } = this.#step(name);
    if (state.status !== 'wanting') throw new ImpossibleFact(`step.granted for ${name}, which wants nothing`);
    state.granted = true;
    state.status = 'held';
  }

  #answered(fact: EffectAnswered): void {
    const { step, state } = this.#outStep(fact.step, fact.part, fact.attempt, fact.type);
    const part = this.#current(fact.step);
    if (part.part === 'poll') this.#endPolling(step.name, state);
    if (!fact.outcome.ok) return this.#fail(step, fact.outcome.class, fact.outcome.message);
    const answer = readAnswer(fact.outcome.answer, part.parse_json);
    if (!answer.ok) return this.#fail(step, answer.error.class, answer.error.message);
    const names = answerNames(answer.value, this.#jobNames(step.name));
    for (const condition of part.until === null ? part.expect : [part.until, ...part.expect]) {
      const held = holds(condition, names);
      if (held !== true) return this.#fail(step, 'unexpected', held.message);
    }
    state.answers[part.part] = answer.value;
    if (state.part + 1 < step.parts.length) {
      state.part += 1;
      state.status = 'held';
    } else {
      state.status = 'succeeded';
      this.#release(step, state);
    }
  }

  #timerFired(timer: string): void {
    const name = timer.split(':')[1] ?? '';
    const { step, state } = this.#step(name);
    if (timer === retryTimer(name, state.attempt) && state.status === 'backing_off') {
      Object.assign(state, { status: 'waiting', attempt: state.attempt + 1, part: 0, answers: {} });
    } else if (timer === deadlineTimer(name, state.attempt) && state.polling) {
      this.#stopPolling(name);
      state.polling = false;
      this.#fail(step, 'timeout', `the job had not ended after ${this.#current(name).timeout_s} s`);
    } else {
      throw new ImpossibleFact(`timer ${timer} was not set`);
    }
  }

  /** Polls are stopped, since a job can take days; calls that are out are waited for. */
  #pause(): void {
    if (this.state.paused) throw new ImpossibleFact('point.paused twice');
    this.state.paused = true;
    for (const step of this.program.steps) this.#stopPolling(step.name);
  }

  #resume(): void {
    if (!this.state.paused) throw new ImpossibleFact('point.resumed while not paused');
    this.state.paused = false;
  }

  #cancel(): void {
    if (this.state.cancelled) throw new ImpossibleFact('point.cancelled twice');
    this.state.cancelled = true;
    for (const step of this.program.steps) this.#stopPolling(step.name);
  }

  /** A poll that is out becomes held: it goes on, without a new intent, when the point goes on. */
  #stopPolling(name: string): void {
    const { state } = this.#step(name);
    if (state.status !== 'out' || this.#current(name).part !== 'poll') return;
    state.status = 'held';
    this.output.commands.push({ do: 'stop_poll', step: name });
  }

  // --- progress ---

  #advanceStep(step: ProgramStep): void {
    const { state } = this.#step(step.name);
    if (this.#stopping() || this.state.paused) return;
    if (state.status === 'waiting') this.#advanceWaiting(step, state);
    if (state.status === 'held') this.#send(step, state);
  }

  /** Gives back what a step holds, or wants, that will not be sent any more. */
  #letGo(step: ProgramStep): void {
    const { state } = this.#step(step.name);
    if (state.status === 'wanting' || (state.status === 'held' && state.granted)) this.#release(step, state);
  }

  #advanceWaiting(step: ProgramStep, state: StepState): void {
    const needs = step.needs.map((need) => this.#step(need).state.status);
    if (needs.some((status) => status !== 'succeeded' && status !== 'skipped')) return;
    if (state.attempt === 1 && (needs.includes('skipped') || !this.#wanted(step))) {
      if (this.state.failure !== null) return;
      state.status = 'skipped';
      this.output.records.push({ type: 'step.skipped', step: step.name });
    } else if (Object.keys(step.uses).length > 0) {
      state.status = 'wanting';
      this.output.commands.push({ do: 'want', step: step.name, uses: step.uses });
    } else {
      state.status = 'held';
    }
  }

  #wanted(step: ProgramStep): boolean {
    if (step.when === null) return true;
    const held = holds(step.when, this.#stepNames());
    // It says the same at every attempt, so there is no other one.
    if (held !== true && !held.is_told) this.#endAttempt(step, 'unexpected', held.message, null);
    return held === true;
  }

  #send(step: ProgramStep, state: StepState): void {
    const part = this.#current(step.name);
    const bound = bindArguments(part.arguments, this.#jobNames(step.name));
    if (!bound.ok) return this.#fail(step, 'unexpected', bound.error);
    const { call, effect, timeout_s } = part;
    const sent = { step: step.name, part: part.part, attempt: state.attempt, call, arguments: bound.value };
    state.status = 'out';
    if (part.part === 'poll') {
      if (!state.polling) {
        this.output.records.push({ type: 'effect.intended', ...sent });
        this.output.commands.push({ do: 'timer', timer: deadlineTimer(step.name, state.attempt), after_s: timeout_s });
        state.polling = true;
      }
      this.output.commands.push({ do: 'poll', ...sent, effect, timeout_s, every_s: part.every_s });
    } else {
      this.state.calls += 1;
      this.output.records.push({ type: 'effect.intended', ...sent });
      this.output.commands.push({ do: 'send', ...sent, effect, timeout_s });
    }
  }

  #fail(step: ProgramStep, failure: FailureClass, message: string): void {
    const { attempt } = this.#step(step.name).state;
    const { attempts, backoff_s, on } = step.retry;
    const again = on.includes(failure) && attempt < attempts && !this.#stopping() && this.#hasEnded(step, failure);
    this.#endAttempt(step, failure, message, again ? backOff_s(backoff_s, attempt) : null);
  }

  /** K4: whether the attempt is known to have ended. A job that cannot be asked after may still be there. */
  #hasEnded(step: ProgramStep, failure: FailureClass): boolean {
    if (step.parts[0]!.effect === 'pure') return true;
    if (failure === 'timeout' || failure === 'unknown_outcome') return false;
    return failure !== 'tool_broken' || this.#current(step.name).part !== 'poll';
  }

  /** @param again_in_s null when there is no other attempt */
  #endAttempt(step: ProgramStep, failure: FailureClass, message: string, again_in_s: number | null): void {
    const { state } = this.#step(step.name);
    const { part } = this.#current(step.name);
    const { attempt } = state;
    const ended = { step: step.name, part, attempt, class: failure, message, again_in_s };
    this.output.records.push({ type: 'step.failed', ...ended });
    this.#release(step, state);
    if (again_in_s === null) {
      state.status = 'failed';
      this.state.failure ??= { step: step.name, class: failure, message };
    } else {
      state.status = 'backing_off';
      this.output.commands.push({ do: 'timer', timer: retryTimer(step.name, attempt), after_s: again_in_s });
    }
  }

  /** Nothing new starts: cancelled, or one step has failed for good. What is out is waited for. */
  #stopping(): boolean {
    return this.state.cancelled || this.state.failure !== null;
  }

  #isOver(): boolean {
    const states = this.program.steps.map((step) => this.#step(step.name).state.status);
    if (this.#stopping()) return !states.includes('out');
    return states.every((status) => status === 'succeeded' || status === 'skipped');
  }

  #end(): void {
    for (const step of this.program.steps) {
      const { state } = this.#step(step.name);
      if (state.status === 'backing_off') this.#cancelTimer(retryTimer(step.name, state.attempt));
      if (state.polling) this.#endPolling(step.name, state);
    }
    const result = resultOf(this.program, this.state, this.#stepNames());
    this.state.ended = true;
    this.output.records.push({ type: 'point.ended', result });
    this.output.commands.push({ do: 'end', result });
  }

  #release(step: ProgramStep, state: StepState): void {
    if (Object.keys(step.uses).length === 0) return;
    if (state.status === 'wanting') state.status = 'waiting';
    else if (!state.granted) return;
    state.granted = false;
    this.output.commands.push({ do: 'release', step: step.name });
  }

  #endPolling(step: string, state: StepState): void {
    state.polling = false;
    this.#cancelTimer(deadlineTimer(step, state.attempt));
  }

  #cancelTimer(timer: string): void {
    this.output.commands.push({ do: 'cancel_timer', timer });
  }

  // --- names ---

  /** A step's answer, outside of it: that of `fetch`, else of `poll`, else of the call. */
  #stepNames(): Lookup {
    return (name) => {
      const value = this.#names(name);
      if (value !== undefined || !Object.hasOwn(this.state.steps, name)) return value;
      const { status, answers } = this.state.steps[name]!;
      return status === 'succeeded' ? (answers.fetch ?? answers.poll ?? answers.call) : undefined;
    };
  }

  /** Inside a job, `submit` and `poll` name its parts. */
  #jobNames(step: string): Lookup {
    const outer = this.#stepNames();
    const { answers } = this.#step(step).state;
    return (name) => {
      if (name === 'submit' && answers.submit !== undefined) return answers.submit;
      if (name === 'poll' && answers.poll !== undefined) return answers.poll;
      return outer(name);
    };
  }

  #step(name: string): { step: ProgramStep; state: StepState } {
    const step = this.program.steps.find((candidate) => candidate.name === name);
    const state = Object.hasOwn(this.state.steps, name) ? this.state.steps[name] : undefined;
    if (step === undefined || state === undefined) throw new ImpossibleFact(`there is no step ${name}`);
    return { step, state };
  }

  /** The part at which a step is. */
  #current(name: string): ProgramPart {
    const { step, state } = this.#step(name);
    return step.parts[state.part]!;
  }

  #outStep(name: string, part: EffectPart, attempt: number, type: string): { step: ProgramStep; state: StepState } {
    const found = this.#step(name);
    const current = this.#current(name).part;
    if (found.state.status !== 'out' || current !== part || found.state.attempt !== attempt) {
      throw new ImpossibleFact(`${type} for ${name} ${part}, attempt ${attempt}, which was not sent`);
    }
    return found;
  }
}

/** Doubled from attempt to attempt, up to an hour. */
function backOff_s(first_s: number, attempt: number): number {
  let seconds = first_s;
  for (let done = 1; done < attempt && seconds < LONGEST_BACKOFF_S; done += 1) seconds *= 2;
  return Math.min(seconds, LONGEST_BACKOFF_S);
}

function retryTimer(step: string, attempt: number): string {
  return `retry:${step}:${attempt}`;
}

/** The timer of a job: it fires when the job has not ended in time. */
export function deadlineTimer(step: string, attempt: number): string {
  return `deadline:${step}:${attempt}`;
}

/** The step of whose job a timer is the deadline; null for every other timer. */
export function deadlineStep(timer: string): string | null {
  return /^deadline:([^:]+):/.exec(timer)?.[1] ?? null;
}
