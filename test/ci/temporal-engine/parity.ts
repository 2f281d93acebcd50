import { join } from 'node:path';
import { verifyChain } from '../../../src/ir/chain.ts';
import { canonicalJson } from '../../../src/ir/canonical.ts';
import { eventOf, type JournalRow } from '../../../src/ir/events.ts';
import { sha256Text } from '../../../src/engines/digest.ts';
import { nextGrant } from '../../../src/kernel/pools.ts';
import type { Program } from '../../../src/kernel/program.ts';
import { RunMachine } from '../../../src/kernel/run.ts';
import { EmbeddedSide } from './embedded-side.ts';
import { type Turn, turnsOf } from './order.ts';
import { type ScriptedPlan, scriptedPlan } from './scripted-plan.ts';
import type { TemporalSide } from './temporal-side.ts';

/** What came of one plan on both engines. */
export interface Compared {
  readonly seed: number;
  /** What is wrong; null where all is as it should be. */
  readonly failure: string | null;
  /** A message crossed with another one, so that no order of one process has the same streams: only the journal itself was looked at. */
  readonly crossed: boolean;
  readonly events: number;
  readonly met: readonly string[];
}

/** Performs a plan on Temporal, then on the embedded engine with its facts in the same order, and compares all streams. */
export async function comparePlan(side: TemporalSide, seed: number): Promise<Compared> {
  const plan = scriptedPlan(seed);
  const { program } = plan.made;
  const { rows, approved, failure, notices } = await side.perform(plan);
  const base = { seed, crossed: false, events: rows.length, met: metBy(plan, rows) };
  if (failure !== null) return { ...base, failure: [failure, ...notices].join('\n') };
  const broken = foldFailure(program, rows);
  if (broken !== null) return { ...base, failure: `the journal of Temporal does not hold: ${broken}` };
  const turns = turnsOf(program, rows);
  if (turns === null) return { ...base, crossed: true, failure: null };
  const embedded = new EmbeddedSide(plan, approved, join(side.folder, `embedded-${seed}`));
  try {
    await embedded.perform(turns);
  } catch (error) {
    return { ...base, failure: (error as Error).message };
  }
  return { ...base, failure: difference(streamsOf(rows, turns), streamsOf(embedded.rows, turns)) };
}

/** Why a journal is not one that the kernel gives; null where it is. */
export function foldFailure(program: Program, rows: readonly JournalRow[]): string | null {
  const report = verifyChain(rows, sha256Text);
  if (!report.ok) return report.problems[0]!.message;
  const machine = new RunMachine(program);
  try {
    for (const row of rows) machine.take(row.stream, row.seq, eventOf(row));
    machine.close();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

type Streams = Readonly<Record<string, readonly string[]>>;

/** Each stream as lines of text: what was not observed of each event, in order. Ends that one fact brings about at once are sorted. */
function streamsOf(rows: readonly JournalRow[], turns: readonly Turn[]): Streams {
  const streams: Record<string, string[]> = {};
  for (const row of rows) {
    if (row.type === 'effect.resent') continue;
    const line = canonicalJson({ ...eventOf(row) });
    streams[row.stream] = [...(streams[row.stream] ?? []), line];
  }
  sortTogether(streams['study'] ?? [], turns);
  return streams;
}

/** In which order the study hears of ends that a cancel brings about at once is a matter of the way there. */
function sortTogether(lines: string[], turns: readonly Turn[]): void {
  const isEnd = (line: string) => line.includes('"type":"point.finished"');
  const places = lines.flatMap((line, index) => (isEnd(line) ? [index] : []));
  let at = 0;
  for (const { ends } of turns) {
    const mine = places.slice(at, at + ends);
    const sorted = mine.map((place) => lines[place]!).sort();
    for (const [index, place] of mine.entries()) lines[place] = sorted[index]!;
    at += ends;
  }
}

function difference(temporal: Streams, embedded: Streams): string | null {
  for (const stream of new Set([...Object.keys(temporal), ...Object.keys(embedded)])) {
    const [ours, theirs] = [temporal[stream] ?? [], embedded[stream] ?? []];
    for (let at = 0; at < Math.max(ours.length, theirs.length); at += 1) {
      if (ours[at] === theirs[at]) continue;
      return `${stream}, event ${at + 1}:\n  temporal  ${ours[at] ?? '(none)'}\n  embedded  ${theirs[at] ?? '(none)'}`;
    }
  }
  return null;
}

/** What a run has met, by name. */
function metBy(plan: ScriptedPlan, rows: readonly JournalRow[]): string[] {
  const met = new Set<string>();
  const machine = new RunMachine(plan.made.program);
  for (const row of rows) {
    const event = eventOf(row);
    try {
      machine.take(row.stream, row.seq, event);
      if (machine.pools.waiting.length > 0 && nextGrant(machine.pools) === null) met.add('pools that bind');
    } catch {
      return [...met]; // told elsewhere
    }
    if (event.type === 'step.failed') {
      if (event.again_in_s !== null) met.add('retries');
      met.add(`class ${event.class}`);
    }
    if (event.type === 'point.finished' && event.result.status === 'failed') met.add('failed points');
    if (event.type === 'decision.made' && /^(extend|goto)/.test(event.action)) met.add('loops');
    if (event.type === 'run.finished') met.add(`ended ${event.status}`);
    const name = MET[event.type];
    if (name !== undefined) met.add(name);
  }
  if (plan.history_events < 1000) met.add('low history limit');
  return [...met];
}

const MET: Readonly<Record<string, string>> = {
  'gate.opened': 'gates',
  'gate.decided': 'decisions',
  'run.cancelled': 'cancels',
  'points.cancelled': 'cancels',
  'phase.cancelled': 'cancels',
  'run.paused': 'pauses',
  'points.retried': 'points tried again',
  'effect.resent': 'resends',
  'step.unresolved': 'unknown outcomes',
  'effect.resolved': 'resolutions',
  'point.timer_fired': 'timers of points',
  'study.timer_fired': 'timers of the study',
};
