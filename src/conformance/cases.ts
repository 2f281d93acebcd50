import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../base/json.ts';
import type { ToolSession } from '../engines/ports.ts';
import type { ConformanceCase, Observation, Sending } from '../ir/conformance.ts';
import type { Message, Sender, TestKey } from './sender.ts';

/** Keys under which a call is killed while it works, spread over the time that it needs. */
export const MIDWAY_KEYS = 4;
/** How long after the first sending the second follows, in parts of the time that one needs; the next where the first was quicker. */
const OVERLAPS = [1 / 2, 1 / 8, 0] as const;
export const LATE_KEYS = 1 + OVERLAPS.length;
/** What is left of the estimate of that time after a kill that came too late. */
const TOO_LATE = 0.7;
/** A late answer is waited for this many times as long as an undisturbed one takes, and a little. */
const LATE_FACTOR = 3;
const LATE_EXTRA_MS = 50;
const LONGEST_LATE_MS = 60_000;

/** What a case works with. */
export interface CaseContext {
  readonly sender: Sender;
  readonly session: ToolSession;
  readonly given: JsonObject;
  readonly other: JsonObject | null;
  /** A key that was never sent; for a pure call, which gets none, a new folder to work in. */
  readonly newKey: () => Promise<TestKey>;
  /** Effects as the tool counts them now; null where nothing counts them. */
  readonly count: () => Promise<number | null>;
  /** The tool once more, beside the first; null where it does not start twice, or each call is a start of its own. */
  readonly openSecond: () => Promise<ToolSession | null>;
  readonly signal: AbortSignal;
  /** Longest and shortest time of an undisturbed sending, in milliseconds. */
  ok_ms: number;
  quick_ms: number;
}

/** Which repetition of a case this is: kills fall on other moments in each. */
export interface Repetition {
  readonly index: number;
  readonly of: number;
}

type Part = () => Promise<Sending[]>;
type Case = (context: CaseContext, repetition: Repetition) => Promise<Observation>;

/** Each case sends something, and says what was sent and what came back; what follows from it is judged elsewhere. */
export const CASES: Readonly<Record<ConformanceCase, Case>> = {
  ok: (context) => observe(context, 'ok', [() => undisturbed(context), () => undisturbed(context)]),

  fail_before: async (context) => {
    const message = await newMessage(context);
    return observe(context, 'fail_before', [
      async () => [await context.sender.sendWith(context.session, message, { kind: 'drop_request' })],
      () => context.sender.send(context.session, message),
    ]);
  },

  execute_then_timeout: (context) => lostAnswer(context, 'execute_then_timeout', 'drop_answer'),
  execute_then_reset: (context) => lostAnswer(context, 'execute_then_reset', 'kill_on_answer'),

  killed_midway: (context, repetition) => observe(context, 'killed_midway', [() => killedMidway(context, repetition)]),

  duplicate_delivery: (context) =>
    observe(context, 'duplicate_delivery', [
      async () => [
        ...(await twice(context, context.session, 'in a row')),
        ...(await twice(context, context.session, 'at once')),
        ...(await twiceToTwo(context)),
      ],
    ]),

  late_arrival: (context) =>
    observe(context, 'late_arrival', [async () => [...(await givenUp(context)), ...(await overlapping(context))]]),

  same_key_other_arguments: async (context) => {
    const { sender, session, other } = context;
    if (other === null) throw new Error('no other arguments');
    const given = await newMessage(context);
    const changed: Message = { ...given, arguments: other, which: 'other' };
    return observe(context, 'same_key_other_arguments', [
      async () => [
        await last(sender, session, given),
        await last(sender, session, changed),
        await last(sender, session, given),
      ],
      async () => [await last(sender, session, { ...changed, key: await context.newKey() })],
    ]);
  },
};

/** Counts before, and after each part. */
async function observe(context: CaseContext, name: ConformanceCase, parts: readonly Part[]): Promise<Observation> {
  const counts: number[] = [];
  const sendings: Sending[] = [];
  const count = async () => {
    const value = await context.count();
    if (value !== null) counts.push(value);
  };
  await count();
  for (const part of parts) {
    sendings.push(...(await part()));
    await count();
  }
  return { case: name, sendings, counts };
}

async function newMessage(context: CaseContext): Promise<Message> {
  return { key: await context.newKey(), arguments: context.given, which: 'given' };
}

