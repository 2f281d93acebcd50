import { appendFileSync, existsSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ToolDeclaration } from '../../../src/ir/tools.ts';
import { ToolProject } from '../tools-project.ts';

/* What is pinned of a server, what drifts, and what is said of one that does not come up. */

let project: ToolProject;

const DECLARATION = {
  mcp: { command: ['node', 'server.mjs'] },
  version: { call: 'version' },
  calls: {
    echo: { effect: 'by_key' as const, key: { argument: 'idempotency_key' } },
    strict: { effect: 'pure' as const },
    version: { effect: 'pure' as const },
  },
};

beforeEach(() => {
  project = new ToolProject('server.mjs');
});
afterEach(async () => {
  await project.end();
  expect(project.left()).toEqual([]);
  project.remove();
});

describe('pinning', () => {
  test('server, contracts, program files, probe; the declared calls alone', async () => {
    const { pinned } = await project.pin(DECLARATION);
    expect(pinned).toMatchObject({
      transport: { kind: 'mcp', command: ['node', 'server.mjs'], env: {} },
      program: [{ file: 'server.mjs', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }],
      server: { name: 'fixture', version: '1.0' },
      probe: { call: 'version' },
    });
    // The host, which the probe tells too, is not pinned: a lock is good on another machine.
    expect(pinned.probe?.answer).toEqual({ version: '1.0', solver: 'none', solver_version: '2.21' });
    expect(Object.keys(pinned.calls)).toEqual(['echo', 'strict', 'version']);
    expect(pinned.calls['echo']).toMatchObject({ effect: 'by_key', description: 'Gives back what it was given.' });
  });

  test('all calls of all pages where none is declared, each `once` until a person says otherwise', async () => {
    const { pinned } = await project.pin({ mcp: DECLARATION.mcp, calls: {} });
    expect(Object.entries(pinned.calls).map(([name, { effect }]) => [name, effect])).toEqual(
      ['echo', 'strict', 'loose', 'version'].map((name) => [name, 'once']),
    );
  });

  test('the same server gives the same pin', async () => {
    expect((await project.pin(DECLARATION)).pin).toBe((await project.pin(DECLARATION)).pin);
  });

  test.each<[string, object, RegExp]>([
    ['a call that there is not', { calls: { gone: {} }, version: undefined }, /no tool "gone"; it has echo, strict/],
    [
      'a key in an argument that there is not',
      { calls: { echo: { effect: 'by_key', key: { argument: 'job_name' } } }, version: undefined },
      /takes no argument "job_name" that could carry the key/,
    ],
    ['a probe that there is not', { version: { call: 'gone' } }, /no tool "gone" to tell its version/],
    ['no such program', { mcp: { command: ['no-such-server'] } }, /"no-such-server" of tool fixture was not found/],
  ])('refused: %s', async (_, change, message) => {
    await expect(project.pin({ ...DECLARATION, ...change })).rejects.toThrow(message);
  });

  test.each<[string, object, RegExp]>([
    ['a name that comes twice', { mutate: 'duplicate' }, /lists the tool "loose" twice/],
    ['a list without an end', { endless: true }, /list of tools has more than 200 pages/],
  ])('refused: %s', async (_, orders, message) => {
    project.order(orders as never);
    await expect(project.pin(DECLARATION)).rejects.toThrow(message);
  });
});

