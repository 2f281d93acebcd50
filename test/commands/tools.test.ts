import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/ir/canonical.ts';
import { withTool } from '../../src/commands/tools-file.ts';
import { assertGolden } from '../golden.ts';
import { type Ended, TestApp } from './support.ts';

/*
 * Tools are added and pinned by starting the real fixture server of test/fixtures/tools: it has the calls echo (which takes an
 * idempotency_key), strict, loose and version, and changes as `orders.json` says.
 */

let root: string;
let project: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-test-')));
  project = join(root, 'project');
  mkdirSync(project);
  cpSync(fileURLToPath(new URL('../fixtures/tools/server.mjs', import.meta.url)), join(project, 'server.mjs'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const run = (args: readonly string[], cwd = project): Promise<Ended> => new TestApp({ cwd }, root).run(args);
const add = (...more: string[]): Promise<Ended> =>
  run(['tools', 'add', 'fixture', ...more, '--', 'node', 'server.mjs']);
const read = (name: string): string => readFileSync(join(project, name), 'utf8');
const write = (name: string, text: string): void => writeFileSync(join(project, name), text);
const order = (orders: object): void => write('orders.json', JSON.stringify(orders));

/** Servers that were started here and are still there. */
function left(): number[] {
  if (!existsSync(join(project, 'pids'))) return [];
  const pids = read('pids').trim().split('\n').map(Number);
  return pids.filter((pid) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  });
}

describe('tools add', () => {
  test('starts the server, and writes its calls, each `once`, with advice', async () => {
    const { status, stdout, stderr } = await add();
    expect(status).toBe(0);
    assertGolden('commands/tools-add.txt', `${stdout}--- stderr\n${stderr}--- tools.yaml\n${read('tools.yaml')}`);
    expect(left()).toEqual([]);
    expect(existsSync(join(project, '.expctl'))).toBe(false);
  });

  test('tools.lock.json is canonical JSON, and pins effect, contract, program and probe', async () => {
    const { status } = await add('--probe', 'version', '--call', 'loose=pure', '--call', 'echo=by_key:idempotency_key');
    expect(status).toBe(0);
    const text = read('tools.lock.json');
    const lock = JSON.parse(text);
    expect(text).toBe(canonicalJson(lock));
    const { calls, probe, program, server, transport } = lock.tools.fixture;
    expect(Object.keys(calls)).toEqual(['echo', 'loose', 'strict', 'version']);
    expect([calls.echo.effect, calls.loose.effect, calls.strict.effect, calls.version.effect]).toEqual([
      'by_key',
      'pure',
      'once',
      'pure',
    ]);
    expect(calls.echo.key).toEqual({ argument: 'idempotency_key' });
    expect(probe.call).toBe('version');
    expect(program).toEqual([{ file: 'server.mjs', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
    expect(server).toMatchObject({ name: expect.any(String) });
    expect(transport).toEqual({ kind: 'mcp', command: ['node', 'server.mjs'], env: {} });
  });

  test('as JSON is one document', async () => {
    const { stdout } = await add('--json');
    expect(JSON.parse(stdout)).toMatchObject({ name: 'fixture', declaration: { calls: { echo: { effect: 'once' } } } });
  });

  test('comments and the other tools of the file stay', async () => {
    const first =
      '  first: # here\n    mcp: { command: [node, "server.mjs"] } # so\n    calls: {echo: {effect: once}}\n';
    const before = `# ours\ntools:\n  # the first\n${first}`;
    write('tools.yaml', before);
    await run(['tools', 'pin']);
    const { status } = await add('--call', 'loose=pure');
    expect(status).toBe(0);
    const text = read('tools.yaml');
    expect(text.startsWith(`${before}  fixture:\n    mcp: { command: [ node, server.mjs ] }\n`)).toBe(true);
    expect(Object.keys(JSON.parse(read('tools.lock.json')).tools)).toEqual(['first', 'fixture']);
    expect((await run(['tools', 'pin', '--check'])).status).toBe(0);
  });

  test('from a folder below, paths count from the project', async () => {
    write('tools.yaml', 'tools: {}\n');
    mkdirSync(join(project, 'sub'));
    const { status } = await run(['tools', 'add', 'fixture', '--', 'node', '../server.mjs'], join(project, 'sub'));
    expect(status).toBe(0);
    expect(read('tools.yaml')).toContain('command: [ node, server.mjs ]');
  });

  test('a server that dies: what it wrote is shown, and nothing is written', async () => {
    order({ die: 'import' });
    const { status, stdout, stderr } = await add();
    expect({ status, stdout }).toEqual({ status: 7, stdout: '' });
    expect(stderr).toContain("AttributeError: 'Server' object has no attribute 'list_tools'");
    expect([existsSync(join(project, 'tools.yaml')), existsSync(join(project, 'tools.lock.json'))]).toEqual([
      false,
      false,
    ]);
  });

  test('a program that there is not', async () => {
    const { status, stderr } = await run(['tools', 'add', 'fixture', '--', 'no-such-program-here']);
    expect(status).toBe(7);
    expect(stderr).toContain('The program "no-such-program-here" of tool fixture was not found.');
  });

  test.each([
    [['--call', 'echo'], '`echo` does not say what a call does outside.'],
    [['--call', 'echo=sometimes'], '`echo=sometimes` does not say what a call does outside.'],
    [['--call', 'echo=by_key'], '`echo=by_key`: an argument that carries the key goes with by_key'],
    [['--call', 'echo=pure:x'], '`echo=pure:x`: an argument that carries the key goes with by_key'],
    [['--call', 'ecko=pure'], 'The server has no call ecko.\n  Did you mean echo?'],
    [['--call', 'echo=by_key:nothing'], 'takes no argument "nothing" that could carry the key.'],
    [['--probe', 'versions'], 'The server has no call versions.'],
  ])('%s', async (flags, message) => {
    const { status, stderr } = await add(...flags);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
    expect(existsSync(join(project, 'tools.yaml'))).toBe(false);
  });

  test('a name twice needs --replace', async () => {
    await add();
    const { status, stderr } = await add();
    expect(status).toBe(2);
    expect(stderr).toContain('There is a tool fixture already.');
    expect((await add('--replace', '--call', 'loose=pure')).status).toBe(0);
    expect(read('tools.yaml')).toContain('loose: { effect: pure }');
    expect(read('tools.yaml').match(/fixture:/g)).toHaveLength(1);
  });

  test('a name that is none, and a tools file with problems, before anything starts', async () => {
    expect((await run(['tools', 'add', '1st', '--', 'node', 'server.mjs'])).stderr).toContain(
      '`1st` is not a name for a tool.',
    );
    write('tools.yaml', 'tools: { a: { calls: {}, mpc: 1 } }\n');
    const { status, stderr } = await add();
    expect(status).toBe(2);
    expect(stderr).toContain('tools.yaml:1:26: `tools.a` has no key "mpc". Did you mean `mcp`?');
    expect(existsSync(join(project, 'pids'))).toBe(false);
  });
});

describe('tools pin', () => {
  beforeEach(async () => {
    await add('--probe', 'version');
  });

  test('nothing moved: nothing is written, --check passes', async () => {
    const before = read('tools.lock.json');
    expect((await run(['tools', 'pin'])).stdout).toBe('✔ fixture: nothing differs from the pins\n');
    expect(read('tools.lock.json')).toBe(before);
    expect((await run(['tools', 'pin', '--check'])).status).toBe(0);
  });

  test('what moved is told: description, input, program; --check exits 7 and writes nothing', async () => {
    order({ mutate: 'description' });
    write('server.mjs', `${read('server.mjs')}\n// one line more\n`);
    const before = read('tools.lock.json');
    const checked = await run(['tools', 'pin', '--check']);
    expect(checked.status).toBe(7);
    expect(checked.stdout).toContain('fixture.program server.mjs');
    expect(checked.stdout).toContain('+ Gives back what it was given, and sends it to a friend.');
    expect(checked.stderr).toContain('fixture: 2 differences from the pins.');
    expect(read('tools.lock.json')).toBe(before);
    const json = await run(['tools', 'pin', '--check', '--json']);
    expect(JSON.parse(json.stdout).error.details.changes).toHaveLength(2);
    const { status, stdout } = await run(['tools', 'pin', 'fixture', '--json']);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ tools: ['fixture'], written: true });
    expect(read('tools.lock.json')).not.toBe(before);
    expect((await run(['tools', 'pin', '--check'])).status).toBe(0);
  });

  test('title and annotations are in the contract alone', async () => {
    order({ mutate: 'title' });
    expect((await run(['tools', 'pin', '--check'])).stdout).toMatch(
      /fixture\/echo\.contract {2}[0-9a-f]{16} -> [0-9a-f]{16}/,
    );
  });

  test('a declaration that changed is pinned', async () => {
    write('tools.yaml', read('tools.yaml').replace('loose: { effect: once }', 'loose: { effect: pure }'));
    expect((await run(['tools', 'pin'])).stdout).toContain('fixture/loose.effect  once -> pure');
    expect(JSON.parse(read('tools.lock.json')).tools.fixture.calls.loose.effect).toBe('pure');
  });

  test('a pin without its declaration goes, unless only others are pinned', async () => {
    write('tools.yaml', read('tools.yaml').replace('fixture:', 'renamed:'));
    await run(['tools', 'pin', 'renamed']);
    expect(Object.keys(JSON.parse(read('tools.lock.json')).tools)).toEqual(['fixture', 'renamed']);
    const { stdout } = await run(['tools', 'pin']);
    expect(stdout).toContain('- fixture  mcp: node server.mjs');
    expect(Object.keys(JSON.parse(read('tools.lock.json')).tools)).toEqual(['renamed']);
  });

  test('a tool that does not start leaves the pins as they are', async () => {
    order({ die: 'import' });
    const before = read('tools.lock.json');
    expect((await run(['tools', 'pin'])).status).toBe(7);
    expect(read('tools.lock.json')).toBe(before);
  });

  test('an unknown name', async () => {
    const { status, stderr } = await run(['tools', 'pin', 'fixtur']);
    expect(status).toBe(2);
    expect(stderr).toContain('There is no tool fixtur.');
  });
});

describe('tools list starts nothing', () => {
  test('no tools', async () => {
    const { status, stdout, stderr } = await run(['tools', 'list']);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toContain('No tool is declared yet.');
  });

  test('pinned, declared only, and no longer declared', async () => {
    await add();
    const servers = read('pids');
    expect((await run(['tools', 'list'])).stdout).not.toContain('something else');
    write('tools.yaml', read('tools.yaml').replace('echo: { effect: once }', 'echo: { effect: pure }'));
    expect((await run(['tools', 'list'])).stdout).toContain('tools.yaml says something else than what is pinned');
    write('tools.yaml', 'tools: { other: { mcp: { command: [node, other.mjs] }, calls: {} } }\n');
    const { stdout } = await run(['tools', 'list']);
    expect(stdout).toContain('other: declared, not pinned.');
    expect(stdout).toContain('no longer declared');
    const { tools } = JSON.parse((await run(['tools', 'list', '--json'])).stdout);
    expect(tools.map(({ name }: { name: string }) => name)).toEqual(['other', 'fixture']);
    expect(read('pids')).toBe(servers);
  });
});

describe('withTool', () => {
  test('behind the last tool, whatever its indentation, its end, and what follows', () => {
    const of = (text: string): string => withTool(text, 'x', declaration);
    const x = (indent: string): string =>
      `${indent}x:\n${indent}  mcp: { command: [ a b, --c ] }\n${indent}  calls:\n${indent}    d.e: { effect: once }\n`;
    const a = (indent: string): string => `tools:\n${indent}a: {mcp: {command: [b]}, calls: {}}`;
    expect(of(a('  '))).toBe(`${a('  ')}\n${x('  ')}`);
    expect(of(`${a('      ')}\n`)).toBe(`${a('      ')}\n${x('      ')}`);
    expect(of(`${a('  ')}\n# the end\n`)).toMatch(/^ {2}x:$/m);
    expect(parse(of(`${a('  ')}\n# the end\n`)).tools).toHaveProperty('x');
  });

  const declaration = { mcp: { command: ['a b', '--c'] }, calls: { 'd.e': { effect: 'once' as const } } };

  test.each([
    ['no file', null],
    ['an empty map in braces', 'tools: {}\n'],
    ['a file of comments', '# nothing yet\n'],
  ])('%s', (_, text) => {
    const written = withTool(text, 'x', declaration);
    expect(written).toContain(
      'tools:\n  x:\n    mcp: { command: [ a b, --c ] }\n    calls:\n      d.e: { effect: once }\n',
    );
    if (text?.startsWith('#') === true) expect(written.startsWith('# nothing yet\n')).toBe(true);
  });
});
