import type { CallEnd, Clock, JournalStore, NewEvent, ToolCall, ToolHost } from '../../src/engines/ports.ts';
import { journalWith } from '../journal-with.ts';
import { prepareEvent } from '../../src/engines/prepared-event.ts';
import { pointStream, type JournalRow } from '../../src/ir/events.ts';
import type { Lock } from '../../src/ir/lock.ts';
import type { Program, ProgramPart, ProgramStep } from '../../src/kernel/program.ts';
import type { Dice } from './dice.ts';
import type { Mutation } from './mutation.ts';
import type { Invariant } from './violation.ts';

/** A bug, what it breaks, and within how many seeds the simulation has to find it. */
export interface Planted {
  readonly bug: string;
  readonly breaks: Invariant;
  readonly seeds: number;
  readonly mutation: Mutation;
}

// --- bugs of the kernel: it is given another lock than was signed ------------------------------------------------

function withLock(program: Program, change: (lock: Lock) => Partial<Lock>): Program {
  return { ...program, lock: { ...program.lock, ...change(program.lock) } };
}

function withSteps(program: Program, change: (step: ProgramStep) => Partial<ProgramStep>): Program {
  return { ...program, steps: program.steps.map((step) => ({ ...step, ...change(step) })) };
}

function withEffects(program: Program, effect: (part: ProgramPart) => ProgramPart['effect']): Program {
  return withSteps(program, ({ parts }) => ({ parts: parts.map((part) => ({ ...part, effect: effect(part) })) }));
}

const plenty = (pools: Lock['pools']) => Object.fromEntries(Object.keys(pools).map((pool) => [pool, 99]));

// --- bugs of the journal -----------------------------------------------------------------------------------------

/** Says that rows are durable half a second before they are. */
function hastyJournal(journal: JournalStore, _dice: Dice, clock: Clock): JournalStore {
  return journalWith(journal, {
    append: async (lease, events) => {
      clock.after(0.5, () => void journal.append(lease, events).catch(() => undefined));
      return events.map((event) => promised(event, clock.now_ms()));
    },
  });
}

function promised(event: NewEvent, wall_ms: number): JournalRow {
  const { stream, type, body } = prepareEvent(event, wall_ms);
  const nothing = { run: '', seq: 1, position: 1e9, observed: '{}', fence: 1, prev: '', hash: '' };
  return { ...nothing, stream, type, body, wall_ms };
}

/** Writes another argument than was settled. */
function altered({ stream, event, observed }: NewEvent): NewEvent {
  if (event.type !== 'effect.intended') return { stream, event, observed };
  return { stream, event: { ...event, arguments: { ...event.arguments, x: 99 } }, observed };
}

// --- bugs of the way to the tools --------------------------------------------------------------------------------

type Calling = (call: ToolCall, send: (call: ToolCall) => Promise<CallEnd>) => Promise<CallEnd>;

function callingTools(tools: ToolHost, calling: Calling): ToolHost {
  return {
    open: async (tool) => {
      const opened = await tools.open(tool);
      if (!opened.ok) return opened;
      const session = opened.value;
      return {
        ok: true,
        value: { call: (call) => calling(call, (one) => session.call(one)), close: () => session.close() },
      };
    },
  };
}

const pause = (clock: Clock, seconds: number) => new Promise<void>((resolve) => clock.after(seconds, resolve));

/** Hands an answer to whoever asked before, and his to this one. */
function mixedUp(): Calling {
  let other: { end: CallEnd; resolve: (end: CallEnd) => void } | null = null;
  return async (call, send) => {
    const end = await send(call);
    if (end.kind !== 'answer') return end;
    if (other !== null) {
      const { end: theirs, resolve } = other;
      other = null;
      resolve(end);
      return theirs;
    }
    return new Promise((resolve) => {
      other = { end, resolve };
    });
  };
}

