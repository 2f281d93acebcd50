import type { JsonObject } from '../base/json.ts';
import type {
  DecisionMade,
  GateDecided,
  GateOpened,
  JournalRow,
  PhaseStarted,
  PointResult,
  RunFinished,
  RunStarted,
  StudyEvent,
} from '../ir/events.ts';
import { eventOf, observedOf, textIn } from './rows.ts';

/** Where a row stands. */
export interface Place {
  readonly seq: number;
  readonly hash: string;
  /** Milliseconds since 1970. */
  readonly wall_ms: number;
}

export interface PhaseView extends Omit<PhaseStarted, 'type'> {
  readonly started_ms: number;
  finished_ms: number | null;
}

export interface GateView extends Omit<GateOpened, 'type'> {
  readonly opened: Place;
  decided: (Omit<GateDecided, 'type'> & { readonly at: Place; readonly envelope_sha256: string | null }) | null;
  /** How it closed when nobody decided. */
  closed: 'timeout' | 'cancelled' | null;
}

interface PointSummary {
  readonly point: number;
  /** Phase that started it: for points of an extension, the one that asked for them. */
  readonly phase: string;
  readonly table: string;
  readonly row: number;
  readonly started_ms: number;
  ended_ms: number | null;
  result: PointResult | null;
}

interface PauseView {
  readonly what: 'paused' | 'resumed' | 'cancelled';
  readonly by: string;
  readonly reason: string;
  readonly wall_ms: number;
}

/** What the study's stream tells, in memory that grows with the number of points; the same for every question that is asked of a run. */
export class StudyFold {
  started: (Omit<RunStarted, 'type'> & { readonly at: Place; readonly observed: JsonObject }) | null = null;
  finished: (Omit<RunFinished, 'type'> & { readonly at: Place }) | null = null;
  readonly phases: PhaseView[] = [];
  readonly gates: GateView[] = [];
  readonly decisions: (Omit<DecisionMade, 'type'> & { readonly at: Place })[] = [];
  readonly pauses: PauseView[] = [];
  readonly points = new Map<number, PointSummary>();
  readonly counts = { succeeded: 0, failed: 0, cancelled: 0, feasible: 0 };
  /** Failed points by the class of their failure. */
  readonly failures = new Map<string, number>();
  paused = false;
  last: Place | null = null;

  /** The gate at which the run waits. */
  get open_gate(): GateView | null {
    const gate = this.gates.at(-1);
    return gate === undefined || gate.decided !== null || gate.closed !== null ? null : gate;
  }

  get phase(): PhaseView | null {
    return this.phases.at(-1) ?? null;
  }

  get done(): number {
    const { succeeded, failed, cancelled } = this.counts;
    return succeeded + failed + cancelled;
  }

  /** Takes a row of the stream `study`. */
  take(row: JournalRow): void {
    const at: Place = { seq: row.seq, hash: row.hash, wall_ms: row.wall_ms };
    this.last = at;
    const event = eventOf(row) as StudyEvent;
    switch (event.type) {
      case 'run.started':
        this.started = { ...event, at, observed: observedOf(row) };
        return;
      case 'phase.started':
        this.phases.push({ ...event, started_ms: at.wall_ms, finished_ms: null });
        return;
      case 'phase.finished':
        if (this.phase !== null) this.phase.finished_ms = at.wall_ms;
        return;
      case 'point.started': {
        const { point, table, row: index } = event;
        const phase = this.phase?.phase ?? '';
        const ended = { ended_ms: null, result: null };
        this.points.set(point, { point, phase, table, row: index, started_ms: at.wall_ms, ...ended });
        return;
      }
      case 'point.finished':
        return this.#finished(event.point, event.result, at);
      case 'gate.opened':
        this.gates.push({ ...event, opened: at, decided: null, closed: null });
        return;
      case 'gate.decided':
        if (this.open_gate === null) return;
        this.open_gate.decided = { ...event, at, envelope_sha256: textIn(observedOf(row), 'envelope_sha256') };
        return;
      case 'study.timer_fired':
        return this.#closeGate('timeout', event.timer.startsWith('gate:'));
      case 'decision.made':
        this.decisions.push({ ...event, at });
        return;
      case 'run.paused':
      case 'run.resumed':
      case 'run.cancelled':
        return this.#pause(event, at);
      case 'run.finished':
        this.finished = { ...event, at };
        return;
      default:
    }
  }

  #finished(point: number, result: PointResult, at: Place): void {
    const summary = this.points.get(point);
    if (summary !== undefined) Object.assign(summary, { ended_ms: at.wall_ms, result });
    this.counts[result.status] += 1;
    if (result.feasible === true) this.counts.feasible += 1;
    const failure = result.failure?.class;
    if (failure !== undefined) this.failures.set(failure, (this.failures.get(failure) ?? 0) + 1);
  }

  #pause(event: Extract<StudyEvent, { by: string }>, at: Place): void {
    if (event.type === 'gate.decided') return;
    const what = event.type.slice('run.'.length) as PauseView['what'];
    this.pauses.push({ what, by: event.by, reason: 'reason' in event ? event.reason : '', wall_ms: at.wall_ms });
    if (what === 'cancelled') this.#closeGate('cancelled', true);
    else this.paused = what === 'paused';
  }

  #closeGate(how: 'timeout' | 'cancelled', of_gate: boolean): void {
    if (of_gate && this.open_gate !== null) this.open_gate.closed = how;
  }
}
