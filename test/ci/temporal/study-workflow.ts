import {
  allHandlersFinished,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  proxyActivities,
  setHandler,
  startChild,
} from '@temporalio/workflow';
import { unwrap } from '../../../src/base/result.ts';
import type { PointFact, RunFinished, StudyFact } from '../../../src/ir/events.ts';
import type { Lock } from '../../../src/ir/lock.ts';
import {
  newPools,
  nextGrant,
  type PoolState,
  releaseTokens,
  takeGrant,
  type Want,
  wantTokens,
} from '../../../src/kernel/pools.ts';
import { compileProgram, type Program } from '../../../src/kernel/program.ts';
import { type StudyCommand, type StudyState, stepStudy, WALL_TIME } from '../../../src/kernel/study.ts';
import type { pointWorkflow } from './point-workflow.ts';
import {
  type Decision,
  decideGate,
  type FromPoint,
  LOST,
  operatorSays,
  pointSays,
  pointWorkflowId,
  type RunActivities,
  type StudyArguments,
  studySays,
  studyStatus,
  WORKFLOW_TASK_TIMEOUT,
} from './protocol.ts';
import { JournalTail } from '../../../src/engines/temporal/workflows/journal-tail.ts';
import { WorkflowTimers } from '../../../src/engines/temporal/workflows/workflow-timers.ts';

const { append, verifyDecision } = proxyActivities<RunActivities>({ startToCloseTimeout: '1 minute', ...LOST });
const SIGNALS = { pause: 'point.paused', resume: 'point.resumed', cancel: 'point.cancelled' } as const;

/** Performs the study of a run: feeds the study machine, counts the pools, starts a child workflow for each point. */
export async function studyWorkflow(given: StudyArguments): Promise<RunFinished['status']> {
  return new StudyPerformer(given).perform();
}

type Incoming =
  | { readonly from: 'outside'; readonly fact: StudyFact; readonly counts: () => boolean }
  | { readonly from: 'point'; readonly said: FromPoint };

class StudyPerformer {
  readonly #given: StudyArguments;
  readonly #program: Program;
  readonly #pools: PoolState;
  readonly #inbox: Incoming[] = [];
  readonly #timers = new WorkflowTimers();
  /** Signals to a point are sent one after another: two that are out may arrive in the other order. */
  readonly #sending = new Map<number, Promise<void>>();
  readonly #tail: JournalTail;
  /** What is to be done once the events that led to it are in the journal. */
  readonly #commands: StudyCommand[] = [];
  readonly #granted: Want[] = [];
  #study: StudyState | null;
  #wall_time_left_ms: number | null;
  #facts = 0;
  #end: RunFinished['status'] | null = null;

  constructor(given: StudyArguments) {
    const { lock, tables, carried } = given;
    this.#given = given;
    this.#program = unwrap(compileProgram(lock, new Map(Object.entries(tables))));
    this.#pools = carried?.pools ?? newPools(lock.pools);
    this.#study = carried?.study ?? null;
    this.#tail = new JournalTail('study', carried?.seq ?? 0);
    this.#wall_time_left_ms = carried?.wall_time_left_ms ?? null;
    for (const [timer, due_ms] of Object.entries(carried?.timers ?? {})) this.#setTimer(timer, due_ms);
    this.#listen();
  }

