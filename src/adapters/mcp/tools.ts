import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { ToolDiscovery, ToolHost, ToolSession } from '../../engines/ports.ts';
import type { LockedTool } from '../../ir/lock.ts';
import { PinnedTool, type ToolDeclaration } from '../../ir/tools.ts';
import { probeFacts } from '../tools-answer.ts';
import type { ToolSurroundings } from '../tools-ends.ts';
import { pinProgram } from '../tools-program.ts';
import { compileSchema } from '../tools-schema.ts';
import { printable, quoted } from '../tools-text.ts';
import { answerOf } from './answer.ts';
import { McpConnection, type ServerOptions } from './connection.ts';
import { type ListedTool, pinCall } from './contract.ts';
import { McpSession } from './session.ts';
import { openPinned } from './verify.ts';

/** MCP servers over standard input and output. */
export class McpTools implements ToolHost, ToolDiscovery {
  readonly #surroundings: ToolSurroundings;

  constructor(surroundings: ToolSurroundings) {
    this.#surroundings = surroundings;
  }

  async open(tool: LockedTool): Promise<Result<ToolSession>> {
    const options = this.#optionsOf(tool.name, tool.pinned.transport);
    const connection = await openPinned(tool, options);
    if (!connection.ok) return connection;
    return ok(new McpSession(tool, connection.value, options, this.#surroundings.artifacts));
  }

  async discover(name: string, declaration: ToolDeclaration): Promise<Result<PinnedTool>> {
    const { command, env = {} } = declaration.mcp!;
    const { project_folder } = this.#surroundings;
    const program = await pinProgram(name, { project_folder, command, env }, declaration.files ?? []);
    if (!program.ok) return program;
    const connection = await McpConnection.start(this.#optionsOf(name, { command, env }));
    if (!connection.ok) return connection;
    try {
      const learned = await this.#learn(name, declaration, connection.value);
      if (!learned.ok) return learned;
      const transport: PinnedTool['transport'] = { kind: 'mcp', command, env };
      return ok({ transport, program: program.value, server: connection.value.server, ...learned.value });
    } finally {
      await connection.value.close();
    }
  }

  async #learn(
    name: string,
    declaration: ToolDeclaration,
    connection: McpConnection,
  ): Promise<Result<Pick<PinnedTool, 'probe' | 'calls'>>> {
    const listed = await connection.list();
    if (!listed.ok) return listed;
    const calls: PinnedTool['calls'] = {};
    for (const call of this.#namesOf(name, declaration, listed.value)) {
      const pinned = pinListed(call, declaration, listed.value);
      if (!pinned.ok) return err(invalid(name, pinned.error));
      calls[call] = pinned.value;
    }
    if (declaration.version === undefined) return ok({ probe: null, calls });
    const { call } = declaration.version;
    if (!Object.hasOwn(calls, call))
      return err(invalid(name, `The server has no tool ${quoted(call)} to tell its version.`));
    const reply = await connection.probe(call);
    if (reply === undefined) return err(await connection.unavailable(`The version probe ${call} gives no answer.`));
    const answer = answerOf(reply, null);
    if (answer.ok) return ok({ probe: { call, answer: probeFacts(answer.value) }, calls });
    return err(invalid(name, `The version probe ${call} failed: ${answer.error.message}`));
  }

  /** The declared calls, or all that a plan could name. */
  #namesOf(name: string, declaration: ToolDeclaration, listed: ReadonlyMap<string, ListedTool>): string[] {
    const declared = Object.keys(declaration.calls);
    if (declared.length > 0) return declared;
    return [...listed.keys()].filter((call) => {
      const usable = PinnedTool.shape.calls.keyType.safeParse(call).success;
      if (!usable) this.#surroundings.log(name, `expctl: the tool ${quoted(call)} has a name that no plan can use`);
      return usable;
    });
  }

  #optionsOf(name: string, transport: ServerOptions['transport']): ServerOptions {
    const { project_folder, log } = this.#surroundings;
    const { command, env } = transport;
    return { name, project_folder, transport: { command, env }, log: (line) => log(name, line) };
  }
}

/** The error is a sentence. */
function pinListed(
  call: string,
  declaration: ToolDeclaration,
  listed: ReadonlyMap<string, ListedTool>,
): Result<PinnedTool['calls'][string], string> {
  const tool = listed.get(call);
  if (tool === undefined) {
    return err(
      `The server has no tool ${quoted(call)}; it has ${printable([...listed.keys()].slice(0, 50).join(', '), 1000)}.`,
    );
  }
  const declared = Object.hasOwn(declaration.calls, call) ? declaration.calls[call] : undefined;
  const key = declared?.key?.argument;
  if (key !== undefined && !Object.hasOwn(Object(tool.inputSchema['properties'] ?? {}), key)) {
    return err(`The tool ${quoted(call)} takes no argument ${quoted(key)} that could carry the key.`);
  }
  try {
    const pinned = pinCall(tool, declared);
    const check = pinned.answer === null ? ok(null) : compileSchema(pinned.answer);
    return check.ok ? ok(pinned) : err(`The tool ${quoted(call)} cannot be pinned. ${check.error}`);
  } catch (error) {
    return err(`The tool ${quoted(call)} cannot be pinned: ${printable(String(error), 500)}`);
  }
}

function invalid(name: string, message: string): ExpctlError {
  return new ExpctlError('TOOLS_INVALID', `Tool ${name}: ${message}`, {
    hint: `Correct \`calls\` and \`version\` of ${name} in tools.yaml, or the server.`,
  });
}
