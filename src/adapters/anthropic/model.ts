import Anthropic, { type ClientOptions } from '@anthropic-ai/sdk';
import type { MessageCreateParamsStreaming, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';
import { err, ok, type Result } from '../../base/result.ts';
import type { Clock } from '../../engines/ports.ts';
import { wait } from '../../engines/wait.ts';
import type { Model, ModelAnswer, ModelProgress, ModelRequest } from '../../planner/ports.ts';
import { AnswerCollector } from './collect.ts';
import {
  ATTEMPTS,
  interrupted,
  modelFailure,
  passingReason,
  refusesForcedTool,
  StreamCut,
  waitBefore,
} from './failures.ts';
import type { ModelSettings } from './settings.ts';

/** A stream that says nothing for so long is taken for dead. */
const LONGEST_SILENCE_S = 120;

/** A model behind Anthropic's Messages API, or behind a server that speaks it. */
export class AnthropicModel implements Model {
  readonly name: string;
  readonly #client: Anthropic;
  readonly #clock: Clock;
  readonly #max_tokens: number;
  #forced = true;

  constructor(settings: ModelSettings, clock: Clock) {
    this.name = settings.model;
    this.#client = new Anthropic(clientOptions(settings));
    this.#clock = clock;
    this.#max_tokens = settings.max_tokens;
  }

  async *ask(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelProgress, Result<ModelAnswer>, void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return ok(yield* this.#stream(request, signal));
      } catch (error) {
        if (signal.aborted) return err(interrupted());
        if (this.#forced && refusesForcedTool(error)) {
          this.#forced = false;
          continue;
        }
        const reason = passingReason(error);
        const wait_s = reason === null || attempt >= ATTEMPTS ? null : waitBefore(attempt, error, this.#clock.now_ms());
        if (reason === null || wait_s === null) return err(modelFailure(error, this.#whom()));
        yield { type: 'retried', reason, wait_s };
        await wait(this.#clock, wait_s, signal);
        if (signal.aborted) return err(interrupted());
      }
    }
  }

  async *#stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelProgress, ModelAnswer, void> {
    const watch = new Silence(this.#clock, signal);
    const collector = new AnswerCollector();
    try {
      const params = requestParams(request, this.name, this.#max_tokens, this.#forced);
      const { data, request_id } = await this.#client.messages.create(params, { signal: watch.signal }).withResponse();
      for await (const event of data as AsyncIterable<RawMessageStreamEvent>) {
        watch.heard();
        yield { type: 'streamed', characters: collector.take(event) };
        if (collector.isTooLong) break;
      }
      const answer = collector.answer(request_id ?? null);
      // The SDK ends the loop without an error where the connection is aborted, and where it just ends.
      if (answer === null) throw new StreamCut(watch.isSilent ? SILENT : 'the answer was cut off in transit');
      return answer;
    } catch (error) {
      if (watch.isSilent) throw new StreamCut(SILENT);
      if (error instanceof StreamCut || error instanceof Anthropic.APIError || collector.characters === 0) throw error;
      // The body broke off: fetch reports a TypeError that says no more.
      throw new StreamCut('the answer was cut off in transit');
    } finally {
      watch.stop();
    }
  }

  #whom(): { model: string; host: string } {
    return { model: this.name, host: new URL(this.#client.baseURL).host };
  }
}

const SILENT = `the model said nothing for ${LONGEST_SILENCE_S} s`;

/** Ends a request whose stream falls silent, or that the person gives up. */
class Silence {
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #give_up = (): void => this.#controller.abort();
  #cancel: () => void;
  isSilent = false;

  constructor(clock: Clock, outer: AbortSignal) {
    this.#clock = clock;
    this.#outer = outer;
    outer.addEventListener('abort', this.#give_up, { once: true });
    if (outer.aborted) this.#give_up();
    this.#cancel = this.#arm();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  heard(): void {
    this.#cancel();
    this.#cancel = this.#arm();
  }

  stop(): void {
    this.#cancel();
    this.#outer.removeEventListener('abort', this.#give_up);
  }

  #arm(): () => void {
    return this.#clock.after(LONGEST_SILENCE_S, () => {
      this.isSilent = true;
      this.#controller.abort();
    });
  }
}

/** Everything is said here, so that the SDK looks for no other credential, waits by no other clock and prints nothing. */
function clientOptions({ base_url, credential }: ModelSettings): ClientOptions {
  return {
    ...(credential.kind === 'api_key' ? { apiKey: credential.secret } : { authToken: credential.secret }),
    ...(base_url === undefined ? { baseURL: 'https://api.anthropic.com' } : { baseURL: base_url }),
    maxRetries: 0,
    logLevel: 'off',
    openTelemetry: false,
  };
}

/** Forced tool use without strictness: the schema guides, `check` judges. */
function requestParams(
  { system, messages, tool }: ModelRequest,
  model: string,
  max_tokens: number,
  forced: boolean,
): MessageCreateParamsStreaming {
  return {
    model,
    max_tokens,
    stream: true,
    system,
    messages: [
      {
        role: 'user',
        content: messages.map((text, at) => ({
          type: 'text' as const,
          text,
          ...(at === 0 ? { cache_control: { type: 'ephemeral' as const } } : {}),
        })),
      },
    ],
    tools: [
      {
        name: tool.name,
        description: tool.description,
        input_schema: { ...tool.input_schema, type: 'object' },
      },
    ],
    tool_choice: forced
      ? { type: 'tool', name: tool.name, disable_parallel_tool_use: true }
      : { type: 'auto', disable_parallel_tool_use: true },
  };
}
