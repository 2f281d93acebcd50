import { render } from 'ink';
import { styleFor } from '../../style.ts';
import type { Review } from '../model.ts';
import { contentOf } from './content.ts';
import { createLayout } from './lines.ts';
import { Painter, type ScreenOutput } from './painter.ts';
import { ReviewScreen } from './review-screen.tsx';
import type { Fixed, Outcome } from './types.ts';

export type { Outcome, Signing } from './types.ts';

export interface ShowOptions {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: ScreenOutput & {
    on(event: 'resize', listener: () => void): unknown;
    off(event: 'resize', listener: () => void): unknown;
  };
  readonly colour: boolean;
  /** Plots without braille. */
  readonly ascii: boolean;
  readonly signing: Fixed['signing'];
  /** Calls back on SIGINT and SIGTERM; returns the way to stop listening. */
  readonly onInterrupt: (callback: (signal: 'SIGINT' | 'SIGTERM') => void) => () => void;
}

/**
 * Shows a review on the alternate screen of a terminal until it is decided or left. The terminal is put back as it was whatever
 * happens; nothing is signed here.
 */
export async function showReview(review: Review, options: ShowOptions): Promise<Outcome> {
  const { stdin, stdout, colour, ascii, signing } = options;
  const content = contentOf(review);
  const fixed: Fixed = { content, layout: createLayout(content), signing, ascii };
  const painter = new Painter(stdout);
  const resized = new Set<() => void>();
  let decide: (outcome: Outcome) => void = () => {};
  const outcome = new Promise<Outcome>((resolve) => {
    decide = resolve;
  });
  const undo = [
    options.onInterrupt((signal) => decide({ kind: signal })),
    listen(stdout, () => {
      for (const callback of resized) callback();
      painter.repaint();
    }),
    keepJobControl(painter, stdin),
  ];
  const restore = (): void => painter.leave();
  process.once('exit', restore);
  painter.enter();
  const size = {
    now: () => ({ columns: painter.columns, rows: painter.rows }),
    subscribe: (changed: () => void) => {
      resized.add(changed);
      return () => resized.delete(changed);
    },
  };
  const screen = (
    <ReviewScreen fixed={fixed} style={styleFor(colour)} size={size} onOutcome={decide} onSuspend={suspend} />
  );
  const inks = painter as unknown as NodeJS.WriteStream;
  const instance = render(screen, { stdin, stdout: inks, debug: true, exitOnCtrlC: false, patchConsole: false });
  try {
    return await Promise.race([outcome, instance.waitUntilExit().then((): Outcome => ({ kind: 'quit' }))]);
  } finally {
    instance.unmount();
    restore();
    process.off('exit', restore);
    for (const each of undo) each();
  }
}

function listen(stdout: ShowOptions['stdout'], callback: () => void): () => void {
  stdout.on('resize', callback);
  return () => stdout.off('resize', callback);
}

/** ctrl-z, as the terminal would do it: the whole foreground group stops. */
function suspend(): void {
  process.kill(0, 'SIGTSTP');
}

/** Gives the terminal back while the process is stopped, and takes it again, drawn anew, when it goes on. */
function keepJobControl(painter: Painter, stdin: NodeJS.ReadStream): () => void {
  const stop = (): void => {
    painter.leave();
    stdin.setRawMode(false);
    process.kill(process.pid, 'SIGSTOP');
  };
  const goOn = (): void => {
    stdin.setRawMode(true);
    painter.enter();
  };
  process.on('SIGTSTP', stop);
  process.on('SIGCONT', goOn);
  return () => {
    process.off('SIGTSTP', stop);
    process.off('SIGCONT', goOn);
  };
}
