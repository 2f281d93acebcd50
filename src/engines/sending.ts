import { ExpctlError } from '../base/error.ts';
import type { Json } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import { canonicalJson } from '../ir/canonical.ts';
import type { Outcome } from '../ir/events.ts';
import type { LockedTool } from '../ir/lock.ts';
import type { PollCommand, SendCommand } from '../kernel/point.ts';
import { effectKey } from './effect-key.ts';
import type { CallEnd, Clock, ToolHost, ToolSession } from './ports.ts';
import { Turns } from './turns.ts';
import { wait } from './wait.ts';

/** How often one effect is sent again, under its key, while nobody knows whether it happened. */
const MOST_RESENDS = 5;
/**
 * A call during which its tool ended so often is not sent again. From the second end on it is sent alone, so that calls which were
 * only beside it are not taken for what ends the tool.
 */
const MOST_DEATHS = 3;
/** A poll is a question: more patience, since a server that is away does not end the job. */
const MOST_LOST_POLLS = 20;
const FIRST_WAIT_S = 0.1;
const LONGEST_WAIT_S = 30;
/** A poll answers at once; its own time-out is that of the whole job. */
const LONGEST_POLL_S = 60;

export interface SendingDeps {
  readonly run: string;
  readonly tools: ToolHost;
  readonly clock: Clock;
  /** Names the folder in which a tool may work for the effect. */
  readonly workFolder: (point: number, step: string, attempt: number) => string | Promise<string>;
  /** Asked before each sending: whether the approval still holds. */
  readonly mayDispatch: () => Result<void>;
  /** Asked at the last moment before a call that may leave something behind: whether the run is still ours to perform. */
  readonly holds: () => Promise<Result<void>>;
  /** Notes, before it happens, that the effect is sent again. */
  readonly resent: (point: number, command: SendCommand) => Promise<void>;
  readonly pollEnded: (point: number, step: string, answer: Json) => boolean;
}

/** How a sending ended, that there was none since the approval does not hold, or that nobody waits for it any more. */
export type Sent = CallEnd | ExpctlError | 'given up';

/**
 * Sends effects to their tools, and sends them again while their end is not known; asks after jobs.
 *
 * The kernel decides on logical attempts; here only what it cannot see is repeated (a tool that died, an answer that was lost), with
 * the same key, and only for calls whose declaration allows it. For any other call the outcome stays unknown, and is said so.
 */
export class Sending {
  readonly #deps: SendingDeps;
  readonly #sessions = new Map<string, ToolSession>();
  readonly #turns = new Map<string, Turns>();

  constructor(deps: SendingDeps) {
    this.#deps = deps;
  }

