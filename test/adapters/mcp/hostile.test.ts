import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/base/json.ts';
import type { ToolSession } from '../../../src/engines/ports.ts';
import type { LockedTool } from '../../../src/ir/lock.ts';
import { stable, ToolProject } from '../tools-project.ts';

/*
 * A server that breaks every rule: SEC-27 and REL-24 of the threat list. Each behaviour has its exact end; afterwards the session
 * must work (with a new server where the old one was ended), and when it is closed no process of any of the servers may be left.
 */

const DECLARATION = { mcp: { command: ['node', 'server.mjs'] }, version: { call: 'version' }, calls: {} };

let project: ToolProject;
let session: ToolSession;
let tool: LockedTool;
/** The server that was started to be pinned; those after it belong to the session. */
let pinned: number;

beforeEach(async () => {
  project = new ToolProject('server.mjs');
  tool = await project.pin(DECLARATION);
  pinned = project.pids().length;
  session = await project.open(tool);
});
afterEach(async () => {
  const echo = await session.call(project.call('echo', { text: 'still there?' }));
  await project.end();
  expect(project.left()).toEqual([]);
  project.remove();
  if (!drifted) expect(echo).toMatchObject({ kind: 'answer', answer: { given: { text: 'still there?' } } });
  drifted = false;
});
let drifted = false;

/** How many servers the session has started. */
function servers(): number {
  return project.pids().length - pinned;
}

async function act(call: string, act: string, args: JsonObject = {}, timeout_s = 20): Promise<unknown> {
  return stable(await session.call(project.call(call, { act, ...args }, { timeout_s })));
}

function lost(message: string): unknown {
  return { kind: 'lost', reason: 'died', message: `The server ended before it answered. ${message}` };
}
const silent = 'It wrote nothing to standard error.';
const failure = (kind: string, message: string) => ({ kind: 'failure', class: kind, message });
const one = { kind: 'answer', answer: { value: 1 }, artifacts: [] };

describe('a server that ends or cannot be understood: the call is lost, the next one gets a new server', () => {
  test.each([
    [
      'garbage',
      `It wrote to standard output what is no MCP message: "Segmentation fault (just kidding)" It ended (killed by SIGKILL). ${silent}`,
    ],
    [
      'not_a_message',
      `It wrote to standard output what is no MCP message: "{"hello":"world"}" It ended (killed by SIGKILL). ${silent}`,
    ],
    ['long_line', `It wrote a line of more than 10485760 bytes. It ended (killed by SIGKILL). ${silent}`],
    ['half_line', `It ended in the middle of a message. It ended (exit status 0). ${silent}`],
    ['exit', `It ended (exit status 0). ${silent}`],
    ['kill', `It ended (killed by SIGKILL). ${silent}`],
    ['leave_child', `It ended (exit status 0). ${silent}`],
    ['close_stdout', 'It closed its standard output. It ended (killed by SIGTERM). The server wrote: closing'],
  ])('%s', async (name, message) => {
    expect(await act('strict', name)).toEqual(lost(message));
    expect(servers()).toBe(1);
  });

  test('its last words are escaped: no sequence acts on the terminal', async () => {
    expect(await act('strict', 'exit_saying', { text: '\u001b[31mfatal\u001b[0m \u202eerror\n' })).toEqual(
      lost('It ended (exit status 3). The server wrote: \\u{1b}[31mfatal\\u{1b}[0m \\u{202e}error'),
    );
  });

  test('calls that were out together are all lost, and one new server takes their place', async () => {
    const calls = ['hang', 'hang', 'exit'].map((name) => act('loose', name));
    expect(await Promise.all(calls)).toEqual(Array(3).fill(lost(`It ended (exit status 0). ${silent}`)));
    const again = await Promise.all([1, 2, 3].map((value) => act('strict', 'structured', { value: { value } })));
    expect(again).toMatchObject([1, 2, 3].map((value) => ({ kind: 'answer', answer: { value } })));
    expect(servers()).toBe(2);
  });

  test('one that ends while it starts again is started once more, before anything is sent', async () => {
    const started = project.pids().length;
    project.order({ die_at: [started + 1, started + 2, started + 3] });
    expect(await act('loose', 'exit')).toMatchObject({ kind: 'lost' });
    expect(await act('strict', 'structured', { value: { value: 1 } })).toEqual(one);
    expect(servers()).toBe(5);
  });

  test('one that does not start any more is given up after five ends in a row, and nothing is sent', async () => {
    const started = project.pids().length;
    project.order({ die_at: Array.from({ length: 20 }, (_, index) => started + 1 + index) });
    expect(await act('loose', 'exit')).toMatchObject({ kind: 'lost' });
    const unsent = {
      kind: 'failure',
      class: 'tool_broken',
      message: expect.stringContaining('nothing was sent. The tool'),
    };
    expect(await act('strict', 'structured', { value: { value: 1 } })).toMatchObject(unsent);
    expect(servers()).toBe(5);
    expect(await act('strict', 'structured', { value: { value: 1 } })).toMatchObject(unsent);
    expect(servers()).toBe(6);
    project.order({});
  });

  test('one that hangs while it starts again is not waited for when the session is closed', async () => {
    expect(await act('loose', 'exit')).toMatchObject({ kind: 'lost' });
    project.order({ die: 'mute' });
    const call = act('strict', 'structured', { value: { value: 1 } });
    await expect.poll(servers).toBe(2);
    await session.close();
    expect(await call).toMatchObject({ kind: 'failure', message: expect.stringContaining('nothing was sent') });
    project.order({});
    session = await project.open(tool);
  });

  test('after five ends in a row the next call is not sent; after that each call gets one start', async () => {
    for (let count = 0; count < 5; count += 1) expect(await act('loose', 'exit')).toMatchObject({ kind: 'lost' });
    const message = `The server ended 5 times in a row without an answer; nothing was sent. It ended (exit status 0). ${silent}`;
    expect(await act('loose', 'exit')).toEqual(failure('tool_broken', message));
    expect(await act('loose', 'exit')).toMatchObject({ kind: 'lost' });
    expect(await act('loose', 'exit')).toEqual(failure('tool_broken', message));
    expect(servers()).toBe(6);
  });
});

