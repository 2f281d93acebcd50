import { unreachable } from '../base/unreachable.ts';
import type { GateDecided, GateOpened, PointFinished, StudyFact } from '../ir/events.ts';
import { parseExpression } from '../ir/expression/parse.ts';
import { chooseRule, type Choice, evidenceOf } from './decide.ts';
import { ImpossibleFact } from './impossible.ts';
import type { Program, ProgramPhase } from './program.ts';
import { callsLeft, keepFailed, retryRefusal, toRetry } from './retry.ts';
import { matches, rowValues, valuesOf } from './rows.ts';
import type { Ending, Signal, StudyOutput, StudyState } from './study-state.ts';
import { count } from './tally.ts';
import { WALL_TIME } from './timers.ts';

/** What `stepStudy` (study.ts) drives: one fact in, records and commands out, over a state that it changes in place. */
export class StudyMachine {
  readonly program: Program;
  readonly state: StudyState;
  readonly output: StudyOutput = { records: [], commands: [] };

  constructor(program: Program, state: StudyState) {
    this.program = program;
    this.state = state;
  }

  start(): void {
    const { wall_time_s } = this.program.lock.budget;
    if (wall_time_s !== null) this.#setTimer(WALL_TIME, wall_time_s);
    this.#nextPhase();
  }

  take(fact: StudyFact): void {
    if (fact.type === 'points.retried') return this.#retry(fact.points);
    if (this.state.status === 'finished') throw new ImpossibleFact(`${fact.type} after the run's end`);
    switch (fact.type) {
      case 'run.started':
        throw new ImpossibleFact('run.started twice');
      case 'point.finished':
        return this.#pointFinished(fact);
      case 'gate.decided':
        return this.#gateDecided(fact);
      case 'study.timer_fired':
        return this.#timerFired(fact.timer);
      case 'run.paused':
        return this.#pause(true);
      case 'run.resumed':
        return this.#pause(false);
      case 'run.cancelled':
        return this.#cancel(fact.reason);
      case 'points.cancelled':
        return this.#cancelPoints(fact.where);
      case 'phase.cancelled':
        return this.#cancelPhase(fact.phase);
      default:
        return unreachable(fact);
    }
  }

  /** Starts points, goes through phases, and finishes the run, as far as can be without another fact. */
  advance(): void {
    const { state } = this;
    while (state.status === 'running') {
      if (state.ending === null && !state.paused) this.#startRetries();
      if (state.ending === null && !state.paused && state.concluded === null) this.#startPoints();
      if (state.in_flight.length > 0) return;
      if (state.ending !== null) return this.#finish(state.ending);
      if (state.paused) return;
      if (state.concluded !== null) state.ending = state.concluded;
      else if (state.done) this.#conclude();
      else this.#phaseDone();
    }
  }

  // --- facts ---

