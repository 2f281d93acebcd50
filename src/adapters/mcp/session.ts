import { performance } from 'node:perf_hooks';
import type { JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { ArtifactStore, CallEnd, ToolCall, ToolSession } from '../../engines/ports.ts';
import type { LockedTool } from '../../ir/lock.ts';
import { driftError } from '../tools-drift.ts';
import { argumentsOf, CallLimit, driftFailure, type Failure, failed, lost, toolFacts } from '../tools-ends.ts';
import { AnswerChecks, type SchemaCheck } from '../tools-schema.ts';
import { answerOf, keepArtifacts } from './answer.ts';
import type { CallFault, McpConnection, Reply, ServerOptions } from './connection.ts';
import { compareContracts, startPinned } from './verify.ts';

/** Ends of the server in a row, without an answer between them, after which it counts as broken. */
const DEATHS = 5;
/** Before the second start in a row; doubles. */
const FIRST_RESTART_WAIT_MS = 100;

/**
 * A pinned server, and the next one when it ends.
 *
 *   M1. Nothing is sent to a server whose pin was not compared since it was started, or since it said that its tools changed.
 *   M2. A call that was sent and not answered is `lost`; a failure means that nothing was sent, or that the server said so itself.
 *   M3. Drift is for good: no later call of this session is sent.
 *   M4. A server that dies again and again gets one more start for each call, not an endless row.
 */
export class McpSession implements ToolSession {
  readonly #tool: LockedTool;
  readonly #options: ServerOptions;
  readonly #artifacts: ArtifactStore;
  readonly #checks = new AnswerChecks();
  readonly #facts: JsonObject;
  #connection: McpConnection;
  #readying: Promise<Result<McpConnection, Failure>> | null = null;
  #drift: Failure | null = null;
  #deaths = 0;
  /** Why the server did not start the last time; null once it did. */
  #startFailure: string | null = null;
  /** The connection whose death was counted. */
  #buried: McpConnection | null = null;
  readonly #closed = new AbortController();

  constructor(tool: LockedTool, connection: McpConnection, options: ServerOptions, artifacts: ArtifactStore) {
    this.#tool = tool;
    this.#facts = toolFacts(tool.name, tool.pinned);
    this.#connection = connection;
    this.#options = options;
    this.#artifacts = artifacts;
  }

  async call(call: ToolCall): Promise<CallEnd> {
    const started = performance.now();
    const facts = this.#facts;
    const limit = new CallLimit(call);
    try {
      const check = this.#checkOf(call.call);
      if (!check.ok) return failed(check.error, facts);
      const args = argumentsOf(call, this.#tool.pinned.calls[call.call]!.key);
      if (!args.ok) return failed(args.error, facts);
      const ready = await limit.race(this.#ready());
      if (ready === undefined || limit.stopped !== null) return failed(limit.unsent, facts);
      if (!ready.ok) return failed(ready.error, facts);
      const mark = ready.value.stderr.total;
      await call.begin?.();
      if (limit.stopped !== null) return failed(limit.unsent, facts);
      const reply = await ready.value.call(call.call, args.value, limit.signal, faultOf(call, check.value));
      const observed = await this.#observe(facts, started, ready.value, mark);
      return await this.#endOf(call, limit, ready.value, reply, check.value, observed);
    } finally {
      limit.release();
    }
  }

  async close(): Promise<void> {
    this.#closed.abort(); // a server that hangs while it starts would be waited for, a minute and more
    await this.#connection.close();
    await this.#readying;
    await this.#connection.close(); // one that came to stand meanwhile
  }

  async #endOf(
    call: ToolCall,
    limit: CallLimit,
    connection: McpConnection,
    reply: Reply | undefined,
    check: SchemaCheck | null,
    observed: JsonObject,
  ): Promise<CallEnd> {
    if (reply === undefined) {
      if (limit.stopped !== null) return lost('timeout', limit.reason, observed);
      this.#bury(connection);
      const message = `The server ended before it answered. ${await connection.obituary()}`;
      return lost('died', message, observed);
    }
    this.#deaths = 0;
    const answer = answerOf(reply, check);
    if (!answer.ok) return failed(answer.error, observed);
    if (reply.kind !== 'result') throw new Error('an answer without a result');
    const folders = [this.#options.project_folder, call.work_folder];
    const artifacts = await keepArtifacts(this.#artifacts, reply.result, folders);
    if (!artifacts.ok) return failed({ class: 'tool_broken', message: artifacts.error }, observed);
    return { kind: 'answer', answer: answer.value, artifacts: artifacts.value, observed };
  }

  /** A server that may be called. Calls that come at the same time share one way there. */
  #ready(): Promise<Result<McpConnection, Failure>> {
    this.#readying ??= this.#makeReady().finally(() => {
      this.#readying = null;
    });
    return this.#readying;
  }

  async #makeReady(): Promise<Result<McpConnection, Failure>> {
    if (this.#drift !== null) return err(this.#drift);
    const connection = this.#connection;
    // After a call that ran out of time the server may hang, or just be busy with other calls: those are not ended for it.
    if (connection.suspect && connection.in_flight === 0 && !connection.dead && !(await connection.answers())) {
      await connection.close();
    } else if (connection.dead) {
      this.#bury(connection);
    } else {
      return connection.stale ? this.#compareAgain(connection) : ok(connection);
    }
    return this.#startAgain();
  }

  async #compareAgain(connection: McpConnection): Promise<Result<McpConnection, Failure>> {
    const moved = await compareContracts(this.#tool, connection);
    if (!moved.ok) {
      connection.stale = true; // not compared, so the next call tries again
      return err({ class: 'tool_broken', message: moved.error.message });
    }
    if (moved.value.length === 0) return ok(connection);
    return this.#drifted(driftError(this.#tool.name, moved.value).message, connection);
  }

  /** Starts the server again, several times if it ends at once; nothing is sent until one stands and is what was pinned. */
  async #startAgain(): Promise<Result<McpConnection, Failure>> {
    for (let wait_ms = FIRST_RESTART_WAIT_MS; ; wait_ms *= 2) {
      if (this.#closed.signal.aborted)
        return err({ class: 'cancelled', message: 'The session is closed; nothing was sent.' });
      if (this.#deaths >= DEATHS) return err(await this.#givenUp());
      await this.#connection.close();
      const started = await startPinned(this.#tool, { ...this.#options, given_up: this.#closed.signal });
      if (started.ok) {
        this.#connection = started.value;
        this.#startFailure = null;
        return started;
      }
      if (started.error.code === 'TOOL_DRIFT') return this.#drifted(started.error.message, null);
      this.#deaths += 1;
      this.#startFailure = started.error.message;
      if (this.#deaths < DEATHS) await new Promise((resolve) => setTimeout(resolve, wait_ms));
    }
  }

  async #givenUp(): Promise<Failure> {
    this.#deaths = DEATHS - 1; // the next call gets one start
    const last = this.#startFailure ?? (await this.#connection.obituary());
    return {
      class: 'tool_broken',
      message: `The server ended ${DEATHS} times in a row without an answer; nothing was sent. ${last}`,
    };
  }

  async #drifted(message: string, connection: McpConnection | null): Promise<Result<never, Failure>> {
    this.#drift = driftFailure(message);
    // Calls that are out were sent to a server that had been compared; they may end.
    if (connection?.in_flight === 0) await connection.close();
    return err(this.#drift);
  }

  #bury(connection: McpConnection): void {
    if (this.#buried === connection) return;
    this.#buried = connection;
    this.#deaths += 1;
  }

  /** The check of a call's answers; null when its pin has no output schema. */
  #checkOf(name: string): Result<SchemaCheck | null, Failure> {
    const { calls } = this.#tool.pinned;
    if (!Object.hasOwn(calls, name)) {
      return err({
        class: 'tool_broken',
        message: `The call ${name} is not among the pinned calls; nothing was sent.`,
      });
    }
    const check = this.#checks.of(name, calls[name]!);
    return check.ok ? check : err({ class: 'tool_broken', message: `${check.error} Nothing was sent.` });
  }

  /** Standard error while the call was out, its end if it is long. Of calls that are out together, nobody knows which one it belongs to. */
  async #observe(facts: JsonObject, started: number, connection: McpConnection, mark: number): Promise<JsonObject> {
    const observed: JsonObject = { ...facts, duration_ms: Math.round(performance.now() - started) };
    if (connection.dead) await connection.obituary();
    const said = connection.stderr.since(mark);
    if (said.length > 0) observed['stderr_sha256'] = (await this.#artifacts.put(said)).sha256;
    const dropped = connection.stderr.total - mark - said.length;
    if (dropped > 0) observed['stderr_dropped_bytes'] = dropped;
    return observed;
  }
}

/** The call's fault, if it is to have one, told in answers rather than messages. */
function faultOf({ fault }: ToolCall, check: SchemaCheck | null): CallFault | undefined {
  if (fault === undefined) return undefined;
  return {
    ...fault,
    struck: (reply, release) => {
      const answer = reply === null ? null : answerOf(reply, check);
      if (answer === null) fault.struck(null, release);
      else if (answer.ok) fault.struck({ kind: 'answer', answer: answer.value }, release);
      else fault.struck({ kind: 'failure', ...answer.error }, release);
    },
  };
}
