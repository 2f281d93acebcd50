import type { EffectPart, JournalRow, Outcome, RunEvent } from '../../src/ir/events.ts';
import type { Lock, LockedStep } from '../../src/ir/lock.ts';
import { eventOf, pointOf } from '../../src/ir/events.ts';
import { Violation } from './violation.ts';

/** An intent as the journal holds it. */
export interface Intent {
  readonly key: string;
  readonly point: number;
  readonly step: string;
  readonly part: EffectPart;
  readonly attempt: number;
  /** `tool/call` */
  readonly call: string;
  readonly effect: 'pure' | 'by_key' | 'findable' | 'once';
}

interface StepView {
  readonly locked: LockedStep;
  holds_tokens: boolean;
  /** What was intended and has not been answered. */
  open: Intent | null;
  over: 'succeeded' | 'skipped' | 'failed' | null;
  /** Calls of the present attempt. */
  calls: number;
}

interface PointView {
  readonly steps: Map<string, StepView>;
  paused: boolean;
  cancelled: boolean;
  failed: boolean;
  ended: boolean;
}

/**
 * What the journal's rows say, read without the kernel: who holds tokens, what is out, what may begin. Each row is looked at as it becomes
 * durable; `trouble` is told of the first that must not be there.
 */
export class JournalView {
  readonly intents = new Map<string, Intent>();
  readonly points = new Map<number, PointView>();
  /** Effects of which a person has to say what became of them. */
  readonly unresolved = new Map<string, Intent>();
  /** Points that finished, as they were then: failed ones may be tried again. */
  readonly #left = new Map<number, PointView>();
  readonly failed = new Set<number>();
  /** Points from this one on were cancelled, by number. */
  #none_from = Number.POSITIVE_INFINITY;
  paused = false;
  finished = false;
  cancelled = false;
  started = 0;
  calls = 0;
  in_flight = 0;
  /** How often each kind of event was seen. */
  readonly seen = new Map<string, number>();
  #fence = 0;
  #latest_ms = 0;
  readonly #lock: Lock;
  readonly #trouble: (violation: Violation) => void;
  /** Whether a tool has answered so to this effect. */
  readonly hasSaid: (key: string, outcome: Outcome) => boolean;

  constructor(lock: Lock, trouble: (violation: Violation) => void, hasSaid: JournalView['hasSaid']) {
    this.#lock = lock;
    this.#trouble = trouble;
    this.hasSaid = hasSaid;
  }

