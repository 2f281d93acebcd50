import { ExpctlError } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { ToolHost, ToolSession } from '../engines/ports.ts';
import {
  CONFORMANCE_CASES,
  type CallReport,
  type CaseReport,
  type ConformanceCase,
  type ConformanceReport,
  type Judgement,
  type Observation,
} from '../ir/conformance.ts';
import { durationSeconds } from '../ir/duration.ts';
import type { LockedTool } from '../ir/lock.ts';
import type { CallTest, SetupCall } from '../ir/tools-test.ts';
import { type Answers, boundArguments } from './arguments.ts';
import { type CaseContext, CASES, LATE_KEYS, MIDWAY_KEYS } from './cases.ts';
import { EffectCount, type Traces } from './count.ts';
import { baselineOf, type Grounds, judge } from './judge.ts';
import { Sender, type TestKey } from './sender.ts';
import { performSetup } from './setup.ts';

/** A call to be tested, or why it is not. */
export type CallToTest =
  | { readonly call: string; readonly test: CallTest & { readonly with: Readonly<Record<string, unknown>> } }
  | { readonly call: string; readonly untested: string };

export interface ToolToTest {
  readonly tool: LockedTool;
  /** Of one sending, where the call says nothing else. */
  readonly timeout_s: number;
  readonly setup: Readonly<Record<string, SetupCall>>;
  readonly calls: readonly CallToTest[];
  /** How often a case with a fault is run. */
  readonly times: (name: ConformanceCase) => number;
}

/**
 * Keys that the cases of one by_key call use at most, with `times` repetitions: 2 of `ok`, 2 of `same_key_other_arguments`; in each
 * repetition one of each lost request and answer, those killed midway and late, 3 of `duplicate_delivery` (a program is no server: 2).
 */
export function mostKeys({ pinned }: LockedTool, times: number): number {
  return 4 + times * (3 + MIDWAY_KEYS + (pinned.transport.kind === 'process' ? 2 : 3) + LATE_KEYS);
}

export interface KitDeps {
  readonly tools: ToolHost;
  readonly traces: Traces;
  /** 64 hexadecimal digits that nobody has used. */
  readonly newKey: () => string;
  /** An empty folder for the effects of a key. */
  readonly newFolder: (key: string) => Promise<string>;
  /** Aborted when the person gives up; then an AbortError is thrown. */
  readonly signal: AbortSignal;
  readonly tell: (call: string, report: CaseReport) => void;
}

/**
 * Calls a tool for real, breaks what lies between, and judges whether its calls are what the tools file declares. The tool is started
 * as a run would: TOOL_UNAVAILABLE, TOOL_DRIFT. DATA_INVALID where what is to be sent cannot be made.
 */
export async function testTool(deps: KitDeps, what: ToolToTest): Promise<Result<ConformanceReport>> {
  const opened = await deps.tools.open(what.tool);
  if (!opened.ok) return opened;
  const session = opened.value;
  try {
    return await new Kit(deps, what, session).run();
  } finally {
    await session.close();
  }
}

class Kit {
  readonly #deps: KitDeps;
  readonly #what: ToolToTest;
  readonly #session: ToolSession;

  constructor(deps: KitDeps, what: ToolToTest, session: ToolSession) {
    this.#deps = deps;
    this.#what = what;
    this.#session = session;
  }

  async run(): Promise<Result<ConformanceReport>> {
    const { tool, setup, timeout_s, calls } = this.#what;
    const { signal } = this.#deps;
    const answers = await performSetup(setup, { session: this.#session, newKey: this.#keys(true), timeout_s, signal });
    if (!answers.ok) return answers;
    const reports: CallReport[] = [];
    for (const call of calls) {
      const report = await this.#testCall(call, answers.value);
      if (!report.ok) return report;
      reports.push(report.value);
    }
    return ok({ tool: tool.name, pin: tool.pin, calls: reports, verdict: worstOf(reports) });
  }

  async #testCall(wanted: CallToTest, answers: Answers): Promise<Result<CallReport>> {
    const { call } = wanted;
    const { effect } = this.#what.tool.pinned.calls[call]!;
    if ('untested' in wanted)
      return ok({ call, effect, untested: wanted.untested, count: null, ok_ms: null, cases: [] });
    if (effect !== 'pure' && effect !== 'by_key') throw new Error(`${call} is ${effect}`);
    const given = boundArguments(wanted.test.with as JsonObject, answers);
    if (!given.ok) return unbound(call, given.error);
    const other = wanted.test.other === undefined ? ok(null) : boundArguments(wanted.test.other as JsonObject, answers);
    if (!other.ok) return unbound(call, other.error);
    const count = await this.#countOf(wanted.test, answers);
    const context = this.#contextOf(wanted, effect, { given: given.value, other: other.value, count });
    const cases = await this.#runCases(call, wanted.test, effect, context);
    return ok({ call, effect, untested: null, count: count?.words ?? null, ok_ms: Math.round(context.ok_ms), cases });
  }

  async #countOf({ count }: CallTest, answers: Answers): Promise<EffectCount | null> {
    if (count === undefined) return null;
    const { traces, signal } = this.#deps;
    const key = await this.#keys(false)();
    return new EffectCount(count, {
      session: this.#session,
      answers,
      traces,
      key,
      timeout_s: this.#what.timeout_s,
      signal,
    });
  }

