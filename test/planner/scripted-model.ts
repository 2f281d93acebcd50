import { readFileSync } from 'node:fs';
import { ExpctlError } from '../../src/base/error.ts';
import type { Json } from '../../src/base/json.ts';
import { err, ok } from '../../src/base/result.ts';
import { LOCAL_ENVIRONMENT } from '../../src/ir/environment.ts';
import type { Plan } from '../../src/ir/plan.ts';
import { parseToolsLock } from '../../src/plan/tools-files.ts';
import { type DraftOutcome, draftPlan } from '../../src/planner/draft.ts';
import type { Site } from '../../src/planner/judge.ts';
import type { Model, ModelAnswer, ModelRequest } from '../../src/planner/ports.ts';
import { buildPrompt } from '../../src/planner/prompt.ts';

const lock = parseToolsLock(readFileSync(new URL('../plan/fixtures/beam.tools.lock.json', import.meta.url)));
if (!lock.ok) throw lock.error;
export const BEAM_TOOLS = lock.value;
export const SITE: Site = { tools: BEAM_TOOLS, environment: LOCAL_ENVIRONMENT, file: () => undefined };

export function answer(input: Json, changes: Partial<ModelAnswer> = {}): ModelAnswer {
  const usage = { input_tokens: 1000, output_tokens: 500 };
  const common = { text: '', stop_reason: 'tool_use', model: 'model-1', request_id: 'req_1', usage };
  return { ...common, input_json: JSON.stringify(input), ...changes };
}

export function prose(text: string, stop_reason = 'end_turn'): ModelAnswer {
  return answer(null, { text, input_json: null, stop_reason });
}

/** A model that says what it is told to, and remembers what it was asked. */
export class ScriptedModel implements Model {
  readonly name = 'model-1';
  readonly asked: ModelRequest[] = [];
  readonly #answers: ModelAnswer[];

  constructor(answers: readonly ModelAnswer[]) {
    this.#answers = [...answers];
  }

  // biome-ignore lint/correctness/useYield: it has no progress to tell
  async *ask(request: ModelRequest): ReturnType<Model['ask']> {
    this.asked.push(request);
    const next = this.#answers.shift();
    if (next !== undefined) return ok(next);
    return err(new ExpctlError('MODEL_UNAVAILABLE', 'Nothing is scripted.', { hint: 'Script it.' }));
  }

  /** The last text of the n-th request, from 1. */
  told(round: number): string {
    return this.asked[round - 1]?.messages.at(-1) ?? '';
  }
}

export interface Drafted {
  readonly outcome: DraftOutcome;
  readonly model: ScriptedModel;
}

export async function draft(
  answers: readonly ModelAnswer[],
  options: { rounds?: number; base?: Plan; goal?: string } = {},
): Promise<Drafted> {
  const { rounds = 4, base = null, goal = 'Lightest cantilever.' } = options;
  const model = new ScriptedModel(answers);
  const prompt = buildPrompt({ goal, ...SITE, base: base === null ? null : { plan: base, complaints: [] } });
  if (!prompt.ok) throw prompt.error;
  const request = { goal, person: 'alice', base, prompt: prompt.value, site: SITE, rounds };
  const ports = { model, signal: new AbortController().signal, now_ms: () => Date.UTC(2026, 0, 31) };
  const drafting = draftPlan(request, ports);
  for (;;) {
    const next = await drafting.next();
    if (next.done === true) return { outcome: next.value, model };
  }
}
