import type { Json, JsonObject } from '../../src/base/json.ts';
import type { CallEnd, ToolCall } from '../../src/engines/ports.ts';
import type { VirtualTime } from '../../src/engines/simulated/virtual-time.ts';
import type { Outcome } from '../../src/ir/events.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import { Dice } from './dice.ts';
import type { Incarnation } from './incarnation.ts';
import type { Intent } from './view.ts';
import { type Invariant, Violation } from './violation.ts';

/** A job that a tool runs outside, from the moment at which its submission took effect. */
interface Job {
  readonly ends_ms: number;
  readonly succeeds: boolean;
  /** A tool has said for good that it is over, whatever it would have done. */
  ended: boolean;
}

/** What has become of one key in the world. */
interface Entry {
  readonly intent: Intent;
  /** Call and arguments. */
  readonly request: string;
  sends: number;
  /** Executions that are under way, or will begin once a request arrives. */
  executing: number;
  happened: number;
  /** A person found that it had not happened, so often. */
  forgiven: number;
  /** What a tool that knows keys says to every further request of this one. */
  fixed: CallEnd | null;
  job: Job | null;
  /** All that its tool has said. */
  readonly said: Set<string>;
}

interface Execution {
  readonly from: Incarnation;
  readonly entry: Entry;
  cancel: () => void;
  over: boolean;
}

export interface WorldDeps {
  readonly seed: number;
  /** Under semantics 1 a job counts as ended once its submission or a poll says what cannot be read. */
  readonly semantics: number;
  /** Tools do an effect again for each request, whatever its key. */
  readonly forgetful: boolean;
  readonly time: VirtualTime;
  /** Probability of a fault of a sending. */
  readonly faults: number;
  readonly intentOf: (key: string) => Intent | undefined;
  readonly asksFor: (intent: Intent) => boolean;
  readonly trouble: (violation: Violation) => void;
  readonly trace: (line: string) => void;
}

const FAILURES = [
  'transient',
  'transient',
  'node_lost',
  'tool_failed',
  'licence_unavailable',
  'infeasible',
  'own_class',
];

/** Classes that the engine gives itself, of what was never answered or could not be kept. */
const BY_ENGINE = ['unknown_outcome', 'timeout', 'tool_broken', 'bad_metric'];

/**
 * Everything outside of the engine: tools that are sent calls, the effects that these have, jobs. It keeps a ledger by key, and fails,
 * dies, hangs, loses, delays and doubles as its dice say. A tool of a `by_key` call keeps its word: a key's outcome is fixed by its
 * first execution, also against copies of the request that come late. A tool of a `once` call has no memory.
 */
export class World {
  readonly ledger = new Map<string, Entry>();
  readonly counts = { sends: 0, resends: 0, effects: 0, jobs: 0 };
  readonly #deps: WorldDeps;
  readonly #dice: Dice;
  readonly #jobs = new Map<string, Entry>();
  #executions: Execution[] = [];

  constructor(deps: WorldDeps) {
    this.#deps = deps;
    this.#dice = new Dice(deps.seed, 'world');
  }

