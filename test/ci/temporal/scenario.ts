import { canonicalJson } from '../../../src/ir/canonical.ts';
import type { RunEvent } from '../../../src/ir/events.ts';
import type { JournalLine } from './activities.ts';

/** What a person does in the middle of a run, once it stands still. */
export interface Intervention {
  readonly kind: 'pause' | 'cancel';
  readonly by: string;
  readonly reason: string;
}

/** The job of point 1 is held and point 2 waits for the core: nothing more can happen by itself. */
export function isStill(lines: readonly JournalLine[]): boolean {
  const polled = has(lines, 'point/1', (event) => event.type === 'effect.intended' && event.part === 'poll');
  const wanting = has(lines, 'point/2', (event) => event.type === 'step.skipped');
  return polled && wanting;
}

export function has(lines: readonly JournalLine[], stream: string, is: (event: RunEvent) => boolean): boolean {
  return lines.some((line) => line.stream === stream && is(line.event));
}

/** The points in the order in which the study heard of their end. */
export function finishOrder(lines: readonly JournalLine[]): number[] {
  return lines.flatMap(({ event }) => (event.type === 'point.finished' ? [event.point] : []));
}

/** Each stream as lines of text, without what is wholly observed. Streams in order of their names. */
export function streamsOf(lines: readonly JournalLine[]): Record<string, string[]> {
  const names = [...new Set(lines.map(({ stream }) => stream))].sort();
  const events = (name: string) =>
    lines.filter(({ stream, event }) => stream === name && event.type !== 'effect.resent').map(({ event }) => event);
  return Object.fromEntries(names.map((name) => [name, events(name).map((event) => canonicalJson(event))]));
}
