import { render } from 'ink-testing-library';
import { afterEach, expect, test, vi } from 'vitest';
import { ReviewScreen } from '../../../../src/ui/review/screen/review-screen.tsx';
import type { Outcome } from '../../../../src/ui/review/screen/types.ts';
import { approvalPhrase } from '../../../../src/ui/review/screen/state.ts';
import { styleFor } from '../../../../src/ui/style.ts';
import { fixedOf } from './fixed.ts';

const fixed = fixedOf();
let unmount = (): void => {};
afterEach(() => unmount());

function mount(start = { columns: 80, rows: 24 }) {
  let now = start;
  let changed = (): void => {};
  const outcomes: Outcome[] = [];
  const suspended = vi.fn();
  const size = {
    now: () => now,
    subscribe: (callback: () => void) => {
      changed = callback;
      return () => {};
    },
  };
  const onOutcome = (outcome: Outcome): void => void outcomes.push(outcome);
  const screen = (
    <ReviewScreen fixed={fixed} style={styleFor(false)} size={size} onOutcome={onOutcome} onSuspend={suspended} />
  );
  const ink = render(screen);
  unmount = ink.unmount;
  const resize = (columns: number, rows: number): void => {
    now = { columns, rows };
    changed();
  };
  const type = async (...chunks: string[]): Promise<void> => {
    await vi.waitFor(() => expect(ink.stdin.listenerCount('readable')).toBeGreaterThan(0));
    for (const chunk of chunks) {
      ink.stdin.write(chunk);
      await new Promise((done) => setImmediate(done)); // a lone escape is told from a sequence
    }
  };
  return { ...ink, resize, type, outcomes, suspended };
}

test('draws one line less than the terminal has, and follows its size', async () => {
  const { lastFrame, resize, type } = mount();
  expect(lastFrame()!.split('\n')).toHaveLength(23);
  await type();
  resize(40, 10);
  await vi.waitFor(() => expect(lastFrame()!.split('\n')).toHaveLength(9));
  const lines = lastFrame()!.split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
});

test('keys of a terminal: arrows, tab, page keys, control keys', async () => {
  const { lastFrame, type } = mount();
  await type('\t', '\u001b[C', '\u001b[Z');
  await vi.waitFor(() => expect(lastFrame()).toContain('[Changes]'));
  await type('4', '\u001b[6~', '\u001b[6~', '\u001b[5~', '\u001b[B', '\u001b[A');
  await vi.waitFor(() => expect(lastFrame()).toContain('[Points]'));
  await type('\u001b[F');
  await vi.waitFor(() => expect(lastFrame()).toContain('row 45 of 45'));
  await type('\u001b[H');
  await vi.waitFor(() => expect(lastFrame()).toContain('row 1 of 45'));
});

test('an approval that arrives in one chunk, as a paste does', async () => {
  const { type, outcomes } = mount();
  await type('a', `${approvalPhrase(fixed.content)}\r`);
  await vi.waitFor(() => expect(outcomes).toEqual([{ kind: 'approve' }]));
});

test('a rejection, typed with a slip', async () => {
  const { type, outcomes } = mount();
  await type('r', 'too coarsx', '\u007f', 'e', '\r', '\r');
  await vi.waitFor(() => expect(outcomes).toEqual([{ kind: 'reject', reason: 'too coarse' }]));
});

test('control keys that arrive together with text are keys', async () => {
  const { lastFrame, type } = mount();
  await type('/', 'abc\u0015de\u007ff');
  await vi.waitFor(() => expect(lastFrame()!.split('\n').at(-1)).toBe('/df_'));
});

test('escape sequences and control characters of a paste become no text', async () => {
  const { lastFrame, type } = mount();
  await type('/', 'a\u202eb\u0000c');
  await vi.waitFor(() => expect(lastFrame()!.split('\n').at(-1)).toBe('/abc_'));
});

test('ctrl-c leaves, ctrl-z suspends', async () => {
  const { type, outcomes, suspended } = mount();
  await type('\u001a');
  expect(suspended).toHaveBeenCalledTimes(1);
  expect(outcomes).toEqual([]);
  await type('\u0003');
  await vi.waitFor(() => expect(outcomes).toEqual([{ kind: 'SIGINT' }]));
});
