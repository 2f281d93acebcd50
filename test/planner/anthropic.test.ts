import { afterEach, expect, test } from 'vitest';
import { createModel } from '../../src/adapters/anthropic/create.ts';
import type { ExpctlError } from '../../src/base/error.ts';
import type { JsonObject } from '../../src/base/json.ts';
import type { Result } from '../../src/base/result.ts';
import type { ModelAnswer, ModelProgress, ModelRequest } from '../../src/planner/ports.ts';
import { FakeClock } from './fake-clock.ts';
import { MessagesServer, type Scripted } from './messages-server.ts';

const KEY = 'sk-test-0123456789';
const REQUEST: ModelRequest = {
  system: 'You draft.',
  messages: ['The goal.', 'The problems.'],
  tool: { name: 'submit_plan', description: 'Hands in.', input_schema: { type: 'object', properties: {} } },
};
const GOOD: Scripted = { kind: 'tool', input: { name: 'beam' } };

let server: MessagesServer;
afterEach(async () => server.stop());

interface Asked {
  readonly result: Result<ModelAnswer>;
  readonly progress: ModelProgress[];
  readonly clock: FakeClock;
}

async function ask(
  answers: readonly Scripted[],
  options: { signal?: AbortSignal; clock?: FakeClock } = {},
): Promise<Asked> {
  server = await MessagesServer.start(...answers);
  const clock = options.clock ?? new FakeClock();
  const env = { ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: server.url };
  const model = await createModel({ model: 'model-1' }, env, clock);
  if (!model.ok) throw model.error;
  const asked = model.value.ask(REQUEST, options.signal ?? new AbortController().signal);
  const progress: ModelProgress[] = [];
  for (;;) {
    const next = await asked.next();
    if (next.done === true) return { result: next.value, progress, clock };
    progress.push(next.value);
  }
}

function answerOf({ result }: Asked): ModelAnswer {
  if (!result.ok) throw result.error;
  return result.value;
}

function errorOf({ result }: Asked): ExpctlError {
  if (result.ok) throw new Error('expected a failure');
  return result.error;
}

test('asks with a forced tool, without strictness, and with the key in one header only', async () => {
  await ask([GOOD]);
  const [{ body, headers, path } = { body: {}, headers: {}, path: '' }] = server.received;
  expect(path).toBe('/v1/messages');
  expect(body['tool_choice']).toEqual({ type: 'tool', name: 'submit_plan', disable_parallel_tool_use: true });
  expect(body['stream']).toBe(true);
  expect(JSON.stringify(body)).not.toContain('strict');
  expect(JSON.stringify(body)).not.toContain(KEY);
  const withKey = Object.entries(headers).filter(([, value]) => String(value).includes(KEY));
  expect(withKey.map(([name]) => name)).toEqual(['authorization']);
  expect((body['messages'] as JsonObject[])[0]?.['content']).toHaveLength(2);
});

test('tells the input of the tool as text, with model, stop reason, request and usage, and streams', async () => {
  const input = { name: 'beam', text: 'x'.repeat(2000) };
  const asked = await ask([{ kind: 'tool', input, before: 'Here it is.' }]);
  expect(answerOf(asked)).toEqual({
    text: 'Here it is.',
    input_json: JSON.stringify(input),
    stop_reason: 'tool_use',
    model: 'model-1',
    request_id: 'req_1',
    usage: { input_tokens: 1000, output_tokens: 500 },
  });
  const characters = asked.progress.flatMap((each) => (each.type === 'streamed' ? [each.characters] : []));
  expect(characters.length).toBeGreaterThan(5);
  expect(characters.at(-1)).toBe(JSON.stringify(input).length + 11);
});

test('tells prose, a refusal and a truncated answer as what they are', async () => {
  expect(answerOf(await ask([{ kind: 'prose', text: 'Sure!' }]))).toMatchObject({ text: 'Sure!', input_json: null });
  await server.stop();
  const refused = await ask([{ kind: 'prose', text: 'No.', stop_reason: 'refusal' }]);
  expect(answerOf(refused).stop_reason).toBe('refusal');
  await server.stop();
  const cut = await ask([{ kind: 'tool_text', input_json: '{"name":"be', stop_reason: 'max_tokens' }]);
  expect(answerOf(cut)).toMatchObject({ input_json: '{"name":"be', stop_reason: 'max_tokens' });
});

test('waits as long as the server asks, then asks again', async () => {
  const asked = await ask([
    { kind: 'status', status: 429, type: 'rate_limit_error', headers: { 'retry-after': '7' } },
    { kind: 'status', status: 429, type: 'rate_limit_error', headers: { 'retry-after-ms': '1500' } },
    GOOD,
  ]);
  expect(answerOf(asked).stop_reason).toBe('tool_use');
  expect(asked.clock.waits).toEqual([7, 1.5]);
});

test('a server that asks for an hour is not waited for', async () => {
  const asked = await ask([
    { kind: 'status', status: 429, type: 'rate_limit_error', headers: { 'retry-after': '3600' } },
    GOOD,
  ]);
  expect(errorOf(asked)).toMatchObject({ code: 'MODEL_UNAVAILABLE', exit: 7 });
  expect(server.left).toBe(1);
});

