import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Json, JsonObject } from '../../src/base/json.ts';

/** One answer of the server, in the order in which it is asked. */
export type Scripted =
  | { readonly kind: 'tool'; readonly input: Json; readonly before?: string }
  /** The input of the tool call as text, which need not be JSON. */
  | { readonly kind: 'tool_text'; readonly input_json: string; readonly stop_reason?: string }
  | { readonly kind: 'prose'; readonly text: string; readonly stop_reason?: string }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly type: string;
      readonly headers?: Record<string, string>;
      readonly message?: string;
    }
  /** Half an answer, then the connection is torn down. */
  | { readonly kind: 'cut'; readonly input_json: string }
  /** Half an answer, then the response ends as if it were whole. */
  | { readonly kind: 'short'; readonly input_json: string }
  /** An error event in the middle of the stream. */
  | { readonly kind: 'stream_error'; readonly type: string }
  /** Half an answer, then silence; `asked` is called once it has been sent. */
  | { readonly kind: 'hang'; readonly asked: () => void };

export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: JsonObject;
}

/** A server on this machine that speaks the streaming Messages API and answers what it is told to. */
export class MessagesServer {
  readonly received: Received[] = [];
  readonly #answers: Scripted[];
  readonly #server: Server;

  private constructor(answers: readonly Scripted[]) {
    this.#answers = [...answers];
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  static async start(...answers: readonly Scripted[]): Promise<MessagesServer> {
    const made = new MessagesServer(answers);
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve));
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Answers that were not asked for. */
  get left(): number {
    return this.#answers.length;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as JsonObject;
    this.received.push({ path: request.url ?? '', headers: request.headers, body });
    const scripted = this.#answers.shift();
    if (scripted === undefined) return refuse(response, 500, 'test_error', 'nothing is scripted', {});
    if (scripted.kind === 'status') {
      return refuse(response, scripted.status, scripted.type, scripted.message ?? 'scripted', scripted.headers ?? {});
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': `req_${this.received.length}` });
    stream(response, scripted, String(body['model']));
  }
}

function refuse(
  response: ServerResponse,
  status: number,
  type: string,
  message: string,
  headers: Record<string, string>,
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ type: 'error', error: { type, message } }));
}

function stream(response: ServerResponse, scripted: Exclude<Scripted, { kind: 'status' }>, model: string): void {
  const send = (event: JsonObject) =>
    response.write(`event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`);
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
  };
  send({ type: 'message_start', message: { ...message, usage: { input_tokens: 1000, output_tokens: 1 } } });
  send({ type: 'ping' });
  switch (scripted.kind) {
    case 'tool':
      if (scripted.before !== undefined) sendText(send, scripted.before);
      sendTool(send, JSON.stringify(scripted.input), scripted.before === undefined ? 0 : 1);
      return finish(response, send, 'tool_use');
    case 'tool_text':
      sendTool(send, scripted.input_json, 0);
      return finish(response, send, scripted.stop_reason ?? 'tool_use');
    case 'prose':
      sendText(send, scripted.text);
      return finish(response, send, scripted.stop_reason ?? 'end_turn');
    case 'cut':
      sendTool(send, scripted.input_json, 0);
      return void response.write('event: content_block_de', () => response.destroy());
    case 'short':
      sendTool(send, scripted.input_json, 0);
      return void response.end();
    case 'stream_error':
      sendText(send, 'half');
      send({ type: 'error', error: { type: scripted.type, message: 'scripted' } });
      return void response.end();
    case 'hang':
      sendText(send, 'half');
      return scripted.asked();
  }
}

type Send = (event: JsonObject) => void;

function sendText(send: Send, text: string): void {
  send({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } });
  for (const piece of pieces(text)) {
    send({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: piece } });
  }
  send({ type: 'content_block_stop', index: 0 });
}

function sendTool(send: Send, input_json: string, index: number): void {
  const block = { type: 'tool_use', id: 'toolu_1', name: 'submit_plan', input: {} };
  send({ type: 'content_block_start', index, content_block: block });
  for (const piece of pieces(input_json)) {
    send({ type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json: piece } });
  }
  send({ type: 'content_block_stop', index });
}

function pieces(text: string): string[] {
  return text.match(/[\s\S]{1,400}/g) ?? [''];
}

function finish(response: ServerResponse, send: Send, stop_reason: string): void {
  send({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 500 } });
  send({ type: 'message_stop' });
  response.end();
}
