import type { JsonObject } from '../base/json.ts';
import type { Result } from '../base/result.ts';

/** One question to a language model. It answers with one call of the tool, or does not. */
export interface ModelRequest {
  readonly system: string;
  /** Texts of the one message, in order. The first is the same in every round, so that it can be cached. */
  readonly messages: readonly string[];
  readonly tool: { readonly name: string; readonly description: string; readonly input_schema: JsonObject };
}

/** What the model said, whole. */
export interface ModelAnswer {
  /** Prose beside the tool call, or instead of it. */
  readonly text: string;
  /** The input of the tool call as JSON text, exactly as it came: it may be cut off, or no JSON. Null: the tool was not called. */
  readonly input_json: string | null;
  /** Why the model stopped: `tool_use`, `end_turn`, `max_tokens`, `refusal`, or another word of its interface. */
  readonly stop_reason: string;
  /** The model that answered, by its own account. */
  readonly model: string;
  readonly request_id: string | null;
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
}

export type ModelProgress =
  | { readonly type: 'streamed'; readonly characters: number }
  | { readonly type: 'retried'; readonly reason: string; readonly wait_s: number };

/** A language model. It is asked and it answers; nothing that it says does anything. */
export interface Model {
  /** The name under which it is asked. */
  readonly name: string;
  /** Asks once, sending again what fails for reasons that pass. MODEL_UNAVAILABLE, also where the signal ends it. */
  ask(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelProgress, Result<ModelAnswer>, void>;
}

/** What the command line and the config files say of the model; each may be silent. */
export interface ModelWishes {
  /** --model */
  readonly model?: string | undefined;
  /** The model that the project's or the user's config names. */
  readonly configured_model?: string | undefined;
  /** Of the user's config only. */
  readonly base_url?: string | undefined;
  readonly max_tokens?: number | undefined;
}