export const PLANTED: readonly Planted[] = [
  {
    bug: 'effects sends again what may happen once',
    breaks: 'once',
    seeds: 100,
    mutation: { program: (program) => withEffects(program, ({ effect }) => (effect === 'pure' ? effect : 'by_key')) },
  },
  {
    bug: 'a tool that says it knows keys does an effect for each request',
    breaks: 'twice',
    seeds: 50,
    mutation: { forgetful: true },
  },
  {
    bug: 'a request that is sent again carries another argument',
    breaks: 'one_call',
    seeds: 50,
    mutation: {
      tools: (tools, dice) =>
        callingTools(tools, (call, send) => send({ ...call, arguments: { ...call.arguments, nonce: dice.uniform() } })),
    },
  },
  {
    bug: 'the kernel tries again what may still go on',
    breaks: 'attempt',
    seeds: 300,
    mutation: { program: (program) => withEffects(program, () => 'pure') },
  },
  {
    bug: 'the journal says that rows are durable before they are',
    breaks: 'intent',
    seeds: 10,
    mutation: { journal: hastyJournal },
  },
  {
    bug: 'a request that is sent again has another key',
    breaks: 'intent',
    seeds: 20,
    mutation: {
      tools: (tools) => {
        const seen = new Set<string>();
        return callingTools(tools, (call, send) => {
          const key = seen.has(call.key) ? `${call.key.slice(0, -1)}x` : call.key;
          seen.add(call.key);
          return send({ ...call, key });
        });
      },
    },
  },
  {
    bug: 'requests wait in a queue that no pause and no end empties',
    breaks: 'outstanding',
    seeds: 50,
    mutation: {
      tools: (tools, dice, clock) =>
        callingTools(tools, async (call, send) => {
          await pause(clock, dice.between(0, 60));
          return send(call);
        }),
    },
  },
  {
    bug: 'the kernel grants more tokens than a pool has',
    breaks: 'pools',
    seeds: 100,
    mutation: { program: (program) => withLock(program, ({ pools }) => ({ pools: plenty(pools) })) },
  },
  {
    bug: 'one point more is in flight than may be',
    breaks: 'points',
    seeds: 30,
    mutation: { program: (program) => withLock(program, ({ in_flight }) => ({ in_flight: in_flight + 1 })) },
  },
  {
    bug: 'the budget of points is not kept',
    breaks: 'points',
    seeds: 100,
    mutation: { program: (program) => withLock(program, ({ budget }) => ({ budget: { ...budget, points: 1000 } })) },
  },
  {
    bug: 'the budget of calls is not kept',
    breaks: 'calls',
    seeds: 100,
    mutation: { program: (program) => withLock(program, ({ budget }) => ({ budget: { ...budget, calls: 1e6 } })) },
  },
  {
    bug: 'a step does not wait for those that it needs',
    breaks: 'order',
    seeds: 50,
    mutation: { program: (program) => withSteps(program, () => ({ needs: [] })) },
  },
  {
    bug: 'the clock that a run goes by can be set back',
    breaks: 'time',
    seeds: 50,
    mutation: {
      clock: (clock, dice) => ({
        now_ms: () => clock.now_ms() - dice.pick([0, 3_600_000]),
        monotonic_ms: () => clock.monotonic_ms(),
        after: (seconds, fire) => clock.after(seconds, fire),
      }),
    },
  },
  {
    bug: 'the journal takes rows of whoever had the lease before',
    breaks: 'fence',
    seeds: 200,
    mutation: {
      journal: (journal, _dice, clock, store) =>
        journalWith(journal, {
          append: (lease, events) =>
            journal.append(lease, events).catch(() => {
              return store.write(
                lease,
                events.map((event) => prepareEvent(event, clock.now_ms())),
              );
            }),
        }),
    },
  },
  {
    bug: 'the disk forgets the last transaction when a process dies',
    breaks: 'acknowledged',
    seeds: 50,
    mutation: { onCrash: (store) => void store.rows.splice(-1) },
  },
  {
    bug: 'a message is removed before it is obeyed',
    breaks: 'acknowledged',
    seeds: 100,
    mutation: {
      journal: (journal, _dice, _clock, store) =>
        journalWith(journal, {
          inbox: async (run) => {
            const messages = await journal.inbox(run);
            for (const { id } of messages) store.remove(id);
            return messages;
          },
        }),
    },
  },
  {
    bug: 'answers reach the wrong effects',
    breaks: 'answers',
    seeds: 10,
    mutation: { tools: (tools) => callingTools(tools, mixedUp()) },
  },
  {
    bug: 'the journal writes another argument than the kernel settled',
    breaks: 'fold',
    seeds: 10,
    mutation: {
      journal: (journal) =>
        journalWith(journal, { append: (lease, events) => journal.append(lease, events.map(altered)) }),
    },
  },
  {
    bug: 'a row is changed on the disk',
    breaks: 'fold',
    seeds: 50,
    mutation: {
      onCrash: ({ rows }, dice) => {
        const at = dice.integer(0, rows.length - 1);
        if (rows[at] !== undefined) rows[at] = { ...rows[at], stream: pointStream(77) };
      },
    },
  },
  {
    bug: 'a timer never fires',
    breaks: 'ends',
    seeds: 10,
    mutation: {
      clock: (clock, dice) => ({
        now_ms: () => clock.now_ms(),
        monotonic_ms: () => clock.monotonic_ms(),
        after: (seconds, fire) => (seconds > 0 && dice.chance(0.2) ? () => undefined : clock.after(seconds, fire)),
      }),
    },
  },
  {
    bug: 'who has lost the run sends what it was about to',
    breaks: 'outstanding',
    seeds: 2000,
    mutation: { journal: (journal) => journalWith(journal, { holds: async () => ({ ok: true, value: undefined }) }) },
  },
  {
    bug: 'nobody is told of messages',
    breaks: 'ends',
    seeds: 100,
    mutation: { journal: (journal) => journalWith(journal, { onInbox: () => () => undefined }) },
  },
  {
    bug: 'an adapter throws',
    breaks: 'engine',
    seeds: 20,
    mutation: {
      tools: (tools, dice) =>
        callingTools(tools, async (call, send) => {
          if (dice.chance(0.1)) throw new TypeError('nobody foresaw this');
          return send(call);
        }),
    },
  },
];
