import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { type JSONRPCMessage, JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js';
import { type GroupOptions, type ProcessEnd, ProcessGroup } from '../tools-group.ts';
import { StderrRing } from '../tools-stderr.ts';
import { quoted } from '../tools-text.ts';
import type { FaultyWire } from './wire.ts';

/** Longest message of a server, in bytes: what the SDK's own transport takes. */
const MESSAGE_BYTES = 10 * 1024 * 1024;
const NEWLINE = 0x0a;
/** From the end of standard output to the end of the server, at most. */
const CLOSED_MS = 2000;

/**
 * MCP over standard input and output of a process group: one JSON message in each line.
 *
 * Unlike the SDK's own transport it ends everything that the server started, keeps the end of standard error, and takes a line that
 * is no message for what it is, a broken server: which call the line should have answered, nobody can tell.
 *
 * Source: MCP 2025-11-25, basic/transports, stdio.
 */
export class GroupTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;

  readonly stderr: StderrRing;
  /** What the server did wrong on its standard output or input; it is ended then. */
  fault: string | null = null;
  end: ProcessEnd | null = null;
  /** What stands between here and the server while faults are injected. */
  wire: FaultyWire | null = null;
  readonly #options: GroupOptions;
  #group: ProcessGroup | null = null;
  #parts: Buffer[] = [];
  #bytes = 0;
  #down = false;

  constructor(options: GroupOptions, tell: (line: string) => void) {
    this.#options = options;
    this.stderr = new StderrRing(tell);
  }

  /** No message comes from here on and none gets through. */
  get down(): boolean {
    return this.#down;
  }

  /** Resolves when nothing of the server is left. */
  get ended(): Promise<unknown> {
    return this.#group?.ended ?? Promise.resolve();
  }

  async start(): Promise<void> {
    const group = new ProcessGroup(this.#options);
    this.#group = group;
    group.child?.stdout.on('data', (chunk: Buffer) => this.#take(chunk));
    // Closed while the server lives on: no answer can come any more. When the server ends, its end is known before this.
    group.child?.stdout.once('end', () => {
      setTimeout(() => this.#fail('It closed its standard output.', 'stdin'), CLOSED_MS).unref();
    });
    group.child?.stderr.on('data', (chunk: Buffer) => this.stderr.push(chunk));
    void group.ended.then((end) => {
      this.end = end;
      this.stderr.end();
      if (this.#bytes > 0 && !this.#down) this.fault = 'It ended in the middle of a message.';
      this.#goDown();
    });
  }

  send(message: JSONRPCMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const stdin = this.#group?.child?.stdin;
      if (stdin === undefined || this.#down) return reject(new Error('The server has ended.'));
      if (this.wire?.outgoing(message) === false) return resolve();
      stdin.write(`${JSON.stringify(message)}\n`, (error) => {
        if (!error) return resolve();
        // Broken pipe: the server ends, or has closed its standard input; either way it hears nothing any more.
        this.#fail('It does not read its standard input any more.', 'stdin');
        reject(error);
      });
    });
  }

  /** Ends everything that the server started, without a word. */
  kill(): void {
    void this.#group?.stop('SIGKILL');
  }

  async close(): Promise<void> {
    this.#goDown();
    await this.#group?.stop('stdin');
    await this.ended;
  }

  #take(chunk: Buffer): void {
    let from = 0;
    while (!this.#down) {
      const end = chunk.indexOf(NEWLINE, from);
      const part = chunk.subarray(from, end === -1 ? undefined : end);
      this.#parts.push(part);
      this.#bytes += part.length;
      if (this.#bytes > MESSAGE_BYTES)
        return this.#fail(`It wrote a line of more than ${MESSAGE_BYTES} bytes.`, 'SIGKILL');
      if (end === -1) return;
      const line = Buffer.concat(this.#parts).toString('utf8');
      this.#parts = [];
      this.#bytes = 0;
      from = end + 1;
      if (line.trim() !== '') this.#takeLine(line);
    }
  }

  #takeLine(line: string): void {
    try {
      const message = JSONRPCMessageSchema.safeParse(JSON.parse(line));
      if (message.success) return this.#hand(message.data);
    } catch {
      // No JSON, or so deep that the SDK cannot even complain of it.
    }
    this.#fail(`It wrote to standard output what is no MCP message: ${quoted(line)}`, 'SIGKILL');
  }

  #hand(message: JSONRPCMessage): void {
    const deliver = () => this.onmessage?.(message);
    if (this.wire === null || this.wire.incoming(message, deliver)) deliver();
  }

  #fail(fault: string, from: 'stdin' | 'SIGKILL'): void {
    if (this.#down) return;
    this.fault = fault;
    this.#parts = [];
    void this.#group?.stop(from);
    this.#goDown();
  }

  #goDown(): void {
    if (this.#down) return;
    this.#down = true;
    this.onclose?.();
  }
}
