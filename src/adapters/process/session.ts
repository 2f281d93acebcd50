import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { machineFault } from '../../base/error.ts';
import type { JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { CallEnd, SendingFault, ToolCall, ToolSession, Unheard } from '../../engines/ports.ts';
import type { ArtifactRef } from '../../ir/events.ts';
import type { LockedTool } from '../../ir/lock.ts';
import { exists } from '../files/files.ts';
import { keepFile } from '../tools-artifacts.ts';
import { driftError } from '../tools-drift.ts';
import {
  argumentsOf,
  CallLimit,
  driftFailure,
  type Failure,
  failed,
  lost,
  toolFacts,
  type ToolSurroundings,
} from '../tools-ends.ts';
import { wasKilled } from '../tools-group.ts';
import { programDrift } from '../tools-program.ts';
import { AnswerChecks, type SchemaCheck } from '../tools-schema.ts';
import { makeFolder } from '../files/files.ts';
import { judge, killedFromOutside, type PinnedOutput } from './judge.ts';
import { type ProgramRun, Scratch } from './run.ts';
import { prepareCall, type PreparedCall, startCall } from './start.ts';

type ReadyCall = PreparedCall & { readonly check: SchemaCheck | null };

/** Ends by a signal from outside in a row after which another start is not worth it. */
const KILLS = 5;

/**
 * A program that is started once for each call.
 *
 *   P1. The program files are compared with the pin before every start.
 *   P2. A call is `lost` when it was ended from outside: by its limit, by the engine, by a signal that is no crash.
 *   P3. The same effect has the same work folder and the same key. After a crash of the engine the program is started there again
 *       under the same key: what it finds there is its own earlier work, and only of a `pure` call is that removed.
 *
 * A program that outlived a crashed engine is not taken up again: nothing records its end. So one that must not run twice at once
 * holds a lock in its work folder, or is declared `once`.
 */
export class ProcessSession implements ToolSession {
  readonly #tool: LockedTool;
  readonly #surroundings: ToolSurroundings;
  readonly #checks = new AnswerChecks();
  readonly #facts: JsonObject;
  readonly #out = new Map<CallLimit, Promise<unknown>>();
  #closed = false;
  #drift: Failure | null = null;
  #kills = 0;

  constructor(tool: LockedTool, surroundings: ToolSurroundings) {
    this.#tool = tool;
    this.#surroundings = surroundings;
    this.#facts = toolFacts(tool.name, tool.pinned);
  }

  async call(call: ToolCall): Promise<CallEnd> {
    const limit = new CallLimit(call);
    if (this.#closed) limit.cancel();
    const end = this.#perform(call, limit);
    this.#out.set(limit, end);
    try {
      return await end;
    } finally {
      limit.release();
      this.#out.delete(limit);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const limit of this.#out.keys()) limit.cancel();
    await Promise.allSettled(this.#out.values());
  }

  async #perform(call: ToolCall, limit: CallLimit): Promise<CallEnd> {
    const facts = this.#facts;
    const prepared = await this.#prepare(call);
    if (limit.stopped !== null) return failed(limit.unsent, facts);
    if (!prepared.ok) return failed(prepared.error, facts);
    if (call.fault?.kind === 'drop_request') return unheard(call.fault, failed(limit.unsent, facts), null);
    const scratch = new Scratch();
    try {
      const started = performance.now();
      const { fault } = call;
      await call.begin?.();
      if (limit.stopped !== null) return failed(limit.unsent, facts);
      const run = await startCall(prepared.value, { scratch, limit, log: this.#log, fault });
      const streams = await this.#keepStreams(run);
      const observed = observe(facts, started, run, streams);
      const end = await this.#endOf(call, prepared.value, run, limit);
      if (fault !== undefined) return unheard(fault, { ...end, observed }, await writtenBy(run, prepared.value));
      return end.kind === 'answer'
        ? { ...end, artifacts: [...end.artifacts, ...streams], observed }
        : { ...end, observed };
    } finally {
      await scratch.remove();
    }
  }

  async #prepare(call: ToolCall): Promise<Result<ReadyCall, Failure>> {
    const { name, pinned } = this.#tool;
    if (this.#drift !== null) return err(this.#drift);
    if (this.#kills >= KILLS) {
      this.#kills = KILLS - 1;
      return err({
        class: 'tool_broken',
        message: `The program was killed ${KILLS} times in a row; it was not started.`,
      });
    }
    const { command, env } = pinned.transport;
    const { project_folder } = this.#surroundings;
    const moved = await programDrift({ project_folder, command, env }, pinned.program);
    if (moved.length > 0) {
      this.#drift = driftFailure(driftError(name, moved).message);
      return err(this.#drift);
    }
    if (!Object.hasOwn(pinned.calls, call.call)) {
      return err({
        class: 'tool_broken',
        message: `The call ${call.call} is not among the pinned calls; nothing was started.`,
      });
    }
    const check = this.#checks.of(call.call, pinned.calls[call.call]!);
    if (!check.ok) return err({ class: 'tool_broken', message: `${check.error} Nothing was started.` });
    const args = argumentsOf(call, pinned.calls[call.call]!.key);
    if (!args.ok) return args;
    await makeFolder(call.work_folder);
    const prepared = prepareCall({
      project_folder,
      pinned,
      call: call.call,
      args: args.value,
      work_folder: call.work_folder,
    });
    return prepared.ok ? ok({ ...prepared.value, check: check.value }) : prepared;
  }

  async #endOf(call: ToolCall, { output, check }: ReadyCall, run: ProgramRun, limit: CallLimit): Promise<CallEnd> {
    if (run.end.not_started !== null) {
      // The tool is not to blame, and no point is lost for it: the run stops here, and can be gone on with.
      const limit = machineFault(Object.assign(new Error(run.end.not_started), { code: run.end.code }));
      if (limit !== null) throw limit;
      return failed({ class: 'tool_broken', message: `The program does not start: ${run.end.not_started}` }, {});
    }
    if (run.unkept !== null) throw run.unkept;
    if (run.fault !== null) return this.#endOfFault(call, run, run.fault);
    if (run.stopped) return lost('timeout', limit.reason, {});
    const killed = killedFromOutside(run, output);
    this.#kills = killed === null ? 0 : this.#kills + 1;
    if (killed !== null) return lost('died', killed, {});
    const answer = await judge(run, output, call.work_folder, check);
    if (!answer.ok) return failed(answer.error, {});
    const artifacts = await this.#keepFiles(output, call.work_folder);
    if (!artifacts.ok) return failed({ class: 'tool_failed', message: artifacts.error }, {});
    return { kind: 'answer', answer: answer.value, artifacts: artifacts.value, observed: {} };
  }

  /** A program that was ended for what it wrote had perhaps done its work: only of a `pure` call is nothing left behind. */
  #endOfFault({ call }: ToolCall, { end }: ProgramRun, fault: string): CallEnd {
    const isPure = this.#tool.pinned.calls[call]?.effect === 'pure';
    return isPure || !wasKilled(end) ? failed({ class: 'tool_broken', message: fault }, {}) : lost('died', fault, {});
  }

  async #keepFiles({ files }: PinnedOutput, work_folder: string): Promise<Result<ArtifactRef[], string>> {
    const kept: ArtifactRef[] = [];
    for (const { name } of files) {
      const path = join(work_folder, name);
      if (!(await exists(path))) continue; // required ones are there, `judge` looked
      const file = await keepFile(this.#surroundings.artifacts, name, path, [work_folder]);
      if (!file.ok) return file;
      kept.push(file.value);
    }
    return ok(kept);
  }

  /** What the program wrote, kept however the call ended; only an answer carries it as artifacts. */
  async #keepStreams({ stdout, stderr }: ProgramRun): Promise<ArtifactRef[]> {
    const kept: ArtifactRef[] = [];
    for (const [name, capture] of [
      ['stdout.txt', stdout],
      ['stderr.txt', stderr],
    ] as const) {
      if (capture.bytes === 0) continue;
      const { artifacts } = this.#surroundings;
      kept.push({
        name,
        ...(await (capture.path === null ? artifacts.put(capture.read()) : artifacts.putFile(capture.path))),
      });
    }
    return kept;
  }

  readonly #log = (line: string): void => this.#surroundings.log(this.#tool.name, line);
}

function observe(facts: JsonObject, started: number, { end }: ProgramRun, streams: readonly ArtifactRef[]): JsonObject {
  const observed: JsonObject = { ...facts, duration_ms: Math.round(performance.now() - started) };
  if (end.status !== null) observed['exit_status'] = end.status;
  if (end.signal !== null) observed['exit_signal'] = end.signal;
  for (const { name, sha256 } of streams) observed[`${name.replace('.txt', '')}_sha256`] = sha256;
  return observed;
}

/** What a fault makes of an end: nobody hears it. */
function unheard(fault: SendingFault, end: CallEnd, written: Unheard | null): CallEnd {
  const { kind } = fault;
  fault.struck(kind === 'drop_request' ? null : (toldBy(end) ?? written), () => {});
  const killed = kind === 'kill_on_answer' || kind === 'kill_after';
  return lost(killed ? 'died' : 'timeout', 'The program’s answer was not heard.', end.observed);
}

function toldBy(end: CallEnd): Unheard | null {
  if (end.kind === 'answer') return { kind: 'answer', answer: end.answer };
  return end.kind === 'failure' ? { kind: 'failure', class: end.class, message: end.message } : null;
}

/** The answer that a program had written when it was killed; null where nobody can tell that it is the whole. */
async function writtenBy(run: ProgramRun, { output, cwd, check }: ReadyCall): Promise<Unheard | null> {
  if (output.stdout !== 'json') return null;
  const status = output.exit[0] ?? 0;
  const answer = await judge({ ...run, end: { status, signal: null, not_started: null } }, output, cwd, check);
  // Half a number is a number; half a map is nothing.
  return answer.ok && typeof answer.value === 'object' ? { kind: 'answer', answer: answer.value } : null;
}
