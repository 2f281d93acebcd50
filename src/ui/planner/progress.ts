import type { DraftProgress } from '../../ir/drafting.ts';
import { cut } from '../columns.ts';
import { plural, shownDuration, shownNumber } from '../format.ts';
import { safeText } from '../safe-text.ts';
import { MARKS, type Style } from '../style.ts';

/** Where progress is drawn. */
export interface ProgressScreen {
  /** A line that stays. */
  readonly note: (text: string) => void;
  /** Writes as it is; null where no line can be drawn again. */
  readonly write: ((text: string) => void) | null;
  readonly columns: number;
  readonly style: Style;
  readonly now_ms: () => number;
}

/** A line is drawn again at most this often. */
const REDRAW_MS = 100;
const CLEAR_LINE = '\r\u001b[2K';
/** Problems of a round that are shown; the rest is counted. */
const MOST_SHOWN = 5;

/** Draws the rounds of a draft: one line that is drawn again on a terminal, a line for each fact elsewhere. */
export class DraftProgressView {
  readonly #screen: ProgressScreen;
  #drawn_ms = Number.NEGATIVE_INFINITY;
  #isDrawn = false;

  constructor(screen: ProgressScreen) {
    this.#screen = screen;
  }

  show(progress: DraftProgress): void {
    const lines = progressLines(progress, this.#screen.style);
    if (progress.type === 'round.streamed') this.#redraw(streamedLine(progress));
    else if (progress.type === 'round.started' && this.#screen.write !== null) this.#redraw(lines[0]!, true);
    else this.#keep(lines);
  }

  /** Removes the line that is drawn again. */
  end(): void {
    if (this.#isDrawn) this.#screen.write?.(CLEAR_LINE);
    this.#isDrawn = false;
  }

  #redraw(line: string, isUrgent = false): void {
    const { write, columns, now_ms } = this.#screen;
    if (write === null || (!isUrgent && now_ms() - this.#drawn_ms < REDRAW_MS)) return;
    this.#drawn_ms = now_ms();
    this.#isDrawn = true;
    write(`${CLEAR_LINE}${cut(line, columns - 1)}`);
  }

  #keep(lines: readonly string[]): void {
    this.end();
    for (const line of lines) this.#screen.note(line);
  }
}

/** Characters of English and JSON in a token, about. */
const CHARACTERS_IN_TOKEN = 4;

function streamedLine({ round, rounds, characters }: Extract<DraftProgress, { type: 'round.streamed' }>): string {
  const tokens = Math.ceil(characters / CHARACTERS_IN_TOKEN);
  return `${MARKS.started} Round ${round} of at most ${rounds}: about ${plural(tokens, 'token')} so far`;
}

/** What stays of a fact; a model's and a server's text is made safe. */
export function progressLines(progress: DraftProgress, style: Style): string[] {
  switch (progress.type) {
    case 'round.started':
      return [`${MARKS.started} Round ${progress.round} of at most ${progress.rounds}: asking the model`];
    case 'round.streamed':
      return [];
    case 'round.retried': {
      const wait = shownDuration(progress.wait_s);
      return [`${style.warn(MARKS.waits)} Round ${progress.round}: ${safeText(progress.reason)}; again in ${wait}`];
    }
    case 'round.judged':
      return judgedLines(progress, style);
  }
}

function judgedLines(
  { round, output_tokens, problems }: Extract<DraftProgress, { type: 'round.judged' }>,
  style: Style,
): string[] {
  const tokens = `${shownNumber(output_tokens)} tokens`;
  if (problems.length === 0) return [`${style.good(MARKS.done)} Round ${round}: a valid plan (${tokens})`];
  const shown = problems.slice(0, MOST_SHOWN).map((problem) => `  ${MARKS.note} ${safeText(problem)}`);
  const left = problems.length - shown.length;
  const more = left === 0 ? [] : [`  ${MARKS.note} ... and ${left} more`];
  return [
    `${style.bad(MARKS.failed)} Round ${round}: ${plural(problems.length, 'problem')} (${tokens})`,
    ...shown,
    ...more,
  ];
}
