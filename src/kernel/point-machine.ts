import type { Json } from '../base/json.ts';
import { unreachable } from '../base/unreachable.ts';
import type { EffectAnswered, EffectPart, EffectResolved, FailureClass, Outcome, PointFact } from '../ir/events.ts';
import { readAnswer } from './answer.ts';
import { ImpossibleFact } from './impossible.ts';
import { resultOf } from './metrics.ts';
import { answerNames, bindArguments, holds, jobNames, type Lookup, pointNames, stepNames } from './names.ts';
import type { PointOutput, PointState, StepState } from './point-state.ts';
import type { Program, ProgramPart, ProgramStep } from './program.ts';
import { backOff_s, deadlineTimer, LICENCE_PATIENCE_S, licenceWait_s, retryTimer } from './timers.ts';
import { hasEnded, isForPerson } from './unknown-outcome.ts';

/** What `stepPoint` (point.ts) drives: one fact in, records and commands out, over a state that it changes in place. */
export class PointMachine {
  readonly program: Program;
  readonly state: PointState;
  readonly output: PointOutput = { records: [], commands: [] };
  /** Outside of a job. */
  readonly #names: Lookup;

  constructor(program: Program, state: PointState) {
    this.program = program;
    this.state = state;
    this.#names = stepNames(pointNames(program, state.values), state.steps);
  }

  take(fact: PointFact): void {
    if (fact.type === 'point.retried') return this.#retried();
    if (this.state.ended) throw new ImpossibleFact(`${fact.type} after the point's end`);
    switch (fact.type) {
      case 'point.began':
        throw new ImpossibleFact('point.began twice');
      case 'step.granted':
        return this.#granted(fact.step);
      case 'effect.answered':
        return this.#answered(fact);
      case 'effect.resolved':
        return this.#resolved(fact);
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
    const { outcome } = fact;
    if (outcome.ok) return this.#succeeded(step, state, outcome.answer);
    const for_person = !this.#stopping() && isForPerson(this.program, step, part, outcome.class);
    if (for_person) return this.#unresolved(step, state, outcome.message);
    // An answer that could not be kept says nothing either.
    this.#fail(step, outcome.class, outcome.message, { told: outcome.class !== 'bad_metric' });
  }

  #succeeded(step: ProgramStep, state: StepState, given: Json): void {
    const part = this.#current(step.name);
    const answer = readAnswer(given, part.parse_json);
    if (!answer.ok) return this.#fail(step, answer.error.class, answer.error.message, { told: false });
    const names = answerNames(answer.value, this.#jobNames(step.name));
    for (const condition of part.until === null ? part.expect : [part.until, ...part.expect]) {
      const held = holds(condition, names);
      if (held !== true) return this.#fail(step, 'unexpected', held.message, { told: condition !== part.until });
    }
    state.answers[part.part] = answer.value;
    if (state.licence_waits !== undefined) Object.assign(state, { licence_waits: 0, licence_waited_s: 0 });
    if (state.part + 1 < step.parts.length) {
      state.part += 1;
      state.status = 'held';
    } else {
      state.status = 'succeeded';
      this.#release(step, state);
    }
  }

  #unresolved(step: ProgramStep, state: StepState, message: string): void {
    state.status = 'unresolved';
    const { part } = this.#current(step.name);
    this.output.records.push({ type: 'step.unresolved', step: step.name, part, attempt: state.attempt, message });
  }