test('backs off from an overloaded server, and gives up after five attempts', async () => {
  const busy: Scripted = { kind: 'status', status: 529, type: 'overloaded_error' };
  const asked = await ask([busy, busy, busy, busy, busy, GOOD]);
  expect(errorOf(asked).message).toContain('overloaded');
  expect(errorOf(asked).hint).toContain('expctl init');
  expect(asked.clock.waits).toEqual([1, 2, 4, 8]);
  expect(server.left).toBe(1);
});

test.each<[string, Scripted]>([
  ['a stream that is torn down', { kind: 'cut', input_json: '{"name":' }],
  ['a stream that ends too early', { kind: 'short', input_json: '{"name":' }],
  ['an error in the middle of a stream', { kind: 'stream_error', type: 'overloaded_error' }],
  ['a server that fails', { kind: 'status', status: 500, type: 'api_error' }],
])('%s is asked again and nothing of it is kept', async (_, broken) => {
  const asked = await ask([broken, GOOD]);
  expect(answerOf(asked).input_json).toBe('{"name":"beam"}');
  expect(answerOf(asked).text).toBe('');
  expect(asked.clock.waits).toEqual([1]);
});

test('a stream that falls silent is given up and asked again', async () => {
  const clock = new FakeClock();
  const asked = await ask([{ kind: 'hang', asked: () => setImmediate(() => clock.fallSilent()) }, GOOD], { clock });
  expect(answerOf(asked).stop_reason).toBe('tool_use');
  expect(asked.progress.find(({ type }) => type === 'retried')).toMatchObject({
    reason: 'the model said nothing for 120 s',
  });
});

test('a wrong key and an unknown model are not tried again', async () => {
  const denied = await ask([{ kind: 'status', status: 401, type: 'authentication_error' }, GOOD]);
  expect(errorOf(denied)).toMatchObject({ code: 'MODEL_UNAVAILABLE', exit: 7 });
  expect(errorOf(denied).hint).toContain('ANTHROPIC_API_KEY');
  expect(JSON.stringify({ ...errorOf(denied), message: errorOf(denied).message })).not.toContain(KEY);
  expect(server.left).toBe(1);
  await server.stop();
  const unknown = await ask([{ kind: 'status', status: 404, type: 'not_found_error' }, GOOD]);
  expect(errorOf(unknown).message).toContain('model-1');
  expect(server.left).toBe(1);
});

test('a model that takes no forced tool is offered it', async () => {
  const message = 'tool_choice forces tool use is not compatible with this model.';
  const asked = await ask([{ kind: 'status', status: 400, type: 'invalid_request_error', message }, GOOD]);
  expect(answerOf(asked).stop_reason).toBe('tool_use');
  expect(server.received[1]?.body['tool_choice']).toEqual({ type: 'auto', disable_parallel_tool_use: true });
});

test('a person who gives up ends the request', async () => {
  const controller = new AbortController();
  const asked = await ask([{ kind: 'hang', asked: () => setImmediate(() => controller.abort()) }, GOOD], {
    signal: controller.signal,
  });
  expect(errorOf(asked).message).toContain('interrupted');
  expect(server.left).toBe(1);
});

test('a connection that is refused is tried again, and then an error of the environment', async () => {
  server = await MessagesServer.start();
  const url = server.url;
  await server.stop();
  const clock = new FakeClock();
  const model = await createModel({}, { ANTHROPIC_AUTH_TOKEN: 'token', ANTHROPIC_BASE_URL: url }, clock);
  if (!model.ok) throw model.error;
  const asked = model.value.ask(REQUEST, new AbortController().signal);
  let next = await asked.next();
  while (next.done !== true) next = await asked.next();
  expect(next.value.ok ? null : next.value.error.code).toBe('MODEL_UNAVAILABLE');
  expect(clock.waits).toEqual([1, 2, 4, 8]);
  server = await MessagesServer.start();
});

test('without a key: an error that names the variable and the way without a model', async () => {
  server = await MessagesServer.start();
  for (const env of [{}, { ANTHROPIC_API_KEY: ' ' }]) {
    const model = await createModel({}, env, new FakeClock());
    expect(model.ok ? null : model.error).toMatchObject({ code: 'MODEL_UNAVAILABLE', exit: 7 });
    expect(model.ok ? '' : `${model.error.message} ${model.error.hint}`).toMatch(/ANTHROPIC_API_KEY.*expctl init/s);
  }
});

test('flag, variable, config, in this order; a base URL that is none is refused', async () => {
  server = await MessagesServer.start();
  const name = async (wishes: { model?: string; configured_model?: string }, env: Record<string, string>) => {
    const model = await createModel(wishes, { ANTHROPIC_API_KEY: KEY, ...env }, new FakeClock());
    return model.ok ? model.value.name : model.error.code;
  };
  const both = { ANTHROPIC_MODEL: 'of-variable' };
  expect(await name({ model: 'of-flag', configured_model: 'of-config' }, both)).toBe('of-flag');
  expect(await name({ configured_model: 'of-config' }, both)).toBe('of-variable');
  expect(await name({ configured_model: 'of-config' }, {})).toBe('of-config');
  expect(await name({}, { ANTHROPIC_BASE_URL: 'file:///etc/passwd' })).toBe('USAGE');
});
