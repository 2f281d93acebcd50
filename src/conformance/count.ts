import { ExpctlError } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import type { ToolSession } from '../engines/ports.ts';
import { durationSeconds } from '../ir/duration.ts';
import type { CountSpec } from '../ir/tools-test.ts';
import { type Answers, boundArguments, countIn } from './arguments.ts';
import { pause } from './cases.ts';
import { Sender, type TestKey } from './sender.ts';

/** A job that a tool starts needs a moment until it leaves a trace. */
const TRACE_SETTLE = '100ms';

/** Traces that effects leave outside of the tool. */
export interface Traces {
  /** How many files there are of a name, `*` standing for anything within one folder name. */
  files(pattern: string): Promise<number>;
  /** Lines of a file that are not empty; 0 where there is no such file. */
  lines(path: string): Promise<number>;
}

export interface CountDeps {
  readonly session: ToolSession;
  readonly answers: Answers;
  readonly traces: Traces;
  readonly key: TestKey;
  readonly timeout_s: number;
  readonly signal: AbortSignal;
}

/** The effects of a call, as they are counted from outside. Throws DATA_INVALID where the count gives no number. */
export class EffectCount {
  readonly #spec: CountSpec;
  readonly #deps: CountDeps;

  constructor(spec: CountSpec, deps: CountDeps) {
    this.#spec = spec;
    this.#deps = deps;
  }

  /** How, in words. */
  get words(): string {
    const { call, value, files, lines } = this.#spec;
    if (files !== undefined) return `files ${files}`;
    if (lines !== undefined) return `lines of ${lines}`;
    return value === undefined ? `${call}` : `${call}: ${value}`;
  }

  async read(): Promise<number> {
    const { files, lines, settle } = this.#spec;
    const isTrace = files !== undefined || lines !== undefined;
    const settle_s = durationSeconds(settle ?? (isTrace ? TRACE_SETTLE : '0s'));
    if (settle_s > 0) await pause(settle_s * 1000, this.#deps.signal);
    if (files !== undefined) return this.#deps.traces.files(files);
    if (lines !== undefined) return this.#deps.traces.lines(lines);
    return this.#ask();
  }

  async #ask(): Promise<number> {
    const { session, answers, key, timeout_s, signal } = this.#deps;
    const call = this.#spec.call ?? '';
    const args = boundArguments((this.#spec.with ?? {}) as JsonObject, answers);
    if (!args.ok) throw unusable(call, args.error);
    const sender = new Sender({ call, timeout_s, signal });
    const sendings = await sender.send(session, { key, arguments: args.value, which: 'given' });
    const { heard } = sendings.at(-1)!;
    if (heard.kind !== 'answer') throw unusable(call, heard.message);
    const count = countIn(heard.answer, this.#spec.value);
    if (!count.ok) throw unusable(call, count.error);
    return count.value;
  }
}

function unusable(call: string, why: string): ExpctlError {
  return new ExpctlError('DATA_INVALID', `The call ${call} does not count effects. ${why}`, {
    hint: 'Correct `count` in the test file of the tools.',
  });
}
