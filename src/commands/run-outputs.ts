import { createWriteStream, type WriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import type { JournalRow } from '../ir/events.ts';
import type { Lock } from '../ir/lock.ts';
import { EVENTS_HEADER, rowLine } from '../ui/run/json-line.ts';
import { JunitReport } from '../ui/run/junit.ts';
import { liveView, type RunView } from '../ui/run/live.ts';
import type { App } from './app.ts';

/** Flags that say where events go. */
export interface OutputFlags {
  readonly jsonl?: boolean;
  readonly events?: string;
  readonly junit?: string;
  readonly verbose?: boolean;
}

/** What is told while a run goes on. */
export interface Outputs extends RunView {
  /** Rows of the study from before, where a report of all points is wanted. */
  onPastStudy(row: JournalRow): void;
  close(): Promise<void>;
}

export async function openOutputs(
  app: App,
  { run, approved }: { readonly run: string; readonly approved: { readonly lock: Lock } },
  flags: OutputFlags,
): Promise<Outputs> {
  const { terminal, clock } = app;
  const view = liveView({
    lock: approved.lock,
    run,
    colour: terminal.colour.err,
    verbose: flags.verbose === true,
    terminal:
      terminal.stderr.isTTY === true && app.env['TERM'] !== 'dumb'
        ? { columns: () => terminal.stderr.columns ?? 80 }
        : null,
    write: (text) => void terminal.stderr.write(text),
    now_ms: () => clock.now_ms(),
    after: (seconds, fire) => clock.after(seconds, fire),
  });
  const junit = flags.junit === undefined ? null : new JunitReport(run, approved.lock.name);
  const file = flags.events === undefined ? null : await openEvents(resolve(app.cwd, flags.events));
  file?.on('error', ({ message }) => view.onNotice(`--events ends here, it cannot be written: ${message}`));
  if (flags.jsonl === true) terminal.out(EVENTS_HEADER);
  file?.write(`${EVENTS_HEADER}\n`);
  let closed = false;
  return {
    onRow: (row: JournalRow) => {
      view.onRow(row);
      junit?.onRow(row);
      if (flags.jsonl === true) terminal.out(rowLine(row));
      if (file?.destroyed === false) file.write(`${rowLine(row)}\n`);
    },
    onPast: (past) => view.onPast(past),
    onPastStudy: (row) => junit?.onRow(row),
    onNotice: (text) => view.onNotice(text),
    close: async () => {
      if (closed) return;
      closed = true;
      view.close();
      if (file !== null && !file.destroyed) await new Promise<void>((done) => file.end(() => done()));
      if (junit !== null) unwrap(await app.files.write(resolve(app.cwd, flags.junit!), junit.text()));
    },
  };
}

/** A file or a FIFO; FILE_UNREADABLE before anything runs where it cannot be written. */
function openEvents(path: string): Promise<WriteStream> {
  return new Promise((done, fail) => {
    const stream = createWriteStream(path, { flags: 'a' });
    stream.once('open', () => done(stream));
    stream.once('error', (cause) => {
      const hint = 'Name a file in a folder that exists.';
      fail(new ExpctlError('FILE_UNREADABLE', `${path} cannot be written: ${cause.message}`, { hint, cause }));
    });
  });
}
