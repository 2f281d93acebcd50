import { describe, expect, test } from 'vitest';
import { eventOf, type JournalRow, type PointResult, type RunEvent } from '../../../src/ir/events.ts';
import type { Lock } from '../../../src/ir/lock.ts';
import { rowLine } from '../../../src/ui/run/json-line.ts';
import { JunitReport } from '../../../src/ui/run/junit.ts';
import { eventLine } from '../../../src/ui/run/lines.ts';
import { liveView } from '../../../src/ui/run/live.ts';
import { newProgress, takeProgress } from '../../../src/ui/run/progress.ts';
import { styleFor } from '../../../src/ui/style.ts';
import { assertGolden } from '../../golden.ts';

const NOON_MS = Date.UTC(2026, 0, 31, 12);

/** What the views look at, and nothing else. */
const lock = {
  name: 'beam',
  tables: [{ id: 'explore', rows: 4 }],
  metrics: [
    { name: 'mass', unit: 'kg' },
    { name: 'ratio', unit: '1' },
  ],
  objectives: [{ metric: 'mass', sense: 'minimize' }],
} as unknown as Lock;

const good = (mass: number, feasible: boolean): PointResult => ({
  status: 'succeeded',
  metrics: { mass, ratio: 2 },
  feasible,
  failure: null,
  calls: 3,
});
const bad: PointResult = {
  status: 'failed',
  metrics: {},
  feasible: null,
  failure: { step: 'solve', class: 'tool_failed', message: 'no <licence> & "token"\u001b[2J' },
  calls: 1,
};
const cancelled: PointResult = { status: 'cancelled', metrics: {}, feasible: null, failure: null, calls: 0 };

type Told = readonly [stream: string, event: RunEvent, after_s: number];
const STORY: readonly Told[] = [
  ['study', { type: 'phase.started', phase: 'explore', kind: 'design', occurrence: 1 }, 0],
  ...[1, 2, 3, 4].map(
    (point): Told => ['study', { type: 'point.started', point, table: 'explore', row: point - 1 }, 0],
  ),
  ['point/1', { type: 'point.began', point: 1, values: { width: 5 } }, 1],
  [
    'point/1',
    { type: 'effect.intended', step: 'solve', part: 'submit', attempt: 1, call: 'beam/solve', arguments: {} },
    1,
  ],
  ['point/1', { type: 'effect.resent', step: 'solve', part: 'submit', attempt: 1 }, 2],
  ['study', { type: 'point.finished', point: 1, result: good(0.512345678, true) }, 3],
  ['study', { type: 'point.finished', point: 2, result: good(0.1, false) }, 4],
  [
    'point/3',
    {
      type: 'step.failed',
      step: 'solve',
      part: 'poll',
      attempt: 1,
      class: 'transient',
      message: 'busy',
      again_in_s: 10,
    },
    5,
  ],
  ['study', { type: 'point.finished', point: 3, result: bad }, 6],
  [
    'study',
    {
      type: 'gate.opened',
      gate: 'pilot',
      occurrence: 1,
      role: 'lead',
      ask: 'Go on?',
      outcomes: ['continue', 'stop'],
      evidence: {},
    },
    7,
  ],
  [
    'study',
    { type: 'gate.decided', gate: 'pilot', occurrence: 1, outcome: 'continue', statement_sha256: 'ab', by: 'alice' },
    8,
  ],
  ['study', { type: 'run.paused', by: 'bob', reason: 'Ctrl-C' }, 9],
  ['study', { type: 'run.resumed', by: 'bob' }, 10],
  ['study', { type: 'run.cancelled', by: 'bob', reason: 'wrong load' }, 11],
  ['study', { type: 'point.finished', point: 4, result: cancelled }, 12],
  [
    'study',
    {
      type: 'run.finished',
      status: 'cancelled',
      reason: 'wrong load',
      points: { succeeded: 2, failed: 1, cancelled: 1 },
    },
    13,
  ],
];

function rows(): JournalRow[] {
  return STORY.map(([stream, { type, ...body }, after_s], index) => ({
    run: 'beam-1',
    stream,
    seq: index + 1,
    position: index + 1,
    type,
    body: JSON.stringify(body),
    observed: '{}',
    wall_ms: NOON_MS + after_s * 1000,
    fence: 1,
    prev: '',
    hash: 'h',
  }));
}

function live(terminal: { columns: () => number } | null): { text: string; tick: () => void; close: () => void } {
  let text = '';
  let fire: () => void = () => {};
  const view = liveView({
    lock,
    run: 'beam-1',
    colour: false,
    verbose: true,
    terminal,
    write: (part) => {
      text += part;
    },
    now_ms: () => NOON_MS,
    after: (_, callback) => {
      fire = callback;
      return () => {
        fire = () => undefined;
      };
    },
  });
  for (const row of rows().slice(0, 12)) view.onRow(row);
  const early = () => fire();
  return {
    get text() {
      return text;
    },
    tick: early,
    close: () => {
      for (const row of rows().slice(12)) view.onRow(row);
      view.close();
    },
  };
}

describe('a run while it goes on', () => {
  test('is lines alone where there is no terminal: not one control character', () => {
    const view = live(null);
    view.tick();
    view.close();
    assertGolden('run/lines.txt', view.text);
    expect(view.text).not.toMatch(/[^\n\P{Cc}]/u);
  });

  test('has one moving line on a terminal, within its width, and leaves none behind', () => {
    const view = live({ columns: () => 60 });
    view.tick();
    expect(view.text.split('\r').at(-1)!.indexOf('\u001b[2K⠙ explore 3/4 · 1 in flight')).toBe(0);
    expect(view.text.split('\r').at(-1)!.length).toBeLessThanOrEqual(60 + 4);
    view.close();
    expect(view.text.endsWith('\r\u001b[2K')).toBe(true);
    expect(view.text).not.toContain('\u001b[3J');
  });
});

test('a point that is tried again counts once, and words that nobody said leave no colon behind', () => {
  const progress = newProgress(lock);
  for (const row of rows().slice(0, 13)) takeProgress(progress, row, eventOf(row));
  expect([progress.done.failed, progress.phase!.done]).toEqual([1, 3]);
  const row = rows()[0]!;
  takeProgress(progress, row, { type: 'points.retried', points: [3], by: 'bob' });
  expect([progress.done.failed, progress.phase!.done]).toEqual([0, 3]);
  takeProgress(progress, row, { type: 'point.finished', point: 3, result: bad });
  expect([progress.done.failed, progress.phase!.done]).toEqual([1, 3]);
  const line = (event: RunEvent) => eventLine(event, null, { lock, style: styleFor(false), verbose: false });
  expect(line({ type: 'run.paused', by: 'bob', reason: '' })).toBe('◆ paused');
  expect(line({ type: 'run.cancelled', by: 'bob', reason: '' })).toBe('◆ cancelled by bob');
});

test('JUnit: a case for each point, and one for the run that did not end well', () => {
  const report = new JunitReport('beam-1', 'beam');
  for (const row of rows()) report.onRow(row);
  assertGolden('run/junit.xml', report.text());
});

test('a row as a line of JSON', () => {
  expect(JSON.parse(rowLine(rows()[8]!))).toEqual({
    type: 'point.finished',
    run: 'beam-1',
    stream: 'study',
    seq: 9,
    time: '2026-01-31T12:00:03.000Z',
    point: 1,
    result: good(0.512345678, true),
    observed: {},
    hash: 'h',
  });
});