  /** Starts every tool and compares it with its pin, before anything else happens. */
  async open(tools: readonly LockedTool[]): Promise<Result<void>> {
    const opened = await Promise.all(
      tools.map(async (tool) => [tool.name, await this.#deps.tools.open(tool)] as const),
    );
    for (const [name, session] of opened) if (session.ok) this.#sessions.set(name, session.value);
    for (const [, session] of opened) {
      if (session.ok) continue;
      await this.close();
      return session;
    }
    return { ok: true, value: undefined };
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.all(sessions.map((session) => session.close()));
  }

  /** @param again it may have been sent before, by a process that is gone */
  async send(point: number, command: SendCommand, signal: AbortSignal, again: boolean): Promise<Sent> {
    const repeatable = command.effect === 'pure' || command.effect === 'by_key';
    const allowed = this.#deps.mayDispatch();
    if (!allowed.ok) return allowed.error;
    if (again && !repeatable) return unknownOutcome(command, 'expctl ended before it knew the answer');
    if (again) await this.#deps.resent(point, command);
    let deaths = 0;
    for (let resends = 0; ; resends += 1) {
      const alone = deaths >= MOST_DEATHS - 1;
      const end = await this.#call(point, command, signal, alone);
      if (!isCallEnd(end) || end.kind !== 'lost' || signal.aborted) return end;
      if (!repeatable) return unknownOutcome(command, end.message);
      deaths += end.reason === 'died' ? 1 : 0;
      if (alone && deaths >= MOST_DEATHS) return quarantined(command, end, deaths);
      if (resends >= MOST_RESENDS) return neverAnswered(command, end, resends + 1);
      await wait(this.#deps.clock, Math.min(FIRST_WAIT_S * 2 ** resends, LONGEST_WAIT_S), signal);
      if (signal.aborted) return 'given up';
      await this.#deps.resent(point, command);
    }
  }

  /** Asks after a job until it has ended. @param asked told each time that it has not */
  async poll(point: number, command: PollCommand, signal: AbortSignal, asked: () => void): Promise<Sent> {
    for (let lost = 0; !signal.aborted; ) {
      const end = await this.#call(point, command, signal, false);
      if (!isCallEnd(end) || (end.kind === 'failure' && end.class !== 'transient')) return end;
      if (end.kind === 'answer') {
        if (this.#deps.pollEnded(point, command.step, end.answer)) return end;
        lost = 0;
      } else {
        lost += 1;
        if (lost > MOST_LOST_POLLS) {
          const message = `no answer to ${lost} polls: ${end.message}`;
          return { kind: 'failure', class: 'tool_broken', message, observed: end.observed };
        }
      }
      if (!signal.aborted) asked();
      await wait(this.#deps.clock, command.every_s, signal);
    }
    return 'given up';
  }

  /** One sending, alone at its tool or beside others; an error when the approval does not allow it any more. */
  async #call(point: number, command: SendCommand | PollCommand, signal: AbortSignal, alone: boolean): Promise<Sent> {
    const slash = command.call.indexOf('/');
    const tool = command.call.slice(0, slash);
    const over = await this.#turnsOf(tool).take(alone);
    try {
      const allowed = this.#deps.mayDispatch();
      if (!allowed.ok) return allowed.error;
      const work_folder = await this.#deps.workFolder(point, command.step, command.attempt);
      if (signal.aborted) return 'given up';
      const session = this.#sessions.get(tool);
      if (session === undefined) throw new Error(`the tool of ${command.call} is not open`);
      return await session.call({
        call: command.call.slice(slash + 1),
        arguments: command.arguments,
        key: effectKey(this.#deps.run, point, command),
        work_folder,
        timeout_s: command.do === 'poll' ? Math.min(command.timeout_s, LONGEST_POLL_S) : command.timeout_s,
        signal,
        begin: command.do === 'send' && command.effect === 'pure' ? undefined : this.#begin,
      });
    } finally {
      over();
    }
  }

  readonly #begin = async (): Promise<void> => {
    const held = await this.#deps.holds();
    if (!held.ok) throw held.error;
  };

  #turnsOf(tool: string): Turns {
    let turns = this.#turns.get(tool);
    if (turns === undefined) {
      turns = new Turns();
      this.#turns.set(tool, turns);
    }
    return turns;
  }
}

function isCallEnd(sent: Sent): sent is CallEnd {
  return sent !== 'given up' && !(sent instanceof ExpctlError);
}

/** What a journal can hold: an answer with a number that is not finite, say, would end the run rather than the point. */
export function outcomeOf(end: CallEnd): Outcome {
  if (end.kind !== 'answer') {
    const message = end.message.toWellFormed();
    return { ok: false, class: end.kind === 'failure' ? end.class : 'unknown_outcome', message };
  }
  try {
    canonicalJson([end.answer, end.artifacts]);
    return { ok: true, answer: end.answer, artifacts: end.artifacts };
  } catch (error) {
    return { ok: false, class: 'bad_metric', message: `the answer cannot be kept: ${(error as Error).message}` };
  }
}

/** Of a pure call nothing is left behind; of any other it is not known whether it happened. */
function neverAnswered(command: SendCommand, end: Extract<CallEnd, { kind: 'lost' }>, sendings: number): CallEnd {
  const ended = end.reason === 'timeout' ? 'timeout' : 'tool_broken';
  const message = `no answer after ${sendings} sendings under one key: ${end.message}`;
  const { observed } = end;
  return { kind: 'failure', class: command.effect === 'pure' ? ended : 'unknown_outcome', message, observed };
}

/** The rest of the run goes on without it. */
function quarantined(command: SendCommand, end: Extract<CallEnd, { kind: 'lost' }>, deaths: number): CallEnd {
  const message = `quarantined: its tool ended ${deaths} times during this call, at last with nothing else beside it: ${end.message}`;
  const { observed } = end;
  return { kind: 'failure', class: command.effect === 'pure' ? 'tool_broken' : 'unknown_outcome', message, observed };
}

function unknownOutcome(command: SendCommand, why: string): CallEnd {
  const message = `${command.call} is declared \`${command.effect}\`: whether it happened is not known (${why}), so it is not sent again`;
  return { kind: 'failure', class: 'unknown_outcome', message, observed: {} };
}