  async perform(): Promise<RunFinished['status']> {
    if (this.#study === null) this.#take(this.#given.started);
    for (;;) {
      await this.#perform();
      if (this.#end !== null) break;
      await condition(() => this.#inbox.length > 0 || this.#mayContinueAsNew());
      if (this.#inbox.length === 0) await this.#continueAsNew();
      for (const incoming of this.#inbox.splice(0)) {
        if (incoming.from === 'point') this.#hear(incoming.said);
        else if (incoming.counts()) this.#take(incoming.fact);
      }
      // Tokens are granted when nothing else is left to be told, as in one process.
      this.#grant();
    }
    await condition(allHandlersFinished);
    return this.#end;
  }

  #listen(): void {
    setHandler(pointSays, (said) => void this.#inbox.push({ from: 'point', said }));
    setHandler(operatorSays, (fact) => {
      this.#inbox.push({ from: 'outside', fact, counts: () => this.#changes(fact.type) });
    });
    setHandler(decideGate, (decision) => this.#decide(decision), {
      validator: (decision) => this.#assertPossible(decision),
    });
    setHandler(studyStatus, () => ({
      status: this.#study?.status ?? 'running',
      in_flight: this.#study?.in_flight ?? [],
      seq: this.#tail.last_seq,
    }));
  }

  /** What is so already is no fact. */
  #changes(type: 'run.paused' | 'run.resumed' | 'run.cancelled'): boolean {
    if (this.#study === null || this.#study.status === 'finished') return false;
    if (type === 'run.cancelled') return this.#study.ending?.status !== 'cancelled';
    return this.#study.paused === (type === 'run.resumed');
  }

  // --- facts ---

  #hear({ point, told }: FromPoint): void {
    for (const one of told) {
      if (one.tell === 'want') wantTokens(this.#pools, { point, step: one.step, uses: one.uses });
      else if (one.tell === 'release') releaseTokens(this.#pools, point, one.step);
      else this.#take({ type: 'point.finished', point, result: one.result });
    }
  }

  #take(fact: StudyFact): void {
    const [study, { records, commands }] = stepStudy(this.#program, this.#study, fact);
    this.#study = study;
    this.#facts += 1;
    if (fact.type === 'study.timer_fired' && fact.timer === WALL_TIME) this.#wall_time_left_ms = null;
    this.#tail.add([fact, ...records]);
    this.#commands.push(...commands);
  }

  #grant(): void {
    for (let want = nextGrant(this.#pools); want !== null; want = nextGrant(this.#pools)) {
      takeGrant(this.#pools, want);
      this.#granted.push(want);
    }
  }

  // --- commands ---

  /** Writes what was taken in, and then does what follows from it. */
  async #perform(): Promise<void> {
    const unwritten = this.#tail.unwritten();
    if (unwritten.events.length > 0) await append(this.#given.run, unwritten);
    this.#tail.written(unwritten);
    for (const command of this.#commands.splice(0)) await this.#performOne(command);
    for (const { point, step } of this.#granted.splice(0)) this.#tell(point, { type: 'step.granted', step });
    this.#countWallTime();
  }

  async #performOne(command: StudyCommand): Promise<void> {
    switch (command.do) {
      case 'start_point':
        return this.#startPoint(command.point, command.values);
      case 'signal_points':
        for (const point of command.points) this.#tell(point, { type: SIGNALS[command.signal] });
        return;
      case 'timer':
        if (command.timer === WALL_TIME) this.#wall_time_left_ms = command.after_s * 1000;
        else this.#setTimer(command.timer, Date.now() + command.after_s * 1000);
        return;
      case 'cancel_timer':
        if (command.timer === WALL_TIME) this.#wall_time_left_ms = null;
        this.#timers.cancel(command.timer);
        return;
      case 'open_gate':
        return;
      case 'finish':
        this.#end = command.status;
        return;
    }
  }

  /** The point outlives this execution of the study, which may continue as new; so its end comes as a signal. */
  async #startPoint(point: number, values: Readonly<Record<string, number | string>>): Promise<void> {
    const { run, lock } = this.#given;
    await startChild<typeof pointWorkflow>('pointWorkflow', {
      workflowId: pointWorkflowId(run, point),
      args: [{ run, lock: pointLock(lock), point, values }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
    });
  }

  #tell(point: number, fact: PointFact): void {
    const handle = getExternalWorkflowHandle(pointWorkflowId(this.#given.run, point));
    const before = this.#sending.get(point) ?? Promise.resolve();
    // A point that is gone has told its end already: what it is told crosses with that.
    const sent = before.then(() => handle.signal(studySays, fact)).catch(() => undefined);
    this.#sending.set(point, sent);
    void sent.then(() => {
      if (this.#sending.get(point) === sent) this.#sending.delete(point);
    });
  }

  // --- gates ---

  /** What is refused here leaves nothing in the history. */
  #assertPossible({ outcome }: Decision): void {
    if (this.#study?.status !== 'at_gate') throw new Error('no gate is open');
    const { gate } = this.#program.phases[this.#study.phase]!.locked;
    if (!gate?.outcomes.some((possible) => possible === outcome)) throw new Error(`${outcome} is none of its outcomes`);
  }

  async #decide({ outcome, by, statement_sha256 }: Decision): Promise<string> {
    const { phase } = this.#program.phases[this.#study!.phase]!.locked;
    const occurrence = this.#study!.visits[phase]!;
    if (!(await verifyDecision(this.#given.run, { outcome, by, statement_sha256 }))) return 'refused: not signed';
    const open = () => this.#study?.status === 'at_gate' && this.#study.visits[phase] === occurrence;
    const fact: StudyFact = { type: 'gate.decided', gate: phase, occurrence, outcome, statement_sha256, by };
    this.#inbox.push({ from: 'outside', fact, counts: open });
    await condition(() => !open());
    return 'taken';
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
      this.#wall_time_left_ms = due_ms - Date.now();
      this.#timers.cancel(WALL_TIME);
    } else if (active && due_ms === undefined && this.#wall_time_left_ms !== null) {
      this.#setTimer(WALL_TIME, Date.now() + this.#wall_time_left_ms);
    }
  }

  // --- continue as new ---

  #mayContinueAsNew(): boolean {
    return this.#facts >= this.#given.facts_per_execution && this.#sending.size === 0 && allHandlersFinished();
  }

  async #continueAsNew(): Promise<never> {
    const { [WALL_TIME]: wall_due_ms, ...timers } = this.#timers.due();
    const wall_time_left_ms = wall_due_ms === undefined ? this.#wall_time_left_ms : wall_due_ms - Date.now();
    const carried = { study: this.#study!, pools: this.#pools, seq: this.#tail.last_seq, timers, wall_time_left_ms };
    return continueAsNew<typeof studyWorkflow>({ ...this.#given, carried });
  }
}

/** What a point needs of the lock. */
function pointLock(lock: Lock): Lock {
  return { ...lock, study: [], tables: [], tools: [] };
}