  take(row: JournalRow): void {
    const event = eventOf(row);
    this.seen.set(event.type, (this.seen.get(event.type) ?? 0) + 1);
    if (row.fence < this.#fence) this.#tell('fence', `${shown(row)} was appended behind fence ${this.#fence}`);
    this.#fence = Math.max(this.#fence, row.fence);
    if (row.wall_ms < this.#latest_ms)
      this.#tell('time', `${shown(row)} is ${this.#latest_ms - row.wall_ms} ms earlier`);
    this.#latest_ms = Math.max(this.#latest_ms, row.wall_ms);
    if (this.finished && event.type !== 'points.retried') this.#tell('order', `${shown(row)} follows the run's end`);
    const point = pointOf(row.stream);
    if (point === null) this.#takeStudy(row, event);
    else this.#takePoint(row, point, event);
    this.#checkPools(row);
  }

  /** Whether the journal asks for this effect: intended, not answered, and, of a poll, not held back. */
  asksFor({ point, step, part, attempt }: Intent): boolean {
    const view = this.points.get(point);
    const open = view?.steps.get(step)?.open;
    if (view === undefined || open?.part !== part || open.attempt !== attempt) return false;
    return !this.finished && (part !== 'poll' || !(view.paused || view.cancelled));
  }

  heldOf(pool: string): number {
    let held = 0;
    for (const { steps } of this.points.values()) {
      for (const { locked, holds_tokens } of steps.values()) if (holds_tokens) held += locked.uses[pool] ?? 0;
    }
    return held;
  }

  #tell(invariant: Violation['invariant'], message: string): void {
    this.#trouble(new Violation(invariant, message));
  }

  #takeStudy(row: JournalRow, event: RunEvent): void {
    const { budget, in_flight } = this.#lock;
    switch (event.type) {
      case 'point.started':
        if (this.paused || this.cancelled || event.point >= this.#none_from) this.#tell('order', shown(row));
        this.started += 1;
        this.in_flight += 1;
        if (this.started > budget.points) this.#tell('points', `${shown(row)}: the budget is ${budget.points}`);
        if (this.in_flight > in_flight) this.#tell('points', `${shown(row)}: ${in_flight} may be in flight`);
        return;
      case 'point.finished':
        this.in_flight -= 1;
        this.#left.set(event.point, this.points.get(event.point)!);
        this.points.delete(event.point);
        if (event.result.status === 'failed') this.failed.add(event.point);
        return;
      case 'points.cancelled':
        this.#none_from = Math.min(this.#none_from, Number(/^point >= (\d+)$/.exec(event.where)?.[1]));
        return;
      case 'points.retried':
        if (this.finished) this.paused = false;
        this.finished = false;
        return;
      case 'run.paused':
        this.paused = true;
        return;
      case 'run.resumed':
        this.paused = false;
        return;
      case 'run.cancelled':
        this.cancelled = true;
        return;
      case 'run.finished':
        this.finished = true;
        return;
      default:
    }
  }

  #takePoint(row: JournalRow, number: number, event: RunEvent): void {
    const point = this.points.get(number) ?? this.#left.get(number) ?? newPoint(this.#lock);
    this.points.set(number, point);
    switch (event.type) {
      case 'point.paused':
        point.paused = true;
        return;
      case 'point.resumed':
        point.paused = false;
        return;
      case 'point.cancelled':
        point.cancelled = true;
        return this.#letGo(point);
      case 'step.granted':
        point.steps.get(event.step)!.holds_tokens = true;
        return;
      case 'step.skipped':
        point.steps.get(event.step)!.over = 'skipped';
        return;
      case 'effect.intended':
        return this.#intended(row, point, number, event);
      case 'effect.answered':
        return this.#answered(row, point, event);
      case 'step.failed':
        this.unresolved.delete(`${number}/${event.step}`);
        return this.#failed(point, event);
      case 'step.unresolved':
        return this.#unresolved(point, number, event);
      case 'effect.resolved':
        return this.#resolved(point, number, event);
      case 'point.retried':
        return this.#retried(row, point, number);
      case 'point.ended':
        point.ended = true;
        for (const step of point.steps.values()) step.holds_tokens = false;
        return;
      default:
    }
  }

