import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';
import type { ModelAnswer } from '../../planner/ports.ts';

/** An answer longer than this is not read to its end, in UTF-16 units. */
const LONGEST_ANSWER = 1_000_000;

/**
 * Puts an answer together from the events of a stream. The input of a tool call stays text: what it says is judged by others,
 * and half a JSON text must not look like a whole one.
 */
export class AnswerCollector {
  #text = '';
  #input_json: string | null = null;
  /** Of the first tool call; further ones are not read. */
  #tool_index: number | null = null;
  #model = '';
  #stop_reason: string | null = null;
  #usage = { input_tokens: 0, output_tokens: 0 };
  #isComplete = false;

  /** @returns characters so far */
  take(event: RawMessageStreamEvent): number {
    switch (event.type) {
      case 'message_start':
        this.#model = event.message.model;
        this.#usage = {
          input_tokens: inputTokens(event.message.usage),
          output_tokens: event.message.usage.output_tokens,
        };
        break;
      case 'content_block_start':
        if (event.content_block.type === 'text') this.#text += event.content_block.text;
        if (event.content_block.type === 'tool_use' && this.#tool_index === null) this.#startTool(event);
        break;
      case 'content_block_delta':
        if (event.delta.type === 'text_delta') this.#text += event.delta.text;
        if (event.delta.type === 'input_json_delta' && event.index === this.#tool_index) {
          this.#input_json = (this.#input_json ?? '') + event.delta.partial_json;
        }
        break;
      case 'message_delta':
        this.#stop_reason = event.delta.stop_reason ?? this.#stop_reason;
        this.#usage.output_tokens = event.usage.output_tokens;
        break;
      case 'message_stop':
        this.#isComplete = true;
        break;
    }
    return this.characters;
  }

  #startTool(event: Extract<RawMessageStreamEvent, { type: 'content_block_start' }>): void {
    if (event.content_block.type !== 'tool_use') return;
    this.#tool_index = event.index;
    // Streams begin with an empty input and send it in pieces; a server that does not stream it puts it here.
    const input: unknown = event.content_block.input;
    const isGiven = typeof input === 'object' && input !== null && Object.keys(input).length > 0;
    this.#input_json = isGiven ? JSON.stringify(input) : '';
  }

  get characters(): number {
    return this.#text.length + (this.#input_json?.length ?? 0);
  }

  get isTooLong(): boolean {
    return this.characters > LONGEST_ANSWER;
  }

  /** The whole answer; null where the stream ended before it said why the model stopped. */
  answer(request_id: string | null): ModelAnswer | null {
    const stop_reason = this.isTooLong ? 'max_tokens' : this.#stop_reason;
    if (stop_reason === null || !(this.#isComplete || this.isTooLong)) return null;
    const usage = { ...this.#usage };
    return { text: this.#text, input_json: this.#input_json, stop_reason, model: this.#model, request_id, usage };
  }
}

/** Those that were read from or written to a cache count too. */
function inputTokens(usage: {
  input_tokens: number;
  cache_creation_input_tokens?: number | null;
  cache_read_input_tokens?: number | null;
}): number {
  return usage.input_tokens + (usage.cache_creation_input_tokens ?? 0) + (usage.cache_read_input_tokens ?? 0);
}
