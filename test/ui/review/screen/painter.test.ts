import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Painter } from '../../../../src/ui/review/screen/painter.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function painted(rows = 5) {
  const terminal = {
    columns: 20,
    rows,
    text: '',
    write: (text: string): void => {
      terminal.text += text;
    },
  };
  const painter = new Painter(terminal);
  const took = (): string => {
    const { text } = terminal;
    terminal.text = '';
    return text;
  };
  return { painter, terminal, took };
}

describe('the painter', () => {
  test('takes the alternate screen and gives the terminal back, once', () => {
    const { painter, took } = painted();
    painter.enter();
    expect(took().startsWith('\u001b[?1049h')).toBe(true);
    painter.leave();
    expect(took()).toBe('\u001b[?7h\u001b[?25h\u001b[?1049l');
    painter.leave();
    expect(took()).toBe('');
  });

  test('never writes a line beyond the last but one, nor clears the scrollback', () => {
    const { painter, took } = painted(5);
    painter.enter();
    painter.write(Array.from({ length: 50 }, (_, at) => `line ${at}`).join('\n'));
    vi.advanceTimersByTime(1000);
    const text = took();
    expect(text).toContain('\u001b[4;1H');
    expect(text).not.toContain('\u001b[5;1H');
    expect(text).not.toContain('\n');
    expect(text).not.toContain('\u001b[3J');
  });

  test('draws changed lines only, at most ten times a second, and the last frame in the end', () => {
    const { painter, took } = painted(10);
    painter.enter();
    painter.write('a\nb');
    vi.advanceTimersByTime(100);
    took();
    const before = painter.frames;
    for (let at = 0; at < 100; at += 1) {
      painter.write(`a\n${at}`);
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(100);
    expect(painter.frames - before).toBeLessThanOrEqual(11);
    const text = took();
    expect(text).not.toContain('\u001b[1;1H');
    expect(text.endsWith('\u001b[2;1H\u001b[0m\u001b[K99')).toBe(true);
  });

  test('draws all of it again after a resize, within the new height', () => {
    const { painter, terminal, took } = painted(10);
    painter.enter();
    painter.write('a\nb\nc');
    vi.advanceTimersByTime(100);
    took();
    terminal.rows = 3;
    painter.repaint();
    expect(took()).toBe('\u001b[2J\u001b[1;1H\u001b[0m\u001b[Ka\u001b[2;1H\u001b[0m\u001b[Kb');
  });

  test('draws nothing while it is not on the screen', () => {
    const { painter, took } = painted();
    painter.write('a');
    painter.repaint();
    vi.advanceTimersByTime(1000);
    expect(took()).toBe('');
  });
});