  #intended(row: JournalRow, point: PointView, number: number, event: RunEvent & { type: 'effect.intended' }): void {
    const { step: name, part, attempt, call } = event;
    if (point.paused || point.cancelled || point.failed || point.ended) this.#tell('order', shown(row));
    const step = point.steps.get(name)!;
    for (const need of step.locked.needs) {
      if (point.steps.get(need)!.over === null) this.#tell('order', `${shown(row)} before ${need}`);
    }
    if (Object.keys(step.locked.uses).length > 0 && !step.holds_tokens) {
      this.#tell('pools', `${shown(row)} without its tokens`);
    }
    const { key } = JSON.parse(row.observed) as { key: string };
    const effect = effectOf(step.locked, part);
    step.open = { key, point: number, step: name, part, attempt, call, effect };
    this.intents.set(key, step.open);
    if (part === 'poll') return;
    step.calls += 1;
    this.calls += 1;
    const most = this.#lock.budget.calls;
    if (this.calls > most) this.#tell('calls', `${shown(row)} is call ${this.calls} of ${most}`);
  }

  #answered(row: JournalRow, point: PointView, event: RunEvent & { type: 'effect.answered' }): void {
    const { step: name, part, outcome } = event;
    const step = point.steps.get(name)!;
    if (step.open !== null && !this.hasSaid(step.open.key, outcome)) this.#tell('answers', shown(row));
    step.open = null;
    if (outcome.ok && part === lastPart(step.locked)) Object.assign(step, { over: 'succeeded', holds_tokens: false });
    if (point.cancelled || point.failed) this.#letGo(point);
  }

  #failed(point: PointView, { step: name, again_in_s, class: failure }: RunEvent & { type: 'step.failed' }): void {
    const step = point.steps.get(name)!;
    Object.assign(step, { open: null, over: again_in_s === null ? 'failed' : null, holds_tokens: false });
    const waived = this.#lock.semantics >= 2 && failure === 'licence_unavailable' && again_in_s !== null;
    if (waived) this.calls -= step.calls;
    step.calls = 0;
    if (again_in_s !== null) return;
    point.failed = true;
    this.#letGo(point);
  }

  #unresolved(point: PointView, number: number, { step, part, attempt }: RunEvent & { type: 'step.unresolved' }): void {
    const intents = [...this.intents.values()];
    const is = (intent: Intent) =>
      intent.point === number && intent.step === step && intent.part === part && intent.attempt === attempt;
    this.unresolved.set(`${number}/${step}`, intents.find(is)!);
    Object.assign(point.steps.get(step)!, { open: null, over: null });
  }

  #resolved(point: PointView, number: number, { step: name, as, part }: RunEvent & { type: 'effect.resolved' }): void {
    const step = point.steps.get(name)!;
    const intent = this.unresolved.get(`${number}/${name}`);
    this.unresolved.delete(`${number}/${name}`);
    if (as === 'not_done' && part !== 'poll') step.open = intent ?? null;
    if (as === 'done' && part === lastPart(step.locked))
      Object.assign(step, { over: 'succeeded', holds_tokens: false });
  }

  #retried(row: JournalRow, point: PointView, number: number): void {
    this.failed.delete(number);
    this.in_flight += 1;
    if (this.in_flight > this.#lock.in_flight)
      this.#tell('points', `${shown(row)}: ${this.#lock.in_flight} may be in flight`);
    Object.assign(point, { ended: false, failed: false, cancelled: false, paused: false });
    for (const step of point.steps.values()) {
      if (step.over === 'failed') step.over = null;
      step.open = null;
    }
  }

  /** Nothing of the point is sent any more: tokens of what is not out go back. A poll that a pause stopped is not out. */
  #letGo(point: PointView): void {
    for (const step of point.steps.values()) {
      const out = step.open !== null && (step.open.part !== 'poll' || !(point.paused || point.cancelled));
      if (!out) step.holds_tokens = false;
    }
  }

  #checkPools(row: JournalRow): void {
    for (const [pool, capacity] of Object.entries(this.#lock.pools)) {
      const held = this.heldOf(pool);
      if (held > capacity) this.#tell('pools', `${shown(row)}: ${held} of ${capacity} tokens of ${pool} are out`);
    }
  }
}

function newPoint({ pipeline }: Lock): PointView {
  const steps = pipeline.map((locked): [string, StepView] => [
    locked.name,
    { locked, holds_tokens: false, open: null, over: null, calls: 0 },
  ]);
  return { steps: new Map(steps), paused: false, cancelled: false, failed: false, ended: false };
}

function lastPart({ job }: LockedStep): EffectPart {
  if (job === null) return 'call';
  return job.fetch === null ? 'poll' : 'fetch';
}

function effectOf({ call, job }: LockedStep, part: EffectPart): Intent['effect'] {
  const found = part === 'call' ? call : part === 'submit' ? job?.submit : part === 'poll' ? job?.poll : job?.fetch;
  return found!.effect;
}

export function shown({ stream, seq, type, body }: JournalRow): string {
  return `${stream}/${seq} ${type} ${body}`;
}
