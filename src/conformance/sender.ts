import type { JsonObject } from '../base/json.ts';
import type { CallEnd, SendingFault, ToolSession, Unheard } from '../engines/ports.ts';
import type { Heard, Sending } from '../ir/conformance.ts';

/** How often a sending that was lost without a fault is repeated, as an engine would. */
const MOST_SENDINGS = 3;
/** What every program leaves: its streams, in which times and process ids are nothing unusual. */
const STREAM_FILES: ReadonlySet<string> = new Set(['stdout.txt', 'stderr.txt']);

/** A key of an effect, with the label by which reports call it. */
export interface TestKey {
  readonly label: string | null;
  /** 64 hexadecimal digits. */
  readonly key: string;
  /** Where a tool may work for the effect: the same folder for every sending under the key, as in a run. */
  readonly work_folder: string;
}

export interface Message {
  readonly key: TestKey;
  readonly arguments: JsonObject;
  readonly which: Sending['arguments'];
}

export interface SenderOptions {
  readonly call: string;
  readonly timeout_s: number;
  /** Aborted when the person gives up. */
  readonly signal: AbortSignal;
}

type Fault = Pick<SendingFault, 'kind' | 'after_ms'>;

/** A sending that is out. */
export interface Outstanding {
  /** What was sent and what came back; of an answer that nobody heard as much as is known when this is asked. */
  readonly ended: Promise<() => Sending>;
  /** As an engine whose patience is over. */
  giveUp(): void;
  /** Resolves once the fault has struck. */
  readonly struck: Promise<void>;
  /** Lets an answer that was held arrive. */
  release(): void;
}

/** Sends one call of a tool, with faults where they are wanted. */
export class Sender {
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Without a fault; what is lost is sent again under the same key. */
  async send(session: ToolSession, message: Message): Promise<Sending[]> {
    const sendings: Sending[] = [];
    for (let count = 1; ; count += 1) {
      const sending = (await this.start(session, message).ended)();
      sendings.push(sending);
      if (sending.heard.kind !== 'lost' || count === MOST_SENDINGS) return sendings;
      this.#options.signal.throwIfAborted();
    }
  }

  /** With a fault; then the sending is over. */
  async sendWith(session: ToolSession, message: Message, fault: Fault): Promise<Sending> {
    const out = this.start(session, message, fault);
    if (fault.kind === 'drop_request' || fault.kind === 'drop_answer') void out.struck.then(out.giveUp);
    return (await out.ended)();
  }

  start(session: ToolSession, { key, arguments: args, which }: Message, fault?: Fault): Outstanding {
    const { call, timeout_s, signal } = this.#options;
    signal.throwIfAborted();
    const over = new AbortController();
    let unheard: Unheard | null = null;
    let release = () => {};
    let strike = () => {};
    const struck = new Promise<void>((done) => {
      strike = done;
    });
    const told: SendingFault | undefined = fault && {
      ...fault,
      struck: (answered, free) => {
        [unheard, release] = [answered, free];
        strike();
      },
    };
    const ended = session.call({
      call,
      arguments: args,
      key: key.key,
      work_folder: key.work_folder,
      timeout_s,
      signal: AbortSignal.any([signal, over.signal]),
      ...(told === undefined ? {} : { fault: told }),
    });
    return {
      ended: ended.then((end) => () => ({
        key: key.label,
        arguments: which,
        fault: fault?.kind ?? null,
        heard: heardOf(end),
        unheard: unheard === null ? null : unheardOf(unheard),
      })),
      giveUp: () => over.abort(),
      struck,
      release: () => release(),
    };
  }
}

function heardOf(end: CallEnd): Heard {
  if (end.kind === 'failure') return { kind: 'failure', class: end.class, message: end.message };
  if (end.kind === 'lost') return { kind: 'lost', reason: end.reason, message: end.message };
  const files = end.artifacts.filter(({ name }) => !STREAM_FILES.has(name));
  return { kind: 'answer', answer: end.answer, files: files.map(({ name, sha256 }) => ({ name, sha256 })) };
}

function unheardOf(unheard: Unheard): Heard {
  return unheard.kind === 'answer' ? { ...unheard, files: [] } : unheard;
}
