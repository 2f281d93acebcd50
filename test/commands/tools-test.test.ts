import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ConformanceReport } from '../../src/ir/conformance.ts';
import { assertGolden } from '../golden.ts';
import { processesIn } from '../conformance/support.ts';
import { type Circumstances, type Ended, TestApp } from './support.ts';

/*
 * `expctl tools test` on the tools of test/fixtures/tools/keyed.mjs, with real processes: a server `keyed` with the calls submit (by_key),
 * look and jobs (pure), honest unless `orders.json` names a lie. What each case finds is in test/conformance.
 */

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

const TOOLS = `tools:
  keyed:
    mcp: { command: [node, keyed-server.mjs] }
    calls:
      submit: { effect: by_key, key: { argument: idempotency_key } }
      look: { effect: pure }
      jobs: { effect: pure }
`;

const TEST = `tools:
  keyed:
    timeout: 20s
    calls:
      submit:
        with: { name: first, size: 1 }
        other: { name: first, size: 2 }
        count: { call: jobs }
`;

let root: string;
let project: string;

beforeEach(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-test-')));
  project = join(root, 'project');
  mkdirSync(project);
  for (const name of ['keyed.mjs', 'keyed-server.mjs', 'keyed-program.mjs']) {
    copyFileSync(fileURLToPath(new URL(`../fixtures/tools/${name}`, import.meta.url)), join(project, name));
  }
  write('tools.yaml', TOOLS);
  write('orders.json', '{"work_ms":5}');
  await run('pin');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(name: string, text: string): void {
  writeFileSync(join(project, name), text);
}

function read(name: string): string {
  return readFileSync(join(project, name), 'utf8');
}

function run(line: string, more: Circumstances = {}): Promise<Ended> {
  return new TestApp({ cwd: project, ...more }, root).run(['tools', ...line.split(' ')]);
}

/** How often anything but a count reached the tool. */
function sendings(): number {
  return existsSync(join(project, 'sendings.log')) ? read('sendings.log').trim().split('\n').length : 0;
}

describe('what must be there before anything is called', () => {
  test('without arguments: which calls, and a file to write', async () => {
    const { status, stdout, stderr } = await run('test keyed --yes');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    assertGolden('commands/tools-test-missing.txt', stderr);
    expect(sendings()).toBe(0);
  });

  test('--init writes that file; filled in, it works', async () => {
    const { status, stdout } = await run('test keyed --init');
    expect({ status, stdout }).toEqual({ status: 0, stdout: '✔ wrote tools.test.yaml: 3 calls\n' });
    assertGolden('commands/tools-test-init.yaml', read('tools.test.yaml'));
    const unfilled = await run('test keyed --yes');
    expect(unfilled.status).toBe(2);
    expect(unfilled.stderr).toContain('tools.test.yaml:11:17: This is not filled in yet.');
    const filled = read('tools.test.yaml')
      .replace('name: FILL IN', 'name: first')
      .replace('name: FILL IN', 'name: second');
    write('tools.test.yaml', filled);
    expect((await run('test keyed --yes --count jobs --call submit')).status).toBe(0);
  });

  test('--init does not overwrite, and says what to add', async () => {
    write('tools.test.yaml', TEST);
    const { status, stderr } = await run('test keyed --init');
    expect(status).toBe(2);
    expect(stderr).toContain(
      'tools.test.yaml is there already.\n  Add to it:\n  tools:\n    keyed:\n      calls:\n        jobs: # pure',
    );
    expect(stderr).not.toContain('submit:');
    expect(read('tools.test.yaml')).toBe(TEST);
  });

  test.each([
    ['test keyde --yes', 'There is no tool keyde.\n  Did you mean keyed?'],
    ['test keyed --yes --call sumbit', 'no pinned call sumbit.\n  Did you mean submit?'],
    ['test keyed --yes --call submit --count submit', '--count submit: it is not declared `pure`'],
    ['test keyed --yes --with nothing.yaml', 'nothing.yaml'],
    ['test keyed --yes --times 0', 'whole number from 1'],
  ])('%s', async (line, message) => {
    write('tools.test.yaml', TEST);
    const { status, stderr } = await run(line);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
    expect(sendings()).toBe(0);
  });

  test('a tool that is not pinned, or not as it is declared: the command that pins it', async () => {
    write('tools.test.yaml', TEST);
    write('tools.yaml', `${TOOLS}      more: { effect: once }\n`);
    expect((await run('test keyed --yes')).stderr).toContain('Run expctl tools pin keyed');
    rmSync(join(project, 'tools.lock.json'));
    const { status, stderr } = await run('test keyed --yes');
    expect(status).toBe(2);
    expect(stderr).toContain('The tool keyed is not pinned.\n  Run expctl tools pin keyed');
  });

  test('every problem of the test file, with its place', async () => {
    write(
      'tools.test.yaml',
      `tools:
  keyed:
    setup: { a: { call: lok }, b: { call: look, until: "size ==" } }
    calls:
      sumbit: { with: {} }
      look: { with: {}, other: { size: 1 } }
      submit:
        with: { name: "=a.", size: 1, idempotency_key: x }
        other: { name: "=a.", size: 1, idempotency_key: x }
        count: { call: submit, files: "*.json" }
      jobs: { with: {}, count: { lines: a.log, value: "1" }, volatile: [size], colour: red }
`,
    );
    const { stderr } = await run('test keyed --yes');
    write('tools.test.yaml', read('tools.test.yaml').replace(', volatile: [size], colour: red', ''));
    assertGolden('commands/tools-test-problems.txt', `${stderr}---\n${(await run('test keyed --yes')).stderr}`);
    expect(sendings()).toBe(0);
  });
});

describe('effects happen', () => {
  beforeEach(() => write('tools.test.yaml', TEST));

  test('without a terminal, --yes is asked for, and nothing is called', async () => {
    const { status, stdout, stderr } = await run('test keyed --call submit');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('submit: up to 18 effects');
    expect(stderr).toContain('Add --yes if its effects may happen.');
    expect(sendings()).toBe(0);
  });

  test('at a terminal a person types what they want', async () => {
    expect((await run('test keyed --call submit', { typed: 'no\n' })).stderr).toContain('Nothing was called.');
    expect(sendings()).toBe(0);
    const { status, stderr } = await run('test keyed --call submit', { typed: 'test keyed\n' });
    expect(status).toBe(0);
    expect(stderr).toContain('To go on, type “test keyed”: ');
  });

  test('no more of them than was said, and no store is made', async () => {
    expect((await run('test keyed --call submit --yes')).status).toBe(0);
    const effects = readdirSync(join(project, 'effects')).filter((name) => name.endsWith('.json'));
    expect(effects.length).toBeLessThanOrEqual(18);
    expect(effects.length).toBeGreaterThanOrEqual(15);
    expect(existsSync(join(project, '.expctl'))).toBe(false);
  });

  test('a call that promises nothing is not called', async () => {
    write('tools.yaml', TOOLS.replace('{ effect: by_key, key: { argument: idempotency_key } }', '{ effect: once }'));
    await run('pin');
    const { status, stdout, stderr } = await run('test keyed --call submit');
    expect(status).toBe(0);
    expect(stdout).toContain('– submit (once): nothing to prove: it promises nothing');
    expect(stderr).toContain('keyed: nothing was tested.');
    expect(sendings()).toBe(0);
  });

  test('a call that is skipped says why', async () => {
    write('tools.test.yaml', TEST.replace('submit:\n', 'submit:\n        skip: it costs a licence\n'));
    expect((await run('test keyed --call submit')).stdout).toContain('– submit (by_key): skipped: it costs a licence');
  });

  test('a tool that does not start, or has changed: exit 7', async () => {
    write('keyed-server.mjs', 'process.exit(3);\n');
    const { status, stderr } = await run('test keyed --call submit --yes');
    expect(status).toBe(7);
    expect(stderr).toContain('program file "keyed-server.mjs": was sha256');
  });
});

/** A report without what differs from run to run. */
function steady(text: string): string {
  return text.replace(/job-[0-9a-f]+/g, 'job-…').replace(/count \(jobs\): .*/, 'count (jobs): …');
}

describe('what is shown', () => {
  test('all hold: a table, and where the verdict comes from', async () => {
    write(
      'tools.test.yaml',
      `${TEST}      look: { with: {} }\n      jobs: { with: {}, count: { files: "effects/*.json" } }\n`,
    );
    const { status, stdout, stderr } = await run('test keyed --yes');
    expect(status, stdout).toBe(0);
    assertGolden('commands/tools-test-holds.txt', `${stdout}--- stderr\n${stderr}`);
  });

  test('a lie: exit 6, what was sent, what came back, what to do', async () => {
    write('orders.json', '{"work_ms":5,"lie":"acts_on_other"}');
    write('tools.test.yaml', TEST);
    const { status, stdout, stderr } = await run('test keyed --yes --call submit');
    expect(status).toBe(6);
    assertGolden('commands/tools-test-refuted.txt', steady(`${stdout}--- stderr\n${stderr}`));
  });

  test('answers alone: said so', async () => {
    write('tools.test.yaml', TEST.replace(/ +count: .*\n/, ''));
    const { status, stdout, stderr } = await run('test keyed --yes --call submit');
    expect(status, stdout).toBe(0);
    expect(stdout).toContain('– submit, killed midway: not run. What it did before it was killed shows in no answer');
    expect(stderr).toContain('Seen by its answers alone');
  });

  test('what cannot be told is no success: exit 6', async () => {
    write('tools.test.yaml', TEST.replace(/ +other: .*\n/, ''));
    const { status, stdout } = await run('test keyed --yes --call submit');
    expect(status).toBe(6);
    expect(stdout).toContain('? submit, same key, other arguments: cannot be told\n    Other arguments are not given');
  });

  test('as JSON: every sending of every case, and how often it held', async () => {
    write('tools.test.yaml', TEST);
    const { status, stdout } = await run('test keyed --yes --call submit --times 2 --json');
    expect(status).toBe(0);
    const report = JSON.parse(stdout) as ConformanceReport;
    expect(report).toMatchObject({ tool: 'keyed', verdict: 'holds', calls: [{ call: 'submit', count: 'jobs' }] });
    const reset = report.calls[0]!.cases.find((each) => each.case === 'execute_then_reset');
    expect(reset).toMatchObject({ runs: 2, held: 2, verdict: 'holds', evidence: ['answers', 'count'] });
    expect(reset!.observation!.sendings).toMatchObject([
      { key: 'A', fault: 'kill_on_answer', heard: { kind: 'lost', reason: 'died' }, unheard: { kind: 'answer' } },
      { key: 'A', fault: null, heard: { kind: 'answer' }, unheard: null },
    ]);
  });
});

test('Ctrl-C ends the tool and the test: exit 130, nothing is judged', async () => {
  write('orders.json', '{"work_ms":600000}');
  write('tools.test.yaml', TEST.replace('20s', '1h'));
  const argv = ['--import', import.meta.resolve('tsx'), MAIN, 'tools', 'test', 'keyed', '--yes', '--call', 'submit'];
  const env = { PATH: process.env['PATH'] ?? '', HOME: root };
  const child = spawn(process.execPath, argv, { cwd: project, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
  while (sendings() === 0) await new Promise((done) => setTimeout(done, 20));
  expect(processesIn(project).length).toBeGreaterThan(1); // expctl and the tool
  child.kill('SIGINT');
  const status = await new Promise((done) => child.once('close', done));
  expect(status, Buffer.concat(output).toString()).toBe(130);
  expect(Buffer.concat(output).toString()).toContain('Interrupted. What was sent until now has happened.');
  expect(processesIn(project)).toEqual([]);
});

describe('setup', () => {
  test('its answers are arguments; a program is tested like a server', async () => {
    write(
      'tools.yaml',
      `tools:
  keyed:
    process: { command: [node, keyed-program.mjs] }
    calls:
      submit: { effect: by_key, key: { argument: idempotency_key }, argv: [submit] }
      look: { effect: pure, argv: [look] }
      jobs: { effect: pure, argv: [jobs] }
`,
    );
    await run('pin');
    write(
      'tools.test.yaml',
      `tools:
  keyed:
    setup:
      size: { call: look, until: "size == 1", every: 10ms }
      first: { call: submit, with: { name: "==first", size: "=size.size" } }
    calls:
      submit:
        with: { name: =first.job, size: "=size.size + 1" }
        other: { name: =first.job, size: 7 }
        count: { files: "effects/*.json" }
`,
    );
    const { status, stdout } = await run('test keyed --yes --call submit');
    expect(status, stdout).toBe(0);
    const kept = readdirSync(join(project, 'effects')).map((name) => JSON.parse(read(`effects/${name}`)) as object);
    expect(kept).toContainEqual({ name: '=first', size: 1 });
    expect(kept).toContainEqual({ name: expect.stringMatching(/^job-/) as unknown, size: 2 });
  });

  test.each([
    [
      '{ a: { call: look, until: size > 1, every: 10ms, timeout: 50ms } }',
      'The setup `a` does not work. `size > 1` does not come true',
    ],
    ['{ a: { call: submit, with: { name: =b.x } } }', 'The setup `a` does not work. `b.x`:'],
  ])('%s', async (setup, message) => {
    write('tools.test.yaml', TEST.replace('timeout: 20s', `setup: ${setup}`));
    const { status, stderr } = await run('test keyed --yes --call submit');
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});
