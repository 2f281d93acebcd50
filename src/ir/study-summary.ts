import type { JsonObject } from '../base/json.ts';
import type {
  DecisionMade,
  GateDecided,
  GateOpened,
  JournalRow,
  PhaseStarted,
  PointFinished,
  RunFinished,
  RunStarted,
  StudyEvent,
} from './events.ts';

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

interface PauseView {
  readonly what: 'paused' | 'resumed' | 'cancelled';
  readonly by: string;
  readonly reason: string;
  readonly wall_ms: number;
}

/** Failed points whose class is remembered, in case that they are tried again; the kernel tries no more either. */
const MOST_REMEMBERED = 10_000;

/**
 * What the study's stream tells of a run as a whole. Plain JSON, but for its methods; memory does not follow the number of points, except
 * for failed ones that may be tried again.
 */
export class StudySummary {
  started: (Omit<RunStarted, 'type'> & { readonly at: Place; readonly observed: JsonObject }) | null = null;
  finished: (Omit<RunFinished, 'type'> & { readonly at: Place }) | null = null;
  phases: PhaseView[] = [];
  gates: GateView[] = [];
  decisions: (Omit<DecisionMade, 'type'> & { readonly at: Place })[] = [];
  pauses: PauseView[] = [];
  counts = { succeeded: 0, failed: 0, cancelled: 0, feasible: 0 };
  /** Failed points by the class of their failure. */
  failures: Record<string, number> = {};
  /** Design tables of which points were taken in hand, and how many points that were. */
  tables: string[] = [];
  points_started = 0;
  /** Tables begun since the phase began, and points that ended since. */
  phase_tables: string[] = [];
  done_in_phase = 0;
  /** When the first point began, and the latest ended. */
  first_began_ms: number | null = null;
  last_ended_ms: number | null = null;
  paused = false;
  last: Place | null = null;
  failed_class: Record<number, string> = {};

  /** What `JSON.parse` made of one. */
  static from(json: object): StudySummary {
    return Object.assign(new StudySummary(), json);
  }

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

  /** @param row of the stream `study`, with the event and what was observed beside it */
  take(row: JournalRow, event: StudyEvent, observed: JsonObject): void {
    const at: Place = { seq: row.seq, hash: row.hash, wall_ms: row.wall_ms };
    this.last = at;
    switch (event.type) {
      case 'run.started':
        this.started = { ...event, at, observed };
        return;
      case 'phase.started':
        this.phases.push({ ...event, started_ms: at.wall_ms, finished_ms: null });
        this.phase_tables = [];
        this.done_in_phase = 0;
        return;
      case 'phase.finished':
        if (this.phase !== null) this.phase.finished_ms = at.wall_ms;
        return;
      case 'point.started':
        this.points_started += 1;
        this.first_began_ms ??= at.wall_ms;
        if (event.row === 0) this.phase_tables.push(event.table);
        return this.#tookFrom(event.table);
      case 'point.skipped':
        this.counts.cancelled += 1;
        return this.#tookFrom(event.table);
      case 'point.finished':
        return this.#pointFinished(event, at);
      case 'points.retried':
        if (this.finished !== null) this.paused = false;
        this.finished = null;
        for (const point of Array.isArray(event.points) ? event.points : []) this.#forgetFailure(point);
        return this.#closeGate('cancelled', true);
      case 'gate.opened':
        this.gates.push({ ...event, outcomes: event.outcomes ?? [], opened: at, decided: null, closed: null });
        return;
      case 'gate.decided': {
        const { envelope_sha256: digest } = observed;
        const envelope_sha256 = typeof digest === 'string' ? digest : null;
        if (this.open_gate !== null) this.open_gate.decided = { ...event, at, envelope_sha256 };
        return;
      }
      case 'study.timer_fired':
        return this.#closeGate('timeout', String(event.timer).startsWith('gate:'));
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

  #tookFrom(table: string): void {
    if (!this.tables.includes(table)) this.tables.push(table);
  }

  /** A row that was damaged may hold no result: whoever verifies says so, and here it counts for nothing. */
  #pointFinished({ point, result }: Partial<PointFinished>, at: Place): void {
    if (point === undefined || result === undefined) return;
    this.counts[result.status] += 1;
    this.done_in_phase += 1;
    this.last_ended_ms = at.wall_ms;
    if (result.feasible === true) this.counts.feasible += 1;
    const failure = result.failure?.class;
    if (failure === undefined) return;
    this.failures[failure] = (this.failures[failure] ?? 0) + 1;
    if (result.status !== 'failed') return;
    this.failed_class[point] = failure;
    if (this.counts.failed <= MOST_REMEMBERED) return;
    for (const oldest in this.failed_class) {
      delete this.failed_class[oldest];
      return;
    }
  }

  #forgetFailure(point: number): void {
    const failure = this.failed_class[point];
    if (failure === undefined) return;
    delete this.failed_class[point];
    this.counts.failed -= 1;
    const left = (this.failures[failure] ?? 1) - 1;
    if (left > 0) this.failures[failure] = left;
    else delete this.failures[failure];
  }

  #pause(event: Extract<StudyEvent, { type: 'run.paused' | 'run.resumed' | 'run.cancelled' }>, at: Place): void {
    const what = event.type.slice('run.'.length) as PauseView['what'];
    this.pauses.push({ what, by: event.by, reason: 'reason' in event ? event.reason : '', wall_ms: at.wall_ms });
    if (what === 'cancelled') this.#closeGate('cancelled', true);
    else this.paused = what === 'paused';
  }

  #closeGate(how: 'timeout' | 'cancelled', of_gate: boolean): void {
    if (of_gate && this.open_gate !== null) this.open_gate.closed = how;
  }
}
