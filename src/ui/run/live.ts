import { eventOf, type JournalRow, pointOf } from '../../ir/events.ts';
import type { Lock } from '../../ir/lock.ts';
import { cut } from '../columns.ts';
import { plural, shownDuration } from '../format.ts';
import { metricsText } from '../quantities.ts';
import { safeText } from '../safe-text.ts';
import { MARKS, styleFor } from '../style.ts';
import { eventLine } from './lines.ts';
import { newProgress, type Past, type Progress, secondsLeft, takePast, takeProgress } from './progress.ts';

/** A view of a run while it is performed. */
export interface RunView {
  onRow(row: JournalRow): void;
  /** What was before this process took the run up: counted in, not told. */
  onPast(past: Past): void;
  onNotice(text: string): void;
  /** Takes what moves off the screen; lines that were written stay. */
  close(): void;
}

export interface LiveOptions {
  readonly lock: Lock;
  readonly run: string;
  readonly colour: boolean;
  readonly verbose: boolean;
  /** null where the output is no terminal: then lines alone. */
  readonly terminal: { readonly columns: () => number } | null;
  readonly write: (text: string) => void;
  readonly now_ms: () => number;
  /** Calls back after so many seconds; returns the way to cancel it. */
  readonly after: (seconds: number, fire: () => void) => () => void;
}

const REDRAW_S = 0.1;
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const CLEAR_LINE = '\r\u001b[2K';

/**
 * Lines as things happen, and on a terminal one moving line below them: phase, counts, what is in flight, time left. It is one line,
 * cut to the width, so that nothing is ever redrawn that has scrolled away.
 */
export function liveView(options: LiveOptions): RunView {
  const style = styleFor(options.colour);
  const progress = newProgress(options.lock);
  const lines = { lock: options.lock, style, verbose: options.verbose };
  let frame = 0;
  let cancel: (() => void) | null = null;
  const erase = () => {
    if (options.terminal !== null) options.write(CLEAR_LINE);
  };
  const draw = () => {
    if (options.terminal === null) return;
    const text = `${SPINNER[frame % SPINNER.length]} ${statusLine(progress)}`;
    options.write(`${CLEAR_LINE}${style.dim(cut(text, Math.max(10, options.terminal.columns() - 1)))}`);
  };
  const tick = () => {
    frame += 1;
    draw();
    cancel = options.after(REDRAW_S, tick);
  };
  if (options.terminal !== null) cancel = options.after(REDRAW_S, tick);
  const say = (text: string) => {
    erase();
    options.write(`${text}\n`);
  };
  return {
    onRow: (row) => {
      const event = eventOf(row);
      takeProgress(progress, row, event);
      const line = eventLine(event, pointOf(row.stream), lines);
      if (line !== null) say(line);
    },
    onPast: (past) => takePast(progress, past),
    onNotice: (text) => say(`${style.warn(MARKS.note)} ${safeText(text)}`),
    close: () => {
      cancel?.();
      cancel = null;
      erase();
    },
  };
}

/** `explore 12/16 · 3 in flight (2 solve, 1 mesh) · best mass 0.51 kg · about 2 min left` */
export function statusLine(progress: Progress): string {
  const { phase, done, in_flight, best, lock } = progress;
  const left = secondsLeft(progress);
  return [
    phase === null ? 'starting' : phase.kind === 'design' ? `${phase.name} ${phase.done}/${phase.points}` : phase.name,
    ...(progress.waits === null ? [] : [progress.waits]),
    ...(in_flight.size === 0 ? [] : [`${in_flight.size} in flight (${stepsText(in_flight)})`]),
    ...(done.failed === 0 ? [] : [plural(done.failed, 'point failed', 'points failed')]),
    ...(best === null ? [] : [`best ${metricsText(best.metrics, lock)}`]),
    ...(left === null || in_flight.size === 0 ? [] : [`about ${shownDuration(left)} left`]),
  ].join(' · ');
}

function stepsText(in_flight: ReadonlyMap<number, string>): string {
  const counts = new Map<string, number>();
  for (const step of in_flight.values()) if (step !== '') counts.set(step, (counts.get(step) ?? 0) + 1);
  return [...counts].map(([step, count]) => `${count} ${step}`).join(', ') || 'starting';
}