  #pointFinished({ point, result }: PointFinished): void {
    const { state, program } = this;
    const index = state.in_flight.indexOf(point);
    if (index < 0) throw new ImpossibleFact(`point.finished for point ${point}, which is not in flight`);
    state.in_flight.splice(index, 1);
    drop(state.cancelling, point);
    delete state.calls_before[point];
    count(program, state.tally, point, valuesOf(program, point), result);
    if (result.status === 'failed') keepFailed(program, state, point, result);
    const allowed = program.lock.budget.failed_points;
    const failed = state.tally.failed - (program.lock.semantics < 2 ? 0 : state.tally.infeasible);
    if (allowed !== null && failed > allowed) {
      state.ending ??= { status: 'failed', reason: `more than ${allowed} points failed (budget.failed_points)` };
    }
  }

  #gateDecided({ gate, occurrence, outcome }: GateDecided): void {
    const phase = this.#phase();
    if (this.state.status !== 'at_gate' || phase.locked.phase !== gate || this.#visit() !== occurrence) {
      throw new ImpossibleFact(`gate.decided for ${gate} ${occurrence}, which is not open`);
    }
    if (!phase.locked.gate?.outcomes.some((possible) => possible === outcome)) {
      throw new ImpossibleFact(`gate.decided with ${outcome}, which is none of its outcomes`);
    }
    this.#closeGate();
    if (outcome === 'stop') this.state.ending = { status: 'stopped', reason: `decided at gate ${gate}` };
    else this.#phaseDone();
  }

  #timerFired(timer: string): void {
    if (!this.state.timers.includes(timer)) throw new ImpossibleFact(`timer ${timer} was not set`);
    this.#forgetTimer(timer);
    if (timer === WALL_TIME) {
      this.state.wall_time_over = true;
      this.state.ending ??= { status: 'failed', reason: 'the wall time is used up (budget.wall_time)' };
    } else {
      const { phase } = this.#phase().locked;
      this.#closeGate();
      this.state.ending = { status: 'stopped', reason: `nobody decided at gate ${phase} in time` };
    }
  }

  #setTimer(timer: string, after_s: number): void {
    this.state.timers.push(timer);
    this.output.commands.push({ do: 'timer', timer, after_s });
  }

  #cancelTimer(timer: string): void {
    if (!this.state.timers.includes(timer)) return;
    this.#forgetTimer(timer);
    this.output.commands.push({ do: 'cancel_timer', timer });
  }

  #forgetTimer(timer: string): void {
    this.state.timers = this.state.timers.filter((other) => other !== timer);
  }

  #pause(paused: boolean): void {
    if (this.state.paused === paused)
      throw new ImpossibleFact(paused ? 'run.paused twice' : 'run.resumed while not paused');
    this.state.paused = paused;
    this.#signal(paused ? 'pause' : 'resume');
  }

  #cancel(reason: string): void {
    if (this.state.ending?.status === 'cancelled') throw new ImpossibleFact('run.cancelled twice');
    if (this.state.status === 'at_gate') this.#closeGate();
    this.state.ending = { status: 'cancelled', reason };
    this.#signal('cancel');
  }

  #cancelPoints(where: string): void {
    const { state } = this;
    this.#assertKnown('points.cancelled');
    if (state.ending !== null) throw new ImpossibleFact('points.cancelled while the run ends');
    if (parseExpression(where).ok === false) throw new ImpossibleFact('points.cancelled with no expression');
    state.cancelled_where.push(where);
    this.#cancelInFlight((point) => matches(this.program, where, point));
  }

  #cancelPhase(phase: string): void {
    const { state, program } = this;
    this.#assertKnown('phase.cancelled');
    const index = program.phases.findIndex(({ locked }) => locked.phase === phase && locked.design !== null);
    if (index < 0 || state.ending !== null || state.cancelled_phases.includes(phase)) {
      throw new ImpossibleFact(`phase.cancelled for ${phase}, which is no design that can be`);
    }
    state.cancelled_phases.push(phase);
    if (index !== state.phase) return;
    state.cursor = null;
    this.#cancelInFlight(() => true);
  }

  #cancelInFlight(of: (point: number) => boolean): void {
    const { in_flight, cancelling } = this.state;
    const points = in_flight.filter((point) => !cancelling.includes(point) && of(point));
    cancelling.push(...points);
    if (points.length > 0) this.output.commands.push({ do: 'signal_points', signal: 'cancel', points });
  }

  #assertKnown(type: string): void {
    if (this.program.lock.semantics < 2) throw new ImpossibleFact(`${type} is not of semantics 1`);
  }

  #signal(signal: Signal): void {
    const { in_flight, cancelling } = this.state;
    const points = in_flight.filter((point) => signal !== 'cancel' || !cancelling.includes(point));
    if (signal === 'cancel') cancelling.push(...points);
    if (points.length > 0) this.output.commands.push({ do: 'signal_points', signal, points });
  }

  // --- failed points, tried again ---

  #retry(points: readonly number[]): void {
    const { state } = this;
    const refusal = retryRefusal(this.program, state, points);
    if (refusal !== null) throw new ImpossibleFact(`points.retried: ${refusal}`);
    for (const point of points) toRetry(state, point);
    if (state.status === 'finished') this.#reopen();
    else if (state.status === 'at_gate') {
      this.#closeGate();
      state.gate_again = true;
    }
  }

  /** A decision to stop stands; what ended for its failures, or a budget, goes on as far as they allow. */
  #reopen(): void {
    const { state } = this;
    const { ending } = state;
    state.status = 'running';
    state.ending = null;
    state.paused = false;
    state.concluded = ending?.status === 'stopped' ? ending : null;
    const { wall_time_s } = this.program.lock.budget;
    if (wall_time_s !== null) this.#setTimer(WALL_TIME, wall_time_s);
  }

  #startRetries(): void {
    const { state, program } = this;
    while (state.to_retry.length > 0 && state.in_flight.length < program.lock.in_flight) {
      const point = state.to_retry.shift()!;
      state.in_flight.push(point);
      this.output.commands.push({ do: 'retry_point', point });
    }
  }

  // --- points ---

  #startPoints(): void {
    const { state, program } = this;
    for (let row = this.#nextRow(); row !== null; row = this.#nextRow()) {
      if (this.#skips(row)) continue;
      if (state.in_flight.length >= program.lock.in_flight || !this.#fitsBudget()) return;
      const table = program.tables.get(state.cursor!.table)!;
      const point = table.first_point + row;
      state.cursor!.next_row += 1;
      state.in_flight.push(point);
      state.started += 1;
      this.output.records.push({ type: 'point.started', point, table: table.id, row });
      this.output.commands.push({ do: 'start_point', point, values: rowValues(table, row) });
    }
  }

  #skips(row: number): boolean {
    const { state, program } = this;
    if (state.cancelled_where.length === 0) return false;
    const table = program.tables.get(state.cursor!.table)!;
    const point = table.first_point + row;
    if (!state.cancelled_where.some((where) => matches(program, where, point))) return false;
    state.cursor!.next_row += 1;
    state.tally.cancelled += 1;
    this.output.records.push({ type: 'point.skipped', point, table: table.id, row });
    return true;
  }

  #nextRow(): number | null {
    const { cursor } = this.state;
    if (cursor === null) return null;
    return cursor.next_row < this.program.tables.get(cursor.table)!.rows.length ? cursor.next_row : null;
  }

  /** False where the point has to wait for others to give back calls; ends the run where waiting would not help. */
  #fitsBudget(): boolean {
    const { state } = this;
    const { budget, forecast } = this.program.lock;
    const points_left = budget.points - state.started;
    if (points_left > 0 && callsLeft(this.program, state) >= forecast.calls_per_point) return true;
    if (points_left <= 0 || state.in_flight.length === 0) {
      const what = points_left <= 0 ? 'points' : 'calls';
      state.ending ??= {
        status: 'failed',
        reason: `the budget of ${budget[what]} ${what} does not allow another point`,
      };
    }
    return false;
  }

  // --- phases ---

  #phase(): ProgramPhase {
    return this.program.phases[this.state.phase]!;
  }

  #visit(): number {
    return this.state.visits[this.#phase().locked.phase]!;
  }

  #nextPhase(index = this.state.phase + 1): void {
    const { state, program } = this;
    if (index >= program.phases.length) {
      state.done = true;
      return this.#conclude();
    }
    state.phase = index;
    const { phase, design, gate } = program.phases[index]!.locked;
    const occurrence = (state.visits[phase] ?? 0) + 1;
    state.visits[phase] = occurrence;
    const kind = design !== null ? 'design' : gate !== null ? 'gate' : 'decide';
    this.output.records.push({ type: 'phase.started', phase, kind, occurrence });
    if (design !== null) {
      const table = design.tables[occurrence - 1];
      const is_off = table === undefined || state.cancelled_phases.includes(phase);
      state.cursor = is_off ? null : { table, next_row: 0 };
    } else if (gate !== null) {
      this.#openGate();
    } else {
      this.#decide();
    }
  }

  #conclude(): void {
    const { succeeded, failed } = this.state.tally;
    this.state.ending =
      succeeded === 0 && failed > 0
        ? { status: 'failed', reason: 'no point succeeded' }
        : { status: 'completed', reason: 'all phases are done' };
  }

  /** Called when nothing is in flight and no row is left. */
  #phaseDone(): void {
    const { phase, decide } = this.#phase().locked;
    this.state.cursor = null;
    if (this.state.gate_again) {
      this.state.gate_again = false;
      return this.#nextPhase(this.state.phase);
    }
    if (decide !== null) return this.#decide(); // the points that a rule asked for are there: judge again
    this.#finishPhase(phase);
    this.#nextPhase();
  }

  #finishPhase(phase: string): void {
    this.output.records.push({ type: 'phase.finished', phase, occurrence: this.state.visits[phase]! });
  }

  // --- gates ---

  #openGate(): void {
    const { phase, gate } = this.#phase().locked;
    if (gate === null) throw new Error(`phase ${phase} is no gate`);
    const opened: GateOpened = {
      type: 'gate.opened',
      gate: phase,
      occurrence: this.#visit(),
      role: gate.role,
      ask: gate.ask,
      outcomes: gate.outcomes,
      evidence: evidenceOf(this.state.tally),
    };
    this.state.status = 'at_gate';
    this.output.records.push(opened);
    this.output.commands.push({ do: 'open_gate', gate: opened });
    if (gate.timeout_s !== null) this.#setTimer(this.#gateTimer(), gate.timeout_s);
  }

  #closeGate(): void {
    this.state.status = 'running';
    this.#cancelTimer(this.#gateTimer());
  }

  #gateTimer(): string {
    return `gate:${this.#phase().locked.phase}:${this.#visit()}`;
  }

  // --- decisions ---

  #decide(): void {
    const { state, program } = this;
    const { phase } = this.#phase().locked;
    const choice = chooseRule(program, this.#phase(), state.tally, (rule) => state.fired[`${phase}.${rule}`] ?? 0);
    if (!choice.ok) {
      state.ending = { status: 'failed', reason: choice.error };
      return;
    }
    const { rule, action, because } = choice.value;
    state.fired[`${phase}.${rule}`] = (state.fired[`${phase}.${rule}`] ?? 0) + 1;
    const made = { phase, occurrence: this.#visit(), rule, action: actionText(choice.value), because };
    this.output.records.push({ type: 'decision.made', ...made });
    switch (action.do) {
      case 'stop':
        state.ending = { status: 'stopped', reason: because === '' ? `decided by ${phase}` : because };
        return;
      case 'extend': {
        const table = action.tables[state.fired[`${phase}.${rule}`]! - 1]!;
        state.cursor = { table, next_row: 0 };
        return;
      }
      case 'goto':
        this.#finishPhase(phase);
        return this.#nextPhase(program.phases.findIndex((candidate) => candidate.locked.phase === action.phase));
      case 'next':
        this.#finishPhase(phase);
        return this.#nextPhase();
      default:
        return unreachable(action);
    }
  }

  #finish({ status, reason }: Ending): void {
    const { succeeded, failed, cancelled } = this.state.tally;
    this.state.status = 'finished';
    this.output.records.push({ type: 'run.finished', status, reason, points: { succeeded, failed, cancelled } });
    this.#cancelTimer(WALL_TIME);
    this.output.commands.push({ do: 'finish', status, reason });
  }
}

function drop(list: number[], item: number): void {
  const index = list.indexOf(item);
  if (index >= 0) list.splice(index, 1);
}

function actionText({ action }: Choice): string {
  if (action.do === 'goto') return `goto(${action.phase})`;
  return action.do === 'extend' ? `extend(${action.phase}, ${action.points})` : action.do;
}
