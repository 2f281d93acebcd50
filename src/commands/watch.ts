import type { Command } from 'commander';
import type { JournalReader } from '../engines/ports.ts';
import { pointOf } from '../ir/events.ts';
import { mayBePerformed, type RunState, RunFold, stateOf } from '../provenance/state.ts';
import { statusOf } from '../provenance/status.ts';
import { EVENTS_HEADER, rowLine } from '../ui/run/json-line.ts';
import { eventLine } from '../ui/run/lines.ts';
import { statusLines } from '../ui/run-status/status-view.ts';
import { styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { command, type StoreOption, withExamples, withStore } from './options.ts';
import { loadRun, type OpenedRun, withRun } from './runs.ts';

interface Options extends StoreOption {
  readonly jsonl?: boolean;
  readonly verbose?: boolean;
}

const LOOK_S = 0.3;

export function watchCommand(app: App): Command {
  const watch = withStore(command('watch', 'follow a run until it ends or waits'))
    .argument('[run]', 'id of the run, or its beginning (default: the latest)')
    .option('--jsonl', 'every event, as a line of JSON')
    .option('--verbose', 'calls and answers too')
    .action(async (run: string | undefined, options: Options) =>
      withRun(app, options, run, (opened) => follow(app, opened, options)),
    );
  return withExamples(watch, 'expctl watch', 'expctl watch beam-4f2a --verbose', 'expctl watch --jsonl | jq .type');
}

/** Status 0: it reached a declared end; 4: it failed or was cancelled; 5: it waits for a person; as `run` itself. */
async function follow(app: App, { reader, run, store }: OpenedRun, options: Options): Promise<void> {
  const { program, lock } = await loadRun(app, store, run);
  const fold = new RunFold(program);
  const style = styleFor(app.terminal.colour.out);
  const lines = { lock, style, verbose: options.verbose === true };
  if (options.jsonl === true) app.terminal.out(EVENTS_HEADER);
  for (;;) {
    // Who performs it is asked first: what it wrote before it ended is then read below.
    const holder = await reader.holder(run.run);
    for await (const row of reader.read(run.run, { after_position: fold.position })) {
      const event = fold.take(row);
      const line = options.jsonl === true ? rowLine(row) : eventLine(event, pointOf(row.stream), lines);
      if (line !== null) app.terminal.out(line);
    }
    const state = stateOf(fold.study, holder, fold.machine.unresolved().length);
    if (isOver(state, holder)) {
      app.exit(STATUSES[state]);
      const inbox = (await reader.inbox(run.run)).map(({ kind }) => kind);
      const status = statusOf({ run, fold, holder, inbox });
      const style_err = styleFor(app.terminal.colour.err);
      const text = statusLines(status, { lock, style: style_err, now_ms: app.clock.now_ms() });
      app.terminal.note(['', ...text].join('\n'));
      return;
    }
    await new Promise<void>((resolve) => void app.clock.after(LOOK_S, resolve));
  }
}

/** A paused run whose process lives still lets calls come home. */
function isOver(state: RunState, holder: Awaited<ReturnType<JournalReader['holder']>>): boolean {
  if (state === 'running') return false;
  return state !== 'paused' || !mayBePerformed(holder);
}

const STATUSES: Readonly<Record<RunState, number>> = {
  running: 0,
  completed: 0,
  stopped: 0,
  failed: 4,
  cancelled: 4,
  waits: 5,
  paused: 5,
  interrupted: 5,
};
