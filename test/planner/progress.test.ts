import { expect, test } from 'vitest';
import type { DraftProgress } from '../../src/ir/drafting.ts';
import { DraftProgressView } from '../../src/ui/planner/progress.ts';
import { styleFor } from '../../src/ui/style.ts';

const CLEAR = '\r\u001b[2K';

function screen(options: { terminal: boolean; columns?: number }) {
  const shown: string[] = [];
  const clock = { now_ms: 0 };
  const view = new DraftProgressView({
    note: (text) => void shown.push(`${text}\n`),
    write: options.terminal ? (text) => void shown.push(text) : null,
    columns: options.columns ?? 80,
    style: styleFor(false),
    now_ms: () => clock.now_ms,
  });
  return { view, shown, clock };
}

const STARTED: DraftProgress = { type: 'round.started', round: 1, rounds: 4 };
const streamed = (characters: number): DraftProgress => ({ type: 'round.streamed', round: 1, rounds: 4, characters });
const judged = (problems: string[]): DraftProgress => ({
  type: 'round.judged',
  round: 1,
  rounds: 4,
  output_tokens: 7,
  problems,
});

test('elsewhere than on a terminal: a line for each fact, and none for what streams', () => {
  const { view, shown } = screen({ terminal: false });
  for (const each of [STARTED, streamed(10), streamed(400), judged([])]) view.show(each);
  view.end();
  expect(shown).toEqual(['▶ Round 1 of at most 4: asking the model\n', '✔ Round 1: a valid plan (7 tokens)\n']);
});

test('on a terminal one line is drawn again, at most ten times a second, and is gone at the end', () => {
  const { view, shown, clock } = screen({ terminal: true });
  view.show(STARTED);
  clock.now_ms = 50;
  view.show(streamed(4));
  clock.now_ms = 150;
  view.show(streamed(400));
  view.show(judged([]));
  expect(shown).toEqual([
    `${CLEAR}▶ Round 1 of at most 4: asking the model`,
    `${CLEAR}▶ Round 1 of at most 4: about 100 tokens so far`,
    CLEAR,
    '✔ Round 1: a valid plan (7 tokens)\n',
  ]);
});

test('the line that is drawn again never wraps', () => {
  const { view, shown } = screen({ terminal: true, columns: 20 });
  view.show(STARTED);
  expect(shown[0]!.slice(CLEAR.length)).toBe('▶ Round 1 of at mo…');
});

test('problems are made safe, and those beyond five are counted', () => {
  const { view, shown } = screen({ terminal: false });
  view.show(judged(['a\u001b[2J', 'b', 'c', 'd', 'e', 'f', 'g']));
  expect(shown[0]).toBe('✘ Round 1: 7 problems (7 tokens)\n');
  expect(shown[1]).toBe('  · a\\u{1B}[2J\n');
  expect(shown.at(-1)).toBe('  · ... and 2 more\n');
});

test("a wait says why and how long, and a server's words are made safe", () => {
  const { view, shown } = screen({ terminal: false });
  view.show({ type: 'round.retried', round: 2, reason: 'busy\u0007', wait_s: 90 });
  expect(shown).toEqual(['◆ Round 2: busy\\u{7}; again in 1 min 30 s\n']);
});
