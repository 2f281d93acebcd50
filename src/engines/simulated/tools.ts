import { ok, type Result } from '../../base/result.ts';
import type { Json } from '../../base/json.ts';
import type { CallEnd, Clock, ToolCall, ToolHost, ToolSession } from '../ports.ts';
import { POINT } from './skeleton.ts';

/** Something that took time: a call, or a job from its first poll to its last. Times in milliseconds from the beginning. */
export interface Execution {
  readonly point: number;
  readonly step: string;
  readonly part: 'call' | 'submit' | 'poll' | 'fetch';
  readonly begins_ms: number;
  readonly ends_ms: number;
  /** How long it would have taken, had it been asked after at once. */
  readonly work_ms: number;
}

export interface SimulatedToolDeps {
  readonly clock: Clock;
  /** Seconds that the next execution of a part takes: `solve`, `solve.submit`. */
  readonly drawDuration: (part: string) => number;
  /** Class with which the next attempt of a step fails; null if it does not. */
  readonly drawFailure: (step: string) => string | null;
  readonly hasFetch: (step: string) => boolean;
  /** Seconds after which nobody asks after a job of the step any more. */
  readonly pollTimeout_s: (step: string) => number;
  /** Seconds from one answer to the next question. */
  readonly pollEvery_s: (step: string) => number;
}

interface Job {
  readonly begins_ms: number;
  readonly ends_ms: number;
  readonly failure: string | null;
  asked: boolean;
}

/** The one tool of a skeleton: it does nothing, in the time that each call takes. */
export class SimulatedTool implements ToolHost {
  readonly executions: Execution[] = [];
  /** Calls that were sent; polls are not calls. */
  calls = 0;
  readonly #deps: SimulatedToolDeps;
  readonly #jobs = new Map<string, Job>();
  /** Failures of jobs that come with their results, by `point/step`: a poll that fails in passing is only asked again. */
  readonly #atFetch = new Map<string, string>();

  constructor(deps: SimulatedToolDeps) {
    this.#deps = deps;
  }

  get jobs(): number {
    return this.#jobs.size;
  }

  async open(): Promise<Result<ToolSession>> {
    return ok({ call: (call: ToolCall) => this.#call(call), close: async () => undefined });
  }

  async #call(call: ToolCall): Promise<CallEnd> {
    const [step, part = 'call'] = call.call.split('.') as [string, Execution['part']?];
    if (part === 'poll') return this.#poll(step, call);
    this.calls += 1;
    const begins_ms = this.#deps.clock.monotonic_ms();
    const work_s = this.#deps.drawDuration(call.call);
    const in_time = work_s <= call.timeout_s;
    await new Promise<void>((resolve) => this.#deps.clock.after(Math.min(work_s, call.timeout_s), resolve));
    const ends_ms = this.#deps.clock.monotonic_ms();
    const point = Number(call.arguments[POINT]);
    this.executions.push({ point, step, part, begins_ms, ends_ms, work_ms: ends_ms - begins_ms });
    if (!in_time) return { kind: 'lost', reason: 'timeout', message: 'it took longer than its time-out', observed: {} };
    if (part === 'submit') return answered({ job: this.#submit(point, step, call.key, ends_ms) });
    const failure = part === 'call' ? this.#deps.drawFailure(step) : this.#takeFetchFailure(`${point}/${step}`);
    return failure === null ? answered({}) : failed(failure);
  }

  #takeFetchFailure(name: string): string | null {
    const failure = this.#atFetch.get(name) ?? null;
    this.#atFetch.delete(name);
    return failure;
  }

  #submit(point: number, step: string, key: string, now_ms: number): string {
    const work_s = this.#deps.drawDuration(`${step}.poll`);
    const timeout_s = this.#deps.pollTimeout_s(step);
    const ends_ms = now_ms + Math.ceil(work_s * 1000);
    this.#jobs.set(key, { begins_ms: now_ms, ends_ms, failure: this.#deps.drawFailure(step), asked: false });
    if (work_s <= timeout_s) return key;
    const given_up_ms = now_ms + Math.ceil(timeout_s * 1000);
    const given_up = { begins_ms: now_ms, ends_ms: given_up_ms, work_ms: given_up_ms - now_ms };
    this.#deps.clock.after(timeout_s, () => this.executions.push({ point, step, part: 'poll', ...given_up }));
    return key;
  }

  /**
   * The first question is answered at once. The second one is answered when the first one would be that finds the job done: a job of days
   * that is asked after every second would take millions.
   */
  async #poll(step: string, { arguments: given, signal }: ToolCall): Promise<CallEnd> {
    const { clock, pollEvery_s } = this.#deps;
    const job = this.#jobs.get(String(given['job']))!;
    if (clock.monotonic_ms() < job.ends_ms && !job.asked) {
      job.asked = true;
      return answered({ done: false });
    }
    const every_ms = Math.max(1, Math.ceil(pollEvery_s(step) * 1000 - 1e-6));
    const questions = Math.ceil((job.ends_ms - clock.monotonic_ms()) / every_ms);
    if (questions > 0) await new Promise<void>((resolve) => clock.after((questions * every_ms) / 1000, resolve));
    if (signal.aborted) return { kind: 'lost', reason: 'timeout', message: 'nobody asks any more', observed: {} };
    const now_ms = clock.monotonic_ms();
    const { begins_ms, failure } = job;
    const point = Number(given[POINT]);
    this.executions.push({ point, step, part: 'poll', begins_ms, ends_ms: now_ms, work_ms: job.ends_ms - begins_ms });
    if (failure !== 'transient') return failure === null ? answered({ done: true }) : failed(failure);
    if (this.#deps.hasFetch(step)) this.#atFetch.set(`${point}/${step}`, failure);
    return this.#deps.hasFetch(step) ? answered({ done: true }) : failed('tool_failed');
  }
}

function answered(answer: Json): CallEnd {
  return { kind: 'answer', answer, artifacts: [], observed: {} };
}

function failed(failure: string): CallEnd {
  return { kind: 'failure', class: failure, message: 'as asked for', observed: {} };
}
