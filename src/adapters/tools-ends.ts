import { hostname } from 'node:os';
import type { JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { ArtifactStore, CallEnd, ToolCall } from '../engines/ports.ts';
import type { PinnedTool } from '../ir/tools.ts';
import { quoted } from './tools-text.ts';

/** What every tool adapter is given. */
export interface ToolSurroundings {
  /** Absolute; commands, `files` and the working folder of servers count from it. */
  readonly project_folder: string;
  readonly artifacts: ArtifactStore;
  /** Takes what tools write to standard error, a line at a time, and what the adapters notice; not yet safe for a terminal. */
  readonly log: (tool: string, line: string) => void;
}

export interface Failure {
  readonly class: string;
  readonly message: string;
}

export function failed(failure: Failure, observed: JsonObject): CallEnd {
  return { kind: 'failure', class: failure.class, message: failure.message, observed };
}

export function lost(reason: 'timeout' | 'died', message: string, observed: JsonObject): CallEnd {
  return { kind: 'lost', reason, message, observed };
}

/** Begins the message of every failure by which the run must stop: the tool is not the one that was approved. */
const DRIFT_MARK = 'TOOL_DRIFT:';

export function driftFailure(drift: string): Failure {
  return { class: 'tool_broken', message: `${DRIFT_MARK} ${drift}` };
}

/**
 * The arguments as the tool gets them: with the key where the declaration says. A plan that fills that argument itself is refused: two
 * effects could pass for one.
 */
export function argumentsOf(call: ToolCall, key: { readonly argument: string } | null): Result<JsonObject, Failure> {
  if (key === null) return ok(call.arguments);
  if (!Object.hasOwn(call.arguments, key.argument)) return ok({ ...call.arguments, [key.argument]: call.key });
  const message = `The plan fills the argument ${quoted(key.argument)}, which carries the effect's key; nothing was sent.`;
  return err({ class: 'tool_failed', message });
}

/** The parts of a probe's answer that belong to the record of every call. */
const PROBE_FACTS = ['solver', 'solver_version', 'git_commit', 'licence_profile'] as const;

/** Who performs the calls of a tool: this machine, the tool's version (by its probe, else what the server calls itself), its solver. */
export function toolFacts(name: string, pinned: PinnedTool): JsonObject {
  const facts: JsonObject = { tool: name, host: hostname() };
  const answer = pinned.probe?.answer ?? {};
  const server = pinned.server === null ? undefined : `${pinned.server.name} ${pinned.server.version}`;
  const known: [string, unknown][] = PROBE_FACTS.map((fact) => [fact, answer[fact]]);
  for (const [fact, value] of [['tool_version', answer['version'] ?? server] as const, ...known]) {
    if (typeof value === 'string' || typeof value === 'number') facts[fact] = value;
  }
  return facts;
}

/**
 * Ends a call at its time limit or when the engine gives it up. `stopped` says which, once `signal` is aborted. Timers of Node end
 * at 2^31 - 1 ms; a limit beyond (24 days) is no limit here, the kernel keeps the plan's.
 */
export class CallLimit {
  readonly #over = new AbortController();
  readonly #given: AbortSignal;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly timeout_s: number;
  stopped: 'timeout' | 'cancelled' | null = null;

  constructor({ timeout_s, signal }: Pick<ToolCall, 'timeout_s' | 'signal'>) {
    this.timeout_s = timeout_s;
    this.#given = signal;
    const limit_ms = timeout_s * 1000;
    if (limit_ms < 2 ** 31) this.#timer = setTimeout(() => this.#stop('timeout'), limit_ms);
    signal.addEventListener('abort', this.cancel);
    if (signal.aborted) this.cancel();
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Why the call is lost, as a sentence. */
  get reason(): string {
    return this.stopped === 'timeout'
      ? `No answer within ${this.timeout_s} s.`
      : 'The call was given up before it answered.';
  }

  /** The failure of a call that was stopped before anything was sent. */
  get unsent(): Failure {
    const message =
      this.stopped === 'timeout'
        ? `The tool was not ready within ${this.timeout_s} s; nothing was sent.`
        : 'The call was given up before anything was sent.';
    return { class: this.stopped ?? 'cancelled', message };
  }

  /** The promise's value, or undefined once the call is stopped. */
  async race<T>(promise: Promise<T>): Promise<T | undefined> {
    if (this.stopped !== null) return undefined;
    let wake: () => void = () => {};
    const stopped = new Promise<undefined>((done) => {
      wake = () => done(undefined);
      this.signal.addEventListener('abort', wake);
    });
    return Promise.race([promise, stopped]).finally(() => this.signal.removeEventListener('abort', wake));
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#given.removeEventListener('abort', this.cancel);
  }

  readonly cancel = (): void => this.#stop('cancelled');

  #stop(why: 'timeout' | 'cancelled'): void {
    this.stopped ??= why;
    this.#over.abort(new Error(this.reason));
  }
}