describe('opening', () => {
  test.each([
    ['name', 'call echo: is gone'],
    ['title', 'call echo: title or annotations: contract was sha256'],
    ['description', 'call echo: description: was "Gives back what it was given.", is "Gives back'],
    ['inputSchema', 'call echo: input schema at "/properties/text/type": was "string", is "number"'],
    ['outputSchema', 'call echo: output schema at "/properties/pid/type": was "integer", is "number"'],
    ['annotations', 'call echo: title or annotations: contract was sha256'],
    ['unknown annotation', 'call echo: title or annotations: contract was sha256'],
    ['server name', 'server: was "fixture 1.0", is "other 1.0"'],
    ['server version', 'server: was "fixture 1.0", is "fixture 1.1"'],
    ['probe', 'probe version at "/solver_version": was "2.21", is "2.22"'],
  ])('another %s is drift', async (mutate, what) => {
    const tool = await project.pin(DECLARATION);
    rmSync(project.path('probed'));
    project.order({ mutate });
    expect(await project.tools.open(tool)).toMatchObject({
      ok: false,
      error: {
        code: 'TOOL_DRIFT',
        message: expect.stringContaining(what),
        hint: expect.stringContaining('expctl tools pin fixture'),
      },
    });
    expect(existsSync(project.path('probed'))).toBe(mutate === 'probe'); // nothing is called of another contract
  });

  test.each(['extra', 'icons'])('%s that nobody calls or sees are no drift', async (mutate) => {
    const tool = await project.pin(DECLARATION);
    project.order({ mutate });
    await project.open(tool);
  });

  test('another program is not even started', async () => {
    const tool = await project.pin(DECLARATION);
    const started = project.pids().length;
    appendFileSync(project.path('server.mjs'), '\n');
    expect(await project.tools.open(tool)).toMatchObject({ error: { code: 'TOOL_DRIFT' } });
    expect(project.pids()).toHaveLength(started);
  });
});

describe('a server that is killed while it is opened', () => {
  test('is started again: no call was sent to it', async () => {
    const tool = await project.pin(DECLARATION);
    project.order({ die: 'killed', first: 2, last: 5 });
    const session = await project.open(tool);
    expect(await session.call(project.call('echo'))).toMatchObject({ kind: 'answer' });
    expect(project.pids()).toHaveLength(1 + 4 + 1);
  });

  test('is given up after five starts', async () => {
    const tool = await project.pin(DECLARATION);
    project.order({ die: 'killed', first: 2, last: 99 });
    const message = 'The tool fixture does not run. It ended (killed by SIGKILL). It wrote nothing to standard error.';
    expect(await project.tools.open(tool)).toMatchObject({ error: { code: 'TOOL_UNAVAILABLE', message } });
    expect(project.pids()).toHaveLength(1 + 5);
  });

  test('one that ends by itself is not started again', async () => {
    const tool = await project.pin(DECLARATION);
    project.order({ die_at: [2] });
    expect(await project.tools.open(tool)).toMatchObject({ error: { code: 'TOOL_UNAVAILABLE' } });
    expect(project.pids()).toHaveLength(1 + 1);
  });
});

describe('a server that does not come up', () => {
  async function problem(orders: object): Promise<unknown> {
    project.order(orders as never);
    const declaration = ToolDeclaration.parse(DECLARATION);
    const result = await project.tools.discover('fixture', declaration);
    return result.ok
      ? 'it came up'
      : { code: result.error.code, message: result.error.message, hint: result.error.hint };
  }

  test('its last words are shown, and known ones explained', async () => {
    expect(await problem({ die: 'import' })).toEqual({
      code: 'TOOL_UNAVAILABLE',
      message: expect.stringMatching(
        /^The tool fixture does not run\. It ended \(exit status 1\)\. The server wrote: Traceback .*no attribute 'list_tools'/s,
      ),
      hint: expect.stringContaining('mcp<2'),
    });
  });

  test('what it writes to standard output before the protocol is named', async () => {
    expect(await problem({ die: 'garbage' })).toEqual({
      code: 'TOOL_UNAVAILABLE',
      message: expect.stringContaining('It wrote to standard output what is no MCP message: "Loading model..."'),
      hint: expect.stringContaining('Standard output of a server is for MCP messages alone'),
    });
  });
});

describe('the end of a session', () => {
  test('a server that ignores both a closed input and SIGTERM is ended all the same', async () => {
    project.order({ stubborn: true });
    const session = await project.open(await project.pin(DECLARATION));
    expect(project.left()).toHaveLength(1);
    await session.close();
    expect(project.left()).toEqual([]);
  });

  test('a closed session starts no server again', async () => {
    const session = await project.open(await project.pin(DECLARATION));
    await session.close();
    const started = project.pids().length;
    const message = 'The session is closed; nothing was sent.';
    expect(await session.call(project.call('echo'))).toMatchObject({ kind: 'failure', class: 'cancelled', message });
    expect(project.pids()).toHaveLength(started);
  });
});