  /** Sends a call to its tool. @param stale whether the sender has lost its lease; a pure call it may send, unaware of that */
  send(from: Incarnation, tool: string, call: ToolCall, stale: boolean): Promise<CallEnd> {
    const intent = this.#deps.intentOf(call.key);
    if (intent === undefined || intent.call !== `${tool}/${call.call}`) {
      this.#tell(
        'intent',
        `${tool}/${call.call} was sent with ${call.key.slice(0, 8)}…, which is no intent of the journal`,
      );
      return new Promise(() => undefined);
    }
    const entry = this.#entryOf(intent, call);
    this.#check(entry, intent, stale);
    entry.sends += 1;
    this.counts.sends += 1;
    if (entry.sends > 1 && intent.part !== 'poll') this.counts.resends += 1;
    this.#deps.trace(`${from.name} sends ${nameOf(intent)} for the ${entry.sends}. time`);
    return from.hear(new Promise((resolve) => this.#perform(from, entry, call, resolve)));
  }

  /** Its tools die with a process, or are left to themselves: what was under way ends, or goes on unheard. */
  abandoned(by: Incarnation): void {
    for (const execution of this.#executions) {
      if (execution.from !== by || execution.over || this.#dice.chance(0.5)) continue;
      execution.cancel();
      execution.over = true;
      execution.entry.executing -= 1;
    }
    this.#executions = this.#executions.filter(({ over }) => !over);
  }

  /**
   * A person looks what became of an effect, and sees to it that it stays so. Null while nobody can tell yet. What is found to have come
   * to no use is ended; what has not happened may be sent once more.
   */
  resolve(intent: Intent): JsonObject | null {
    const entry = this.ledger.get(intent.key);
    if (entry !== undefined && entry.executing > 0 && entry.fixed === null) return null;
    if (intent.part === 'poll' || (entry !== undefined && entry.happened > 0 && this.#dice.chance(0.3))) {
      this.#endJobOf(intent);
      return { as: 'failed', outcome: null };
    }
    if (entry !== undefined && entry.happened > 0) {
      return { as: 'done', outcome: { ok: true, answer: this.#answer(intent, {}), artifacts: [] } };
    }
    if (entry !== undefined) entry.forgiven += 1;
    return { as: 'not_done', outcome: null };
  }

  /** Whether a tool has answered so to this effect; what the engine says of itself counts. */
  hasSaid(key: string, outcome: Outcome): boolean {
    if (!outcome.ok && BY_ENGINE.includes(outcome.class)) return true;
    return this.ledger.get(key)?.said.has(outcome.ok ? canonicalJson(outcome.answer) : outcome.class) ?? false;
  }

  /** Of a job that nobody asks after any more, and of one that was just submitted. */
  #endJobOf({ point, step, attempt }: Intent): void {
    for (const { intent, job } of this.ledger.values()) {
      if (job !== null && intent.point === point && intent.step === step && intent.attempt === attempt)
        job.ended = true;
    }
  }

  // --- the ledger ---

  #tell(invariant: Invariant, message: string): void {
    this.#deps.trouble(new Violation(invariant, message));
  }

  #entryOf(intent: Intent, { call, arguments: given, key }: ToolCall): Entry {
    const request = canonicalJson([call, given]);
    const known = this.ledger.get(key);
    if (known !== undefined) {
      if (known.request !== request) this.#tell('one_call', `${nameOf(intent)}: ${known.request}, then ${request}`);
      return known;
    }
    const counts = { sends: 0, executing: 0, happened: 0, forgiven: 0 };
    const entry: Entry = { intent, request, ...counts, fixed: null, job: null, said: new Set() };
    this.ledger.set(key, entry);
    return entry;
  }

  #check(entry: Entry, intent: Intent, stale: boolean): void {
    const name = nameOf(intent);
    const may_once = intent.effect === 'once' || intent.effect === 'findable';
    if (may_once && entry.sends > entry.forgiven) this.#tell('once', `${name} is sent again`);
    if (!(stale && intent.effect === 'pure') && !this.#deps.asksFor(intent))
      this.#tell('outstanding', `${name} is sent`);
    if (entry.sends > 0 || intent.part === 'poll' || intent.part === 'fetch') return;
    for (const other of this.ledger.values()) {
      const { point, step, attempt, effect } = other.intent;
      if (point !== intent.point || step !== intent.step || attempt >= intent.attempt || effect === 'pure') continue;
      if (this.#mayGoOn(other)) this.#tell('attempt', `${name} is sent while ${nameOf(other.intent)} may go on`);
    }
  }

  #mayGoOn({ executing, fixed, job }: Entry): boolean {
    if (job !== null && !job.ended && job.ends_ms > this.#deps.time.monotonic_ms()) return true;
    return executing > 0 && fixed === null;
  }

  #happen(entry: Entry): void {
    if (entry.intent.effect === 'pure') return;
    entry.happened += 1;
    this.counts.effects += 1;
    this.#deps.trace(`world: ${nameOf(entry.intent)} happens`);
    if (entry.happened > 1) this.#tell('twice', `${nameOf(entry.intent)} has happened ${entry.happened} times`);
  }

  // --- tools ---

  #perform(from: Incarnation, entry: Entry, call: ToolCall, resolve: (end: CallEnd) => void): void {
    const { time } = this.#deps;
    const dice = this.#dice;
    const lost = (reason: 'timeout' | 'died') =>
      resolve({ kind: 'lost', reason, message: reason === 'died' ? 'the tool died' : 'no answer', observed: {} });
    time.after(call.timeout_s, () => lost('timeout'));
    const heard = (end: CallEnd) => resolve(end);
    const nobody = () => undefined;
    if (!dice.chance(this.#deps.faults)) return this.#arrive(from, entry, call, 0, heard);
    const later_s = dice.between(0, 2 * call.timeout_s);
    switch (dice.pick(['fail', 'fail', 'never', 'deaf', 'late', 'dies', 'garbage', 'double'] as const)) {
      case 'fail':
        return this.#arrive(from, entry, call, 0, heard, { kind: 'failure', ...this.#failure() });
      case 'garbage':
        return this.#arrive(from, entry, call, 0, heard, { kind: 'answer', ...this.#garbage() });
      case 'never': // the request is lost
        if (dice.chance(0.5)) time.after(dice.between(0, call.timeout_s), () => lost('died'));
        return;
      case 'deaf': // it happens, and its answer is lost
        if (dice.chance(0.5)) time.after(dice.between(0, call.timeout_s), () => lost('died'));
        return this.#arrive(from, entry, call, 0, nobody);
      case 'late': // perhaps after everybody has stopped waiting for it
        return this.#arrive(from, entry, call, later_s, heard);
      case 'dies': // at some time, perhaps before it is done
        time.after(later_s, () => {
          this.abandoned(from);
          lost('died');
        });
        return this.#arrive(from, entry, call, 0, heard);
      case 'double': {
        // a tool that knows keys, or has no effect, may get a request twice
        const { effect } = entry.intent;
        if (effect === 'pure' || effect === 'by_key') this.#arrive(from, entry, call, later_s, heard);
        return this.#arrive(from, entry, call, 0, heard);
      }
    }
  }

  /** A request reaches its tool after some time, is executed, and is answered. */
  #arrive(
    from: Incarnation,
    entry: Entry,
    call: ToolCall,
    after_s: number,
    heard: (end: CallEnd) => void,
    fault: CallEnd | null = null,
  ): void {
    const duration_s = this.#dice.pick([0, 0, this.#dice.between(0, 5), this.#dice.between(0, call.timeout_s)]);
    const execution: Execution = { from, entry, cancel: () => undefined, over: false };
    this.#executions.push(execution);
    entry.executing += 1;
    execution.cancel = this.#deps.time.after(after_s + duration_s, () => {
      entry.executing -= 1;
      execution.over = true;
      const end = this.#execute(entry, call, fault);
      entry.said.add(saying(end));
      heard(end);
    });
  }

