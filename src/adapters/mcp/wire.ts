import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { SendingFault } from '../../engines/ports.ts';

/** A fault of one request. */
export interface WireFault extends Pick<SendingFault, 'kind' | 'after_ms'> {
  /** Told once; the message is the server's response, null where there was none. */
  readonly struck: (response: JSONRPCMessage | null, release: () => void) => void;
}

interface Armed extends WireFault {
  has_struck: boolean;
}

/**
 * Breaks single requests on purpose, between the client and the server, for the conformance kit. That a response was read is the one
 * sure sign that a server has executed: so an answer is lost here behind it, not by guessing how long the server may need.
 */
export class FaultyWire {
  readonly #kill: () => void;
  readonly #armed = new Map<unknown, Armed>();
  readonly #out = new Map<RequestId, Armed>();

  constructor(kill: () => void) {
    this.#kill = kill;
  }

  /** @param params of the request: the very object that is sent */
  arm(params: object, fault: WireFault): void {
    this.#armed.set(params, { ...fault, has_struck: false });
  }

  /** Whether a message of the client is written. */
  outgoing(message: JSONRPCMessage): boolean {
    if (!('method' in message && 'id' in message)) return true;
    const fault = this.#armed.get(message.params);
    if (fault === undefined) return true;
    this.#armed.delete(message.params);
    if (fault.kind === 'drop_request') {
      strike(fault, null);
      return false;
    }
    this.#out.set(message.id, fault);
    if (fault.kind === 'kill_after') setTimeout(() => this.#killFor(fault, null), fault.after_ms ?? 0).unref();
    return true;
  }

  /** Whether a message of the server is heard. */
  incoming(message: JSONRPCMessage, deliver: () => void): boolean {
    const fault = 'method' in message || message.id === undefined ? undefined : this.#out.get(message.id);
    if (fault === undefined) return true;
    if (fault.kind === 'kill_on_answer' || fault.kind === 'kill_after') this.#killFor(fault, message);
    else strike(fault, message, fault.kind === 'hold_answer' ? deliver : undefined);
    return false;
  }

  #killFor(fault: Armed, response: JSONRPCMessage | null): void {
    if (!fault.has_struck) this.#kill();
    strike(fault, response);
  }
}

function strike(fault: Armed, response: JSONRPCMessage | null, release: () => void = () => {}): void {
  if (fault.has_struck) return;
  fault.has_struck = true;
  fault.struck(response, release);
}
