import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExpctlError } from '../../base/error.ts';
import type { Json, JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { ToolDiscovery, ToolHost, ToolSession } from '../../engines/ports.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import type { LockedTool } from '../../ir/lock.ts';
import type { PinnedCall, PinnedTool, ToolDeclaration } from '../../ir/tools.ts';
import { isArtifactName } from '../tools-artifacts.ts';
import { firstDifference } from '../tools-difference.ts';
import { driftError } from '../tools-drift.ts';
import { CallLimit, type ToolSurroundings } from '../tools-ends.ts';
import { probeFacts } from '../tools-answer.ts';
import { findExecutable, notFound, pinProgram, programDrift } from '../tools-program.ts';
import { compileSchema } from '../tools-schema.ts';
import { quoted } from '../tools-text.ts';
import { templateProblem } from './argv.ts';
import { judge } from './judge.ts';
import { Scratch } from './run.ts';
import { ProcessSession } from './session.ts';
import { prepareCall, startCall } from './start.ts';

const PROBE_S = 60;

/** Programs that are started once for each call, with arguments and standard input; no shell. */
export class ProcessTools implements ToolHost, ToolDiscovery {
  readonly #surroundings: ToolSurroundings;

  constructor(surroundings: ToolSurroundings) {
    this.#surroundings = surroundings;
  }

  async open(tool: LockedTool): Promise<Result<ToolSession>> {
    const { name, pinned } = tool;
    const { command, env } = pinned.transport;
    const program = { project_folder: this.#surroundings.project_folder, command, env };
    const moved = await programDrift(program, pinned.program);
    for (const [call, pin] of Object.entries(pinned.calls)) {
      if (contractDigest(call, pin) !== pin.contract_sha256)
        moved.push(`call ${call}: its contract is not the one of its digest`);
    }
    if (moved.length > 0) return err(driftError(name, moved));
    if (findExecutable(program) === undefined) return err(notFound(name, program));
    if (pinned.probe !== null) {
      const { call, answer: before } = pinned.probe;
      const answer = await this.#probe(name, pinned, call);
      if (!answer.ok) return answer;
      const difference = firstDifference(before as JsonObject, answer.value, '');
      if (difference !== null) return err(driftError(name, [`probe ${call}${difference}`]));
    }
    return ok(new ProcessSession(tool, this.#surroundings));
  }

  /** A program tells nothing of itself: its contract is what the declaration says, its identity what the probe answers. */
  async discover(name: string, declaration: ToolDeclaration): Promise<Result<PinnedTool>> {
    const { command, env = {} } = declaration.process!;
    const problem = declarationProblem(declaration);
    if (problem !== null) return err(invalid(name, problem));
    const program = { project_folder: this.#surroundings.project_folder, command, env };
    if (findExecutable(program) === undefined) return err(notFound(name, program));
    const digests = await pinProgram(name, program, declaration.files ?? []);
    if (!digests.ok) return digests;
    const transport: PinnedTool['transport'] = { kind: 'process', command, env };
    const calls = Object.fromEntries(
      Object.entries(declaration.calls).map(([call, declared]) => [call, pinCall(call, declared)]),
    );
    const pinned: PinnedTool = { transport, program: digests.value, server: null, probe: null, calls };
    if (declaration.version === undefined) return ok(pinned);
    const { call } = declaration.version;
    const answer = await this.#probe(name, pinned, call);
    return answer.ok ? ok({ ...pinned, probe: { call, answer: answer.value } }) : answer;
  }

  async #probe(name: string, pinned: PinnedTool, call: string): Promise<Result<JsonObject>> {
    const unavailable = (why: string) =>
      err(
        new ExpctlError('TOOL_UNAVAILABLE', `The version probe ${call} of tool ${name} failed. ${why}`, {
          hint: 'Start its command by hand to see why; the probe is called without arguments.',
        }),
      );
    if (!Object.hasOwn(pinned.calls, call)) return unavailable('It is not among the pinned calls.');
    const folder = await mkdtemp(join(tmpdir(), 'expctl-'));
    const limit = new CallLimit({ timeout_s: PROBE_S, signal: new AbortController().signal });
    try {
      const work_folder = join(folder, 'work');
      await mkdir(work_folder);
      const { project_folder, log } = this.#surroundings;
      const prepared = prepareCall({ project_folder, pinned, call, args: {}, work_folder });
      if (!prepared.ok) return unavailable(prepared.error.message);
      const scratch = new Scratch(folder);
      const run = await startCall(prepared.value, { scratch, limit, log: (line) => log(name, line) });
      if (run.end.not_started !== null) return unavailable(run.end.not_started);
      if (run.unkept !== null) return err(run.unkept);
      if (run.stopped || run.fault !== null) return unavailable(run.fault ?? limit.reason);
      const answer = await judge(run, prepared.value.output, work_folder, null);
      return answer.ok ? ok(probeFacts(answer.value)) : unavailable(answer.error.message);
    } finally {
      limit.release();
      await rm(folder, { recursive: true, force: true });
    }
  }
}

type DeclaredCall = ToolDeclaration['calls'][string];

function pinCall(name: string, declared: DeclaredCall): PinnedCall {
  const pinned = {
    effect: declared.effect,
    key: declared.key ?? null,
    description: declared.description ?? '',
    input: declared.input ?? { type: 'object' },
    answer: declared.answer ?? null,
    argv: declared.argv ?? [],
    output: declared.output ?? { stdout: 'json' as const, files: [], deny: [], exit: [0] },
  };
  return { ...pinned, contract_sha256: contractDigest(name, pinned) };
}

/** SHA-256 of the canonical JSON of name, description, input, answer, argv and output; all of it from the declaration. */
function contractDigest(name: string, call: Omit<PinnedCall, 'contract_sha256'>): string {
  const { description, input, answer, argv, output } = call;
  return createHash('sha256').update(canonicalJson({ name, description, input, answer, argv, output })).digest('hex');
}

/** What in a declaration could never work; null when nothing. */
function declarationProblem({ calls, version }: ToolDeclaration): string | null {
  if (Object.keys(calls).length === 0)
    return 'A process tool must declare its calls: a program cannot be asked for them.';
  if (version !== undefined && !Object.hasOwn(calls, version.call)) {
    return `The version probe ${quoted(version.call)} is not among its calls.`;
  }
  for (const [name, call] of Object.entries(calls)) {
    const problem = callProblem(call);
    if (problem !== null) return `Call ${name}: ${problem}`;
  }
  return null;
}

function callProblem({ argv = [], output, answer }: DeclaredCall): string | null {
  for (const element of argv) {
    const problem = templateProblem(element);
    if (problem !== null) return problem;
  }
  const file = output?.files.find(({ name }) => !isArtifactName(name));
  if (file !== undefined) {
    return `The file name ${quoted(file.name)} cannot be used: letters, digits, \`.\`, \`_\`, \`-\`, and \`/\` between folders.`;
  }
  const check = answer === undefined ? ok(null as Json) : compileSchema(answer);
  return check.ok ? null : check.error;
}

function invalid(name: string, message: string): ExpctlError {
  return new ExpctlError('TOOLS_INVALID', `Tool ${name}: ${message}`, {
    hint: `Correct the declaration of ${name} in tools.yaml.`,
  });
}
