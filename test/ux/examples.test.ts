import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { BeamLike } from './beam-like.ts';
import { allCommands, callsIn, type Described, examplesIn, helpApp } from './help.ts';

const commands = await allCommands();
const { stdout: top } = await helpApp().run(['--help']);

test('every command that is called has examples, each of which calls it', () => {
  for (const { path, help } of commands) {
    const examples = examplesIn(help);
    expect(examples.length, path).toBeGreaterThan(0);
    for (const example of examples) expect(callsIn(example)[0]?.join(' ').startsWith(path), example).toBe(true);
  }
});

/** The command that a line calls, and what it makes of the words behind: commander keeps what it does not know. */
function parsed(args: readonly string[]): { described: Described | undefined; unknown: string[]; operands: string[] } {
  const named = (length: number) => commands.find(({ path }) => path === args.slice(0, length).join(' '));
  const described = named(2) ?? named(1);
  const rest = args.slice(described?.path.split(' ').length ?? 0);
  return { described, ...(described?.command.parseOptions([...rest]) ?? { unknown: [], operands: [] }) };
}

const all = [...new Set([...commands.flatMap(({ help }) => examplesIn(help)), ...firstExperiment()])];

/** The lines of the top-level help; what stands behind two spaces is their explanation. */
function firstExperiment(): string[] {
  return [...top.matchAll(/^ {2}\$ (.*?) {2,}\S/gm)].map(([, line]) => line!);
}

test('the top-level help begins with a first experiment, and says how to ask on', () => {
  expect(firstExperiment().length).toBeGreaterThanOrEqual(5);
  expect(top.indexOf('A first experiment:')).toBeLessThan(top.indexOf('Options:'));
  expect(top).toContain('expctl help COMMAND');
  expect(Math.max(...top.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});

test.each(all)('%s: command, options and arguments exist', (example) => {
  for (const args of callsIn(example)) {
    const { described, unknown, operands } = parsed(args);
    expect(described?.isGroup, args.join(' ')).toBe(false);
    expect(unknown, args.join(' ')).toEqual([]);
    const { registeredArguments } = described!.command;
    expect(operands.length).toBeGreaterThanOrEqual(registeredArguments.filter(({ required }) => required).length);
    const takesMore = registeredArguments.some(({ variadic }) => variadic);
    if (!takesMore) expect(operands.length).toBeLessThanOrEqual(registeredArguments.length);
  }
});

/** What is not done here: a process that goes on behind the test, a model, and a server that may be on this machine or not. */
const NOT_RUN = [/--detach/, /^expctl plan /, /^expctl server (up|status)/, /^expctl worker/];

/** Other statuses than 0: the run waits at its gate, and nobody sits at a terminal. */
const STATUS: readonly (readonly [RegExp, number])[] = [
  [/--wait$/, 0],
  [/^expctl (run|resume|watch|gate$|gate beam-4f2a9c10$)/, 5],
  // Nothing failed, or is unresolved, in this run.
  [/^expctl retry/, 2],
  [/^expctl resolve .*--as/, 2],
  [/^expctl init$|^expctl init --save-answers/, 2],
];

const ANSWERS = `goal: Lightest beam.
call.1: beam/solve
solve.b.min: 5
solve.b.max: 20
solve.h.min: 8
solve.h.max: 30
`;

const TOOLS_TEST = 'tools: { beam: { calls: { solve: { with: { b: 10, h: 20 } } } } }\n';

/** What an example needs beyond the project as it stands. */
const NEEDS: readonly (readonly [RegExp, (beam: BeamLike) => unknown])[] = [
  [/^expctl tools add/, ({ project }) => realServer(project)],
  [/^expctl tools test .*--yes/, ({ project }) => writeFileSync(join(project, 'tools.test.yaml'), TOOLS_TEST)],
  [/--wait$/, (beam) => beam.succeed(0, 'gate', '--outcome', 'continue')],
  [/answers\.yaml/, ({ project }) => writeFileSync(join(project, 'answers.yaml'), ANSWERS)],
];

/** The server of examples/beam, under both names, in the place of the tool that is declared. */
function realServer(project: string): void {
  const examples = fileURLToPath(new URL('../../examples', import.meta.url));
  rmSync(join(project, 'tools.yaml'));
  symlinkSync(examples, join(project, 'examples'));
  symlinkSync(join(examples, 'beam/server.js'), join(project, 'server.js'));
}

describe('performed where the run beam-4f2a9c10 waits at its gate', () => {
  let prepared: BeamLike;
  beforeAll(async () => {
    prepared = await BeamLike.make();
  });
  afterAll(() => prepared.remove());

  test.each(all.filter((example) => !NOT_RUN.some((pattern) => pattern.test(example))))('%s', async (example) => {
    const beam = prepared.copy();
    onTestFinished(() => beam.remove());
    for (const [pattern, prepare] of NEEDS) if (pattern.test(example)) await prepare(beam);
    const places: Readonly<Record<string, string>> = {
      '/etc/expctl/trust.json': beam.trust,
      '/shared/store': beam.store,
      '/backup/project/.expctl': beam.store,
      '/mnt/safe/beam-4f2a9c10.checkpoint': join(beam.store, 'checkpoints/beam-4f2a9c10.checkpoint'),
    };
    const args = callsIn(example)[0]!.map((word) => places[word] ?? word.replace(/^~/, beam.home));
    const cwd = / beam\.(plan|lock)\./.test(example) ? join(beam.project, 'plans') : beam.project;
    const { status, stdout, stderr } = await beam.run(args, { cwd });
    const expected = STATUS.find(([pattern]) => pattern.test(example))?.[1] ?? 0;
    expect(status, `${stdout}${stderr}`).toBe(expected);
  });
});
