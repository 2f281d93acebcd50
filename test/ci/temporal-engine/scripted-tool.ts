import type { Json } from '../../../src/base/json.ts';
import { ok } from '../../../src/base/result.ts';
import type { CallEnd, ToolCall, ToolHost } from '../../../src/engines/ports.ts';
import type { EffectPart } from '../../../src/ir/events.ts';
import { Dice } from '../../simulation/dice.ts';
import type { ScriptedPlan } from './scripted-plan.ts';

const FAILURES = ['transient', 'transient', 'node_lost', 'tool_failed', 'infeasible', 'own'];
const GARBAGE: readonly Json[] = [{}, null, 'Error: \ud800', { mass: Number.NaN }, { mass: 1e300 }, { status: 1 }];

const RUNNING = answered({ status: 'running' });

/** One effect, as it is called in the journal. */
export interface Which {
  readonly point: number;
  readonly step: string;
  readonly part: EffectPart;
  readonly attempt: number;
}

export function nameOfEffect({ point, step, part, attempt }: Which): string {
  return `${point}/${step}/${part}/${attempt}`;
}

/** Resolves when a sending is to be answered; of a poll that is `not yet` to be, the job goes on. */
export type WhenDue = (which: Which, call: ToolCall) => Promise<'answer' | 'not yet'>;

/**
 * A tool that says to the n-th sending of an effect what the seed says, whatever the engine and the time. Only when it says so is for
 * others to decide.
 */
export class ScriptedTool {
  readonly #plan: ScriptedPlan;
  readonly #whenDue: WhenDue;
  readonly #sendings = new Map<string, number>();

  constructor(plan: ScriptedPlan, whenDue: WhenDue) {
    this.#plan = plan;
    this.#whenDue = whenDue;
  }

  get host(): ToolHost {
    return { open: async () => ok({ call: (call) => this.#call(call), close: async () => undefined }) };
  }

  /** The folder of an effect says which it is. */
  static folder(point: number, step: string, attempt: number): string {
    return `/${point}/${step}/${attempt}`;
  }

  /** Whether a poll is told at first that the job goes on. */
  goesOn(which: Which): boolean {
    return this.#scriptOf(which)[0] === RUNNING;
  }

  async #call(call: ToolCall): Promise<CallEnd> {
    const which = whichOf(call);
    await call.begin?.();
    if ((await this.#whenDue(which, call)) === 'not yet') return RUNNING;
    if (call.signal.aborted) return { kind: 'lost', reason: 'died', message: 'given up', observed: {} };
    const name = nameOfEffect(which);
    const sending = this.#sendings.get(name) ?? 0;
    const script = this.#scriptOf(which);
    this.#sendings.set(name, sending + 1);
    return script[Math.min(sending, script.length - 1)]!;
  }

  /** In turn; the last one is said again. */
  #scriptOf(which: Which): readonly CallEnd[] {
    const dice = new Dice(this.#plan.seed, `said ${nameOfEffect(which)}`);
    const { faults } = this.#plan;
    const script: CallEnd[] = [];
    if (which.part === 'poll') {
      for (let left = dice.pick([0, 1, 1, 2, 3]); left > 0; left -= 1) script.push(RUNNING);
      if (dice.chance(faults / 4)) return [RUNNING]; // it never ends
    }
    if (dice.chance(faults / 2)) {
      // One of them dies at most: a call whose tool died twice waits until it is alone, and others wait here for their turn.
      script.push(...dice.pick([[lost('timeout')], [lost('died')], [lost('died'), lost('timeout')]]));
    }
    if (dice.chance(faults / 2)) {
      const failure = dice.pick(FAILURES);
      script.push({ kind: 'failure', class: failure, message: 'no luck', observed: {} });
      if (which.part !== 'poll' || failure !== 'transient') return script;
    }
    return [...script, dice.chance(faults / 4) ? answered(dice.pick(GARBAGE)) : answered(this.#answer(which, dice))];
  }

  #answer({ point, step, part, attempt }: Which, dice: Dice): Json {
    const answer = { id: `${step}-${point}`, mass: Math.floor(dice.uniform() * 10.4) };
    if (part === 'submit') return { job: `job-${point}-${step}-${attempt}` };
    if (part === 'poll') return { ...answer, status: dice.chance(0.9) ? 'done' : 'failed' };
    return answer;
  }
}

function whichOf({ call, work_folder }: ToolCall): Which {
  const [, point, step, attempt] = work_folder.split('/');
  const suffix = /\.(submit|wait|fetch)$/.exec(call)?.[1] ?? 'call';
  const part = (suffix === 'wait' ? 'poll' : suffix) as EffectPart;
  return { point: Number(point), step: step!, part, attempt: Number(attempt) };
}

function answered(answer: Json): CallEnd {
  return { kind: 'answer', answer, artifacts: [], observed: {} };
}

function lost(reason: 'timeout' | 'died'): CallEnd {
  const message = reason === 'died' ? 'the tool died' : 'no answer';
  return { kind: 'lost', reason, message, observed: {} };
}