  #contextOf(
    { call, test }: Extract<CallToTest, { test: unknown }>,
    effect: 'pure' | 'by_key',
    { given, other, count }: { given: JsonObject; other: JsonObject | null; count: EffectCount | null },
  ): CaseContext {
    const { signal } = this.#deps;
    const timeout_s = test.timeout === undefined ? this.#what.timeout_s : durationSeconds(test.timeout);
    return {
      sender: new Sender({ call, timeout_s, signal }),
      session: this.#session,
      given,
      other,
      newKey: this.#keys(effect === 'by_key'),
      count: async () => (count === null ? null : count.read()),
      openSecond: () => this.#openSecond(),
      signal,
      ok_ms: 0,
      quick_ms: Number.POSITIVE_INFINITY,
    };
  }

  async #runCases(
    call: string,
    test: CallTest,
    effect: 'pure' | 'by_key',
    context: CaseContext,
  ): Promise<CaseReport[]> {
    const volatile = { pointers: test.volatile ?? [], files: test.volatile_files ?? [] };
    const ordinary = await CASES.ok(context, { index: 0, of: 1 });
    const grounds: Grounds = { effect, volatile, baseline: baselineOf(ordinary, effect, volatile) };
    const first = reportOf('ok', [{ observation: ordinary, judgement: judge(ordinary, grounds) }]);
    this.#deps.tell(call, first);
    const works = ordinary.sendings.every(({ heard }) => heard.kind === 'answer');
    const reports = [first];
    for (const name of CONFORMANCE_CASES.slice(1)) {
      const reason = works ? this.#reasonAgainst(name, call, grounds, context) : { ...FAILS_ANYWAY, case: name };
      const report = reason ?? (await this.#repeat(name, grounds, context));
      this.#deps.tell(call, report);
      reports.push(report);
    }
    return reports;
  }

  /** Why a case is not run. */
  #reasonAgainst(name: ConformanceCase, call: string, grounds: Grounds, context: CaseContext): CaseReport | null {
    if (name === 'killed_midway' && grounds.effect === 'by_key' && grounds.baseline.per_key === null) {
      const why =
        'What it did before it was killed shows in no answer: it takes a `count` that goes up with each new key.';
      return { ...NOTHING, case: name, verdict: 'not_run', why };
    }
    if (name !== 'same_key_other_arguments') return null;
    if (grounds.effect === 'pure')
      return { ...NOTHING, case: name, verdict: 'not_run', why: 'A pure call gets no key.' };
    if (context.other !== null) return null;
    const why = takesNothingElse(this.#what.tool.pinned.calls[call]!)
      ? 'It takes no arguments beside its key.'
      : 'Other arguments are not given: write them under `other`.';
    return { ...NOTHING, case: name, verdict: why.startsWith('It') ? 'not_run' : 'cannot_be_told', why };
  }

  async #repeat(name: ConformanceCase, grounds: Grounds, context: CaseContext): Promise<CaseReport> {
    const of = name === 'same_key_other_arguments' ? 1 : this.#what.times(name);
    const runs: Run[] = [];
    for (let index = 0; index < of; index += 1) {
      const own = { ...context, newKey: this.#keys(grounds.effect === 'by_key') };
      const observation = await CASES[name](own, { index, of });
      runs.push({ observation, judgement: judge(observation, grounds) });
    }
    return reportOf(name, runs);
  }

  /** Keys in a row, labelled A, B, ...; a call that gets none has only the folder. */
  #keys(labelled: boolean): () => Promise<TestKey> {
    let made = 0;
    return async () => {
      const label = made < 26 ? String.fromCharCode(65 + made) : `A${made}`;
      made += 1;
      const key = this.#deps.newKey();
      return { label: labelled ? label : null, key, work_folder: await this.#deps.newFolder(key) };
    };
  }

  async #openSecond(): Promise<ToolSession | null> {
    if (this.#what.tool.pinned.transport.kind === 'process') return null;
    const second = await this.#deps.tools.open(this.#what.tool);
    return second.ok ? second.value : null;
  }
}

const NOTHING = { runs: 0, held: 0, observation: null, evidence: [] } as const;

const FAILS_ANYWAY = {
  ...NOTHING,
  verdict: 'cannot_be_told' as const,
  why: 'The call fails without any fault.',
};

interface Run {
  readonly observation: Observation;
  readonly judgement: Judgement;
}

/** The first run that refutes decides, else the first that cannot be told. */
function reportOf(name: ConformanceCase, runs: readonly Run[]): CaseReport {
  const of = (verdict: Judgement['verdict']) => runs.filter(({ judgement }) => judgement.verdict === verdict);
  const deciding = of('refuted')[0] ?? of('cannot_be_told')[0] ?? runs[0]!;
  return {
    ...deciding.judgement,
    case: name,
    runs: runs.length,
    held: of('holds').length,
    observation: deciding.observation,
  };
}

function worstOf(calls: readonly CallReport[]): ConformanceReport['verdict'] {
  const verdicts = new Set(calls.flatMap(({ cases }) => cases.map(({ verdict }) => verdict)));
  if (verdicts.has('refuted')) return 'refuted';
  return verdicts.has('cannot_be_told') ? 'cannot_be_told' : 'holds';
}

function takesNothingElse({ input, key }: LockedTool['pinned']['calls'][string]): boolean {
  const names = Object.keys(Object(input['properties'] ?? {}));
  return names.every((name) => name === key?.argument) && input['additionalProperties'] === false;
}

function unbound(call: string, why: string): Result<never> {
  const hint = 'Correct `with` and `other` in the test file of the tools; they use answers of its `setup`.';
  return err(new ExpctlError('DATA_INVALID', `The arguments of ${call} cannot be made. ${why}`, { hint }));
}