describe('a server that does not answer', () => {
  test('a call is lost at its limit, the server is told, and goes on if it still hears', async () => {
    const message = 'No answer within 0.5 s.';
    expect(await act('strict', 'hang', {}, 0.5)).toEqual({ kind: 'lost', reason: 'timeout', message });
    expect(await act('strict', 'cancelled')).toEqual(one);
    expect(servers()).toBe(1);
  });

  test('progress does not extend the limit', async () => {
    expect(await act('strict', 'progress', {}, 0.5)).toMatchObject({ kind: 'lost', reason: 'timeout' });
  });

  test('a server that hears nothing any more is ended and replaced', async () => {
    expect(await act('strict', 'block', {}, 0.5)).toMatchObject({ kind: 'lost', reason: 'timeout' });
    expect(await act('strict', 'structured', { value: { value: 1 } })).toEqual(one);
    expect(servers()).toBe(2);
  });

  test('a call that is given up is lost, and the server is told', async () => {
    const controller = new AbortController();
    const call = session.call(project.call('strict', { act: 'hang' }, { signal: controller.signal }));
    await act('strict', 'structured', { value: { value: 1 } }); // so the other one is out for sure
    controller.abort();
    const message = 'The call was given up before it answered.';
    expect(stable(await call)).toEqual({ kind: 'lost', reason: 'timeout', message });
    expect(await act('strict', 'cancelled')).toEqual(one);
  });

  test('a call that was given up before it was sent is known not to have happened', async () => {
    const end = await session.call(project.call('strict', { act: 'exit' }, { signal: AbortSignal.abort() }));
    expect(stable(end)).toEqual(failure('cancelled', 'The call was given up before anything was sent.'));
  });
});

describe('answers that are not taken', () => {
  test.each<[string, string, JsonObject, string, string]>([
    [
      'a wrong type',
      'wrong_type',
      {},
      'tool_broken',
      'The answer does not fit the pinned output schema: /value must be number',
    ],
    [
      'a field too many',
      'extra_field',
      {},
      'tool_broken',
      'The answer does not fit the pinned output schema: / must NOT have additional properties (note)',
    ],
    [
      'text in place of structure',
      'no_structure',
      {},
      'tool_broken',
      'The tool declares an output schema and answered without structured content.',
    ],
    ['10,000 levels', 'deep', {}, 'tool_broken', 'The answer is nested more than 64 levels deep.'],
    [
      '2 MB',
      'large',
      {},
      'tool_broken',
      'The answer has 2000011 bytes; at most 1048576 are taken. Large results belong into files.',
    ],
    [
      'an infinite number',
      'raw_value',
      { text: '{"value":1e400}' },
      'bad_metric',
      'The number at "/value" of the answer is not finite.',
    ],
    [
      'an integer past 2^53',
      'raw_value',
      { text: '{"value":9007199254740993}' },
      'bad_metric',
      'The number at "/value" of the answer, 9007199254740992, is an integer past 2^53.',
    ],
    [
      'half a character',
      'raw_value',
      { text: '{"value":"\\ud800"}' },
      'tool_broken',
      'The text at "/value" of the answer has half of a surrogate pair.',
    ],
    [
      'a key that changes objects',
      'raw_value',
      { text: '{"__proto__":{"value":1}}' },
      'tool_broken',
      'The answer has a key "__proto__" at "/".',
    ],
    ['an error in words', 'is_error', {}, 'tool_failed', 'no \\u{1b}[31mlicence\\u{1b}[0m'],
    ['wrong arguments', 'error', { code: -32602 }, 'tool_failed', 'The tool refused: MCP error -32602: not like that'],
    [
      'an internal error',
      'error',
      { code: -32603 },
      'tool_failed',
      'The tool refused: MCP error -32603: not like that',
    ],
    [
      "the SDK's own code for a lost connection",
      'error',
      { code: -32000 },
      'tool_failed',
      'The tool refused: MCP error -32000: not like that',
    ],
    [
      "the SDK's own code for a time-out",
      'error',
      { code: -32001 },
      'tool_failed',
      'The tool refused: MCP error -32001: not like that',
    ],
    [
      'a question in place of an answer',
      'input_required',
      {},
      'tool_broken',
      'The tool asks for input instead of answering; a run has nobody to ask.',
    ],
  ])('%s', async (_, name, args, kind, message) => {
    expect(await act('strict', name, args)).toEqual(failure(kind, message));
  });

  test.each(['bad_content', 'bad_is_error'])('%s', async (name) => {
    expect(await act('strict', name)).toEqual(
      failure('tool_broken', expect.stringMatching(/^What the tool sent is no result of a tool: ./) as never),
    );
  });
});

