import {
  ActivityFailure,
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { unwrap } from '../../../base/result.ts';
import type { PointFact, RunFinished, StudyFact } from '../../../ir/events.ts';
import { compileProgram, type Program } from '../../../kernel/program.ts';
import { retryRefusal, type StudyCommand, type StudyState, stepStudy, WALL_TIME } from '../../../kernel/study.ts';
import { ImpossibleFact } from '../../../kernel/impossible.ts';
import type { Order, PointEnd, RunActivities, StudyArguments, Tail } from '../protocol.ts';
import { JournalTail } from './journal-tail.ts';
import { PointHandles } from './point-handles.ts';
import { messagesCame, pointDenied, pointEnded, studyStatus } from './signals.ts';
import { WorkflowTimers } from './workflow-timers.ts';

/** Performs the study of a run: feeds the study machine, starts a child workflow for each point, hears what people ask. */
export async function studyWorkflow(given: StudyArguments): Promise<RunFinished['status']> {
  const performer = new StudyPerformer(given);
  // A cancel from outside is obeyed as one by `expctl cancel`: what is in flight ends in good order.
  CancellationScope.current()
    .cancelRequested.catch(() => undefined)
    .then(() => performer.cancel());
  return CancellationScope.nonCancellable(() => performer.perform());
}

type Incoming =
  | { readonly from: 'outside'; readonly fact: StudyFact; readonly counts: () => boolean }
  | { readonly from: 'point'; readonly end: PointEnd }
  | { readonly from: 'person'; readonly order: Order };

const SIGNALS = { pause: 'point.paused', resume: 'point.resumed', cancel: 'point.cancelled' } as const;
/** Who asked for what nobody of the run's own people did. */
const OUTSIDE = 'temporal';

class StudyPerformer {
  readonly #given: StudyArguments;
  readonly #program: Program;
  readonly #inbox: Incoming[] = [];
  readonly #timers = new WorkflowTimers();
  readonly #points: PointHandles;
  readonly #tail: JournalTail;
  readonly #activities;
  /** What is to be done once the events that led to it are in the journal. */
  readonly #commands: StudyCommand[];
  /** Last events of points that are to be written with those of the study. */
  #ended: Tail[] = [];
  #study: StudyState | null;
  #wall_time_left_ms: number | null;
  #end: RunFinished['status'] | null = null;
  #broken: string | null = null;
  /** Messages: whether some came, the last one that is known, and those that led to events which are not written yet. */
  #hasMessages = true;
  #last_message = 0;
  #obeyed: number[] = [];

  constructor(given: StudyArguments) {
    const { run, lock, tables, limits, begins } = given;
    this.#given = given;
    this.#program = unwrap(compileProgram(lock, new Map(Object.entries(tables))));
    const carried = 'carried' in begins ? begins.carried : null;
    this.#points = new PointHandles(run, lock, limits, carried?.secrets ?? {}, (error) => {
      this.#broken ??= error instanceof Error ? error.message : String(error);
    });
    this.#activities = proxyActivities<RunActivities>({
      startToCloseTimeout: '10 minutes',
      retry: { initialInterval: '100ms', maximumInterval: '1 minute' },
    });
    this.#study = carried?.study ?? null;
    this.#commands = [...(carried?.commands ?? [])];
    this.#tail = new JournalTail('study', carried?.seq ?? 0);
    this.#wall_time_left_ms = carried?.wall_time_left_ms ?? null;
    this.#last_message = carried?.last_message ?? 0;
    this.#listen();
    for (const point of carried?.left ?? []) this.#goOn(point, null);
    for (const [timer, due_ms] of Object.entries(carried?.timers ?? {})) this.#setTimer(timer, due_ms);
    if ('started' in begins) this.#take(begins.started);
  }

  async perform(): Promise<RunFinished['status']> {
    try {
      for (;;) {
        await this.#write();
        this.#perform();
        if (this.#end !== null && this.#inbox.length === 0) break;
        await condition(
          () => this.#inbox.length > 0 || this.#hasMessages || this.#broken !== null || this.#mayContinueAsNew(),
        );
        if (this.#broken !== null) throw ApplicationFailure.nonRetryable(this.#broken, 'EVIDENCE_BROKEN');
        if (this.#hasMessages) await this.#readMessages();
        else if (this.#inbox.length === 0) return await this.#continueAsNew();
        for (const incoming of this.#inbox.splice(0)) this.#hear(incoming);
      }
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      throw ApplicationFailure.nonRetryable(error.cause?.message ?? error.message, 'EVIDENCE_BROKEN');
    }
    await condition(() => this.#points.isIdle && allHandlersFinished());
    return this.#end;
  }

  /** Somebody cancelled the workflow itself: it fails safe, so that nobody has to sign it. */
  cancel(): void {
    this.#fromOutside({ type: 'run.cancelled', by: OUTSIDE, reason: 'the workflow was cancelled' });
  }

  #listen(): void {
    setHandler(pointEnded, (end) => {
      if (this.#points.isTrue(end.point, end.secret)) this.#inbox.push({ from: 'point', end });
    });
    setHandler(pointDenied, ({ point, secret, reason, final }) => {
      if (!this.#points.isTrue(point, secret)) return;
      if (final) this.#broken ??= reason;
      else this.#fromOutside({ type: 'run.paused', by: 'expctl', reason });
    });
    setHandler(messagesCame, () => {
      this.#hasMessages = true;
    });
    setHandler(studyStatus, () => ({
      status: this.#study?.status ?? 'running',
      paused: this.#study?.paused ?? false,
      phase: this.#program.phases[this.#study?.phase ?? -1]?.locked.phase ?? null,
      in_flight: this.#study?.in_flight ?? [],
      seq: this.#tail.last_seq,
      ended: this.#end,
    }));
  }

  #fromOutside(fact: StudyFact): void {
    this.#inbox.push({ from: 'outside', fact, counts: () => this.#changes(fact) });
  }

  /** What is so already, or is over, is no fact. */
  #changes(fact: StudyFact): boolean {
    if (this.#study === null || this.#study.status === 'finished') return false;
    if (fact.type === 'run.cancelled') return this.#study.ending?.status !== 'cancelled';
    if (fact.type === 'run.paused') return !this.#study.paused;
    if (fact.type === 'run.resumed') return this.#study.paused;
    return true;
  }

  // --- facts ---

  #hear(incoming: Incoming): void {
    if (incoming.from === 'point') this.#hearEnd(incoming.end);
    else if (incoming.from === 'person') this.#obey(incoming.order);
    else if (incoming.counts()) this.#take(incoming.fact);
  }

  /** A point that tells its end twice has ended once. */
  #hearEnd({ point, result, tail }: PointEnd): void {
    if (this.#study?.in_flight.includes(point) !== true) return;
    this.#ended.push(tail);
    this.#points.ended(point);
    this.#take({ type: 'point.finished', point, result });
  }

  #take(fact: StudyFact): void {
    const [study, { records, commands }] = stepStudy(this.#program, this.#study, fact);
    this.#study = study;
    if (fact.type === 'study.timer_fired' && fact.timer === WALL_TIME) this.#wall_time_left_ms = null;
    this.#tail.add([fact, ...records]);
    this.#commands.push(...commands);
    for (const command of commands) {
      if (command.do !== 'cancel_timer') continue;
      if (command.timer === WALL_TIME) this.#wall_time_left_ms = null;
      this.#timers.cancel(command.timer);
    }
    this.#countWallTime();
  }

  // --- messages of people ---

  async #readMessages(): Promise<void> {
    this.#hasMessages = false;
    const orders = await this.#activities.orders(this.#given.run, this.#last_message);
    for (const order of orders) {
      this.#last_message = Math.max(this.#last_message, order.id);
      this.#inbox.push({ from: 'person', order });
    }
  }

  /** An order that is not possible now changes nothing. */
  #obey(order: Order): void {
    if ('resolved' in order) return this.#points.resolve(order.point, order.id, order.resolved);
    this.#obeyed.push(order.id);
    if ('refused' in order) return;
    const fact = this.#possible(order.fact);
    if (fact === null) return;
    try {
      this.#take(fact);
    } catch (error) {
      if (!(error instanceof ImpossibleFact)) throw error;
    }
  }

  #possible(fact: StudyFact): StudyFact | null {
    const study = this.#study!;
    if (fact.type === 'points.retried') {
      const points = fact.points.length > 0 ? fact.points : Object.keys(study.failed).map(Number);
      return retryRefusal(this.#program, study, points) === null ? { ...fact, points } : null;
    }
    if (fact.type === 'gate.decided') {
      return study.status === 'at_gate' && study.visits[fact.gate] === fact.occurrence ? fact : null;
    }
    return this.#changes(fact) ? fact : null;
  }

  // --- commands ---

  /** Writes what was taken in, with the last events of points that have ended. */
  async #write(): Promise<void> {
    const unwritten = this.#tail.unwritten();
    const ended = this.#ended.splice(0);
    const obeyed = this.#obeyed.splice(0);
    if (unwritten.events.length + ended.length + obeyed.length === 0) return;
    await this.#activities.append(this.#given.run, [...ended, unwritten], obeyed);
    this.#tail.written(unwritten);
  }

  /** Does what follows from what is written. Points are not begun while this execution is about to end: the next one begins them. */
  #perform(): void {
    const later: StudyCommand[] = [];
    for (const command of this.#commands.splice(0)) {
      const begins = command.do === 'start_point' || command.do === 'retry_point';
      if (later.length > 0 || (begins && this.#isFull)) later.push(command);
      else this.#performOne(command);
    }
    this.#commands.push(...later);
    this.#countWallTime();
  }

  #performOne(command: StudyCommand): void {
    switch (command.do) {
      case 'start_point':
        return this.#points.start(command.point, { values: command.values });
      case 'retry_point':
        return this.#goOn(command.point, { type: 'point.retried' });
      case 'signal_points':
        for (const point of command.points) this.#points.tell(point, { type: SIGNALS[command.signal] });
        return;
      case 'timer':
        if (command.timer === WALL_TIME) this.#wall_time_left_ms = command.after_s * 1000;
        else this.#setTimer(command.timer, Date.now() + command.after_s * 1000);
        return;
      case 'finish':
        if (this.#study?.status === 'finished') this.#end = command.status;
        return;
      default:
        return;
    }
  }

  #goOn(point: number, fact: PointFact | null): void {
    this.#points.goOn(point, () => this.#activities.leftPoint(this.#given.run, point), fact);
  }

  // --- time ---

  #setTimer(timer: string, due_ms: number): void {
    const fact: StudyFact = { type: 'study.timer_fired', timer };
    this.#timers.set(timer, due_ms, () => {
      this.#inbox.push({ from: 'outside', fact, counts: () => this.#timers.take(timer) });
    });
  }

  /** Time in which a person is waited for is not wall time. */
  #countWallTime(): void {
    const due_ms = this.#timers.due()[WALL_TIME];
    const active = this.#study?.status === 'running' && !this.#study.paused;
    if (!active && due_ms !== undefined) {
      this.#wall_time_left_ms = Math.max(0, due_ms - Date.now());
      this.#timers.cancel(WALL_TIME);
    } else if (active && due_ms === undefined && this.#wall_time_left_ms !== null) {
      this.#setTimer(WALL_TIME, Date.now() + this.#wall_time_left_ms);
    }
  }

  // --- continue as new ---

  /** The history is as long as it may become. */
  get #isFull(): boolean {
    return workflowInfo().historyLength >= this.#given.limits.history_events;
  }

  #mayContinueAsNew(): boolean {
    return this.#isFull && this.#points.isIdle && allHandlersFinished() && this.#study !== null;
  }

  #continueAsNew(): Promise<never> {
    const { [WALL_TIME]: wall_due_ms, ...timers } = this.#timers.due();
    const carried = {
      study: this.#study!,
      seq: this.#tail.last_seq,
      commands: this.#commands,
      timers,
      wall_time_left_ms: wall_due_ms === undefined ? this.#wall_time_left_ms : Math.max(0, wall_due_ms - Date.now()),
      last_message: this.#last_message,
      secrets: this.#points.secrets,
      left: [],
    };
    return continueAsNew<typeof studyWorkflow>({ ...this.#given, begins: { carried } });
  }
}
