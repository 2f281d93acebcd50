import {
  eventOf,
  isFact,
  type JournalRow,
  type PointFact,
  pointOf,
  pointStream,
  type RunEvent,
  type StudyFact,
} from '../../../src/ir/events.ts';
import { type PointState, stepPoint } from '../../../src/kernel/point.ts';
import type { Program } from '../../../src/kernel/program.ts';
import { type StudyState, stepStudy } from '../../../src/kernel/study.ts';

/** A fact from outside, with all that study and points tell each other because of it: one transaction of the embedded engine. */
export interface Turn {
  readonly point: number | null;
  readonly fact: StudyFact | PointFact;
  /** Facts of each stream that belong to it. */
  readonly facts: Readonly<Record<string, number>>;
  /** Points whose ends it brings about at once: in which order the study hears of them is a matter of the way there. */
  readonly ends: number;
}

interface Fact {
  readonly stream: string;
  readonly event: RunEvent;
  readonly position: number;
  /** Its turn, by the number of the fact that came from outside. */
  turn: number;
}

interface Told {
  readonly type: string;
  readonly by: Fact;
}

const SIGNALS = { pause: 'point.paused', resume: 'point.resumed', cancel: 'point.cancelled' } as const;

/**
 * The order in which the embedded engine must hear of the facts of a journal that several workflows have written, so that each of its
 * streams has the same order: within it, what one machine tells another comes at once. Null where there is none, since a message
 * crossed with another one (docs/decisions/0002).
 */
export function turnsOf(program: Program, rows: readonly JournalRow[]): readonly Turn[] | null {
  const facts = rows
    .filter(({ type }) => isFact(type) && type !== 'effect.resent')
    .map((row, index): Fact => ({ stream: row.stream, event: eventOf(row), position: row.position, turn: index }));
  return assignTurns(program, facts) ? sorted(facts) : null;
}

/** Which turn each fact belongs to. @returns whether everything that was told was heard */
function assignTurns(program: Program, facts: readonly Fact[]): boolean {
  const told = new Map<string, Told[]>();
  const tell = (stream: string, type: string, by: Fact): void => {
    told.set(stream, [...(told.get(stream) ?? []), { type, by }]);
  };
  let study: StudyState | null = null;
  for (const fact of facts) {
    if (fact.stream !== 'study') continue;
    const [next, { commands }] = stepStudy(program, study, fact.event as StudyFact);
    study = next;
    for (const command of commands) {
      if (command.do === 'start_point') tell(pointStream(command.point), 'point.began', fact);
      else if (command.do === 'retry_point') tell(pointStream(command.point), 'point.retried', fact);
      else if (command.do === 'signal_points') {
        for (const point of command.points) tell(pointStream(point), SIGNALS[command.signal], fact);
      }
    }
  }
  const points = new Map<string, PointState>();
  const ends: Told[] = [];
  let all_heard = true;
  const join = (fact: Fact, by: Fact): void => {
    const [from, to] = [fact.turn, by.turn];
    for (const other of facts) if (other.turn === from) other.turn = to;
  };
  for (const fact of facts) {
    if (fact.stream === 'study') continue;
    const queue = told.get(fact.stream) ?? [];
    if (TOLD.has(fact.event.type)) {
      const first = queue.shift();
      if (first?.type !== fact.event.type) return false;
      join(fact, first.by);
    }
    const [next, { commands }] = stepPoint(program, points.get(fact.stream) ?? null, fact.event as PointFact);
    points.set(fact.stream, next);
    if (commands.some((command) => command.do === 'end')) ends.push({ type: fact.stream, by: fact });
  }
  for (const fact of facts) {
    if (fact.event.type !== 'point.finished') continue;
    const stream = pointStream(fact.event.point);
    const end = ends.findIndex(({ type }) => type === stream);
    if (end < 0) return false;
    join(fact, ends.splice(end, 1)[0]!.by);
  }
  for (const queue of told.values()) all_heard &&= queue.length === 0;
  return all_heard;
}

const TOLD: ReadonlySet<string> = new Set([
  'point.began',
  'point.retried',
  'point.paused',
  'point.resumed',
  'point.cancelled',
]);

/** Turns in an order that all streams have; of those that could come next, the one that came first. */
function sorted(facts: readonly Fact[]): readonly Turn[] | null {
  const members = new Map<number, Fact[]>();
  for (const fact of facts) members.set(fact.turn, [...(members.get(fact.turn) ?? []), fact]);
  const before = new Map<number, Set<number>>([...members.keys()].map((turn) => [turn, new Set()]));
  const last = new Map<string, number>();
  for (const { stream, turn } of facts) {
    const previous = last.get(stream);
    if (previous !== undefined && previous !== turn) before.get(turn)!.add(previous);
    last.set(stream, turn);
  }
  const order: Turn[] = [];
  const left = [...members.keys()].sort((a, b) => members.get(a)![0]!.position - members.get(b)![0]!.position);
  while (left.length > 0) {
    const at = left.findIndex((turn) => before.get(turn)!.size === 0);
    if (at < 0) return null;
    const [turn] = left.splice(at, 1);
    for (const earlier of before.values()) earlier.delete(turn!);
    order.push(turnOf(facts[turn!]!, members.get(turn!)!));
  }
  return order;
}

function turnOf(outside: Fact, members: readonly Fact[]): Turn {
  const facts: Record<string, number> = {};
  for (const { stream } of members) facts[stream] = (facts[stream] ?? 0) + 1;
  return {
    point: outside.stream === 'study' ? null : pointOf(outside.stream),
    fact: outside.event as StudyFact | PointFact,
    facts,
    ends: members.filter(({ event }) => event.type === 'point.finished').length,
  };
}
