import type { ExpctlError } from '../base/error.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import { sha256Hex, utf8 } from '../base/sha256.ts';
import type { DraftProgress } from '../ir/drafting.ts';
import type { Problem } from '../ir/problem.ts';
import { authorsOf } from './authorship.ts';
import { type Complaint, complaintLine } from './complaint.ts';
import type { DraftContext } from './draft-plan.ts';
import { checkValue, type Judgement, judgeAnswer, readableJson, type Site } from './judge.ts';
import { planYaml, withProblems } from './plan-yaml.ts';
import type { Model, ModelAnswer, ModelRequest } from './ports.ts';
import { type Prompt, repairRequest } from './prompt.ts';

export interface DraftRequest extends DraftContext {
  readonly prompt: Prompt;
  readonly site: Site;
  /** The most rounds, from 1. */
  readonly rounds: number;
}

export interface DraftPorts {
  readonly model: Model;
  readonly signal: AbortSignal;
  readonly now_ms: () => number;
}

/**
 * Why drafting ended: the plan is valid; the rounds are used up; the same problems came twice in a row; the model failed; a person
 * interrupted it.
 */
export type DraftEnd = 'valid' | 'exhausted' | 'repeated' | 'failed' | 'interrupted';

export interface DraftOutcome {
  readonly end: DraftEnd;
  /** The last answer that held a plan; null if none did. */
  readonly draft: FinishedDraft | null;
  /** What is wrong with the last answer, as the model was told. */
  readonly complaints: readonly Complaint[];
  /** Why the model failed. */
  readonly error: ExpctlError | null;
  readonly rounds: number;
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
  /** Everything that was sent and came back, as JSON text. It holds no key. */
  readonly transcript: string;
}

/** A draft as a file. */
export interface FinishedDraft {
  readonly plan: JsonObject;
  /** The file's text; errors stand as comments above their lines. */
  readonly yaml: string;
  /** Their lines are those of the text without these comments. */
  readonly problems: readonly Problem[];
  readonly valid: boolean;
}

/** Asks until the plan is valid, at most `rounds` times: each round but the first says what was wrong with the last answer. */
export async function* draftPlan(
  request: DraftRequest,
  ports: DraftPorts,
): AsyncGenerator<DraftProgress, DraftOutcome, void> {
  const state = new Drafting(request, ports);
  for (let round = 1; round <= request.rounds; round++) {
    yield { type: 'round.started', round, rounds: request.rounds };
    const answer = yield* ask(state.nextRequest(), round, request.rounds, ports);
    if (!answer.ok) return state.finish(ports.signal.aborted ? 'interrupted' : 'failed', answer.error);
    const complaints = state.judge(answer.value);
    const { output_tokens } = answer.value.usage;
    yield {
      type: 'round.judged',
      round,
      rounds: request.rounds,
      output_tokens,
      problems: complaints.map(complaintLine),
    };
    if (complaints.length === 0) return state.finish('valid');
    if (ports.signal.aborted) return state.finish('interrupted');
    if (state.hasRepeated) return state.finish('repeated');
  }
  return state.finish('exhausted');
}

async function* ask(
  request: ModelRequest,
  round: number,
  rounds: number,
  { model, signal }: DraftPorts,
): AsyncGenerator<DraftProgress, Result<ModelAnswer>, void> {
  const answers = model.ask(request, signal);
  for (;;) {
    const next = await answers.next();
    if (next.done === true) return next.value;
    if (next.value.type === 'streamed') yield { ...next.value, type: 'round.streamed', round, rounds };
    else yield { ...next.value, type: 'round.retried', round };
  }
}

interface Round {
  readonly answer: ModelAnswer;
  readonly judgement: Judgement;
  readonly at: string;
}

class Drafting {
  readonly #request: DraftRequest;
  readonly #ports: DraftPorts;
  readonly #started: string;
  readonly #rounds: Round[] = [];

