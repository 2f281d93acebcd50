import { EventEmitter } from 'node:events';
import { expect, test, vi } from 'vitest';
import { type Outcome, showReview, type Signing } from '../../../../src/ui/review/screen/show.tsx';
import { ALICE, review } from './fixed.ts';

const ENTER = '\u001b[?1049h';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';

/** Standard input of a terminal, as far as Ink uses it. */
class Keyboard extends EventEmitter {
  readonly isTTY = true;
  raw = false;
  #pending: string[] = [];
  setRawMode(raw: boolean): void {
    this.raw = raw;
  }
  setEncoding(): void {}
  ref(): void {}
  unref(): void {}
  read(): string | null {
    return this.#pending.shift() ?? null;
  }
  async type(text: string): Promise<void> {
    await vi.waitFor(() => expect(this.listenerCount('readable')).toBeGreaterThan(0));
    this.#pending.push(text);
    this.emit('readable');
  }
}

class Screen extends EventEmitter {
  columns = 80;
  rows = 24;
  text = '';
  write(text: string): void {
    this.text += text;
  }
}

function show(approve: () => Signing) {
  const [stdin, stdout] = [new Keyboard(), new Screen()];
  let interrupt: (signal: 'SIGINT' | 'SIGTERM') => void = () => {};
  const stopped = vi.fn();
  const signing = {
    get approve(): Signing {
      return approve();
    },
    reject: ALICE,
  };
  const outcome: Promise<Outcome> = showReview(review, {
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout,
    colour: false,
    ascii: false,
    signing,
    onInterrupt: (callback) => {
      interrupt = callback;
      return stopped;
    },
  });
  return { stdin, stdout, outcome, stopped, interrupt: (signal: 'SIGINT' | 'SIGTERM') => interrupt(signal) };
}

function listeners(): number[] {
  return (['SIGTSTP', 'SIGCONT', 'exit'] as const).map((name) => process.listenerCount(name));
}

test('a defect on the screen is thrown, after the terminal was put back', async () => {
  const before = listeners();
  const { stdin, stdout, outcome, stopped } = show(() => {
    throw new Error('a defect');
  });
  const failed = expect(outcome).rejects.toThrow('a defect');
  await stdin.type('a');
  await failed;
  expect(stdout.text.startsWith(ENTER)).toBe(true);
  expect(stdout.text.endsWith(LEAVE)).toBe(true);
  expect(stdin.raw).toBe(false);
  expect(stdout.listenerCount('resize')).toBe(0);
  expect(stopped).toHaveBeenCalledTimes(1);
  expect(listeners()).toEqual(before);
});

test('a signal ends it without a decision', async () => {
  const { stdin, stdout, outcome, interrupt } = show(() => ALICE);
  await stdin.type('a');
  interrupt('SIGTERM');
  expect(await outcome).toEqual({ kind: 'SIGTERM' });
  expect(stdout.text.endsWith(LEAVE)).toBe(true);
  expect(stdin.raw).toBe(false);
});