  #execute(entry: Entry, call: ToolCall, fault: CallEnd | null): CallEnd {
    if (entry.fixed !== null) return entry.fixed;
    const { intent } = entry;
    const end = fault?.kind === 'failure' ? fault : this.#succeed(entry, call, fault);
    if (intent.effect === 'by_key' && !this.#deps.forgetful) entry.fixed = end;
    if (intent.part === 'poll' && end.kind === 'failure' && end.class !== 'transient') this.#endJob(call.arguments);
    return end;
  }

  #succeed(entry: Entry, call: ToolCall, fault: CallEnd | null): CallEnd {
    this.#happen(entry);
    if (entry.intent.part === 'submit' && entry.job === null) {
      const ends_ms = this.#deps.time.monotonic_ms() + 1000 * this.#jobDuration_s();
      entry.job = { ends_ms, succeeds: this.#dice.chance(0.9), ended: false };
      this.#jobs.set(jobName(entry.intent), entry);
      this.counts.jobs += 1;
    }
    if (fault !== null && this.#deps.semantics < 2) this.#endJobOf(entry.intent);
    return fault ?? answered(this.#answer(entry.intent, call.arguments));
  }

  #jobDuration_s(): number {
    return this.#dice.pick([0, 3, 30, 30, 200, 200, 1e7]);
  }

  #endJob({ job }: JsonObject): void {
    const entry = this.#jobs.get(String(job));
    if (entry?.job != null) entry.job.ended = true;
  }

  #answer(intent: Intent, given: JsonObject): Json {
    const { point, step, attempt } = intent;
    const luck = new Dice(this.#deps.seed, `mass ${point} ${step} ${attempt}`).uniform();
    const answer = { id: `${step}-${point}`, mass: Math.floor(luck * 10.4) };
    if (intent.part === 'submit') return { job: jobName(intent) };
    if (intent.part !== 'poll') return answer;
    const job = this.#jobs.get(String(given['job']))?.job;
    if (job === undefined || job === null) return { status: 'unknown' };
    if (job.ends_ms > this.#deps.time.monotonic_ms()) return { status: 'running' };
    return { ...answer, status: job.succeeds ? 'done' : 'failed' };
  }

  #failure(): { class: string; message: string; observed: JsonObject } {
    return { class: this.#dice.pick(FAILURES), message: 'no luck', observed: {} };
  }

  #garbage(): { answer: Json; artifacts: []; observed: JsonObject } {
    const answer = this.#dice.pick<Json>([
      {},
      null,
      'Error: \ud800',
      { mass: Number.NaN },
      { mass: 1e300 },
      { status: 1 },
    ]);
    return { answer, artifacts: [], observed: {} };
  }
}

function saying(end: CallEnd): string {
  if (end.kind !== 'answer') return end.kind === 'failure' ? end.class : end.reason;
  try {
    return canonicalJson(end.answer);
  } catch {
    return 'what no journal can hold';
  }
}

function answered(answer: Json): CallEnd {
  return { kind: 'answer', answer, artifacts: [], observed: {} };
}

function jobName({ key }: Intent): string {
  return `job-${key.slice(0, 12)}`;
}

export function nameOf({ point, step, part, attempt, effect, key }: Intent): string {
  return `${point}/${step}/${part}, attempt ${attempt} (${effect}, ${key.slice(0, 8)})`;
}