  constructor(request: DraftRequest, ports: DraftPorts) {
    this.#request = request;
    this.#ports = ports;
    this.#started = this.#now();
  }

  nextRequest(): ModelRequest {
    const last = this.#rounds.at(-1);
    if (last === undefined) return this.#request.prompt;
    const { answer, judgement } = last;
    return repairRequest(this.#request.prompt, { answer: saidIn(answer), complaints: judgement.complaints });
  }

  judge(answer: ModelAnswer): readonly Complaint[] {
    const judgement = judgeAnswer(answer, this.#request, this.#request.site);
    this.#rounds.push({ answer, judgement, at: this.#now() });
    return judgement.complaints;
  }

  /** The last two answers have exactly the same problems: a third would have them too. */
  get hasRepeated(): boolean {
    const [before, last] = this.#rounds.slice(-2).map(({ judgement }) => JSON.stringify(judgement.complaints.map(key)));
    return last !== undefined && before === last;
  }

  finish(end: DraftEnd, error: ExpctlError | null = null): DraftOutcome {
    const transcript = this.#transcript(end, error);
    const best = this.#rounds.findLast(({ judgement }) => judgement.drafted !== null);
    const sum = (count: (answer: ModelAnswer) => number) =>
      this.#rounds.reduce((all, { answer }) => all + count(answer), 0);
    return {
      end,
      draft: best === undefined ? null : this.#finished(best, transcript),
      complaints: this.#rounds.at(-1)?.judgement.complaints ?? [],
      error,
      rounds: this.#rounds.length,
      usage: {
        input_tokens: sum(({ usage }) => usage.input_tokens),
        output_tokens: sum(({ usage }) => usage.output_tokens),
      },
      transcript,
    };
  }

  /** The plan with what is known of its origin, checked again as it will be written. */
  #finished({ answer, judgement }: Round, transcript: string): FinishedDraft {
    const { plan: drafted, not_by_model, complaints } = judgement.drafted!;
    const { prompt, base, site } = this.#request;
    const plan: JsonObject = {
      ...drafted,
      drafted: {
        model: answer.model.slice(0, 200),
        prompt_sha256: prompt.sha256,
        transcript_sha256: sha256Hex(utf8(transcript)),
        fields: authorsOf(drafted, not_by_model, base),
      },
    };
    const { problems, checked } = checkValue(plan, site);
    return {
      plan,
      yaml: withProblems(planYaml(plan), problems),
      problems,
      valid: checked !== null && complaints.length === 0,
    };
  }

  #transcript(end: DraftEnd, error: ExpctlError | null): string {
    const { system, messages, tool, sha256 } = this.#request.prompt;
    const rounds = this.#rounds.map(({ answer, judgement, at }): Json => {
      const { text, input_json, stop_reason, model, request_id, usage } = answer;
      const told = judgement.complaints.map((each) => ({ ...key(each), fix: each.fix }));
      const input = input_json === null ? null : readableJson(input_json);
      return { at, model, request_id, stop_reason, usage: { ...usage }, text, input, problems: told };
    });
    const document = {
      expctl_transcript: 1,
      prompt_sha256: sha256,
      started: this.#started,
      model: this.#ports.model.name,
      prompt: { system, messages: [...messages], tool },
      rounds,
      end,
      error: error === null ? null : { code: error.code, message: error.message },
    };
    return `${JSON.stringify(document, null, 2)}\n`;
  }

  #now(): string {
    return new Date(this.#ports.now_ms()).toISOString();
  }
}

function key({ code, pointer, message }: Complaint): { code: string; pointer: string; message: string } {
  return { code, pointer, message };
}

/** The most of an unreadable answer that is sent back. */
const MOST_CHARACTERS = 40_000;

function saidIn({ text, input_json }: ModelAnswer): string {
  return (input_json ?? text).slice(0, MOST_CHARACTERS);
}
