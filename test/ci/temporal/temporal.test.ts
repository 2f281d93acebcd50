import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ApprovedLock } from '../../../src/approval/authorise.ts';
import { unwrap } from '../../../src/base/result.ts';
import type { Lock } from '../../../src/ir/lock.ts';
import { Divergence } from '../../../src/kernel/divergence.ts';
import { compileProgram, type Program } from '../../../src/kernel/program.ts';
import { RunMachine } from '../../../src/kernel/run.ts';
import type { JournalLine } from './activities.ts';
import { approvedLock, DECISION } from './approved.ts';
import { type DevServer, findTemporal, startDevServer, stopped } from './dev-server.ts';
import { runEmbedded } from './embedded.ts';
import { FakeTool } from './fake-tool.ts';
import { figuresOf } from './figures.ts';
import { decideGate, operatorSays } from './protocol.ts';
import { finishOrder, has, type Intervention, isStill, streamsOf } from './scenario.ts';
import { LOCK, TABLES } from './small-lock.ts';
import { type Execution, startWorker, TemporalRun, until } from './temporal-run.ts';

const POINTS = 6;
const PAUSE: Intervention = { kind: 'pause', by: 'carol', reason: 'lunch' };
const CANCEL: Intervention = { kind: 'cancel', by: 'carol', reason: 'enough' };
const QUIET = new DefaultLogger('ERROR');

let store: string;
let bundle: { readonly code: string; readonly file: string };
let approved: ApprovedLock<Lock>;
let program: Program;
let server: DevServer;
const workers: ChildProcess[] = [];

beforeAll(async () => {
  Runtime.install({ logger: QUIET, shutdownSignals: [] });
  store = mkdtempSync(join(tmpdir(), 'expctl-store-'));
  server = await startDevServer();
  const { code } = await bundleWorkflowCode({ workflowsPath: path('workflows.ts'), logger: QUIET });
  bundle = { code, file: join(store, 'bundle.js') };
  writeFileSync(bundle.file, code);
  approved = await approvedLock(LOCK);
  program = unwrap(compileProgram(approved.lock, new Map(Object.entries(TABLES))));
});

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => stopped(worker, 'SIGKILL')));
});

afterAll(async () => {
  await server?.stop();
  if (store !== undefined) rmSync(store, { recursive: true, force: true });
});

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

async function newWorker(): Promise<ChildProcess> {
  const worker = await startWorker(server, bundle.file, store);
  workers.push(worker);
  return worker;
}

function newRun(name: string): { run: TemporalRun; tool: FakeTool } {
  return { run: new TemporalRun(server, name, store), tool: new FakeTool(join(store, name)) };
}

/** The streams that the embedded engine gives, when points finish in the same order. */
async function embeddedStreams(run: TemporalRun, intervention: Intervention | null): Promise<Record<string, string[]>> {
  const order = finishOrder(run.journal());
  const folder = join(store, `embedded-${run.run}`);
  return streamsOf(await runEmbedded({ folder, approved, program, intervention, order }));
}

/** Every effect once: its keys are all different, and there is one for each logical attempt of each point. */
function assertEffectsOnce(tool: FakeTool): void {
  const effects = tool.effects();
  expect(new Set(effects.map(({ key }) => key)).size).toBe(effects.length);
  const names = effects.map(({ call, number }) => `${call} ${number}`).sort();
  const points = Array.from({ length: POINTS }, (_, index) => index + 1);
  const once = points.flatMap((point) => [`cad ${point}`, `submit ${point}`, `post ${point}`]);
  expect(names).toEqual([...once, 'cad 3'].sort()); // the first attempt at point 3 fails, and its second is another effect
}

/** The journal follows from the lock, as `replay` would find. */
function assertFollows(lines: readonly JournalLine[]): void {
  const machine = new RunMachine(program);
  for (const { stream, seq, event } of lines) machine.take(stream, seq, event);
  machine.close();
}

async function decide(run: TemporalRun): Promise<void> {
  await run.until('the gate is open', (lines) => has(lines, 'study', ({ type }) => type === 'gate.opened'));
  expect(await run.study.executeUpdate(decideGate, { args: [DECISION] })).toBe('taken');
}

test('without the server, says how to install it', () => {
  expect(() => findTemporal([])).toThrow(/go install github.com\/temporalio\/cli\/cmd\/temporal@v/);
});

