import { performance } from 'node:perf_hooks';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { type JSONRPCMessage, McpError, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import { ExpctlError, messageOf } from '../../base/error.ts';
import type { JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { SendingFault } from '../../engines/ports.ts';
import type { PinnedTool } from '../../ir/tools.ts';
import { wasKilled } from '../tools-group.ts';
import { findExecutable, notFound, toolEnvironment } from '../tools-program.ts';
import { endInWords, printable, printableEnd, quoted } from '../tools-text.ts';
import { ListedTools, type ListedTool } from './contract.ts';
import { GroupTransport } from './transport.ts';
import { FaultyWire } from './wire.ts';

/** To start, to list and to tell its version: a server that imports a CAD kernel takes several seconds on a busy machine. */
const START_MS = 60_000;
const PING_MS = 5000;
const LIST_PAGES = 200;
/** The longest time that a timer of Node can hold; the limit of a call is kept outside the SDK. */
const NEVER_MS = 2 ** 31 - 1;

/** A tool's result, with nothing dropped and little demanded: what is wrong with it is found later and said in words. */
const CallResult = z.looseObject({
  content: z.array(z.looseObject({ type: z.string() })).default([]),
  structuredContent: z.unknown().optional(),
  isError: z.boolean().optional(),
  resultType: z.unknown().optional(),
});
export type CallResult = z.infer<typeof CallResult>;

/** What came back for a request: a result, the server's refusal, or something that is no result. */
export type Reply =
  | { readonly kind: 'result'; readonly result: CallResult }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'malformed'; readonly message: string };

/** A fault of one call; `reply` is what nobody heard. */
export interface CallFault extends Pick<SendingFault, 'kind' | 'after_ms'> {
  readonly struck: (reply: Reply | null, release: () => void) => void;
}

export interface ServerOptions {
  readonly name: string;
  readonly project_folder: string;
  readonly transport: Pick<PinnedTool['transport'], 'command' | 'env'>;
  readonly log: (line: string) => void;
  /** Ends the server, one that is being started too. */
  readonly given_up?: AbortSignal;
}

/**
 * One running server, from its start to its end. No capability is declared, so sampling, elicitation and roots are refused: they
 * would be a way around what was approved.
 */
export class McpConnection {
  readonly #client: Client;
  readonly #transport: GroupTransport;
  readonly #name: string;
  /** The server said that its list of tools changed, and it was not compared since. */
  stale = false;
  /** A call ran out of time or was given up: the server may hang. */
  suspect = false;
  in_flight = 0;

  private constructor(client: Client, transport: GroupTransport, options: ServerOptions) {
    this.#client = client;
    this.#transport = transport;
    this.#name = options.name;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      this.stale = true;
    });
    client.onerror = (error) => options.log(`expctl: ${quoted(error.message)}`);
  }

  /** Starts the server and greets it. TOOL_UNAVAILABLE, with the end of its standard error, when that fails. */
  static async start(options: ServerOptions): Promise<Result<McpConnection>> {
    const { project_folder, transport: pinned } = options;
    const program = { project_folder, command: pinned.command, env: pinned.env };
    const executable = findExecutable(program);
    if (executable === undefined) return err(notFound(options.name, program));
    const group = {
      argv: [executable, ...pinned.command.slice(1)],
      cwd: project_folder,
      env: toolEnvironment(pinned.env),
    };
    const transport = new GroupTransport(group, options.log);
    const client = new Client({ name: 'expctl', version: '1' });
    const connection = new McpConnection(client, transport, options);
    options.given_up?.addEventListener('abort', () => void connection.close(), { once: true });
    try {
      await client.connect(transport, { timeout: START_MS });
      return ok(connection);
    } catch (error) {
      return err(await connection.unavailable(error));
    }
  }

  get server(): { name: string; version: string } {
    const { name, version } = this.#client.getServerVersion() ?? { name: '', version: '' };
    return { name, version };
  }

  get dead(): boolean {
    return this.#transport.down;
  }

  /** Bytes of standard error so far, and what came after a mark. */
  get stderr(): { readonly total: number; since(mark: number): Buffer } {
    return this.#transport.stderr;
  }

  /** All tools, page by page. A name that comes twice is an error: nobody could say which one is called. */
  async list(): Promise<Result<ReadonlyMap<string, ListedTool>>> {
    const tools = new Map<string, ListedTool>();
    const until = performance.now() + START_MS;
    let cursor: string | undefined;
    this.stale = false;
    try {
      for (let page = 0; page < LIST_PAGES; page += 1) {
        const params = cursor === undefined ? {} : { cursor };
        const timeout = Math.max(1, until - performance.now());
        const listed = await this.#client.request({ method: 'tools/list', params }, ListedTools, { timeout });
        for (const tool of listed.tools) {
          if (tools.has(tool.name)) return err(this.#unusable(`It lists the tool ${quoted(tool.name)} twice.`));
          tools.set(tool.name, tool);
        }
        cursor = listed.nextCursor;
        if (cursor === undefined) return ok(tools);
      }
      return err(this.#unusable(`Its list of tools has more than ${LIST_PAGES} pages.`));
    } catch (error) {
      if (this.dead) return err(await this.unavailable(error));
      return err(this.#unusable(`Its list of tools cannot be used: ${printable(reasonOf(error), 500)}`));
    }
  }

  /**
   * Calls a tool. Undefined when no answer came and none will be heard: `signal` was aborted (the server is told that the call is
   * cancelled), or the server ended.
   */
  async call(name: string, args: JsonObject, signal: AbortSignal, fault?: CallFault): Promise<Reply | undefined> {
    this.in_flight += 1;
    try {
      const request = { method: 'tools/call', params: { name, arguments: args } } as const;
      if (fault !== undefined) this.#arm(request.params, fault);
      // Progress never extends the limit, for the SDK's timer is out of the game.
      return { kind: 'result', result: await this.#client.request(request, CallResult, { signal, timeout: NEVER_MS }) };
    } catch (error) {
      if (signal.aborted) {
        this.suspect = true;
        return undefined;
      }
      if (this.dead) return undefined;
      const message = printable(reasonOf(error));
      return error instanceof McpError ? { kind: 'refused', message } : { kind: 'malformed', message };
    } finally {
      this.in_flight -= 1;
    }
  }

  #arm(params: object, { struck, ...fault }: CallFault): void {
    this.#transport.wire ??= new FaultyWire(() => this.#transport.kill());
    this.#transport.wire.arm(params, {
      ...fault,
      struck: (response, release) => struck(response === null ? null : replyOf(response), release),
    });
  }

  /** The answer of the version probe; undefined where it gives none. */
  async probe(call: string): Promise<Reply | undefined> {
    return this.call(call, {}, AbortSignal.timeout(START_MS));
  }

  /** Whether the server still hears. A server of one thread does not while it computes; so ask only when no call is out. */
  async answers(): Promise<boolean> {
    return this.#client.ping({ timeout: PING_MS }).then(
      () => {
        this.suspect = false;
        return true;
      },
      () => false,
    );
  }

  /** How the server ended, in sentences; waits until nothing of it is left. */
  async obituary(): Promise<string> {
    await this.#transport.ended;
    const { fault, end, stderr } = this.#transport;
    const parts = [
      fault,
      end === null ? null : (end.not_started ?? `It ended (${endInWords(end.status, end.signal)}).`),
      stderr.total === 0 ? 'It wrote nothing to standard error.' : `The server wrote: ${printableEnd(stderr.text())}`,
      hintOf(stderr.text()),
    ];
    return parts.filter((part) => part !== null).join(' ');
  }

  /** The error for a server that does not come up or does not stay up; ends it. `killed` says that somebody else ended it. */
  async unavailable(error: unknown): Promise<ExpctlError> {
    const alive = !this.dead;
    await this.close();
    const { fault, end } = this.#transport;
    const killed = !alive && fault === null && end !== null && wasKilled(end);
    const why = alive ? `${printable(reasonOf(error), 500)} ${await this.obituary()}` : await this.obituary();
    const hint =
      hintOf(this.#transport.stderr.text()) ??
      (this.#transport.fault === null
        ? 'Start its command by hand, in the project folder, to see why; relative paths count from there.'
        : 'Standard output of a server is for MCP messages alone; let it write its log to standard error.');
    return new ExpctlError('TOOL_UNAVAILABLE', `The tool ${this.#name} does not run. ${why}`, {
      hint,
      details: { killed },
    });
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  #unusable(why: string): ExpctlError {
    return new ExpctlError('TOOL_UNAVAILABLE', `The tool ${this.#name} cannot be used. ${why}`, {
      hint: 'The server does not keep to the protocol; update it, or tell its authors.',
    });
  }
}

/** What a response would have been to the client. */
function replyOf(response: JSONRPCMessage): Reply {
  if ('error' in response) return { kind: 'refused', message: printable(response.error.message) };
  const result = CallResult.safeParse('result' in response ? response.result : null);
  return result.success
    ? { kind: 'result', result: result.data }
    : { kind: 'malformed', message: printable(reasonOf(result.error)) };
}

/** The Python package mcp dropped in version 2 what many servers are written with; they end while they are imported. */
function hintOf(stderr: string): string | null {
  if (!/'Server' object has no attribute 'list_tools'|No module named 'mcp\.server\.fastmcp'/.test(stderr)) return null;
  return "The server needs version 1 of the Python package mcp: install `mcp<2` into the server's environment.";
}

function reasonOf(error: unknown): string {
  return error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
}