async function undisturbed(context: CaseContext): Promise<Sending[]> {
  const message = await newMessage(context);
  const started = performance.now();
  const sending = await last(context.sender, context.session, message);
  const took_ms = performance.now() - started;
  if (sending.heard.kind === 'answer') {
    context.ok_ms = Math.max(context.ok_ms, took_ms);
    context.quick_ms = Math.min(context.quick_ms, took_ms);
  }
  return [sending];
}

/** What a sending, repeated while it is lost, came to. */
async function last(sender: Sender, session: ToolSession, message: Message): Promise<Sending> {
  return (await sender.send(session, message)).at(-1)!;
}

function lostAnswer(
  context: CaseContext,
  name: ConformanceCase,
  kind: 'drop_answer' | 'kill_on_answer',
): Promise<Observation> {
  return observe(context, name, [() => withFaultThenAgain(context, { kind })]);
}

async function withFaultThenAgain(context: CaseContext, fault: Parameters<Sender['sendWith']>[2]): Promise<Sending[]> {
  const message = await newMessage(context);
  const first = await context.sender.sendWith(context.session, message, fault);
  return [first, ...(await context.sender.send(context.session, message))];
}

/** From late to early: a kill that came after the answer shows that a call takes less time than was thought. */
async function killedMidway(context: CaseContext, { index, of }: Repetition): Promise<Sending[]> {
  const sendings: Sending[] = [];
  let needs_ms = context.quick_ms;
  for (let at = MIDWAY_KEYS - 1; at >= 0; at -= 1) {
    const share = (at + (index + 0.5) / of) / MIDWAY_KEYS;
    const [first, ...again] = await withFaultThenAgain(context, { kind: 'kill_after', after_ms: share * needs_ms });
    sendings.push(first!, ...again);
    if (first!.unheard !== null) needs_ms *= TOO_LATE;
  }
  return sendings;
}

async function twice(context: CaseContext, second: ToolSession, how: 'in a row' | 'at once'): Promise<Sending[]> {
  const { sender, session } = context;
  const message = await newMessage(context);
  if (how === 'in a row') return [...(await sender.send(session, message)), ...(await sender.send(second, message))];
  return (await Promise.all([sender.send(session, message), sender.send(second, message)])).flat();
}

/** After an engine was killed its server may still be at work while the next engine has started another one. */
async function twiceToTwo(context: CaseContext): Promise<Sending[]> {
  const second = await context.openSecond();
  if (second === null) return [];
  try {
    return await twice(context, second, 'at once');
  } finally {
    await second.close();
  }
}

/** As an engine does: half way the first is given up and the second sent; the answer to the first comes last, to nobody. */
async function givenUp(context: CaseContext): Promise<Sending[]> {
  const { sender, session, signal } = context;
  const message = await newMessage(context);
  const out = sender.start(session, message, { kind: 'hold_answer' });
  await pause(context.ok_ms / 2, signal);
  out.giveUp();
  const first = await out.ended;
  const second = await sender.send(session, message);
  await within(out.struck, Math.min(LATE_FACTOR * context.ok_ms + LATE_EXTRA_MS, LONGEST_LATE_MS), signal);
  out.release();
  return [first(), ...second];
}

/** As after a crash of the engine: nobody has told the tool that the first was given up, and it is still at work on it. */
async function overlapping(context: CaseContext): Promise<Sending[]> {
  const sendings: Sending[] = [];
  for (const part of OVERLAPS) {
    const { overlap, sent } = await overlappingAfter(context, part * context.ok_ms);
    sendings.push(...sent);
    if (overlap) break;
  }
  return sendings;
}

async function overlappingAfter(
  { sender, session, signal, ...context }: CaseContext,
  milliseconds: number,
): Promise<{ overlap: boolean; sent: Sending[] }> {
  const message: Message = { key: await context.newKey(), arguments: context.given, which: 'given' };
  let overlap = true;
  const first = sender.send(session, message).finally(() => {
    overlap = false;
  });
  first.catch(() => {}); // it is awaited below, unless the pause is broken off
  if (milliseconds > 0) await pause(milliseconds, signal);
  const overlapped = overlap;
  const second = await sender.send(session, message);
  return { overlap: overlapped, sent: [...(await first), ...second] };
}

/** Ends early, with an AbortError, when the person gives up. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal });
}

async function within(promise: Promise<unknown>, milliseconds: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const timer = pause(milliseconds, AbortSignal.any([signal, over.signal])).catch(() => undefined);
  await Promise.race([promise, timer]);
  over.abort();
}
