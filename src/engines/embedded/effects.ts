import { ExpctlError } from '../../base/error.ts';
import type { JsonObject } from '../../base/json.ts';
import type { Result } from '../../base/result.ts';
import type { Outcome } from '../../ir/events.ts';
import type { LockedTool } from '../../ir/lock.ts';
import type { PollCommand, SendCommand } from '../../kernel/point.ts';
import { outcomeOf, Sending, type SendingDeps, type Sent } from '../sending.ts';

export interface EffectsDeps extends SendingDeps {
  /** Told when the approval, or the lease, does not hold: nothing was sent, and the effect is no longer out. */
  readonly denied: (error: ExpctlError) => void;
  readonly answered: (
    point: number,
    command: SendCommand | PollCommand,
    outcome: Outcome,
    observed: JsonObject,
  ) => void;
  /** Told of what nobody foresaw. */
  readonly fatal: (error: unknown) => void;
}

/** The effects that are out, by the step that waits for them. */
export class Effects {
  readonly #deps: EffectsDeps;
  readonly #sending: Sending;
  /** By `point/step`: polls that nobody has answered yet, and what waits for that. */
  readonly #unasked = new Map<string, (() => void)[]>();
  /** By `point/step`. */
  readonly #out = new Map<string, AbortController>();

  constructor(deps: EffectsDeps) {
    this.#deps = deps;
    this.#sending = new Sending(deps);
  }

  get size(): number {
    return this.#out.size;
  }

  /** Starts every tool and compares it with its pin, before anything else happens. */
  open(tools: readonly LockedTool[]): Promise<Result<void>> {
    return this.#sending.open(tools);
  }

  /**
   * Calls back once a job's poll has been answered, or lost, at least once since it began here; at once if it was. Never while the
   * poll is not out: a job that nobody asks after may have ended long ago.
   */
  whenAsked(point: number, step: string, callback: () => void): void {
    const name = `${point}/${step}`;
    if (!this.#out.has(name)) return;
    const waiting = this.#unasked.get(name);
    if (waiting === undefined) callback();
    else waiting.push(callback);
  }

  send(point: number, command: SendCommand, options: { again: boolean }): void {
    this.#perform(point, command, (signal) => this.#sending.send(point, command, signal, options.again));
  }

  poll(point: number, command: PollCommand): void {
    const name = `${point}/${command.step}`;
    this.#unasked.set(name, []);
    this.#perform(point, command, (signal) => this.#sending.poll(point, command, signal, () => this.#asked(name)));
  }

  stopPoll(point: number, step: string): void {
    const name = `${point}/${step}`;
    this.#out.get(name)?.abort();
    this.#out.delete(name);
    this.#unasked.delete(name);
  }

  /** Ends all tools; whatever is out is left as it is, to be found again by `resume`. */
  async close(): Promise<void> {
    for (const controller of this.#out.values()) controller.abort();
    this.#out.clear();
    await this.#sending.close();
  }

  #perform(point: number, command: SendCommand | PollCommand, work: (signal: AbortSignal) => Promise<Sent>): void {
    const name = `${point}/${command.step}`;
    const controller = new AbortController();
    this.#out.set(name, controller);
    const started_ms = this.#deps.clock.now_ms();
    work(controller.signal)
      .then((end) => {
        if (this.#out.get(name) !== controller) return;
        this.#out.delete(name);
        this.#unasked.delete(name);
        if (end === 'given up') return;
        if (end instanceof ExpctlError) return this.#deps.denied(end);
        const observed = { ...end.observed, started_ms, ended_ms: this.#deps.clock.now_ms() };
        this.#deps.answered(point, command, outcomeOf(end), observed);
      })
      .catch((error: unknown) => this.#deps.fatal(error));
  }

  #asked(name: string): void {
    const waiting = this.#unasked.get(name) ?? [];
    this.#unasked.delete(name);
    for (const callback of waiting) callback();
  }
}