describe('what is taken', () => {
  test.each(['twice', 'unknown_id'])('%s: the answer to the call counts, the other one is noted', async (name) => {
    expect(await act('strict', name)).toEqual(one);
    await act('strict', 'structured', { value: { value: 1 } });
    expect(project.lines.join('\n')).toMatch(/fixture: expctl: "Received a response for an unknown message ID/);
  });

  test('an answer to nobody, too deep even to complain of, ends the server and not expctl', async () => {
    expect(await act('strict', 'deep_unknown_id')).toMatchObject({ kind: 'lost', reason: 'died' });
  });

  test('`success: false` inside an answer is for `expect` to judge', async () => {
    expect(await act('loose', 'structured', { value: { success: false, error: 'no mesh' } })).toEqual({
      kind: 'answer',
      answer: { success: false, error: 'no mesh' },
      artifacts: [],
    });
  });

  test('-0 becomes 0', async () => {
    expect(await act('loose', 'raw_value', { text: '{"a":[-0,-0.0,1e20e]}'.replace('1e20e', '1.5') })).toEqual({
      kind: 'answer',
      answer: { a: [0, 0, 1.5] },
      artifacts: [],
    });
  });

  test.each([
    ['sampling/createMessage', { messages: [], maxTokens: 10 }],
    ['elicitation/create', { message: 'Password?', requestedSchema: { type: 'object', properties: {} } }],
    ['roots/list', {}],
  ])('%s is refused as a method that there is not', async (method, params) => {
    expect(await act('loose', 'ask', { method, params })).toEqual({
      kind: 'answer',
      answer: { value: -32601 },
      artifacts: [],
    });
  });

  test('what a server writes to standard error during a call is kept with it, as it is', async () => {
    const text = '\u001b[2Jcleared\n';
    const end = await session.call(project.call('strict', { act: 'say', text }));
    expect(end.kind).toBe('answer');
    expect(project.artifacts.text(end.observed['stderr_sha256'])).toBe(text);
    expect(project.lines).toContain('fixture: \u001b[2Jcleared');
  });
});

describe('drift while the session lives', () => {
  test('tools that changed stop every later call', async () => {
    expect(await act('strict', 'mutate')).toEqual(one);
    drifted = true;
    const drift = failure(
      'tool_broken',
      'TOOL_DRIFT: The tool fixture is not the one that was pinned: call echo: description: was "Gives back what it was given.", is "Another one."',
    );
    expect(await act('strict', 'structured', { value: { value: 1 } })).toEqual(drift);
    expect(await act('loose', 'structured', { value: { value: 1 } })).toEqual(drift);
  });

  test('a message that tools changed, when they did not, changes nothing', async () => {
    expect(await act('strict', 'touch')).toEqual(one);
  });

  test.each(['description', 'annotations', 'server version', 'probe'])(
    'a new server with another %s is not called',
    async (mutate) => {
      project.order({ mutate, from_start: 3 });
      expect(await act('strict', 'exit')).toMatchObject({ kind: 'lost' });
      drifted = true;
      const end = await act('strict', 'structured', { value: { value: 1 } });
      expect(end).toMatchObject({
        kind: 'failure',
        class: 'tool_broken',
        message: expect.stringMatching(/^TOOL_DRIFT: /),
      });
      expect(servers()).toBe(2);
    },
  );

  test('a program file that was changed is not started again', async () => {
    const { appendFileSync } = await import('node:fs');
    appendFileSync(project.path('server.mjs'), '\n');
    expect(await act('strict', 'exit')).toMatchObject({ kind: 'lost' });
    drifted = true;
    const end = await act('strict', 'structured', { value: { value: 1 } });
    expect(end).toMatchObject({
      class: 'tool_broken',
      message: expect.stringMatching(/^TOOL_DRIFT: .*program file "server.mjs"/),
    });
    expect(servers()).toBe(1);
  });
});
