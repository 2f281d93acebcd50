import { EventEmitter } from 'node:events';

/** The streams of a terminal, as far as the screen uses them. */
export interface ScreenOutput {
  write(text: string): unknown;
  readonly columns?: number;
  readonly rows?: number;
}

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
/** At most ten frames a second. */
const FRAME_MS = 100;

/**
 * Draws whole frames on the alternate screen, changed lines only. Ink hands over each frame (its debug mode), and never sees the
 * terminal: its own way of drawing wipes the scrollback once a frame is as high as the terminal. Here a frame is cut to one line less,
 * whatever comes.
 */
export class Painter extends EventEmitter {
  readonly #output: ScreenOutput;
  #frame: readonly string[] = [];
  #painted: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #last_ms = Number.NEGATIVE_INFINITY;
  #active = false;
  /** Frames that were drawn. */
  frames = 0;

  constructor(output: ScreenOutput) {
    super();
    this.#output = output;
  }

  /** Ink lays out for this width. */
  get columns(): number {
    return this.#output.columns ?? 80;
  }

  get rows(): number {
    return this.#output.rows ?? 24;
  }

  enter(): void {
    this.#active = true;
    this.#output.write(ENTER);
    this.repaint();
  }

  leave(): void {
    if (!this.#active) return;
    this.#active = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#output.write(LEAVE);
  }

  /** Draws everything again: the terminal was resized, or somebody else wrote to it. */
  repaint(): void {
    this.#painted = [];
    if (!this.#active) return;
    this.#output.write('\u001b[2J');
    this.#paint();
  }

  /** What Ink calls with a frame. */
  write(frame: string): boolean {
    this.#frame = frame.split('\n');
    if (!this.#active || this.#timer !== undefined) return true;
    const wait_ms = this.#last_ms + FRAME_MS - performance.now();
    if (wait_ms <= 0) this.#paint();
    else this.#timer = setTimeout(() => this.#paint(), wait_ms);
    return true;
  }

  #paint(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#last_ms = performance.now();
    const lines = this.#frame.slice(0, Math.max(1, this.rows - 1));
    let text = '';
    for (let at = 0; at < Math.max(lines.length, this.#painted.length); at += 1) {
      if (lines[at] !== this.#painted[at]) text += `\u001b[${at + 1};1H\u001b[0m\u001b[K${lines[at] ?? ''}`;
    }
    this.#painted = lines;
    this.frames += 1;
    if (text !== '') this.#output.write(text);
  }
}
