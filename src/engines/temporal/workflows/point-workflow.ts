import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { unwrap } from '../../../base/result.ts';
import type { EffectAnswered, PointFact, PointResult } from '../../../ir/events.ts';
import { pointStream } from '../../../ir/events.ts';
import {
  type PointCommand,
  type PointState,
  type PollCommand,
  type SendCommand,
  stepPoint,
} from '../../../kernel/point.ts';
import { compileProgram, type Program } from '../../../kernel/program.ts';
import type { Answered, PointArguments, RunActivities, Tail } from '../protocol.ts';
import { JournalTail } from './journal-tail.ts';
import { adopted, pointDenied, pointEnded, resolved, studySays, tokensGranted } from './signals.ts';
import { ignoreCancellation, WorkflowTimers } from './workflow-timers.ts';

/** Evaluates one design point: feeds the point machine, and performs what it asks for. */
export async function pointWorkflow(given: PointArguments): Promise<void> {
  // Only the study ends a point; whoever cancels it from outside cancels nothing that was approved to go on.
  await CancellationScope.nonCancellable(async () => {
    try {
      await new PointPerformer(given).perform();
    } catch (error) {
      if (!(error instanceof ApplicationFailure) && !(error instanceof ActivityFailure)) throw error;
      const { point, secret } = given;
      const said = { point, secret, reason: reasonOf(error), final: true };
      await getExternalWorkflowHandle(given.run)
        .signal(pointDenied, said)
        .catch(() => undefined);
      throw error;
    }
  });
}