  /** Tokens are kept meanwhile: what nobody knows of may be running. */
  #resolved({ step: name, part, attempt, as, outcome, by }: EffectResolved): void {
    const { step, state } = this.#step(name);
    if (state.status !== 'unresolved' || state.attempt !== attempt || this.#current(name).part !== part) {
      throw new ImpossibleFact(`effect.resolved for ${name} ${part}, attempt ${attempt}, which needs nobody`);
    }
    if ((as === 'done') !== (outcome?.ok === true))
      throw new ImpossibleFact('only `done` has an answer, and it has one');
    if (as === 'failed') return this.#fail(step, 'tool_failed', `${by} found that it came to no use`);
    if (as === 'done') return this.#succeeded(step, state, answerIn(outcome));
    state.status = 'held';
    state.again = part !== 'poll';
  }

  #timerFired(timer: string): void {
    const name = timer.split(':')[1] ?? '';
    const { step, state } = this.#step(name);
    if (timer === retryTimer(name, state.attempt) && state.status === 'backing_off') {
      this.#nextAttempt(state);
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
    if (this.program.lock.semantics < 2) return;
    // Others may have what nothing is done with here meanwhile.
    for (const step of this.program.steps) {
      const { state } = this.#step(step.name);
      if (state.status === 'wanting') this.#release(step, state);
    }
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

  #nextAttempt(state: StepState): void {
    Object.assign(state, { status: 'waiting', attempt: state.attempt + 1, part: 0, answers: {} });
  }

  /** Goes on where the point was left: what has failed gets a new attempt, unless it may yet go on outside (K4). */
  #retried(): void {
    const { state: point } = this;
    if (!point.ended || point.failure === null)
      throw new ImpossibleFact('point.retried for a point that has not failed');
    Object.assign(point, { ended: false, failure: null, cancelled: false, paused: false });
    for (const step of this.program.steps) this.#retryStep(step, this.#step(step.name).state);
  }

  #retryStep(step: ProgramStep, state: StepState): void {
    if (state.status === 'failed' && state.open === true) {
      state.open = false;
      return this.#unresolved(step, state, 'it may still go on: its end was never known');
    }
    if (state.status === 'failed' || state.status === 'backing_off') {
      Object.assign(state, { waived: state.attempt, licence_waits: 0, licence_waited_s: 0 });
      return this.#nextAttempt(state);
    }
  }

  #want(step: ProgramStep, state: StepState): void {
    state.status = 'wanting';
    this.output.commands.push({ do: 'want', step: step.name, attempt: state.attempt, uses: step.uses });
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
    if (state.status !== 'held') return;
    // K2: what was resolved, or tried again, has lost its tokens meanwhile.
    if (Object.keys(step.uses).length > 0 && !state.granted) this.#want(step, state);
    else this.#send(step, state);
  }

  /** Gives back what a step holds, or wants, that will not be sent any more. */
  #letGo(step: ProgramStep): void {
    const { state } = this.#step(step.name);
    if (state.status === 'unresolved') this.#giveUp(step, state);
    if (state.status === 'wanting' || (state.status === 'held' && state.granted)) this.#release(step, state);
  }

  /** Nobody waits for what a person could say of it any more; that its outcome is unknown stands in the journal. */
  #giveUp(step: ProgramStep, state: StepState): void {
    const before = this.state.failure;
    this.#endAttempt(step, 'unknown_outcome', 'nobody said what became of it', null);
    state.open = true;
    this.state.failure = before;
  }

  #advanceWaiting(step: ProgramStep, state: StepState): void {
    const needs = step.needs.map((need) => this.#step(need).state.status);
    if (needs.some((status) => status !== 'succeeded' && status !== 'skipped')) return;
    if (state.attempt === 1 && (needs.includes('skipped') || !this.#wanted(step))) {
      if (this.state.failure !== null) return;
      state.status = 'skipped';
      this.output.records.push({ type: 'step.skipped', step: step.name });
    } else if (Object.keys(step.uses).length > 0) {
      this.#want(step, state);
    } else {
      state.status = 'held';
    }
  }

  #wanted(step: ProgramStep): boolean {
    if (step.when === null) return true;
    const held = holds(step.when, this.#names);
    // It says the same at every attempt, so there is no other one.
    if (held !== true && !held.is_told) this.#endAttempt(step, 'unexpected', held.message, null);
    return held === true;
  }

  #send(step: ProgramStep, state: StepState): void {
    const part = this.#current(step.name);
    const bound = bindArguments(part.arguments, this.#jobNames(step.name));
    if (!bound.ok) return this.#notSent(step, state, part, bound.error);
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
      if (state.again === true) state.again = false;
      else {
        this.state.calls += 1;
        this.output.records.push({ type: 'effect.intended', ...sent });
      }
      this.output.commands.push({ do: 'send', ...sent, effect, timeout_s });
    }
  }

  /** Arguments that cannot be computed. A job that can therefore not be asked after is there: its submission is for a person. */
  #notSent(step: ProgramStep, state: StepState, { part }: ProgramPart, why: string): void {
    const is_poll = part === 'poll' && this.program.lock.semantics >= 2;
    this.#fail(step, 'unexpected', why, { told: !is_poll });
    if (is_poll && state.status === 'failed') state.part = 0;
  }

  /** @param options.told whether the part was answered, and the answer could be understood */
  #fail(step: ProgramStep, failure: FailureClass, message: string, { told } = { told: true }): void {
    const { state } = this.#step(step.name);
    const { attempts, backoff_s, on } = step.retry;
    const has_ended = hasEnded(this.program, step, this.#current(step.name), { failure, told });
    if (has_ended && !this.#stopping() && this.#waitsForLicence(step, state, failure)) {
      const wait_s = licenceWait_s(state.licence_waits! - 1);
      return this.#endAttempt(step, failure, message, wait_s);
    }
    const counted = state.attempt - (state.waived ?? 0);
    const again = on.includes(failure) && counted < attempts && !this.#stopping() && has_ended;
    this.#endAttempt(step, failure, message, again ? backOff_s(backoff_s, counted) : null);
    if (!again && !has_ended) state.open = true;
  }

  /** A licence that is not there is waited for, up to a day; neither the attempt nor its calls count. */
  #waitsForLicence(step: ProgramStep, state: StepState, failure: FailureClass): boolean {
    if (this.program.lock.semantics < 2 || failure !== 'licence_unavailable') return false;
    const waited_s = state.licence_waited_s ?? 0;
    if (waited_s >= LICENCE_PATIENCE_S) return false;
    state.licence_waits = (state.licence_waits ?? 0) + 1;
    state.licence_waited_s = waited_s + licenceWait_s(state.licence_waits - 1);
    state.waived = (state.waived ?? 0) + 1;
    this.state.calls -= step.parts.slice(0, state.part + 1).filter(({ part }) => part !== 'poll').length;
    return true;
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
    const result = resultOf(this.program, this.state, this.#names);
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

  /** Inside a job. */
  #jobNames(step: string): Lookup {
    return jobNames(this.#names, this.#step(step).state.answers);
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

function answerIn(outcome: Outcome | null): Json {
  return outcome?.ok === true ? outcome.answer : null;
}