describe('a run on Temporal', { timeout: 120_000 }, () => {
  let executions: { study: Execution[]; points: Execution[] };
  let journal: JournalLine[];

  test('has the events that the embedded engine gives, through a pause, a gate and new executions of the study', async () => {
    const { run, tool } = newRun('paused');
    const letGo = tool.holdJob(1);
    await newWorker();
    await run.start(approved, 4);
    await run.until('nothing moves', isStill);
    await expect(run.study.executeUpdate(decideGate, { args: [DECISION] })).rejects.toThrow();
    await run.study.signal(operatorSays, { type: 'run.paused', by: PAUSE.by, reason: PAUSE.reason });
    for (const stream of ['point/1', 'point/2']) {
      await run.until(`${stream} is paused`, (lines) => has(lines, stream, ({ type }) => type === 'point.paused'));
    }
    letGo();
    await run.study.signal(operatorSays, { type: 'run.resumed', by: PAUSE.by });
    await run.until('the gate is open', (lines) => has(lines, 'study', ({ type }) => type === 'gate.opened'));
    const wrong = [
      { ...DECISION, outcome: 'widen' },
      { ...DECISION, statement_sha256: 'b'.repeat(64) },
    ];
    await expect(run.study.executeUpdate(decideGate, { args: [wrong[0]!] })).rejects.toThrow();
    expect(await run.study.executeUpdate(decideGate, { args: [wrong[1]!] })).toBe('refused: not signed');
    await decide(run);
    expect(await run.study.result()).toBe('stopped');
    journal = run.journal();
    expect(streamsOf(journal)).toEqual(await embeddedStreams(run, PAUSE));
    assertFollows(journal);
    assertEffectsOnce(tool);
    executions = await run.executions(POINTS);
    expect(executions.study.length).toBeGreaterThan(2);
    console.log(JSON.stringify(figuresOf(executions, bundle.code), null, 1));
  });

  test('replays from its histories', async () => {
    const failures = await replayed(bundle.code, [...executions.study, ...executions.points]);
    expect(failures).toEqual([]);
  });

  test('does not replay with workflows that do the same in another order', async () => {
    const code = changed('commands.flatMap(', 'commands.reverse().flatMap(');
    const violations = executions.points.map(({ workflowId }) => `${workflowId}: DeterminismViolationError`);
    expect(await replayed(code, executions.points)).toEqual(violations);
  });

  test('replays on the server with other arguments, which only the journal shows', async () => {
    const code = changed('send(run, point, command, ', "send(run, point, { ...command, call: 'fake/format-disk' }, ");
    expect(await replayed(code, executions.points)).toEqual([]);
    const altered = journal.map((line): JournalLine => {
      const { event } = line;
      return event.type === 'effect.intended' ? { ...line, event: { ...event, call: 'fake/format-disk' } } : line;
    });
    expect(() => assertFollows(altered)).toThrow(Divergence);
  });

  test('is cancelled as the embedded engine does it', async () => {
    const { run, tool } = newRun('cancelled');
    tool.holdJob(1);
    await newWorker();
    await run.start(approved, 1000);
    await run.until('nothing moves', isStill);
    await run.study.signal(operatorSays, { type: 'run.cancelled', by: CANCEL.by, reason: CANCEL.reason });
    expect(await run.study.result()).toBe('cancelled');
    const streams = streamsOf(run.journal());
    const expected = await embeddedStreams(run, CANCEL);
    expect(Object.keys(streams)).toEqual(['point/1', 'point/2', 'study']);
    // Both points end at once, and the study hears of them in either order; that its records follow from it is checked below.
    for (const lines of [streams['study']!, expected['study']!]) lines.sort();
    expect(streams).toEqual(expected);
    assertFollows(run.journal());
  });

  test('survives the death of its worker behind an effect, and goes on with another one', async () => {
    const { run, tool } = newRun('killed');
    const answerAgain = tool.stall('submit', 2);
    const first = await newWorker();
    await run.start(approved, 4);
    const done = () => tool.effects().some(({ call, number }) => call === 'submit' && number === 2);
    await until('the effect happened', done);
    await stopped(first, 'SIGKILL');
    answerAgain();
    const second = await newWorker();
    await run.until('the gate is open', (lines) => has(lines, 'study', ({ type }) => type === 'gate.opened'));
    await stopped(second, 'SIGTERM');
    await newWorker();
    await decide(run);
    expect(await run.study.result()).toBe('stopped');
    expect(streamsOf(run.journal())).toEqual(await embeddedStreams(run, null));
    assertFollows(run.journal());
    assertEffectsOnce(tool);
    const sent = tool.sendings().filter(({ call, number }) => call === 'submit' && number === 2);
    expect(sent.length).toBeGreaterThan(1);
    expect(new Set(sent.map(({ key }) => key)).size).toBe(1);
    expect(has(run.journal(), 'point/2', ({ type }) => type === 'effect.resent')).toBe(true);
  });

  test('takes facts in the order of the history, also where its worker died before the server knew of them', async () => {
    const { run, tool } = newRun('overtaken');
    const letGo = tool.holdJob(1);
    const writeOn = tool.stallAppend('point/2', 'step.skipped');
    const first = await newWorker();
    await run.start(approved, 1000);
    await run.until('point 2 has its cad', isStill);
    await run.study.signal(operatorSays, { type: 'run.paused', by: PAUSE.by, reason: PAUSE.reason });
    await run.until('point 1 is paused', (lines) => has(lines, 'point/1', ({ type }) => type === 'point.paused'));
    await stopped(first, 'SIGKILL');
    writeOn();
    await newWorker();
    await run.until('point 2 is paused', (lines) => has(lines, 'point/2', ({ type }) => type === 'point.paused'));
    letGo();
    await run.study.signal(operatorSays, { type: 'run.resumed', by: PAUSE.by });
    await decide(run);
    expect(await run.study.result()).toBe('stopped');
    assertFollows(run.journal());
    assertEffectsOnce(tool);
  });
});

/** The workflows as another release might have them. */
function changed(text: string, replacement: string): string {
  const parts = bundle.code.split(text);
  expect(parts.length).toBe(2); // it stands there once
  return parts.join(replacement);
}

/** What is wrong, for each history that does not replay. */
async function replayed(code: string, executions: readonly Execution[]): Promise<string[]> {
  const failures: string[] = [];
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: { code } }, executions)) {
    if (error !== undefined) failures.push(`${workflowId}: ${error.name}`);
  }
  return failures;
}