function reasonOf(error: unknown): string {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

/** A fact on its way, and whether it still counts when its turn comes. */
interface Incoming {
  readonly fact: PointFact;
  readonly counts: () => boolean;
  /** How often the effect was sent again before. */
  readonly resent?: number;
  /** The message that led to it. */
  readonly message?: number;
}

class PointPerformer {
  readonly #given: PointArguments;
  readonly #program: Program;
  readonly #inbox: Incoming[] = [];
  readonly #timers = new WorkflowTimers();
  /** Polls that are out, by step. */
  readonly #polls = new Map<string, CancellationScope>();
  readonly #tail: JournalTail;
  readonly #activities;
  #state: PointState | null = null;
  /** By which the study knows this point. */
  #secret: string;
  /** Effects that are out. */
  #out = 0;
  /** Grows whenever the study lets the point go on: what was denied is asked for again. */
  #resumed = 0;
  /** Messages that led to events which are not written yet. */
  #obeyed: number[] = [];
  /** What no other try could mend. */
  #broken: ApplicationFailure | null = null;

  constructor(given: PointArguments) {
    this.#given = given;
    this.#secret = given.secret;
    this.#program = unwrap(compileProgram(given.lock, new Map()));
    const carried = 'carried' in given.begins ? given.begins.carried : null;
    this.#tail = new JournalTail(pointStream(given.point), carried?.seq ?? 0);
    this.#state = carried?.state ?? null;
    this.#activities = proxyActivities<RunActivities>({
      // The kernel owns attempts and deadlines; the server only gives a task of a lost worker to another one, which it notices by the
      // missing heartbeat.
      startToCloseTimeout: '10 years',
      heartbeatTimeout: `${given.limits.heartbeat_s}s`,
      retry: { initialInterval: '100ms', maximumInterval: '1 minute' },
    });
    this.#listen();
    for (const [timer, due_ms] of Object.entries(carried?.timers ?? {})) this.#setTimer(timer, due_ms);
    for (const command of carried?.effects ?? []) this.#perform(command);
    const first: PointFact | null =
      'carried' in given.begins
        ? given.begins.carried.fact
        : { type: 'point.began', point: given.point, values: given.begins.values };
    if (first !== null) this.#inbox.push({ fact: first, counts: () => true });
  }

  async perform(): Promise<void> {
    const { begins } = this.#given;
    if ('carried' in begins && begins.carried.result !== null && begins.carried.fact === null) {
      return this.#tellEnd(begins.carried.result);
    }
    while (this.#state?.ended !== true || this.#inbox.length > 0) {
      await condition(() => this.#inbox.length > 0 || this.#broken !== null || this.#mayContinueAsNew());
      if (this.#broken !== null) throw this.#broken;
      if (this.#inbox.length === 0) return this.#continueAsNew();
      const { fact, counts, resent, message } = this.#inbox.shift()!;
      if (message !== undefined) this.#obeyed.push(message);
      if (counts()) await this.#take(fact, resent ?? 0);
      else if (this.#obeyed.length > 0) await this.#write();
    }
  }

  #listen(): void {
    setHandler(studySays, (fact) => {
      this.#inbox.push({ fact, counts: () => this.#expects(fact) });
      if (fact.type === 'point.resumed') this.#resumed += 1;
    });
    setHandler(tokensGranted, ({ step, attempt }) => {
      this.#inbox.push({ fact: { type: 'step.granted', step }, counts: () => this.#wants(step, attempt) });
    });
    setHandler(adopted, (secret) => {
      this.#secret = secret;
    });
    setHandler(resolved, (message, fact) => {
      const { step, attempt } = fact;
      const counts = () => {
        const state = this.#state?.steps[step];
        return state?.status === 'unresolved' && state.attempt === attempt;
      };
      this.#inbox.push({ fact, counts, message });
    });
  }

  /** A signal that crossed with the end of the point lapses. */
  #expects(fact: PointFact): boolean {
    if (this.#state === null || this.#state.ended) return false;
    if (fact.type === 'point.paused') return !this.#state.paused;
    if (fact.type === 'point.resumed') return this.#state.paused;
    return fact.type !== 'point.cancelled' || !this.#state.cancelled;
  }

  /** A grant may come twice, or cross with the withdrawal of its want. */
  #wants(step: string, attempt: number): boolean {
    const state = this.#state?.steps[step];
    return state?.status === 'wanting' && state.attempt === attempt;
  }

  async #take(fact: PointFact, resent: number): Promise<void> {
    if (fact.type === 'effect.answered') {
      const { step, part, attempt } = fact;
      for (let told = 0; told < resent; told += 1) this.#tail.add([{ type: 'effect.resent', step, part, attempt }]);
    }
    const [state, { records, commands }] = stepPoint(this.#program, this.#state, fact);
    this.#state = state;
    this.#tail.add([fact, ...records]);
    for (const command of commands) this.#takeBack(command);
    const end = commands.find((command) => command.do === 'end');
    if (end !== undefined) return this.#end(end);
    // An effect that comes alone writes what led to it, before it is sent.
    const effects = commands.filter((command) => command.do === 'send' || command.do === 'poll');
    if (effects.length !== 1 || this.#obeyed.length > 0) await this.#write();
    for (const command of commands) this.#perform(command);
  }

  /** The last events are written by the study, with what it makes of them. */
  async #end({ result }: Extract<PointCommand, { do: 'end' }>): Promise<void> {
    if (this.#obeyed.length > 0) await this.#write();
    await this.#tellEnd(result);
  }

  async #tellEnd(result: PointResult): Promise<void> {
    const { run, point } = this.#given;
    const secret = this.#secret;
    const tail = this.#tail.unwritten();
    await getExternalWorkflowHandle(run)
      .signal(pointEnded, { point, secret, result, tail })
      .catch(async () => this.#write()); // the study is gone: whoever goes on with the run finds it in the journal
    if (this.#secret !== secret) await this.#tellEnd(result); // told to nobody who would believe it
  }

  async #write(): Promise<void> {
    const unwritten = this.#tail.unwritten();
    const obeyed = this.#obeyed;
    this.#obeyed = [];
    if (unwritten.events.length + obeyed.length === 0) return;
    await this.#activities.append(this.#given.run, [unwritten], obeyed);
    this.#tail.written(unwritten);
  }

  #takeBack(command: PointCommand): void {
    if (command.do === 'stop_poll') {
      this.#polls.get(command.step)?.cancel();
      this.#polls.delete(command.step);
    }
    if (command.do === 'cancel_timer') this.#timers.cancel(command.timer);
  }

  #perform(command: PointCommand): void {
    switch (command.do) {
      case 'send':
        return this.#send(command);
      case 'poll':
        return this.#poll(command);
      case 'timer':
        return this.#setTimer(command.timer, Date.now() + command.after_s * 1000);
      default:
        return;
    }
  }

  #setTimer(timer: string, due_ms: number): void {
    const fact: PointFact = { type: 'point.timer_fired', timer };
    this.#timers.set(timer, due_ms, () => {
      this.#inbox.push({ fact, counts: () => this.#timers.take(timer) });
    });
  }

  #send(command: SendCommand): void {
    const { run, point } = this.#given;
    this.#ask(
      command,
      (tail) => this.#activities.effect(run, point, command, tail),
      () => true,
    );
  }

  #poll(command: PollCommand): void {
    const { run, point } = this.#given;
    const scope = new CancellationScope();
    this.#polls.set(command.step, scope);
    // Only the poll that is out now may answer: one that a pause has stopped may still end.
    const counts = () => this.#polls.get(command.step) === scope && this.#polls.delete(command.step);
    this.#ask(command, (tail) => scope.run(() => this.#activities.poll(run, point, command, tail)), counts);
  }

  #ask(command: SendCommand | PollCommand, activity: (tail: Tail) => Promise<Answered>, counts: () => boolean): void {
    const { step, part, attempt } = command;
    this.#out += 1;
    this.#untilAnswered(activity)
      .then(({ outcome, resent }) => {
        const fact: EffectAnswered = { type: 'effect.answered', step, part, attempt, outcome };
        this.#inbox.push({ fact, counts, resent });
      })
      .catch(ignoreCancellation)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#out -= 1;
      });
  }

  /** Where the approval does not hold the study pauses the run; the effect is asked for again once it goes on. */
  async #untilAnswered(activity: (tail: Tail) => Promise<Answered>): Promise<Extract<Answered, { kind: 'answered' }>> {
    for (;;) {
      const unwritten = this.#tail.unwritten();
      const answered = await activity(unwritten);
      if (answered.kind === 'answered') {
        this.#tail.written(unwritten);
        return answered;
      }
      const resumed = this.#resumed;
      const { run, point } = this.#given;
      const secret = this.#secret;
      await getExternalWorkflowHandle(run).signal(pointDenied, {
        point,
        secret,
        reason: answered.reason,
        final: false,
      });
      await condition(() => this.#resumed > resumed);
    }
  }

  /** The study hears of it, and ends as well. */
  #fail(error: unknown): void {
    this.#broken = ApplicationFailure.nonRetryable(reasonOf(error), 'EVIDENCE_BROKEN');
  }

  #mayContinueAsNew(): boolean {
    return (
      workflowInfo().historyLength >= this.#given.limits.history_events &&
      this.#state !== null &&
      this.#out === 0 &&
      this.#tail.isWritten
    );
  }

  #continueAsNew(): Promise<never> {
    const timers = this.#timers.due();
    const carried = { state: this.#state!, seq: this.#tail.last_seq, effects: [], timers, fact: null, result: null };
    return continueAsNew<typeof pointWorkflow>({ ...this.#given, begins: { carried } });
  }
}
