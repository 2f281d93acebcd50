import { unreachable } from '../base/unreachable.ts';
import type { GateDecided, GateOpened, PointFinished, RunFinished, StudyFact, StudyRecord } from '../ir/events.ts';
import { SEMANTICS } from '../ir/events.ts';
import { ImpossibleFact } from './impossible.ts';
import type { Program, ProgramPhase, ProgramTable } from './program.ts';
import { type Tally, count, newTally } from './tally.ts';
import { chooseRule, type Choice, evidenceOf } from './decide.ts';

/*
 * The study machine: phases in order, the points of a design, decisions, gates and budgets.
 */

/** Plain JSON; owned and changed in place by `stepStudy`. Its size follows the points in flight, not all points. */
export interface StudyState {
  status: 'running' | 'at_gate' | 'finished';
  /** Index into the program's phases. */
  phase: number;
  /** Visits by phase, and how often a rule has fired by `phase.rule`. */
  readonly visits: Record<string, number>;
  readonly fired: Record<string, number>;
  /** The design table whose points are being started. */
  cursor: { table: string; next_row: number } | null;
  readonly in_flight: number[];
  started: number;
  readonly tally: Tally;
  paused: boolean;
  /** Timers that were set, have not fired and were not cancelled. */
  timers: string[];
  /** Set once the run is to end: nothing new starts, and it ends when nothing is in flight. */
  ending: { status: RunFinished['status']; reason: string } | null;
}

type Signal = 'pause' | 'resume' | 'cancel';

/** What the engine is to do; it reports back by facts. */
export type StudyCommand =
  | {
      readonly do: 'start_point';
      readonly point: number;
      readonly values: Readonly<Record<string, number | string>>;
    }
  /** Only to these: points that the same fact starts have not begun. */
  | { readonly do: 'signal_points'; readonly signal: Signal; readonly points: readonly number[] }
  | { readonly do: 'open_gate'; readonly gate: GateOpened }
  | { readonly do: 'timer'; readonly timer: string; readonly after_s: number }
  | { readonly do: 'cancel_timer'; readonly timer: string }
  | { readonly do: 'finish'; readonly status: RunFinished['status']; readonly reason: string };

export interface StudyOutput {
  readonly records: StudyRecord[];
  readonly commands: StudyCommand[];
}

/** Counts active time only: not the time in which a gate is open, or the run is paused or not performed. */
export const WALL_TIME = 'wall_time';

/**
 * Takes in one fact about the study and says what to do next.
 *
 * Deterministic: same state and fact, same output. May change `state`, which it owns. Cost: O(points in flight), never O(points),
 * but for a decision that looks into all feasible points.
 *   K3. A gate opens the way only through `gate.decided`, which engines append only for a verified decision; a time-out stops.
 *   K6. At most `in_flight` points are started and not finished.
 *   K7. No point is started that could pass the budget of points or calls, even if it needs every retry.
 *   K8. The points of a table are started in order, each once.
 * @throws ImpossibleFact when the fact cannot have happened in this state: evidence that does not hold
 */
export function stepStudy(program: Program, state: StudyState | null, fact: StudyFact): [StudyState, StudyOutput] {
  const machine = new StudyMachine(program, state ?? begin(fact));
  if (state === null) machine.start();
  else machine.take(fact);
  machine.advance();
  return [machine.state, machine.output];
}

function begin(fact: StudyFact): StudyState {
  if (fact.type !== 'run.started') throw new ImpossibleFact(`${fact.type} before run.started`);
  if (fact.semantics !== SEMANTICS)
    throw new ImpossibleFact(`semantics ${fact.semantics}; this kernel has ${SEMANTICS}`);
  const counters = { phase: -1, started: 0, tally: newTally() };
  return {
    status: 'running',
    ...counters,
    visits: {},
    fired: {},
    cursor: null,
    in_flight: [],
    paused: false,
    timers: [],
    ending: null,
  };
}

class StudyMachine {
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
      default:
        return unreachable(fact);
    }
  }

  /** Starts points, goes through phases, and finishes the run, as far as can be without another fact. */
  advance(): void {
    const { state } = this;
    while (state.status === 'running') {
      if (state.ending === null && !state.paused) this.#startPoints();
      if (state.in_flight.length > 0) return;
      if (state.ending !== null) return this.#finish(state.ending);
      if (state.paused) return;
      this.#phaseDone();
    }
  }

  // --- facts ---

  #pointFinished({ point, result }: PointFinished): void {
    const { state, program } = this;
    const index = state.in_flight.indexOf(point);
    if (index < 0) throw new ImpossibleFact(`point.finished for point ${point}, which is not in flight`);
    state.in_flight.splice(index, 1);
    count(program, state.tally, point, valuesOf(program, point), result);
    const allowed = program.lock.budget.failed_points;
    if (allowed !== null && state.tally.failed > allowed) {
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

  #signal(signal: Signal): void {
    const points = [...this.state.in_flight];
    if (points.length > 0) this.output.commands.push({ do: 'signal_points', signal, points });
  }

  // --- points ---

  #startPoints(): void {
    const { state, program } = this;
    for (let row = this.#nextRow(); row !== null; row = this.#nextRow()) {
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
    const calls_left = budget.calls - state.tally.calls - state.in_flight.length * forecast.calls_per_point;
    if (points_left > 0 && calls_left >= forecast.calls_per_point) return true;
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
      const { succeeded, failed } = state.tally;
      state.ending =
        succeeded === 0 && failed > 0
          ? { status: 'failed', reason: 'no point succeeded' }
          : { status: 'completed', reason: 'all phases are done' };
      return;
    }
    state.phase = index;
    const { phase, design, gate } = program.phases[index]!.locked;
    const occurrence = (state.visits[phase] ?? 0) + 1;
    state.visits[phase] = occurrence;
    const kind = design !== null ? 'design' : gate !== null ? 'gate' : 'decide';
    this.output.records.push({ type: 'phase.started', phase, kind, occurrence });
    if (design !== null) {
      const table = design.tables[occurrence - 1];
      state.cursor = table === undefined ? null : { table, next_row: 0 };
    } else if (gate !== null) {
      this.#openGate();
    } else {
      this.#decide();
    }
  }

  /** Called when nothing is in flight and no row is left. */
  #phaseDone(): void {
    const { phase, decide } = this.#phase().locked;
    this.state.cursor = null;
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

  #finish({ status, reason }: NonNullable<StudyState['ending']>): void {
    const { succeeded, failed, cancelled } = this.state.tally;
    this.state.status = 'finished';
    this.output.records.push({ type: 'run.finished', status, reason, points: { succeeded, failed, cancelled } });
    this.#cancelTimer(WALL_TIME);
    this.output.commands.push({ do: 'finish', status, reason });
  }
}

function actionText({ action }: Choice): string {
  if (action.do === 'goto') return `goto(${action.phase})`;
  return action.do === 'extend' ? `extend(${action.phase}, ${action.points})` : action.do;
}

/** The assignment of a point by its number, from the tables of the lock. @throws ImpossibleFact if no table has it */
export function valuesOf(program: Program, point: number): Readonly<Record<string, number | string>> {
  for (const table of program.tables.values()) {
    const row = point - table.first_point;
    if (row >= 0 && row < table.rows.length) return rowValues(table, row);
  }
  throw new ImpossibleFact(`no design table has point ${point}`);
}

function rowValues(table: ProgramTable, row: number): Record<string, number | string> {
  return Object.fromEntries(table.columns.map((column, index) => [column, table.rows[row]![index]!]));
}
